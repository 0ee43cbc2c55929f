#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Archives that lie: each is refused with a sentence, and nothing is written where it should not be.
. "$(dirname "$0")/lib.bash" "$@"

make() { "$VLMC_TEST_HOSTILE" "$1" "$1.vlmc"; }

check "a sound archive is made" make sound
expect 0 "it verifies" "$vlmc" verify sound.vlmc
expect 0 "and is extracted" "$vlmc" extract sound.vlmc -C sound
check "with its content" grep -qx content sound/aa/bb

# An index that cannot be is damage, whatever is asked for.
damaged() { # KIND SENTENCE BECAUSE
    check "$2 is made" make "$1"
    for command in list verify info "extract -C out" "extract --stdout" diff; do
        # shellcheck disable=SC2086 # command and options
        expect 3 "$2: $command" "$vlmc" $command "$1.vlmc"
    done
    says "$3"
}
damaged absolute "an absolute path" "an unsafe path"
damaged dotdot "a path with .." "an unsafe path"
damaged twice "two entries with one path" "two entries with one path"
damaged count "an entry more than it says" "damaged"
damaged many "more entries than there are bytes" "ends early"
damaged size "a file that is longer than its content" "outside of the content"
damaged offset "content at another place" "outside of the content"
damaged data_bomb "2^60 bytes that are not there" "outside of the content"
refute "nothing was made of any of them" test -e out

check "a file that is shorter than its content is made" make short
expect 3 "its digest shows it" "$vlmc" verify short.vlmc
says "aa/bb cannot be read"
expect 3 "it is not extracted" "$vlmc" extract short.vlmc -C short
refute "no file" test -e short/aa/bb
check "nothing temporary" nothing_left .

check "2^60 bytes of nothing are made" make bomb
expect 0 "and listed" "$vlmc" list -l bomb.vlmc
check "as that" grep -q ' 1152921504606846976 ' stdout
expect 7 "they are not extracted" "$vlmc" extract bomb.vlmc -C bomb
says "more than the disk has room for"
refute "nothing is there" test -e bomb/aa/cc
expect 7 "nor beyond a limit" "$vlmc" extract --max-output 1G bomb.vlmc -C bomb
says "more than --max-output allows"
expect 0 "the other file is" "$vlmc" extract bomb.vlmc aa/bb -C bomb
check "with its content" grep -qx content bomb/aa/bb

# A symlink "dd" to /tmp, and a file through it.
check "a file behind a symlink is made" make behind_link
expect 7 "it is extracted, but for the symlink" "$vlmc" extract behind_link.vlmc -C behind
says '"dd" is a folder here'
check "into the folder" grep -qx content behind/dd/bb
ln -s /tmp behind-link && mkdir third && mv behind-link third/dd
expect 7 "where the symlink is already, the file is refused" \
    "$vlmc" extract --overwrite always behind_link.vlmc -C third
refute "nothing came out at its end" test -e /tmp/bb

check "a name with an escape code and a line end is made" make names
expect 0 "a pipe gets it as it is" "$vlmc" list names.vlmc
check "byte for byte" grep -q $'\033\\[31m' stdout
expect 0 "JSON has it quoted" "$vlmc" list --json names.vlmc
refute "without the code" grep -q $'\033' stdout
mkdir -p $'names/\033[31m\n'
expect 7 "messages show it" "$vlmc" extract names.vlmc -C names
says '\x1b[31m\x0a'
refute "without the code" grep -q $'\033' stderr
finish
