#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints how levels do beside xz, zstd, brotli, bzip2 and zpaq on general data.
# usage: tests/bench/levels.sh BUILD_DIR [CORPORA_DIR] [PART…]
# PART: files totals text silesia copies speed (all unless named). CORPORA_DIR (default: ../shared/data) holds
# bench/{canterbury-calgary.tar.xz,silesia-5.tar.xz,enwik7.xz}. Peers that are not installed are left out.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:?usage: tests/bench/levels.sh BUILD_DIR [CORPORA_DIR] [PART…]}" && pwd)
corpora=$(cd "${2:-$root/../shared/data}" && pwd)
shift; shift || true
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(files totals text silesia copies speed)
vlmc=$build/bin/vlmc
export VLMC_MODEL_PATH=${VLMC_MODEL_PATH:-$root/plugins/text:$root/plugins/image:$root/plugins/audio}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo "machine: $(grep -m1 'model name' /proc/cpuinfo | sed 's/.*: //'), $(nproc) threads"
tar -xJf "$corpora/bench/canterbury-calgary.tar.xz"
tar -xJf "$corpora/bench/silesia-5.tar.xz"
xz -dc "$corpora/bench/enwik7.xz" >enwik7
rm -f canterbury/SHA1SUM calgary/SHA1SUM

pack() { # pack LEVEL PATH…: prints "bytes seconds"
    local level=$1
    shift
    /usr/bin/time -f '%e' -o time "$vlmc" create -q -d cpu "-$level" --no-catalog -f -o a.vlmc "$@"
    echo "$(stat -c %s a.vlmc) $(cat time)"
}

check() { # extracts a.vlmc and compares with what was packed
    rm -rf out && mkdir out
    "$vlmc" extract -q -d cpu -C out a.vlmc
    local path
    for path in "$@"; do diff -r "$path" "out/$path"; done
}

zpaq_size() {
    command -v zpaq >/dev/null || { echo -; return; }
    rm -f a.zpaq
    zpaq add a.zpaq "$@" -m5 >/dev/null 2>&1
    stat -c %s a.zpaq
}

peers() { # sizes of xz, zstd, brotli, bzip2, the smallest one first in the line
    local sizes=()
    sizes+=("$(xz -9e -c "$1" | wc -c) xz" "$(zstd -q -19 --long=27 -c "$1" | wc -c) zstd")
    command -v brotli >/dev/null && sizes+=("$(brotli -q 11 -w 24 -c "$1" | wc -c) brotli")
    command -v bzip2 >/dev/null && sizes+=("$(bzip2 -9 -c "$1" | wc -c) bzip2")
    printf '%s\n' "${sizes[@]}" | sort -n | head -n 1
}

files() {
    echo
    echo "each file alone, default level, container included; best of xz -9e, zstd -19 --long=27, brotli -q 11 -w 24, bzip2 -9"
    local lost=0 file size best peer
    for file in canterbury/* calgary/*; do
        read -r size _ <<<"$(pack 5 "$file")"
        read -r best peer <<<"$(peers "$file")"
        [ "$size" -lt "$best" ] || lost=$((lost + 1))
        printf '%-26s %9d  %9d %-7s  vlmc -5 %9d\n' "$file" "$(stat -c %s "$file")" "$best" "$peer" "$size"
    done
    echo "$lost files where a peer is smaller"
}

totals() {
    echo
    echo "Canterbury and Calgary as one archive; zpaq -m5 $(zpaq_size canterbury calgary)"
    for level in 1 2 5 9; do
        read -r size seconds <<<"$(pack $level canterbury calgary)"
        check canterbury calgary
        echo "-$level $size bytes, $seconds s"
    done
}

text() {
    echo
    echo "bits a byte, default level"
    for file in canterbury/alice29.txt calgary/book1 enwik7; do
        read -r size seconds <<<"$(pack 5 $file)"
        awk -v f="$file" -v r="$(stat -c %s $file)" -v s="$size" -v t="$seconds" -v z="$(zpaq_size $file)" \
            'BEGIN { printf "%-24s %9d  %.3f  %.0f KB/s  (zpaq -m5 %.3f)\n", f, s, 8 * s / r, r / t / 1e3, 8 * z / r }'
    done
}

silesia() {
    echo
    echo "five files of Silesia, each alone"
    local total=0 zpaq_total=0 file size seconds z best peer
    for file in dickens nci ooffice osdb xml; do
        read -r size seconds <<<"$(pack 9 $file)"
        z=$(zpaq_size $file)
        read -r best peer <<<"$(peers $file)"
        total=$((total + size)) zpaq_total=$((zpaq_total + z))
        printf '%-10s %9d  %9d %-7s  zpaq -m5 %9d  vlmc -9 %9d  %s s\n' "$file" "$(stat -c %s $file)" "$best" "$peer" "$z" "$size" "$seconds"
    done
    echo "sum: zpaq -m5 $zpaq_total, vlmc -9 $total"
}

copies() {
    echo
    cp dickens again
    read -r one _ <<<"$(pack 1 dickens)"
    read -r two _ <<<"$(pack 1 dickens again)"
    echo "one 10 MB file $one, two copies of it $two bytes"
    head -c 20000000 /dev/urandom >noise
    read -r size seconds <<<"$(pack 5 noise)"
    echo "20,000,000 random bytes: $size bytes, $seconds s"
}

speed() {
    echo
    echo "mixer and coder alone, one core, without the container"
    [ -x "$build/tests/bench_mix" ] || { echo "needs a build with tests"; return; }
    "$build/tests/bench_mix" calgary/book2 4 16 64
    "$build/tests/bench_mix" ooffice
}

for part in "${parts[@]}"; do "$part"; done
