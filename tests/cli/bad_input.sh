#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each bad input has its sentence and its exit code, and costs nothing else.
. "$(dirname "$0")/lib.bash" "$@"

mkdir -p tree
make_text 400 4 >tree/a.txt
make_text 400 5 >tree/b.txt
head -c 3000000 /dev/urandom >tree/c.bin

expect 2 "a missing file" "$vlmc" create -m none -o x.vlmc tree nosuchfile
says "nosuchfile"
refute "leaves no archive" test -e x.vlmc

# Unreadable: as somebody who is not root, in a place that everybody reaches.
public=$(mktemp -d /tmp/vlmc-test-XXXXXX)
trap 'chmod -R u+rwX "$public"; rm -rf "$public"' EXIT
cp "$vlmc" "$public/vlmc"
mkdir -p "$public/unreadable/locked"
cp tree/a.txt tree/b.txt "$public/unreadable"
echo secret >"$public/unreadable/locked/c"
chmod 000 "$public/unreadable/b.txt" "$public/unreadable/locked"
[ "$(id -u)" -ne 0 ] || chown -R 65534:65534 "$public"
cd "$public" || exit 1
check "somebody who is not root can run the program" as_nobody ./vlmc --version
expect 1 "an unreadable file is left out with a warning" \
    as_nobody ./vlmc create --no-catalog -m none -o unreadable.vlmc unreadable
says "unreadable/b.txt"
says "unreadable/locked"
check "the others are archived" grep -qx unreadable/a.txt <("$vlmc" list unreadable.vlmc)
refute "the unreadable one is not" grep -qx unreadable/b.txt <("$vlmc" list unreadable.vlmc)
expect 0 "and the archive is sound" "$vlmc" verify unreadable.vlmc
as_nobody ./vlmc create --no-catalog -m none -o closed.vlmc unreadable 2>&-
check "with standard error closed the warning does not end up in the archive" \
    cmp unreadable.vlmc closed.vlmc
cd "$scratch" || exit 1

mkfifo pipe
mkdir special && mkfifo special/pipe && cp tree/a.txt special
expect 1 "a pipe is left out with a warning" "$vlmc" create -m none -o special.vlmc special
says "special/pipe, which is a pipe"
check "the rest is archived" grep -qx special/a.txt <("$vlmc" list special.vlmc)

expect 7 "a path with .." "$vlmc" create -m none -o y.vlmc tree/../tree
says ".."
mkdir -p etc && cp tree/a.txt etc/hostname
expect 7 "two sources of one stored path" "$vlmc" create -m none -o y.vlmc /etc/hostname etc/hostname
says "both be stored"
refute "none of them leaves an archive" test -e y.vlmc
expect 0 "an absolute path is stored without its slash" \
    "$vlmc" create -m none -o absolute.vlmc "$scratch/tree/a.txt"
says "without the leading"
check "so it is listed" test "$("$vlmc" list absolute.vlmc)" = "${scratch#/}/tree/a.txt"

echo precious >exists.vlmc
expect 7 "an existing output is refused" "$vlmc" create -m none -o exists.vlmc tree
says "exists"
check "and stays as it was" grep -qx precious exists.vlmc
expect 0 "-f replaces it" "$vlmc" create -f -m none -o exists.vlmc tree
expect 0 "by an archive" "$vlmc" verify exists.vlmc
cp exists.vlmc tree/inside.vlmc
expect 0 "an archive inside its own tree" "$vlmc" create -f -m none -o tree/inside.vlmc tree
says "left out the archive itself"
refute "does not hold itself" grep -q inside.vlmc <("$vlmc" list tree/inside.vlmc)
rm tree/inside.vlmc
expect 2 "an output in a folder that is not there" "$vlmc" create -m none -o no/such/x.vlmc tree

for command in list info verify extract diff; do
    expect 2 "$command: a missing archive" "$vlmc" $command nosuch.vlmc
    says "nosuch.vlmc"
    expect 2 "$command: not an archive" "$vlmc" $command tree/a.txt
    : >empty
    expect 2 "$command: an empty file" "$vlmc" $command empty
done
# Version 7 with the header's checksum as it then is; a bare change of the field is damage.
cp exists.vlmc newer.vlmc
printf '\007' | dd of=newer.vlmc bs=1 seek=8 conv=notrunc status=none
expect 3 "a header whose version alone was changed" "$vlmc" verify newer.vlmc
printf '\012\304\177\001' | dd of=newer.vlmc bs=1 seek=12 conv=notrunc status=none
expect 2 "an archive of a newer version" "$vlmc" verify newer.vlmc
says "newer vlmc"

# Damage: c.bin is stored in groups of its own, so a flipped byte hits only it.
"$vlmc" create -q -m none -o damaged.vlmc tree
size=$(stat -c %s damaged.vlmc)
offset=$((size - 200000))
byte=$(od -An -tu1 -j $offset -N 1 damaged.vlmc | tr -d ' ')
printf "\\$(printf %03o $((byte ^ 64)))" | dd of=damaged.vlmc bs=1 seek=$offset conv=notrunc status=none
expect 3 "verify finds a flipped byte" "$vlmc" verify damaged.vlmc
says "tree/c.bin"
expect 3 "extract does, too" "$vlmc" extract damaged.vlmc -C out
refute "the damaged file is not left under its name" test -e out/tree/c.bin
check "the files before it are" cmp tree/a.txt out/tree/a.txt
check "nothing temporary is left" nothing_left .
head -c $(($(stat -c %s exists.vlmc) - 10)) exists.vlmc >cut.vlmc
expect 3 "a truncated archive" "$vlmc" verify cut.vlmc

expect 0 "the tree is extracted" "$vlmc" extract exists.vlmc -C again
echo changed >again/tree/a.txt
rm again/tree/b.txt
expect 7 "an existing file is not overwritten" "$vlmc" extract exists.vlmc -C again
says '"tree/a.txt" exists'
check "it stays" grep -qx changed again/tree/a.txt
check "the missing one is restored" cmp tree/b.txt again/tree/b.txt
expect 0 "--overwrite newer leaves a newer file" "$vlmc" extract --overwrite newer exists.vlmc -C again
check "as it is" grep -qx changed again/tree/a.txt
expect 0 "--overwrite always replaces it" "$vlmc" extract --overwrite always exists.vlmc -C again
check "by the archive's" cmp tree/a.txt again/tree/a.txt
expect 7 "--max-output refuses a large archive" "$vlmc" extract --max-output 1M exists.vlmc -C small
says "--max-output"
refute "before anything is written" test -e small/tree
expect 0 "--dry-run writes nothing" "$vlmc" extract --dry-run exists.vlmc -C dry
refute "no file" test -e dry/tree
check "and shows the paths" grep -qx tree/a.txt stdout
finish
