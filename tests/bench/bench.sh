#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints the figures that the README quotes: sizes and speeds beside peers, memory, fallback.
# usage: tests/bench/bench.sh BUILD_DIR [CORPORA_DIR]
# CORPORA_DIR holds bench/canterbury-calgary.tar.xz and bench/enwik7.xz (default: ../shared/data);
# without it the sample texts of the repository are used.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:?usage: tests/bench/bench.sh BUILD_DIR [CORPORA_DIR]}
corpora=${2:-$root/../shared/data}
vlmc=$(cd "$build" && pwd)/bin/vlmc
export VLMC_MODEL_PATH=${VLMC_MODEL_PATH:-$root/plugins/text}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
threads=$(nproc)

seconds() { # runs a command, prints "seconds peak_kib"
    /usr/bin/time -f '%e %M' -o "$work/time" "$@" >/dev/null
    cat "$work/time"
}

texts=()
if [ -f "$corpora/bench/canterbury-calgary.tar.xz" ]; then
    tar -C "$work" -xJf "$corpora/bench/canterbury-calgary.tar.xz"
    xz -dc "$corpora/bench/enwik7.xz" >"$work/enwik7"
    head -c 1000000 "$work/enwik7" >"$work/enwik6"
    for name in alice29.txt asyoulik.txt lcet10.txt plrabn12.txt; do
        texts+=("$work/canterbury/$name")
    done
    texts+=("$work/calgary/book1" "$work/enwik6")
else
    echo "no corpora in $corpora: using the sample texts" >&2
    for f in "$root"/packaging/samples/*.txt; do texts+=("$f"); done
fi

echo "machine: $(grep -m1 'model name' /proc/cpuinfo | sed 's/.*: //'), $threads threads"
printf '\n%-14s %9s | %9s %9s | %9s %6s %7s %7s\n' file bytes 'xz -9e' 'zstd -19' vlmc bpb create extract
printf '%-14s %9s | %9s %9s | %9s %6s %7s %7s\n' '' '' '' '' '' '' KB/s KB/s
total_raw=0 total_xz=0 total_zstd=0 total_vlmc=0
for file in "${texts[@]}"; do
    raw=$(stat -c %s "$file")
    xz_size=$(xz -9e -c "$file" | wc -c)
    zstd_size=$(zstd -q -19 --long=27 -c "$file" | wc -c)
    read -r create _ <<<"$(seconds "$vlmc" create -q -d cpu --no-catalog -f -o "$work/a.vlmc" "$file")"
    rm -rf "$work/out"
    mkdir "$work/out"
    read -r extract _ <<<"$(seconds "$vlmc" extract -q -d cpu -C "$work/out" "$work/a.vlmc")"
    find "$work/out" -type f -exec cmp {} "$file" \;
    size=$(stat -c %s "$work/a.vlmc")
    total_raw=$((total_raw + raw)) total_xz=$((total_xz + xz_size))
    total_zstd=$((total_zstd + zstd_size)) total_vlmc=$((total_vlmc + size))
    awk -v n="$(basename "$file")" -v r="$raw" -v x="$xz_size" -v z="$zstd_size" -v s="$size" \
        -v c="$create" -v e="$extract" 'BEGIN {
        printf "%-14s %9d | %9d %9d | %9d %6.3f %7.1f %7.1f\n", n, r, x, z, s, s * 8 / r, r / c / 1e3, r / e / 1e3 }'
done
awk -v r=$total_raw -v x=$total_xz -v z=$total_zstd -v s=$total_vlmc 'BEGIN {
    printf "%-14s %9d | %9d %9d | %9d %6.3f   %.1f %% below xz -9e\n", "sum", r, x, z, s, s * 8 / r, 100 - 100 * s / x }'

echo
echo "memory and speed by size (text, CPU backend)"
for mib in 2 16; do
    : >"$work/text"
    while [ "$(stat -c %s "$work/text")" -lt $((mib << 20)) ]; do cat "${texts[@]}" >>"$work/text"; done
    truncate -s ${mib}M "$work/text"
    read -r create memory <<<"$(seconds "$vlmc" create -q -d cpu --no-catalog -f -o "$work/a.vlmc" "$work/text")"
    rm -rf "$work/out"
    mkdir "$work/out"
    read -r extract memory2 <<<"$(seconds "$vlmc" extract -q -d cpu -C "$work/out" "$work/a.vlmc")"
    awk -v m=$mib -v c="$create" -v e="$extract" -v a="$memory" -v b="$memory2" 'BEGIN {
        printf "%3d MiB: create %6.1f KB/s, %4d MB peak; extract %6.1f KB/s, %4d MB peak\n", m,
            m * 1048.576 / c, a / 1024, m * 1048.576 / e, b / 1024 }'
done

echo
echo "incompressible data (256 MiB random)"
head -c 256M /dev/urandom >"$work/random"
read -r create memory <<<"$(seconds "$vlmc" create -q -d cpu --no-catalog -f -o "$work/a.vlmc" "$work/random")"
awk -v c="$create" -v s="$(stat -c %s "$work/a.vlmc")" -v m="$memory" 'BEGIN {
    printf "stored at %.0f MB/s, growth %.4f %%, %d MB peak\n", 268.435456 / c, 100 * s / 268435456 - 100, m / 1024 }'

echo
"$build/tests/bench_model" "$VLMC_MODEL_PATH/text.gguf" "${texts[@]}"
echo
"$build/tests/bench_gemm"
if [ -x "$build/tests/bench_gemm_gpu" ]; then
    echo
    "$build/tests/bench_gemm_gpu" llvmpipe || echo "no lavapipe here: its figures are left out"
fi
