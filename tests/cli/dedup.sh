#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is there twice is held once: files, parts of files, versions of a tree.
. "$(dirname "$0")/lib.bash" "$@"
source=${VLMC_TEST_SOURCE:-$(dirname "$0")/../..}

size() { stat -c %s "$1"; }

# below LIMIT SENTENCE FILE: its size in bytes.
below() {
    report $(($(size "$3") >= $1)) "$2"
    [ "$(size "$3")" -lt "$1" ] || echo "    $(size "$3") bytes, not below $1"
}

# back ARCHIVE PATH…: it verifies, and what is extracted is the same.
back() {
    local archive=$1
    shift
    "$vlmc" verify -q "$archive" && rm -rf out && "$vlmc" extract -q "$archive" -C out || return 1
    for path; do
        diff -r "$path" "out/$path" || return 1
    done
}

# ---- Files ----

head -c 10000000 /dev/urandom >noise
mkdir copies
cp noise copies/one
"$vlmc" create -q -m tiny -o one.vlmc copies
cp noise copies/two
expect 0 "two copies of a file are archived" "$vlmc" create -m tiny -o two.vlmc copies
below $(($(size one.vlmc) * 101 / 100)) "they take less than 1 % more than one" two.vlmc
check "and come back" back two.vlmc copies
below 10010000 "noise grows by less than 0.1 %" one.vlmc
check "info says what is there twice" grep -q '^copies *10000000 bytes' <("$vlmc" info two.vlmc)
"$vlmc" info --json two.vlmc >stdout
check "in JSON as well" grep -q '"duplicate_bytes":10000000' stdout
check "list shows both" test "$("$vlmc" list two.vlmc | grep -c 'copies/')" -eq 2
expect 0 "diff finds no difference" "$vlmc" diff two.vlmc -C out

tar cf twice.tar copies
expect 0 "a tarball with the same file twice is archived from standard input" \
    sh -c '"$1" create -m tiny -o tar.vlmc --stdin-name twice.tar - <twice.tar' - "$vlmc"
below $(($(size one.vlmc) * 101 / 100)) "it takes little more than one of them" tar.vlmc
check "and comes back" back tar.vlmc twice.tar

# ---- What plugins take ----

mkdir pictures
{ printf 'P5\n400 300\n255\n' && head -c 120000 /dev/urandom; } >pictures/a.pgm
"$vlmc" create -q -m tiny -o picture.vlmc pictures
cp pictures/a.pgm pictures/b.pgm
"$vlmc" create -v -m tiny -o pictures.vlmc pictures 2>stderr
below $(($(size picture.vlmc) + 200)) "a second copy of a picture is an entry" pictures.vlmc
check "and both come back" back pictures.vlmc pictures

# ---- Versions of a tree ----

mkdir first all
cp -r "$source/host" "$source/docs" first
for version in 0 1 2 3 4 5 6 7 8 9; do
    cp -r first "all/$version"
    find "all/$version" -name '*.[ch]' | sort | awk "NR % 10 == $version" |
        while read -r file; do # a line in every tenth file
            sed -i "\$i// version $version" "$file"
        done
done
cp -r all/0 single
expect 0 "a tree is archived" "$vlmc" create -m none -o tree.vlmc single
expect 0 "ten versions of it are" "$vlmc" create -m none -o versions.vlmc all
echo "    $(size tree.vlmc) bytes for one, $(size versions.vlmc) for ten"
below $(($(size tree.vlmc) * 3 / 2)) "they take less than half as much again" versions.vlmc
check "and come back" back versions.vlmc all
expect 0 "with the plugins, too" "$vlmc" create -m tiny -o small.vlmc all/[012]/host/cli
check "they come back" back small.vlmc all/[012]/host/cli
expect 0 "with one thread" "$vlmc" create -t 1 -m tiny -o again.vlmc all/[012]/host/cli
check "it is the same archive" cmp small.vlmc again.vlmc

# ---- Damage ----

head -c 300000 noise >copies/one
cp copies/one copies/two
head -c 300000 /dev/urandom >copies/three
"$vlmc" create -q -m none -o hurt.vlmc copies
damage hurt.vlmc 100000 4
expect 3 "a damaged group" "$vlmc" verify hurt.vlmc
check "is said of all files that have its bytes" \
    test "$(grep -c 'copies/\(one\|two\)' stderr)" -eq 2
finish
