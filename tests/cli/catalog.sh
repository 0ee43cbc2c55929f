#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The catalog knows every archive, and never stands in the way of one.
. "$(dirname "$0")/lib.bash" "$@"

mkdir -p tree
make_text 100 9 >tree/alice.txt
printf x >$'tree/b\xffb'
export VLMC_CATALOG="$scratch/new/folder/catalog.db"

expect 8 "find without a catalog" "$vlmc" find alice
says "no catalog"
refute "does not make one" test -e "$VLMC_CATALOG"
expect 0 "create" "$vlmc" create -m none -o a.vlmc tree
check "makes a catalog that only its owner reads" test "$(stat -c %a "$VLMC_CATALOG")" = 600
expect 0 "find" "$vlmc" find alice
check "names archive and path" grep -qx "$scratch/a.vlmc: tree/alice.txt" stdout
expect 0 "find compares bytes, not characters" "$vlmc" find $'\xff'
check "and gives them back" grep -aqx "$scratch/a.vlmc: tree/b"$'\xff'"b" stdout
expect 0 "find takes quotes and percent signs as they are" \
    sh -c '"$1" find "%'"'"' OR 1=1" || test $? -eq 1' - "$vlmc"
check "and finds nothing by them" test ! -s stdout
expect 1 "find without a hit" "$vlmc" find nosuchpath
expect 0 "catalog check" "$vlmc" catalog check

expect 0 "another archive of the same content" "$vlmc" create -m none -o b.vlmc tree
expect 0 "is another copy" "$vlmc" catalog list
check "both are listed" test "$(wc -l <stdout)" -eq 2
rm tree/alice.txt
expect 0 "a replaced archive" "$vlmc" create -f -m none -o b.vlmc tree
expect 0 "is known by its new content" "$vlmc" find alice
check "the old one only where it still is" test "$(cat stdout)" = "$scratch/a.vlmc: tree/alice.txt"
expect 0 "a replaced last copy" "$vlmc" create -f -m none -o a.vlmc tree
expect 1 "is forgotten" "$vlmc" find alice
expect 0 "--no-catalog" "$vlmc" create --no-catalog -m none -o c.vlmc tree
refute "records nothing" grep -q c.vlmc <("$vlmc" catalog list)

for i in 1 2 3 4 5 6; do
    "$vlmc" create -q -m none -o "many$i.vlmc" tree &
done
wait
check "six writers at once are all recorded" \
    test "$("$vlmc" catalog list | grep -c many)" -eq 6

printf 'this is no database, and it is long enough to be looked at' >bad.db
cp bad.db bad.db.before
expect 8 "a file that is no database" env VLMC_CATALOG="$scratch/bad.db" \
    "$vlmc" create -m none -o d.vlmc tree
says "complete, but"
expect 0 "costs no archive" "$vlmc" verify d.vlmc
check "and stays as it was" cmp bad.db bad.db.before
expect 8 "a folder in the catalog's place" env VLMC_CATALOG="$scratch/tree" \
    "$vlmc" create -m none -o e.vlmc tree
expect 0 "costs no archive either" "$vlmc" verify e.vlmc
cp "$VLMC_CATALOG" newer.db
printf '\000\000\000\011' | dd of=newer.db bs=1 seek=60 conv=notrunc status=none
expect 8 "a catalog of a newer version" env VLMC_CATALOG="$scratch/newer.db" "$vlmc" catalog list
says "newer vlmc"
cp "$VLMC_CATALOG" other.db
printf '\000\000\000\001' | dd of=other.db bs=1 seek=68 conv=notrunc status=none
expect 8 "another program's database" env VLMC_CATALOG="$scratch/other.db" "$vlmc" catalog list
says "no vlmc catalog"
expect 64 "there is no other action" "$vlmc" catalog frobnicate
finish
