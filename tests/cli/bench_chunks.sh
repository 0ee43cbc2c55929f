#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# vlmc bench chunks: what it counts, that chunks share nothing, and what it refuses.
. "$(dirname "$0")/lib.bash" "$@"

field() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p" stdout; }

make_text 200 1 | head -c 5000 >text
expect 0 "plain bytes with a model" "$vlmc" bench chunks --json -m tiny text
check "the file is cut into chunks of 2048 bytes" test "$(field chunks)" -eq 3
check "all of them are verified, as they are few" test "$(field verified_chunks)" -eq 3
check "raw bytes are the file's" test "$(field raw_bytes)" -eq 5000
check "the code is smaller" test "$(field coded_bytes)" -lt 5000
check "an archive takes a record and its prefix more for each chunk" \
    test "$(field archived_bytes)" -eq "$(($(field coded_bytes) + 3 * 44))"
check "the model is named" grep -q '"model":"tiny","model_digest":"[0-9a-f]\{64\}"' stdout
whole=$(field coded_bytes)

sum=0
for part in 0 1 2; do
    dd if=text of=part bs=2048 skip=$part count=1 status=none
    expect 0 "chunk $part in a file of its own" "$vlmc" bench chunks --json -m tiny part
    sum=$((sum + $(field coded_bytes)))
done
check "chunks cost what they cost alone" test "$sum" -eq "$whole"

expect 0 "one thread" "$vlmc" bench chunks --json -m tiny -t 1 text
check "gives the same bytes" test "$(field coded_bytes)" -eq "$whole"
expect 0 "--limit takes the first chunks" "$vlmc" bench chunks --json -m tiny --limit 2 text
check "and no more" test "$(field raw_bytes)" -eq 4096
expect 0 "--verify with chunks of another size" \
    "$vlmc" bench chunks --json -m tiny --size 100 --verify text
check "verifies all" test "$(field verified_chunks)" -eq 50
expect 0 "the mixer alone" "$vlmc" bench chunks --json -m none text
refute "names no model" grep -q '"model"' stdout
expect 0 "as text for people" "$vlmc" bench chunks -m tiny text
check "says how many bytes" grep -q "^coded *$whole bytes" stdout

head -c 4096 /dev/zero >silence
expect 0 "tokens of a plugin" "$vlmc" bench chunks --json -m none \
    --as audio:u8,mono,rate=16000 silence
check "the tokenizer is named" grep -q '"tokenizer":"audio.pcm"' stdout
check "nothing costs nothing" test "$(field coded_bytes)" -lt 100
expect 5 "a model of another modality" "$vlmc" bench chunks -m tiny \
    --as audio:u8,mono,rate=16000 silence
says 'model "tiny" is for text'

: >nothing
expect 64 "an empty file" "$vlmc" bench chunks nothing
says "empty"
expect 2 "a file that is not there" "$vlmc" bench chunks nosuch
says "nosuch"
expect 5 "a model that is not there" "$vlmc" bench chunks -m nosuch text
says "nosuch"
expect 5 "a tokenizer that is not there" "$vlmc" bench chunks --as nosuch:x=1 text
says "nosuch"
expect 64 "parameters that a tokenizer does not take" "$vlmc" bench chunks --as audio:width=3 text
for arguments in "" "text" "pieces text" "chunks" "chunks --size 0 text" "chunks --size 1M text" \
    "chunks text text"; do
    expect 64 "vlmc bench $arguments" "$vlmc" bench $arguments
done
check "--help shows an example of each kind" grep -q "as audio:u8" <("$vlmc" bench --help)
finish
