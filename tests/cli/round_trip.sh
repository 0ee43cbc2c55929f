#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A tree of files, folders and symlinks comes back as it was.
. "$(dirname "$0")/lib.bash" "$@"

mkdir -p tree/sub/deep tree/empty 'tree/odd names'
make_text 200 1 >tree/text.txt
make_text 200 2 >tree/sub/more.txt
: >tree/zero
printf x >tree/one
head -c 5000 /dev/urandom >tree/sub/random
head -c 20000 /dev/zero >tree/sub/deep/zeros
printf 'newline' >$'tree/odd names/new\nline'
printf 'bytes' >$'tree/odd names/\xff\xfe'
printf 'blank' >'tree/odd names/ -o'
ln -s ../text.txt tree/sub/link
ln -s /nowhere/at/all tree/dangling
chmod 640 tree/text.txt
chmod 755 tree/one
chmod 400 tree/zero
chmod 700 tree/empty
touch -d '2001-02-03 04:05:06.789012345 UTC' tree/text.txt
touch -d '1969-12-31 23:59:58 UTC' tree/one
touch -d '2010-05-06 UTC' tree/sub/deep tree/sub tree/empty
chmod 555 'tree/odd names'

expect 0 "a tree is archived with a model" "$vlmc" create -m tiny -o tree.vlmc tree
check "the archive uses the model" grep -q '^model ' <("$vlmc" info tree.vlmc)
expect 0 "the archive verifies" "$vlmc" verify tree.vlmc
expect 0 "the tree is extracted" "$vlmc" extract tree.vlmc -C out
check "all contents are equal" diff -r --no-dereference tree out/tree
check "all modes and times are equal" diff <(metadata tree) <(metadata out/tree)
check "symlinks have their targets" test "$(readlink out/tree/sub/link)" = ../text.txt
check "dangling symlinks have their targets" test "$(readlink out/tree/dangling)" = /nowhere/at/all
check "nothing temporary is left" nothing_left .
expect 0 "diff finds no difference" "$vlmc" diff tree.vlmc -C out
check "diff prints nothing" test ! -s stdout

chmod u+w out/tree/one
printf y >out/tree/one
rm out/tree/sub/link
chmod 600 out/tree/text.txt
expect 1 "diff finds differences" "$vlmc" diff tree.vlmc -C out
check "diff names changed content" grep -q '^content *tree/one$' stdout
check "diff names a missing link" grep -q '^missing *tree/sub/link$' stdout
check "diff names a changed mode" grep -q '^mode *tree/text.txt$' stdout

expect 0 "the same tree gives an archive with one thread" \
    "$vlmc" create -t 1 -m tiny -o one.vlmc tree
expect 0 "and with three threads" "$vlmc" create -t 3 -m tiny -o three.vlmc tree
check "whose bytes are the same" cmp one.vlmc three.vlmc
check "and those of the first run" cmp one.vlmc tree.vlmc
expect 0 "the plain C reference takes it, too" \
    "$vlmc" create -d cpu:reference -m tiny -o reference.vlmc tree
check "and gives the same bytes" cmp one.vlmc reference.vlmc

expect 0 "a pattern takes a folder with all below" \
    "$vlmc" extract tree.vlmc 'tree/sub' -C part
check "that folder is there" diff -r --no-dereference tree/sub part/tree/sub
refute "other files are not" test -e part/tree/text.txt
expect 0 "a pattern takes files by name" "$vlmc" extract tree.vlmc '*.txt' -C texts
check "those files are there" test "$(find texts -type f | wc -l)" -eq 2
expect 1 "a pattern without a match is a warning" "$vlmc" extract tree.vlmc 'no*such' -C none
refute "and makes no folder" test -e none
says "nothing in"
expect 1 "so is one among others" "$vlmc" extract tree.vlmc '*.txt' 'no*such' -C among
says 'matches "no*such"'
check "the others are extracted" test "$(find among -type f | wc -l)" -eq 2
expect 1 "list warns as well" "$vlmc" list tree.vlmc '*.txt' 'no*such'
says 'matches "no*such"'

expect 0 "an archive of nothing but an empty file" "$vlmc" create -m tiny -o zero.vlmc tree/zero
expect 0 "verifies" "$vlmc" verify zero.vlmc
expect 0 "an archive without a model" "$vlmc" create -m none -o none.vlmc tree
expect 0 "is read without one" env VLMC_MODEL_PATH= "$vlmc" verify none.vlmc
expect 0 "create --verify decodes what it wrote" \
    "$vlmc" create --verify -m tiny -o verified.vlmc tree/text.txt

chmod -R u+w tree out
finish
