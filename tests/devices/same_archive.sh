#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The promise of the format: whichever device writes an archive, it is the same file, and every
# device opens it. Runs with both Vulkan drivers in VK_ICD_FILENAMES.
drivers=${VK_ICD_FILENAMES:?both drivers, separated by a colon}
. "$(dirname "$0")/../cli/lib.bash" "$@"
export VK_ICD_FILENAMES=$drivers VK_DRIVER_FILES=$drivers
shipped=$(realpath "$(dirname "${BASH_SOURCE[0]}")")/../../plugins/text
devices=(cpu cpu:reference vulkan:llvmpipe vulkan:swiftshader)

mkdir tree
cp "$models/said" tree/text # which needs the model
make_text 3 2 >tree/short
printf x >tree/one-byte
: >tree/empty
head -c 2000 "$vlmc" >tree/binary

same_everywhere() { # LABEL MODEL INPUT
    local label=$1 model=$2 input=$3 device
    for device in "${devices[@]}"; do
        check "$label: $device writes an archive" \
            "$vlmc" create -q --no-catalog -m "$model" -d "$device" -o "$label-$device.vlmc" "$input"
        check "$label: the archive from $device is the one from the CPU" \
            cmp "$label-cpu.vlmc" "$label-$device.vlmc"
    done
    check "$label: the model packed some of it" \
        grep -q '^needs     model' <("$vlmc" info "$label-cpu.vlmc")
    for device in "${devices[@]}"; do
        check "$label: $device restores it" "$vlmc" extract -q -d "$device" -C "$(mktemp -d "out-XXXX")" "$label-cpu.vlmc"
        check "$label: what $device restored is the original" diff -r "$input" out-*/"$input"
        rm -rf out-*
    done
}

same_everywhere tiny tiny tree
check "one thread writes the same archive" \
    "$vlmc" create -q --no-catalog -m tiny -d cpu -t 1 -o one-thread.vlmc tree
check "and so do five" "$vlmc" create -q --no-catalog -m tiny -d cpu -t 5 -o five-threads.vlmc tree
check "one thread: identical" cmp tiny-cpu.vlmc one-thread.vlmc
check "five threads: identical" cmp tiny-cpu.vlmc five-threads.vlmc

# A picture, a drawing and a sound, which the plugins turn into tokens: with models of their own where these
# are shipped, else by the mixer alone.
pictures_and_sounds() {
    mkdir media
    awk 'BEGIN { printf "P5\n80 56\n255\n"; for (y = 0; y < 56; y++) for (x = 0; x < 80; x++)
        printf "%c", 60 + int(50 * sin(x / 9) + 40 * cos(y / 7)) + (x * y) % 3 + 40 }' >media/a.pgm
    awk 'BEGIN { srand(5); printf "P6\n72 48\n255\n"; for (y = 0; y < 48; y++) for (x = 0; x < 72; x++) {
        ink = x % 24 > 4 && x % 24 < 12 && y % 16 > 3 && rand() < 0.4
        printf "%c%c%c", ink ? 40 : 120, ink ? 50 : 121, ink ? 60 : 122 } }' >media/b.ppm
    { printf 'RIFF\124\021\000\000WAVEfmt \020\000\000\000\001\000\001\000'
      printf '\100\037\000\000\200\076\000\000\002\000\020\000data\060\021\000\000'
      awk 'BEGIN { for (i = 0; i < 2200; i++) { v = int(9000 * sin(i / 11) + 2000 * sin(i / 3.7)) + 65536
          printf "%c%c", v % 256, int(v / 256) % 256 } }'; } >media/a.wav
}
LC_ALL=C pictures_and_sounds
check "the plugins of pictures and sounds are there" sh -c \
    '"$1" plugin list | grep -q "^image " && "$1" plugin list | grep -q "^audio "' - "$vlmc"
export VLMC_MODEL_PATH=$models:$shipped/../image:$shipped/../audio
same_everywhere media tiny media
check "media: all became tokens" sh -c '"$1" info media-cpu.vlmc | grep -q "tokenizer image.pixels" &&
    "$1" info media-cpu.vlmc | grep -q "tokenizer image.drawing" &&
    "$1" info media-cpu.vlmc | grep -q "tokenizer audio"' - "$vlmc"
export VLMC_MODEL_PATH=$models

for model in text text-nano; do
    if [ -f "$shipped/$model.gguf" ]; then
        export VLMC_MODEL_PATH=$shipped
        head -c 2000 "$shipped/../../packaging/samples/file-format.txt" >sample.txt
        same_everywhere "$model" "$model" sample.txt
    else
        report 1 "the shipped model plugins/text/$model.gguf is there"
    fi
done
finish
