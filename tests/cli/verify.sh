#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How deep an archive is checked, how long, and where the next run goes on.
. "$(dirname "$0")/lib.bash" "$@"
waiting=$HOME/.local/state/vlmc/verify

mkdir tree
for i in 1 2 3 4 5 6; do head -c 70000 /dev/urandom >tree/$i; done
"$vlmc" create -q --no-catalog -m none --group-size 64K -o a.vlmc tree
cp a.vlmc b.vlmc
"$vlmc" create -q --no-catalog -m none -o c.vlmc tree/1

for level in header blocks decode; do
    expect 0 "a sound archive is sound at level $level" "$vlmc" verify --level $level a.vlmc
    expect 0 "and says so as JSON" "$vlmc" verify --json --level $level a.vlmc
    check "with the level" grep -q "\"level\":\"$level\"" stdout
done
expect 64 "there is no other level" "$vlmc" verify --level deep a.vlmc
check "the message says which there are" grep -q "level wants header, blocks or decode" stderr
expect 64 "and no time without a number" "$vlmc" verify --time-limit soon a.vlmc
check "the message says what a time is" grep -q "is not a time (such as 90s" stderr

cp a.vlmc bad.vlmc
damage bad.vlmc 30000
expect 0 "damage of content is not seen in the header" "$vlmc" verify --level header bad.vlmc
for level in blocks decode; do
    expect 3 "level $level finds it" "$vlmc" verify --level $level bad.vlmc
    says "tree/1"
    refute "and no other file" grep -qE 'tree/[23456]' stderr
done
expect 5 "level blocks needs no model where level decode does" sh -c \
    '"$1" create -q --no-catalog -m tiny -o m.vlmc "$2" && "$1" verify --level blocks m.vlmc &&
     VLMC_MODEL_PATH=/nonexistent "$1" verify --level blocks m.vlmc &&
     VLMC_MODEL_PATH=/nonexistent exec "$1" verify m.vlmc' - "$vlmc" "$models/said"

expect 3 "several archives are checked, whatever one of them is" "$vlmc" verify a.vlmc bad.vlmc c.vlmc
check "each to its end" test "$(grep -c 'all as they were' stdout)" -eq 2
expect 2 "so when one is not there" "$vlmc" verify gone.vlmc c.vlmc
check "the others are checked" grep -q 'all as they were' stdout

# Archives that the catalog says are due.
"$vlmc" create -q -m none -o due1.vlmc tree/1
"$vlmc" create -q -m none -o due2.vlmc tree/2
"$vlmc" create -q -m none --verify -o fresh.vlmc tree/3 >/dev/null
expect 0 "archives that were never decoded are due" "$vlmc" verify --json --due 90d
check "both of them" test "$(grep -c '"type":"summary".*/due[12].vlmc' stdout)" -eq 2
refute "but not one that was created with --verify" grep -q fresh.vlmc stdout
expect 0 "once they are decoded none is due" "$vlmc" verify --due 90d
says "no archive that is here is due"
expect 64 "--due takes no archive" "$vlmc" verify --due 90d a.vlmc
expect 8 "nor does it go without a catalog" env VLMC_CATALOG="$PWD/none/x.db" "$vlmc" verify --due 90d

# With so little time each run checks one file.
for i in 1 2 3 4 5; do make_text 300 $i >text$i; done
for i in 1 2 3; do
    "$vlmc" create -q --no-catalog -1 --group-size 64K -o s$i.vlmc text$i text4 text5
done
runs=0
code=75
while [ $code -eq 75 ] && [ $runs -lt 20 ]; do
    "$vlmc" verify --json --time-limit 1ms s1.vlmc s2.vlmc s3.vlmc >>slices 2>>notices
    code=$?
    runs=$((runs + 1))
done
report $((code != 0)) "a round of slices comes to an end (exit code 0)"
check "after a run for each file" test $runs -eq 9
check "each archive was finished" test "$(grep -c '"type":"summary".*"files":3' slices)" -eq 3
check "and paused before that" test "$(grep -c '"type":"paused"' slices)" -eq 6
check "the message says how far it was" grep -q 'over after [12] of 3 entries' notices
check "nothing waits any more" test -z "$(ls "$waiting")"
"$vlmc" verify -q --time-limit 1ms s1.vlmc s2.vlmc >/dev/null 2>&1
"$vlmc" create -q -f --no-catalog -1 -o s1.vlmc text1
expect 75 "an archive that is another one by now is checked from its start" \
    "$vlmc" verify --time-limit 1ms s1.vlmc s2.vlmc
check "to its end" grep -q '^1 files' stdout
expect 0 "and a run with enough time does the rest" "$vlmc" verify --time-limit 10m s1.vlmc s2.vlmc
check "which is one archive" test "$(wc -l <stdout)" -eq 1

# What an earlier slice found is not forgotten.
cp tree/1 0noise
"$vlmc" create -q --no-catalog -1 --group-size 64K -o t.vlmc 0noise text4 text5
damage t.vlmc 300
expect 3 "damage in the first slice" "$vlmc" verify --time-limit 1ms t.vlmc
last=0
for _ in 1 2 3; do
    [ -n "$(ls "$waiting")" ] || break
    "$vlmc" verify --time-limit 1ms t.vlmc >stdout 2>stderr
    last=$?
done
report $((last != 3)) "is in the result of the last one, though that read a sound file (exit code 3)"
check "which counts what earlier ones have found" grep -q "1 of 3 files are damaged" stdout

# A record of where to go on that nobody can use costs a check from the start.
"$vlmc" verify -q --time-limit 1ms s2.vlmc s3.vlmc >/dev/null 2>&1
for file in "$waiting"/*; do echo rubbish >"$file"; done
expect 0 "a damaged record of where to go on only costs time" \
    "$vlmc" verify --time-limit 10m s2.vlmc s3.vlmc
check "all is checked" test "$(grep -c '^3 files' stdout)" -eq 2
expect 64 "standard input has no next time" "$vlmc" verify --time-limit 1m -
check "the message says so" grep -q "cannot go on in standard input" stderr
finish
