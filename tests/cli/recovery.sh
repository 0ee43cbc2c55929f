#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Recovery data: create --recovery, protect, repair, and what the others say of them.
. "$(dirname "$0")/lib.bash" "$@"

mkdir tree
make_text 400 3 >tree/text
head -c 150000 /dev/urandom >tree/noise
size_of() { stat -c %s "$1"; }

expect 0 "create" "$vlmc" create --no-catalog -1 -o plain.vlmc tree
expect 0 "create --recovery" "$vlmc" create --no-catalog -1 --recovery 10% -o a.vlmc tree
check "begins as the archive without" cmp -n "$(size_of plain.vlmc)" plain.vlmc a.vlmc
extra=$((($(size_of a.vlmc) - $(size_of plain.vlmc)) * 1000 / $(size_of plain.vlmc)))
check "and is 10 to 13 % longer, here by $extra ‰" test $extra -ge 100 -a $extra -lt 130
expect 0 "list reads it" "$vlmc" list a.vlmc
expect 0 "extract reads it" "$vlmc" extract a.vlmc -C out
check "as it was" diff -r tree out/tree
expect 0 "verify is content" "$vlmc" verify a.vlmc
expect 0 "and says so in JSON" "$vlmc" verify --json a.vlmc
check "of the recovery data too" grep -q '"recovery":"whole"' stdout
expect 0 "info shows them" "$vlmc" info a.vlmc
check "in bytes" grep -q "^recovery  $(($(size_of a.vlmc) - $(size_of plain.vlmc))) of" stdout
check "and how much of the file they mend for certain" \
    grep -qE 'mend any [0-9]+ of [0-9]+ shards of [0-9]+ bytes$' stdout
expect 0 "verify reads them from standard input" "$vlmc" verify - <a.vlmc

cp plain.vlmc b.vlmc
chmod 640 b.vlmc
ln -s b.vlmc link.vlmc
expect 0 "protect, through a symlink" "$vlmc" protect link.vlmc
check "makes the file that create makes" cmp a.vlmc b.vlmc
check "and keeps the symlink" test -L link.vlmc
check "and the permissions" test "$(stat -c %a b.vlmc)" = 640
expect 0 "protect --recovery 30% replaces them" "$vlmc" protect --recovery 30 b.vlmc
check "by more" test "$(size_of b.vlmc)" -gt "$(($(size_of plain.vlmc) * 13 / 10))"
check "behind the same archive" cmp -n "$(size_of plain.vlmc)" plain.vlmc b.vlmc
expect 0 "protect --remove" "$vlmc" protect --remove b.vlmc
check "takes them away" cmp plain.vlmc b.vlmc
expect 0 "and does nothing where there are none" "$vlmc" protect --remove b.vlmc
says "has no recovery data"

expect 0 "repair of a whole archive" "$vlmc" repair a.vlmc
says "is whole"
check "writes nothing" test ! -e a.repaired.vlmc
cp a.vlmc hurt.vlmc
damage hurt.vlmc 20000 8000
cp hurt.vlmc hurt.before
expect 3 "verify finds damage" "$vlmc" verify hurt.vlmc
says "vlmc repair"
expect 3 "protect refuses a damaged archive" "$vlmc" protect hurt.vlmc
says "repair"
check "and leaves it alone" cmp hurt.vlmc hurt.before
expect 4 "repair" "$vlmc" repair hurt.vlmc
says "whole again"
check "writes what was" cmp hurt.repaired.vlmc a.vlmc
check "beside the damaged file" cmp hurt.vlmc hurt.before
expect 7 "repair does not overwrite" "$vlmc" repair hurt.vlmc
says "exists"
expect 4 "unless forced to" "$vlmc" repair -f hurt.vlmc
expect 7 "but never the damaged file itself" "$vlmc" repair -f -o hurt.vlmc hurt.vlmc
says "--in-place"
check "which is what it was" cmp hurt.vlmc hurt.before
expect 4 "repair --in-place" "$vlmc" repair --in-place hurt.vlmc
check "replaces it" cmp hurt.vlmc a.vlmc

for at in 0 5 12 $(($(size_of plain.vlmc) - 8)); do
    cp a.vlmc hurt.vlmc
    damage hurt.vlmc "$at" 1
    expect 4 "a byte at $at is repaired" "$vlmc" repair -f -o good.vlmc hurt.vlmc
    check "to what it was" cmp good.vlmc a.vlmc
done

cp a.vlmc hurt.vlmc
damage hurt.vlmc $(($(size_of plain.vlmc) + 500)) 4000
expect 1 "damage of recovery data is a warning" "$vlmc" verify hurt.vlmc
says "the recovery data of \"hurt.vlmc\" are damaged"
expect 0 "which keeps nobody from the archive" "$vlmc" extract --overwrite always hurt.vlmc -C out
expect 4 "repair writes them anew" "$vlmc" repair --in-place hurt.vlmc
check "as they were" cmp hurt.vlmc a.vlmc

cp a.vlmc hurt.vlmc
truncate -s -7000 hurt.vlmc
expect 1 "a file that lost its end is a warning" "$vlmc" verify hurt.vlmc
expect 0 "info sees it too" "$vlmc" info hurt.vlmc
check "and says so" grep -q "^recovery .* damaged" stdout
expect 4 "repair mends it" "$vlmc" repair --in-place hurt.vlmc
check "to all that it was" cmp hurt.vlmc a.vlmc

{
    head -c 30000 a.vlmc
    printf 'a line that came in'
    tail -c +30001 a.vlmc
} >hurt.vlmc
expect 4 "bytes that came in are taken out" "$vlmc" repair --in-place hurt.vlmc
check "and the file is what it was" cmp hurt.vlmc a.vlmc

cp a.vlmc hurt.vlmc
damage hurt.vlmc 1000 60000
cp hurt.vlmc hurt.before
expect 3 "too much damage" "$vlmc" repair --in-place hurt.vlmc
says "cannot be mended"
check "replaces nothing" cmp hurt.vlmc hurt.before
expect 3 "as JSON" "$vlmc" repair --json -f -o good.vlmc hurt.vlmc
check "counts what is lost" grep -q '"result":"damaged".*"lost_blocks":[1-9]' stdout
check "and what could be mended is written" test -s good.vlmc

cp plain.vlmc hurt.vlmc
damage hurt.vlmc 5000 10
expect 3 "without recovery data there is nothing to mend with" "$vlmc" repair hurt.vlmc
says "no recovery data"
expect 0 "and nothing to do for a whole archive" "$vlmc" repair plain.vlmc
cp plain.vlmc hurt.vlmc
printf 'more' >>hurt.vlmc
expect 3 "bytes behind an archive make it unreadable" "$vlmc" list hurt.vlmc
says "vlmc repair"
expect 4 "until repair cuts them off" "$vlmc" repair --in-place hurt.vlmc
check "and it is what it was" cmp hurt.vlmc plain.vlmc
printf 'no archive' >other
expect 3 "what is no archive is not repaired" "$vlmc" repair other
expect 3 "nor protected" "$vlmc" protect other
mkfifo fifo
expect 2 "nor is what is no file" "$vlmc" protect fifo

for bad in 0 101% x 10%% -5; do
    expect 64 "--recovery=$bad is wrong usage" "$vlmc" protect "--recovery=$bad" plain.vlmc
done
expect 64 "so is --remove with --recovery" "$vlmc" protect --remove --recovery 5% plain.vlmc
expect 64 "and -o with --in-place" "$vlmc" repair --in-place -o x plain.vlmc
"$vlmc" create --no-catalog -1 --recovery 10% -o - tree >piped.vlmc 2>stderr
code=$?
report $((code != 64)) "--recovery to standard output is wrong usage (exit code 64)"
says "vlmc protect"
check "nothing temporary is left" nothing_left .
finish
