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
says "no action"
expect 64 "an action with an argument too many" "$vlmc" catalog list a
expect 64 "an action with one too few" "$vlmc" catalog scan

# ---- A catalog that cannot be written never stops an archive ----

if command -v python3 >/dev/null; then
    python3 - "$VLMC_CATALOG" <<'END' &
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
open("locked", "w").close()
time.sleep(60)
END
    holder=$!
    while [ ! -e locked ] && kill -0 $holder; do sleep 0.05; done
    expect 8 "a catalog that another program has locked" \
        env VLMC_CATALOG_SECONDS=0.2 "$vlmc" create -m none -o locked.vlmc tree
    says "locked for more than"
    says "complete, but"
    expect 0 "costs no archive" "$vlmc" list locked.vlmc
    expect 0 "and can be read" "$vlmc" find tree
    kill $holder
    wait $holder 2>/dev/null
    expect 0 "later a scan records the archive" "$vlmc" catalog scan .
    check "and names it as new" grep -qx "new      $scratch/locked.vlmc" stdout
else
    echo "NOT CHECKED: a locked catalog, because python3 is not installed"
    check "(only where CI is not set)" test -z "${CI:-}"
fi

mkdir -m 777 open
mkdir -p readonly
cp "$VLMC_CATALOG" readonly/catalog.db
chmod 444 readonly/catalog.db
chmod 555 readonly
expect 8 "a catalog that may not be written" as_nobody env HOME=/nonexistent \
    VLMC_CATALOG="$scratch/readonly/catalog.db" "$vlmc" create -m none -o open/r.vlmc tree
says "read-only"
check "costs no archive" test -s open/r.vlmc
expect 0 "and can be asked" as_nobody env HOME=/nonexistent \
    VLMC_CATALOG="$scratch/readonly/catalog.db" "$vlmc" find tree
chmod 755 readonly

mkdir -p system/proc/self system/etc
echo "23 22 0:9 / $scratch/nfs rw - nfs4 server:/home rw" >system/proc/self/mountinfo
mkdir -p nfs
expect 8 "a catalog on a network drive" env VLMC_SYSTEM="$scratch/system" \
    VLMC_CATALOG="$scratch/nfs/catalog.db" "$vlmc" create -m none -o n.vlmc tree
says "network drive"
check "costs no archive" test -s n.vlmc
refute "and is not made" test -e nfs/catalog.db

cp "$VLMC_CATALOG" damaged.db
dd if=/dev/zero of=damaged.db bs=4096 seek=2 count=20 conv=notrunc status=none
expect 8 "a damaged catalog" env VLMC_CATALOG="$scratch/damaged.db" \
    "$vlmc" create -m none -o damaged.vlmc tree
says "catalog rebuild"
check "costs no archive" test -s damaged.vlmc
expect 8 "rebuild must be told where archives are" env VLMC_CATALOG="$scratch/damaged.db" \
    "$vlmc" catalog rebuild
says "name the folders"
expect 0 "rebuild puts it aside" env VLMC_CATALOG="$scratch/damaged.db" \
    "$vlmc" catalog rebuild "$scratch"
says "put aside as"
check "for whoever wants it" test -s damaged.db.damaged
expect 0 "and makes it anew" env VLMC_CATALOG="$scratch/damaged.db" "$vlmc" catalog check

# ---- Moves, backups, forgetting ----

export VLMC_CATALOG="$scratch/second.db"
mkdir archives
rm -rf tree
mkdir tree
printf 'some text\n' >tree/plain.txt
printf 'some text\n' >$'tree/new\nline\e[31m.txt'
expect 0 "create" "$vlmc" create -m none -o archives/a.vlmc tree
cp archives/a.vlmc copy.vlmc
expect 0 "find prints control characters as text" "$vlmc" find line
check "on one line" grep -qxF "$scratch/archives/a.vlmc: tree/new\\x0aline\\x1b[31m.txt" stdout
expect 0 "find -0" "$vlmc" find -0 line
check "prints names as they are" cmp stdout \
    <(printf '%s\0%s\0' "$scratch/archives/a.vlmc" $'tree/new\nline\e[31m.txt')
expect 0 "which extract takes" \
    sh -c '"$1" find -0 plain | xargs -0 -n 2 "$1" extract -C restored' - "$vlmc"
check "as they were" cmp tree/plain.txt restored/tree/plain.txt
expect 0 "find --exact with a slash before it" "$vlmc" find --exact /tree/plain.txt
check "finds one" test "$(wc -l <stdout)" -eq 1
expect 0 "find --hash" "$vlmc" find --hash "$(sha256sum tree/plain.txt | cut -c 1-64)"
check "finds each file with the content" test "$(wc -l <stdout)" -eq 2
expect 0 "find --glob" "$vlmc" find --glob '*/pl*.txt'
expect 0 "find --regex -i" "$vlmc" find -i --regex 'PLAIN\.(txt|doc)$'
expect 64 "find with a broken expression" "$vlmc" find --regex '('
expect 64 "find with two kinds of patterns" "$vlmc" find --glob --regex x
expect 64 "find with half a digest" "$vlmc" find --hash 123
refute "what was extracted in part is not verified" \
    grep -q '"verified"' <("$vlmc" catalog list --json)
cp "$VLMC_CATALOG" relative.db
expect 0 "extract with catalog, archive and folder by relative paths" \
    env VLMC_CATALOG=relative.db "$vlmc" extract archives/a.vlmc -C restored2
check "counts as a verification" grep -q '"verified"' \
    <(VLMC_CATALOG=relative.db "$vlmc" catalog list --json)
expect 0 "extract without a catalog" \
    env VLMC_CATALOG="$scratch/none.db" "$vlmc" extract archives/a.vlmc -C restored3
refute "makes none" test -e none.db
expect 8 "extract with a catalog that is none" \
    env VLMC_CATALOG="$scratch/bad.db" "$vlmc" extract archives/a.vlmc -C restored4
check "restores all the same" cmp tree/plain.txt restored4/tree/plain.txt
expect 0 "extract --no-catalog asks none" env VLMC_CATALOG="$scratch/bad.db" \
    "$vlmc" extract --no-catalog archives/a.vlmc -C restored5
mv archives/a.vlmc archives/b.vlmc
expect 0 "scan after a move" "$vlmc" catalog scan archives
check "says from where" \
    grep -qxF "moved    $scratch/archives/b.vlmc (was $scratch/archives/a.vlmc)" stdout
expect 0 "find names the new place" "$vlmc" find plain
check "only" test "$(cat stdout)" = "$scratch/archives/b.vlmc: tree/plain.txt"
expect 0 "backup" "$vlmc" catalog backup saved.db
expect 7 "backup never overwrites" "$vlmc" catalog backup saved.db
expect 0 "a backup is a catalog" env VLMC_CATALOG="$scratch/saved.db" "$vlmc" find plain
rm archives/b.vlmc
expect 0 "scan after a removal" "$vlmc" catalog scan archives
check "says what is missing" grep -qx "missing  $scratch/archives/b.vlmc" stdout
expect 0 "it is still found" "$vlmc" find plain
check "as missing" grep -qF "b.vlmc (missing): " stdout
expect 0 "forget --missing" "$vlmc" catalog forget --missing
expect 1 "forgets it" "$vlmc" find plain
expect 1 "forget of what is not known" "$vlmc" catalog forget copy.vlmc
says "knows no archive"
expect 0 "another archive with the same text" \
    "$vlmc" create --no-catalog -m none -o both.vlmc tree/plain.txt
expect 0 "rebuild without a catalog" env VLMC_CATALOG="$scratch/third.db" \
    "$vlmc" catalog rebuild "$scratch"
expect 0 "dups" env VLMC_CATALOG="$scratch/third.db" "$vlmc" catalog dups
check "names what several archives hold" grep -q " in [0-9]* archives tree/" stdout
expect 0 "stats" env VLMC_CATALOG="$scratch/third.db" "$vlmc" catalog stats
expect 1 "scan of a folder with a broken archive" \
    sh -c 'echo nothing >archives/x.vlmc; "$1" catalog scan archives' - "$vlmc"
says "x.vlmc"
expect 2 "scan of no folder" "$vlmc" catalog scan nowhere
expect 0 "needs-model" "$vlmc" catalog needs-model
expect 1 "needs-model of one that none needs" "$vlmc" catalog needs-model nosuch

# ---- What changes an archive tells the catalog at once ----

export VLMC_CATALOG="$scratch/changes.db"
expect 0 "an archive that the catalog knows" "$vlmc" create -q -m none -o changed.vlmc tree
# listed FILE: the catalog has a copy of this name, with the size that the file has.
listed() { "$vlmc" catalog list --json | grep -F "/$1\"" | grep -q "\"archive_bytes\": *$(stat -c %s "$1")[,}]"; }
listing() { "$vlmc" catalog list --json; }
check "is known with its size" listed changed.vlmc
expect 0 "verify" "$vlmc" verify -q changed.vlmc
check "is on record" grep -q '"verified"' <(listing)
expect 0 "protect" "$vlmc" protect changed.vlmc
check "tells its new size" listed changed.vlmc
refute "and that this file was not verified yet" grep -q '"verified"' <(listing)
damage changed.vlmc 60 4
expect 4 "repair beside the damaged file" "$vlmc" repair changed.vlmc
check "tells of another copy" listed changed.repaired.vlmc
expect 3 "verify of the damaged file" "$vlmc" verify -q changed.vlmc
check "is on record" grep -q '"damaged": *true' <(listing)
expect 4 "repair in place" "$vlmc" repair --in-place changed.vlmc
refute "takes that back" grep -q '"damaged": *true' <(listing)
expect 0 "protect --remove" "$vlmc" protect --remove changed.repaired.vlmc
cp changed.repaired.vlmc changed.vlmc
truncate -s -1 changed.vlmc
expect 3 "verify of an archive that does not open" "$vlmc" verify -q changed.vlmc
check "is on record as well" grep -q '"damaged": *true' <(listing | grep -F /changed.vlmc)
cp changed.repaired.vlmc changed.vlmc
expect 0 "verify of a good copy in its place" "$vlmc" verify -q changed.vlmc
refute "takes that back" grep -q '"damaged": *true' <(listing)
check "tells its size" listed changed.vlmc
check "of two copies of one archive" test "$("$vlmc" catalog list --json | grep -c archive_bytes)" -eq 2
printf one >one
printf two >two
chmod 600 one two
expect 0 "an encrypted archive" "$vlmc" create -q -m none --encrypt --kdf-memory 8K --kdf-passes 1 \
    --passphrase-file one -o secret.vlmc tree
expect 0 "verify" "$vlmc" verify -q --passphrase-file one secret.vlmc
expect 0 "rekey" "$vlmc" rekey -q --kdf-memory 8K --kdf-passes 1 --passphrase-file one \
    --new-passphrase-file two secret.vlmc
refute "tells that this file was not verified yet" grep -q '"verified"' <(listing | grep -F /secret.vlmc)
check "of one copy" test "$(listing | grep -c secret.vlmc)" -eq 1
expect 0 "and teaches no names" sh -c '"$1" find --exact tree/plain.txt >names && ! grep secret names' - "$vlmc"

cp changed.vlmc whole.vlmc
export VLMC_CATALOG="$scratch/bad.db"
expect 8 "protect with a catalog that is none" "$vlmc" protect whole.vlmc
says '"vlmc catalog scan" will tell it'
check "protects all the same" grep -q '"recovery_bytes": *[1-9]' <("$vlmc" info --json whole.vlmc)
damage whole.vlmc 60 4
expect 8 "so repair" "$vlmc" repair --in-place whole.vlmc
check "mends" env VLMC_CATALOG="$scratch/none.db" "$vlmc" verify -q --level blocks whole.vlmc
expect 8 "and rekey" "$vlmc" rekey -q --kdf-memory 8K --kdf-passes 1 --passphrase-file two \
    --new-passphrase-file one secret.vlmc
export VLMC_CATALOG="$scratch/none.db"
expect 0 "it is the new passphrase" "$vlmc" verify -q --passphrase-file one secret.vlmc
expect 0 "protect without a catalog" "$vlmc" protect whole.vlmc
refute "makes none" test -e none.db

# ---- Disks that come and go ----

export VLMC_CATALOG="$scratch/second.db"
mkdir -p system/dev/disk/by-uuid disk
touch system/dev/sdb1
ln -s ../../sdb1 system/dev/disk/by-uuid/1234-ABCD
echo "23 22 8:17 / $scratch/disk rw - vfat /dev/sdb1 rw" >system/proc/self/mountinfo
export VLMC_SYSTEM="$scratch/system"
expect 0 "create on a disk" "$vlmc" create -m none -o disk/d.vlmc tree
expect 0 "name" "$vlmc" catalog name "$scratch/disk" "shelf 3"
: >system/proc/self/mountinfo
expect 0 "find after it was unplugged" "$vlmc" find plain
check "says on which disk" test "$(cat stdout)" = "[shelf 3] /d.vlmc: tree/plain.txt"
says "is not here"
expect 0 "volumes" "$vlmc" catalog volumes
check "says so too" grep -q 'not here .* uuid:1234-ABCD "shelf 3" last at' stdout
expect 0 "list" "$vlmc" catalog list
expect 0 "forget of what is elsewhere" "$vlmc" catalog forget "[shelf 3] /d.vlmc"
expect 1 "forgets it" "$vlmc" find plain
finish
