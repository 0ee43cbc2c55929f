#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Extraction writes below its folder and nowhere else.
. "$(dirname "$0")/lib.bash" "$@"

mkdir -p tree/sub outside
make_text 100 10 >tree/sub/file
"$vlmc" create -q -m none -o a.vlmc tree

mkdir -p out/tree
ln -s "$scratch/outside" out/tree/sub
expect 7 "a symlink in the way of a folder is not followed" "$vlmc" extract a.vlmc -C out
check "nothing came out at its end" test -z "$(ls -A outside)"
expect 7 "not even with --overwrite always" "$vlmc" extract --overwrite always a.vlmc -C out
check "still nothing" test -z "$(ls -A outside)"

mkdir out2 && ln -s "$scratch/outside" out2/tree
expect 7 "nor at the first level" "$vlmc" extract --overwrite always a.vlmc -C out2 tree/sub/file
check "still nothing" test -z "$(ls -A outside)"

mkdir -p out3/tree/sub
echo target >outside/target
ln -s "$scratch/outside/target" out3/tree/sub/file
expect 7 "a symlink in a file's place stays" "$vlmc" extract a.vlmc -C out3
expect 0 "or is replaced itself" "$vlmc" extract --overwrite always a.vlmc -C out3
check "by the file" cmp tree/sub/file out3/tree/sub/file
refute "which is no link" test -L out3/tree/sub/file
check "what it pointed to is as it was" grep -qx target outside/target

mkdir -p out4/tree/sub/file
echo mine >out4/tree/sub/file/mine
expect 7 "a folder in a file's place stays" "$vlmc" extract --overwrite always a.vlmc -C out4
says "folder here"
check "with what is in it" grep -qx mine out4/tree/sub/file/mine

# An archive that creates a link and then a file behind it cannot come from a disk.
hostile=$(dirname "$models")/archives/link_then_file.vlmc
expect 0 "a hostile archive can be looked at" "$vlmc" list "$hostile"
"$vlmc" extract "$hostile" -C out5 >stdout 2>stderr
refute "its file does not go where its link points" test -e /tmp/vlmc-escaped
refute "not even on a second run" sh -c \
    '"$1" extract --overwrite always "$2" -C out5; test -e /tmp/vlmc-escaped' - "$vlmc" "$hostile"

mkdir modes && make_text 10 11 >modes/setuid && chmod 6755 modes/setuid
"$vlmc" create -q -m none -o modes.vlmc modes
expect 0 "set-user-id programs" "$vlmc" extract modes.vlmc -C out6
check "lose that right" test "$(stat -c %a out6/modes/setuid)" = 755

printf x >$'tree/\033[31mred'
"$vlmc" create -q -m none -o red.vlmc tree
expect 3 "names in messages cannot steer a terminal" sh -c \
    'head -c $(($(stat -c %s red.vlmc) - 4)) red.vlmc >"$(printf "\033[31m.vlmc")"
     "$1" verify "$(printf "\033[31m.vlmc")"' - "$vlmc"
refute "no escape sequence is printed" grep -q $'\033' stderr
finish
