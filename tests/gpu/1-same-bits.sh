#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# 1-same-bits.sh FOLDER INPUTS OUTPUT [ARCHIVES]
# Archives every file of INPUTS on the GPU and on the CPU, compares the archives with each other and
# with those that another machine made (ARCHIVES/NAME.vlmc), extracts each on the other device, and
# prints a table. FOLDER is what pack.sh made; all that is written lies in OUTPUT. DEVICE=vulkan:1
# takes another device. Exit code 0: every archive is the same and every file came back.
set -euo pipefail
[ $# -eq 3 ] || [ $# -eq 4 ] || {
    sed -n 's/^# //p' "$0" | sed -n 2,6p >&2
    exit 64
}
# shellcheck source=tests/gpu/common.bash
. "$(dirname "$0")/common.bash"
inputs=$(realpath "$2")
archives=${4:+$(realpath "$4")}
prepare "$1" "$3"
failures=0

say "Devices"
"$vlmc" device list | tee "$output/devices.txt"

say "Self-test of $device"
selftest=passed
"$vlmc" device selftest --force -d "$device" 2>&1 | tee "$output/selftest.txt" || selftest=FAILED
[ $selftest = passed ] || failures=1

copy_inputs "$inputs" "$output/inputs"
mkdir "$output/gpu" "$output/cpu" "$output/restored"
cd "$output/inputs"

verdict() { # COMMAND…: sets $word
    if "$@"; then
        word=same
    else
        word=FAILED
        failures=$((failures + 1))
    fi
}

extract() { # DEVICE ARCHIVE INPUT LABEL: is the content what it was?
    local target=$output/restored/$4
    mkdir -p "$target"
    if [ "$1" = cpu ]; then
        "$vlmc" extract -d cpu -C "$target" "$2" >"$output/logs/$4" 2>&1
    else
        on_gpu "$output/logs/$4" "$vlmc" extract -d "$1" -C "$target" "$2"
    fi && diff -r "$3" "$target/$3" >/dev/null
}

row() { # NAME INPUT
    local name=$1 input=$2 start gpu_ms model word made_equal gpu_on_cpu cpu_on_gpu other_equal='-' other_back='-'
    echo "$name"
    start=$(now_ms)
    if ! on_gpu "$output/logs/create-gpu-$name" make_archive "$device" "$input" "$output/gpu/$name.vlmc"; then
        sed 's/^/    /' "$output/logs/create-gpu-$name"
        failures=$((failures + 1))
    fi
    gpu_ms=$(($(now_ms) - start))
    make_archive cpu "$input" "$output/cpu/$name.vlmc" >"$output/logs/create-cpu-$name" 2>&1
    verdict cmp "$output/gpu/$name.vlmc" "$output/cpu/$name.vlmc"
    made_equal=$word
    verdict extract cpu "$output/gpu/$name.vlmc" "$input" "cpu-$name"
    gpu_on_cpu=$word
    verdict extract "$device" "$output/cpu/$name.vlmc" "$input" "gpu-$name"
    cpu_on_gpu=$word
    if [ -n "$archives" ] && [ -e "$archives/$name.vlmc" ]; then
        verdict cmp "$output/gpu/$name.vlmc" "$archives/$name.vlmc"
        other_equal=$word
        verdict extract "$device" "$archives/$name.vlmc" "$input" "elsewhere-$name"
        other_back=$word
    fi
    model=no
    "$vlmc" info "$output/cpu/$name.vlmc" >"$output/logs/info"
    ! grep -q '^model' "$output/logs/info" || model=yes
    printf '%-22s %9d %8d %5s %7d %10s %10s %10s %10s %10s\n' "${name:0:22}" \
        "$(find "$input" -type f -exec cat {} + | wc -c)" "$(stat -c %s "$output/cpu/$name.vlmc")" $model "$gpu_ms" \
        "$made_equal" "$other_equal" "$gpu_on_cpu" "$cpu_on_gpu" "$other_back" >>"$output/table.txt"
}

say "Archives"
printf '%-22s %9s %8s %5s %7s %10s %10s %10s %10s %10s\n' file bytes archive model 'gpu ms' \
    'gpu=cpu' 'gpu=other' 'cpu opens' 'gpu opens' 'gpu opens' >"$output/table.txt"
printf '%-22s %9s %8s %5s %7s %10s %10s %10s %10s %10s\n' '' '' '' used create '' '' gpu\'s cpu\'s \
    other\'s >>"$output/table.txt"
for file in *; do
    row "$file" "$file"
done
cd "$output"
row all-of-them inputs
find gpu cpu -name '*.vlmc' | sort | xargs -d '\n' sha256sum >SHA256SUMS

say "Result ($output/table.txt)"
grep -m1 '^vulkan' "$output/selftest.txt" || true
echo "self-test $selftest"
cat "$output/table.txt"
[ "$(awk '$4 == "yes"' "$output/table.txt" | wc -l)" -gt 0 ] || {
    echo "FAILED: the model packed no file, so nothing was compared; take larger texts"
    exit 1
}
if [ $failures -ne 0 ]; then
    echo "FAILED: $failures, see $output/logs"
    exit 1
fi
echo "PASSED"
