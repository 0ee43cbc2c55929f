#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints the figures of pictures and sound: the chunk protocol, photographs, speech, JPEG files.
# usage: tests/bench/modalities.sh BUILD_DIR [CORPORA_DIR] [PART…]
# PART: chunks kodak speech jpeg overhead (all unless named). CORPORA_DIR (default: ../shared/data)
# holds bench/{imagenet-grey-2048.u8.xz,librispeech-8bit-2048.u8.xz,kodak.tar,
# speech-flac-16.tar,jpeg-20.tar}. Peers that are installed take part: flac, cwebp, cjxl.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:?usage: tests/bench/modalities.sh BUILD_DIR [CORPORA_DIR] [PART…]}" && pwd)
corpora=${2:-$root/../shared/data}
shift; shift || true
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(chunks kodak speech jpeg overhead)
vlmc=$build/bin/vlmc
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "machine: $(grep -m1 'model name' /proc/cpuinfo | sed 's/.*: //'), $(nproc) threads"

bytes_of() { # sum of the sizes of files
    cat "$@" | wc -c
}

seconds() {
    /usr/bin/time -f '%e' -o "$work/time" "$@" >/dev/null
    cat "$work/time"
}

# round_trip NAME FILE…: one archive of the files, its size, speeds; every byte compared.
round_trip() {
    local name=$1 create extract raw size
    shift
    create=$(seconds "$vlmc" create -q -d cpu --no-catalog -f -o "$work/a.vlmc" "$@")
    rm -rf "$work/out" && mkdir "$work/out"
    extract=$(seconds "$vlmc" extract -q -d cpu -C "$work/out" "$work/a.vlmc")
    for file in "$@"; do
        cmp "$file" "$(find "$work/out" -name "$(basename "$file")" -type f)"
    done
    raw=$(bytes_of "$@") size=$(stat -c %s "$work/a.vlmc")
    awk -v n="$name" -v r="$raw" -v s="$size" -v c="$create" -v e="$extract" 'BEGIN {
        printf "%-22s %10d -> vlmc %10d  %5.2f %%  create %.0f s, extract %.0f s\n", n, r, s, 100 * s / r, c, e }'
}

chunks() {
    echo
    echo "2048-byte chunks, each coded alone"
    xz -dc "$corpora/bench/imagenet-grey-2048.u8.xz" >"$work/grey"
    xz -dc "$corpora/bench/librispeech-8bit-2048.u8.xz" >"$work/speech"
    for spec in "image:width=64,grey $work/grey" "audio:u8,mono,rate=16000 $work/speech"; do
        # shellcheck disable=SC2086 # two words
        set -- $spec
        for model in default none; do
            local options=(--size 2048 --as "$1")
            [ $model = default ] || options+=(-m none)
            "$vlmc" bench chunks "${options[@]}" "$2" | grep -v '^file'
        done
    done
}

kodak() {
    echo
    echo "Kodak, PNG files as distributed"
    mkdir "$work/kodak"
    tar -C "$work/kodak" -xf "$corpora/bench/kodak.tar"
    local files=("$work"/kodak/*.png)
    round_trip "Kodak, ${#files[@]} files" "${files[@]}"
    for peer in cwebp cjxl; do
        command -v $peer >/dev/null || continue
        local sum=0
        for file in "${files[@]}"; do
            if [ $peer = cwebp ]; then
                cwebp -quiet -lossless -z 9 "$file" -o "$work/peer"
            else
                cjxl --quiet -d 0 -e 9 "$file" "$work/peer" 2>/dev/null
            fi
            sum=$((sum + $(stat -c %s "$work/peer")))
        done
        printf '%-22s %10d\n' "$peer" $sum
    done
}

speech() {
    echo
    echo "16-bit speech"
    mkdir "$work/speech-16"
    tar -C "$work/speech-16" -xf "$corpora/bench/speech-flac-16.tar"
    local flacs=() wavs=() sum=0
    mapfile -t flacs < <(find "$work/speech-16" -name '*.flac' | sort)
    round_trip "FLAC files as they are" "${flacs[@]}"
    command -v flac >/dev/null || return 0
    for file in "${flacs[@]}"; do
        flac -dsf "$file" -o "${file%.flac}.wav"
        wavs+=("${file%.flac}.wav")
        flac -8sf "${file%.flac}.wav" -o "$work/peer"
        sum=$((sum + $(stat -c %s "$work/peer")))
    done
    round_trip "WAV files" "${wavs[@]}"
    printf '%-22s %10d\n' "flac -8" $sum
}

jpeg() {
    echo
    echo "JPEG files"
    mkdir "$work/jpeg"
    tar -C "$work/jpeg" -xf "$corpora/bench/jpeg-20.tar"
    local files=()
    mapfile -t files < <(find "$work/jpeg" -type f | sort)
    round_trip "${#files[@]} photographs" "${files[@]}"
}

overhead() {
    echo
    echo "plugin overhead, next_context and push_token"
    local samples=("$root"/tests/fuzz/corpus/*/* "$root"/packaging/samples/*)
    find "$build"/lib* -path '*/vlmc/1/*.so' | sort | while read -r plugin; do
        "$vlmc" plugin check --time 3 "$plugin" "${samples[@]}" | grep speed || true
    done
}

for part in "${parts[@]}"; do
    "$part"
done
