#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# 3-speed.sh FOLDER INPUTS OUTPUT
# Speed of the matrix shader, and of create and extract on the GPU and on the CPU, on the first
# bytes of all files of INPUTS together. FOLDER is what pack.sh made; all that is written lies in
# OUTPUT. Environment: DEVICE=vulkan:1 takes another device; SIZES="65536 262144 …" bytes, what is
# more than INPUTS hold becomes all of it; CPU_MOST=1048576 skips the CPU above that many bytes;
# SHAPES="768x768x512 …" rows, columns and positions of the matrices.
set -euo pipefail
[ $# -eq 3 ] || {
    sed -n 's/^# //p' "$0" | sed -n 2,7p >&2
    exit 64
}
# shellcheck source=tests/gpu/common.bash
. "$(dirname "$0")/common.bash"
inputs=$(realpath "$2")
prepare "$1" "$3"
sizes=${SIZES:-65536 262144 1048576 4194304}
cpu_most=${CPU_MOST:-1048576}
shapes=${SHAPES:-768x768x512 768x768x4096 3072x768x4096 4096x4096x4096}
table=$output/table.txt
: >"$table"

say "Device"
"$vlmc" device selftest -d "$device" 2>&1 | tee "$output/selftest.txt"
selector=${device#vulkan}
selector=${selector#:}

say "Matrix shader"
for shape in $shapes; do
    IFS=x read -r rows columns positions <<<"$shape"
    "$folder/bin/bench_gemm_gpu" "$selector" "$rows" "$columns" "$positions" | tee -a "$output/gemm.txt"
done

copy_inputs "$inputs" "$output/inputs"
find "$output/inputs" -type f | sort | xargs -d '\n' cat >"$output/all"
total=$(stat -c %s "$output/all")
cd "$output"

kbs() { awk -v bytes="$1" -v ms="$2" 'BEGIN { printf "%.1f", bytes / (ms > 0 ? ms : 1) }'; }

measure() { # DEVICE SIZE
    local where=$1 size=$2 start create extract archive=$output/$1-$2.vlmc
    archive=${archive//:/_}
    echo "$size bytes on $where"
    start=$(now_ms)
    "$vlmc" create --no-catalog -d "$where" -o "$archive" text >"$output/logs/create" 2>&1 || {
        cat "$output/logs/create"
        return 1
    }
    create=$(($(now_ms) - start))
    mkdir restored
    start=$(now_ms)
    "$vlmc" extract -d "$where" -C restored "$archive" >"$output/logs/extract" 2>&1 || {
        cat "$output/logs/extract"
        return 1
    }
    extract=$(($(now_ms) - start))
    cmp text restored/text
    rm -r restored
    if [ "$where" != cpu ] && grep -q 'using the CPU' "$output/logs/create" "$output/logs/extract"; then
        die "the GPU was lost and the CPU did its work: $(cat "$output/logs/create" "$output/logs/extract")"
    fi
    "$vlmc" info "$archive" >"$output/logs/info"
    grep -q '^model' "$output/logs/info" || die "the model packed nothing; take larger texts"
    printf '%-12s %9d %9d %7.3f %9s %9s %9d %9d\n' "$where" "$size" "$(stat -c %s "$archive")" \
        "$(awk -v a="$(stat -c %s "$archive")" -v n="$size" 'BEGIN { print 8 * a / n }')" \
        "$(kbs "$size" "$create")" "$(kbs "$size" "$extract")" "$create" "$extract" >>"$table"
}

say "Create and extract"
previous=0
for size in $sizes; do
    [ "$size" -le "$total" ] || size=$total
    [ "$size" -ne "$previous" ] || continue
    previous=$size
    head -c "$size" all >text
    touch -d @1000000000 text
    measure "$device" "$size"
    if [ "$size" -le "$cpu_most" ]; then
        measure cpu "$size"
        cmp "${device//:/_}-$size.vlmc" "cpu-$size.vlmc"
    fi
done
rm -f all text

say "Result ($table, $output/gemm.txt)"
grep -m1 '^vulkan' "$output/selftest.txt" || true
echo "CPU: $(grep -m1 'model name' /proc/cpuinfo | sed 's/.*: //'), $(nproc) threads"
echo
cat "$output/gemm.txt"
printf '\n%-12s %9s %9s %7s %9s %9s %9s %9s\n' device bytes archive 'bits/B' create extract create extract
printf '%-12s %9s %9s %7s %9s %9s %9s %9s\n' '' '' '' '' KB/s KB/s ms ms
cat "$table"
