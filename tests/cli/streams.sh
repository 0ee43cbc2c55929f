#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Standard input and output, on both sides.
. "$(dirname "$0")/lib.bash" "$@"

make_text 500 3 >text
expect 0 "standard input becomes a file named stdin" \
    sh -c '"$1" create -m tiny -o a.vlmc - <text' - "$vlmc"
check "it is listed so" test "$("$vlmc" list a.vlmc)" = stdin
expect 0 "its contents go to standard output" "$vlmc" extract --stdout a.vlmc
check "and are the same" cmp stdout text
expect 0 "it can have another name" \
    sh -c 'cat text | "$1" create -m tiny -o b.vlmc --stdin-name some/text.txt -' - "$vlmc"
check "which is listed" test "$("$vlmc" list b.vlmc)" = some/text.txt

"$vlmc" create -m tiny -o - text >c.vlmc 2>stderr
report $? "an archive goes to standard output"
expect 0 "and is an archive" "$vlmc" verify c.vlmc
expect 0 "the same as one that went to a file" "$vlmc" create -m tiny -o d.vlmc text
check "byte for byte" cmp c.vlmc d.vlmc
check "through two pipes" sh -c \
    'cat text | "$1" create -q -m tiny -o - - | "$1" extract --stdout - | cmp - text' - "$vlmc"
check "list reads an archive from a pipe" sh -c \
    'cat c.vlmc | "$1" list - | grep -qx text' - "$vlmc"
check "verify reads an archive from a pipe" sh -c 'cat c.vlmc | "$1" verify -' - "$vlmc"
expect 2 "what is no archive" sh -c 'cat text | "$1" list -' - "$vlmc"
says "standard input is not a vlmc archive"
check "nothing temporary is left" nothing_left .

expect 64 "- among other paths is a usage error" "$vlmc" create -m tiny -o e.vlmc - text
says "only path"
expect 64 "--verify cannot read standard output again" "$vlmc" create --verify -o - text
refute "no archive was made" test -e e.vlmc

if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
    script -qec "\"$vlmc\" create -m tiny -o - text" tty.log >/dev/null </dev/null
    code=$?
    report $((code != 7)) "an archive is not written to a terminal (exit code 7)"
    check "and the message says so" grep -q "refusing to write an archive to a terminal" tty.log
    script -qec "\"$vlmc\" list -" tty.log >/dev/null </dev/null
    code=$?
    report $((code != 7)) "nor read from one (exit code 7)"
    script -qec "\"$vlmc\" create -m tiny -o tty.vlmc text" tty.log >/dev/null </dev/null
    check "at a terminal progress shows its phase" grep -q packing tty.log
    "$vlmc" create -m tiny -o notty.vlmc text 2>notty.log
    refute "without one there is none" grep -q packing notty.log
else
    echo "NOT CHECKED: terminals, because script(1) is missing or cannot make one here"
fi

"$vlmc" list a.vlmc >/dev/full 2>stderr
code=$?
report $((code != 2)) "results that cannot be written are a failure (exit code 2)"
"$vlmc" extract --stdout a.vlmc >/dev/full 2>stderr
code=$?
report $((code != 2)) "so are contents (exit code 2)"

mkdir many && (cd many && touch $(seq -f 'a-file-with-a-rather-long-name-%g' 3000))
"$vlmc" create -q -m none -o many.vlmc many
"$vlmc" list many.vlmc 2>stderr | head -1 >stdout
code=${PIPESTATUS[0]}
report $((code != 141)) "a reader that has seen enough ends a list (exit code 141)"
refute "without a message" test -s stderr

"$vlmc" create -m none -o closed.vlmc - <&- 2>stderr
code=$?
report $((code != 2)) "a closed standard input cannot be archived (exit code 2)"
refute "and leaves no archive" test -e closed.vlmc
"$vlmc" list a.vlmc >&- 2>stderr
code=$?
report $((code != 2)) "a closed standard output is a failure (exit code 2)"
finish
