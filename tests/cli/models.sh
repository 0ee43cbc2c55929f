#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Models that are missing, of the wrong content, or broken.
. "$(dirname "$0")/lib.bash" "$@"

cp "$models/said" text # which the model predicts better than the mixer alone does
expect 0 "a model is found by name" "$vlmc" create -m tiny -o a.vlmc text
check "the archive needs it" grep -q 'needs     model tiny' <("$vlmc" info a.vlmc)
expect 0 "a model is found as a file" "$vlmc" create -m "$models/tiny.gguf" -o b.vlmc text
check "which gives the same archive" cmp a.vlmc b.vlmc
expect 0 "VLMC_MODEL names one" env VLMC_MODEL=tiny "$vlmc" create -o c.vlmc text
check "the same" cmp a.vlmc c.vlmc

mkdir levels lonely
cp "$models/tiny.gguf" levels/text-nano.gguf
cp "$models/other/tiny.gguf" levels/text.gguf # which predicts it badly
cp "$models/tiny.gguf" lonely/text.gguf
cp "$vlmc" ./alone # with no models beside it
at_level() { # FOLDER LEVEL…: whether the archive needs the model that predicts it
    VLMC_MODEL_PATH="$scratch/$1" ./alone create -q -f --no-catalog "${@:2}" -o level.vlmc text &&
        "$vlmc" info level.vlmc | grep -q '^needs     model tiny'
}
check "-3 takes the model text-nano" at_level levels -3
refute "unless another one is named" at_level levels -3 -m text
check "or it is not there: text then" at_level lonely -3
head -c 20000 "$models/tiny.gguf" >lonely/text-nano.gguf
refute "one that is broken is not passed over" at_level lonely -3
refute "-5 takes the model text" at_level levels -5
check "unless text-nano is named" at_level levels -5 -m text-nano

expect 5 "an unknown model" "$vlmc" create -m nosuch -o x.vlmc text
says 'no model named "nosuch"'
expect 5 "an unknown default model" env VLMC_MODEL=nosuch "$vlmc" create -o x.vlmc text
refute "no archive is left" test -e x.vlmc

mkdir empty
digest=$("$vlmc" model verify tiny | cut -d' ' -f1)
for command in verify "extract --stdout"; do
    expect 5 "$command without the model" env VLMC_MODEL_PATH="$scratch/empty" \
        "$vlmc" $command a.vlmc
    says "tiny"
    says "$digest"
    expect 5 "$command with a model of the same name and other content" \
        env VLMC_MODEL_PATH="$models/other" "$vlmc" $command a.vlmc
    says "another version"
    says "$digest"
done
refute "no contents came out" test -s stdout
expect 0 "list needs no model" env VLMC_MODEL_PATH="$scratch/empty" "$vlmc" list a.vlmc
expect 0 "the right one in a later folder is found" \
    env VLMC_MODEL_PATH="$models/other:$models" "$vlmc" verify a.vlmc
expect 0 "a relative model path holds when extracting elsewhere" \
    env VLMC_MODEL_PATH=../"$(basename "$scratch")"/relative sh -c \
    'mkdir relative && cp "$2/tiny.gguf" relative && "$1" extract a.vlmc -C elsewhere' - \
    "$vlmc" "$models"

mkdir broken
head -c 20000 "$models/tiny.gguf" >broken/tiny.gguf
expect 5 "a truncated model" env VLMC_MODEL_PATH="$scratch/broken" "$vlmc" create -m tiny -o x.vlmc text
expect 5 "model verify says so" "$vlmc" model verify ./broken/tiny.gguf
says "tiny.gguf"
cp "$models/tiny.gguf" broken/header.gguf
printf '\377\377\377\377\377\377\377\377' |
    dd of=broken/header.gguf bs=1 seek=8 conv=notrunc status=none
expect 5 "a model with absurd counts" "$vlmc" model verify ./broken/header.gguf
echo "no model at all" >broken/text.gguf
expect 5 "a model that is text" "$vlmc" create -m ./broken/text.gguf -o x.vlmc text
refute "no archive is left" test -e x.vlmc

expect 0 "model list shows what is there" "$vlmc" model list
check "by name" grep -q '^tiny ' stdout
expect 0 "model info describes one" "$vlmc" model info tiny
check "with its identity" grep -q "$digest" stdout
expect 64 "model info wants a name" "$vlmc" model info
expect 64 "there is no other action" "$vlmc" model frobnicate
finish
