#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# vlmc estimate: near to what create makes, and nothing is written.
. "$(dirname "$0")/lib.bash" "$@"

samples=${VLMC_TEST_SOURCE:-$(dirname "$models")/../..}/packaging/samples
number() { sed -n "s/.*\"$1\":\(-\?[0-9]*\).*/\1/p" stdout; }
estimated() { number archive_bytes; }

# within PERCENT A B: A is B, give or take.
within() { [ $((($2 - $3) * 100)) -le $(($1 * $3)) ] && [ $((($3 - $2) * 100)) -le $(($1 * $3)) ]; }

cp -r "$samples" samples
for level in 1 5; do
    expect 0 "an estimate of level $level" "$vlmc" estimate -m tiny --json -$level samples
    check "is for that level alone" test "$(number level)" -eq $level
    guess=$(estimated)
    check "gives a range around it" test "$(number archive_bytes_low)" -lt "$guess" -a \
        "$(number archive_bytes_high)" -gt "$guess"
    expect 0 "an archive of level $level" "$vlmc" create --no-catalog -m tiny -$level -o $level.vlmc \
        samples
    real=$(stat -c %s $level.vlmc)
    check "has the estimated size within 25 % ($guess, $real)" within 25 "$guess" "$real"
done

find . -type f ! -name stdout ! -name stderr ! -name check.out | sort >before
expect 0 "all levels" "$vlmc" estimate -m tiny samples
check "has a line for each" test "$(grep -c '^-[1-9]' stdout)" -eq 9
check "marks the default" grep -q '^-5 (default) ' stdout
find . -type f ! -name stdout ! -name stderr ! -name check.out | sort >after
check "writes nothing" diff <(grep -v '/before$' before) <(grep -v -e '/before$' -e '/after$' after)
expect 0 "all levels as JSON" "$vlmc" estimate -m tiny --json samples
check "has an object for each" test "$(grep -c '^{"level":[1-9],.*}$' stdout)" -eq 9
if command -v python3 >/dev/null; then
    check "each of which parses" python3 -c \
        'import json; [json.loads(line)["seconds"] for line in open("stdout")]'
else
    echo "NOT CHECKED: that every line parses, because python3 is not installed"
fi
sed 's/"seconds":[^,}]*//' stdout >first
expect 0 "once more" "$vlmc" estimate -m tiny --json samples
check "gives the same sizes" diff first <(sed 's/"seconds":[^,}]*//' stdout)

head -c 3000000 /dev/urandom >random
expect 0 "random bytes" "$vlmc" estimate -m tiny --json -5 random
check "are stored" within 1 "$(estimated)" 3000000
check "at once" grep -q '"seconds":0\.' stdout

mkdir mixed
cp samples/*.txt mixed
cp random mixed/z
expect 0 "text beside random bytes" "$vlmc" estimate -m tiny --json -1 mixed
mixed=$(estimated)
expect 0 "the text alone" "$vlmc" estimate -m tiny --json -1 mixed/*.txt
check "takes what both take less the random bytes" within 5 "$((mixed - $(estimated)))" 3000000

mkdir empty
: >nothing
expect 0 "an empty folder" "$vlmc" estimate -m tiny --json -5 empty
check "is small" test "$(estimated)" -lt 1000
expect 0 "an empty file" "$vlmc" estimate -m tiny nothing
check "has no ratio" grep -q '^-1 .* -  ' stdout
ln -s nosuch link
expect 0 "a symbolic link that leads nowhere" "$vlmc" estimate -m tiny -1 link
mkfifo pipe
expect 1 "a pipe, as for create" "$vlmc" estimate -m tiny -1 samples/zones.tab pipe
says "left out pipe"

expect 0 "zstd alone" "$vlmc" estimate -m none --json -5 samples
guess=$(estimated)
expect 0 "an archive by zstd alone" "$vlmc" create --no-catalog -m none -o none.vlmc samples
check "has the estimated size" within 10 "$guess" "$(stat -c %s none.vlmc)"
head -c 300000 /dev/zero >silence
expect 0 "plain bytes where plugins are not wanted" "$vlmc" estimate -m tiny --no-plugins -1 silence

expect 2 "a path that is not there" "$vlmc" estimate -m tiny nosuch
says "nosuch"
expect 5 "a model that is not there" "$vlmc" estimate -m nosuch samples
says "nosuch"
expect 7 "a path with .." "$vlmc" estimate -m tiny ../x
expect 64 "standard input" "$vlmc" estimate -m tiny -
says "standard input"
expect 64 "a device that is none" "$vlmc" estimate -d abacus samples
for level in -0 -10 --level=3; do
    expect 64 "no level is called $level" "$vlmc" estimate $level samples
done
finish
