#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Encrypted archives: passphrases from files, pipes and the terminal, and what is said without one.
. "$(dirname "$0")/lib.bash" "$@"

cheap=(--kdf-memory 8K --kdf-passes 1)
mkdir -p tree/hidden-folder
make_text 300 1 >tree/hidden-name.txt
head -c 100000 /dev/urandom >tree/hidden-folder/noise
printf 'open sesame\n' >key
printf 'close sesame\n' >wrong
chmod 600 key wrong

make() { "$vlmc" create -q -2 --no-catalog --encrypt "${cheap[@]}" --passphrase-file "$@" tree; }
with() { # KEY COMMAND ARGUMENT…
    local key=$1
    shift
    "$vlmc" "$@" --passphrase-file "$key"
}

expect 0 "create --encrypt with a passphrase from a file" make key -o e.vlmc
check "says nothing" test ! -s stderr
refute "no name can be seen in the archive" grep -q hidden e.vlmc
for command in list verify "extract -C out"; do
    # shellcheck disable=SC2086
    expect 0 "$command with the passphrase" with key $command e.vlmc
    # shellcheck disable=SC2086
    expect 7 "$command with another one" with wrong $command e.vlmc
    says 'the passphrase in "wrong" is not that of e.vlmc'
done
check "what is extracted is what was there" diff -r tree out/tree
expect 0 "diff with the passphrase" with key diff e.vlmc -C out
expect 0 "--verify needs no second passphrase" make key --verify -o v.vlmc
expect 0 "an archive from standard input" with key verify - <e.vlmc
expect 0 "a passphrase from standard input" with - verify e.vlmc <key
expect 0 "a passphrase from a descriptor" with /dev/fd/5 verify e.vlmc 5<key
expect 0 "a passphrase from another program" with <(cat key) verify e.vlmc
expect 0 "create with a passphrase from standard input" make - --verify -o p.vlmc <key
expect 0 "which is the same passphrase" with key verify p.vlmc
expect 64 "archive and passphrase from one standard input" with - verify - <e.vlmc
says "cannot both come from standard input"

# Damage is found without the passphrase.
for level in header blocks; do
    expect 0 "verify --level $level without the passphrase" setsid -w "$vlmc" verify --level $level e.vlmc
done
check "counts the sealed records" grep -qE '^[1-9][0-9]* blocks, [0-9]+ bytes: all as they were written$' stdout
cp e.vlmc hurt.vlmc
for at in 20 140 60000; do
    damage hurt.vlmc $at 4
    expect 3 "which finds damage at byte $at" setsid -w "$vlmc" verify --level blocks hurt.vlmc
    says "hurt.vlmc is damaged"
    dd if=e.vlmc of=hurt.vlmc bs=1 skip=$at seek=$at count=4 conv=notrunc status=none
done
damage hurt.vlmc 60000 4
expect 3 "with the passphrase" with key verify --level blocks hurt.vlmc
check "it says whose it is" grep -q 'files lie in damaged parts' stdout
"$vlmc" verify --level blocks --json hurt.vlmc >stdout 2>stderr
check "in JSON as well" grep -qE '"damaged": *1,.*"locked": *true|"locked": *true,.*"damaged": *1,' stdout

# Two archives of the same tree have two keys.
check "the same tree again makes another archive" test "$(cmp e.vlmc v.vlmc | wc -l)" -eq 1

# Damage is not a wrong passphrase.
cp e.vlmc damaged.vlmc
damage damaged.vlmc 60000
expect 3 "verify of a damaged archive" with key verify damaged.vlmc
says hidden-folder/noise
head -c 90000 e.vlmc >cut.vlmc
expect 3 "verify of half an archive" with key verify cut.vlmc

# Without a passphrase.
expect 7 "list without passphrase and terminal" setsid -w "$vlmc" list e.vlmc </dev/null
says "--passphrase-file FILE"
expect 7 "create --encrypt without passphrase and terminal" \
    setsid -w "$vlmc" create --encrypt -2 -o no.vlmc tree </dev/null
says "--passphrase-file FILE"
refute "leaves no archive" test -e no.vlmc
expect 0 "info without passphrase" setsid -w "$vlmc" info e.vlmc
check "says that the archive is encrypted" grep -q '^encrypted: --passphrase-file shows more' stdout
refute "and nothing of its content" grep -q entries stdout
expect 0 "info with the passphrase" with key info e.vlmc
check "says what it says of others" grep -q '^entries  *2 files, 2 folders' stdout
expect 7 "info with a wrong one" with wrong info e.vlmc

# What is the passphrase of a file?
printf 'open sesame' >bare
printf 'open sesame\r\n' >windows
printf 'open sesame\n\n' >two
printf 'open sesame \n' >space
chmod 600 bare windows two space
expect 0 "a file without a newline" with bare list e.vlmc
expect 0 "a file with a newline of Windows" with windows list e.vlmc
expect 7 "a file with two newlines" with two list e.vlmc
expect 7 "a file with a space" with space list e.vlmc
: >nothing
echo >newline
head -c 1024 /dev/zero | tr '\0' x >longest
head -c 1025 /dev/zero | tr '\0' x >too_long
chmod 600 nothing newline longest too_long
expect 64 "an empty file" make nothing -o no.vlmc
says 'no passphrase in "nothing"'
expect 64 "a file with a newline only" make newline -o no.vlmc
expect 64 "a file of 1025 bytes" make too_long -o no.vlmc
says "1024 bytes at most"
expect 64 "a file of no end" make /dev/zero -o no.vlmc
expect 0 "a file of 1024 bytes" make longest -o longest.vlmc
expect 0 "which opens what it closed" with longest list longest.vlmc
expect 2 "a file that is not there" make nosuchfile -o no.vlmc
says nosuchfile
expect 2 "a folder" make tree -o no.vlmc
expect 64 "no name of a file" make "" -o no.vlmc
refute "none of them leaves an archive" test -e no.vlmc
cp key readable
chmod 644 readable
expect 0 "a file that others can read" with readable list e.vlmc
says 'others than you can read "readable"'

# What makes no sense.
expect 64 "a passphrase without --encrypt" "$vlmc" create -2 --passphrase-file key -o no.vlmc tree
check "is told what it needs" grep -q -- "without --encrypt" stderr
for bad in "--kdf-memory 7K" "--kdf-memory 2G" "--kdf-passes 0" "--kdf-passes 65" \
    "--kdf-memory 1G --kdf-passes 5" "--kdf-passes -1" "--kdf-memory 99999T"; do
    # shellcheck disable=SC2086
    expect 64 "$bad" make key $bad -o no.vlmc
done
"$vlmc" create -q -2 --no-catalog -o plain.vlmc tree
expect 7 "a passphrase for an archive that is not encrypted" with key extract plain.vlmc -C replaced
says "plain.vlmc is not encrypted"
refute "extracts nothing" test -e replaced
expect 0 "but among several archives some may be so" with key verify e.vlmc plain.vlmc

# The catalog.
expect 0 "create with a catalog" \
    "$vlmc" create -q -2 --encrypt "${cheap[@]}" --passphrase-file key -o c.vlmc tree
expect 1 "find knows no secret name" "$vlmc" find hidden
expect 0 "catalog list" "$vlmc" catalog list
check "knows the archive" grep -q 'c.vlmc$' stdout
refute "and has none of its names" grep -q hidden catalog.db*
expect 0 "create --catalog-names" "$vlmc" create -f -q -2 --encrypt --catalog-names "${cheap[@]}" \
    --passphrase-file key -o c.vlmc tree
expect 0 "find knows the names then" "$vlmc" find hidden-name
mkdir kept
mv c.vlmc kept
expect 0 "rebuild of a sound catalog" "$vlmc" catalog rebuild kept
expect 0 "keeps them" "$vlmc" find hidden-name
expect 0 "so does protect" "$vlmc" protect -q kept/c.vlmc
expect 0 "of whoever may know them" "$vlmc" find hidden-name
cp catalog.db torn.db
dd if=/dev/zero of=torn.db bs=4096 seek=2 count=20 conv=notrunc status=none
expect 0 "rebuild of a damaged one" env VLMC_CATALOG="$scratch/torn.db" "$vlmc" catalog rebuild kept
check "knows the archive" grep -q 'c.vlmc$' <(VLMC_CATALOG="$scratch/torn.db" "$vlmc" catalog list)
expect 1 "and no name" env VLMC_CATALOG="$scratch/torn.db" "$vlmc" find hidden
expect 0 "forget" "$vlmc" catalog forget kept/c.vlmc
expect 0 "and scan" "$vlmc" catalog scan kept
expect 1 "forget the names" "$vlmc" find hidden
expect 0 "verify with the passphrase" with key verify -q kept/c.vlmc
expect 0 "extract with it" with key extract -q -C out2 kept/c.vlmc
expect 1 "and neither teaches them again" "$vlmc" find hidden

# Another passphrase.
cp e.vlmc r.vlmc
expect 7 "rekey with a wrong passphrase" with wrong rekey r.vlmc --new-passphrase-file two "${cheap[@]}"
check "changes nothing" cmp e.vlmc r.vlmc
expect 0 "rekey" with key rekey r.vlmc --new-passphrase-file wrong "${cheap[@]}"
check "changes the key record only" test "$(cmp -l e.vlmc r.vlmc | awk '$1 <= 16 || $1 > 128' | wc -l)" -eq 0
expect 7 "the old passphrase opens it no more" with key verify r.vlmc
expect 0 "the new one does" with wrong verify r.vlmc
check "it is the same archive" diff <("$vlmc" info e.vlmc | grep identity) <("$vlmc" info r.vlmc | grep identity)
expect 7 "rekey without a passphrase and a terminal" setsid -w "$vlmc" rekey r.vlmc </dev/null
expect 7 "rekey of an archive that is not encrypted" "$vlmc" rekey plain.vlmc --new-passphrase-file key
says "is not encrypted"
expect 64 "two passphrases from one standard input" with - rekey r.vlmc --new-passphrase-file - <key
expect 64 "rekey of standard input" with key rekey - <r.vlmc
expect 64 "a cost out of bounds" with wrong rekey r.vlmc --new-passphrase-file key --kdf-memory 2G
expect 64 "an empty new passphrase" with wrong rekey r.vlmc --new-passphrase-file nothing "${cheap[@]}"
expect 0 "none of which harmed it" with wrong verify r.vlmc

# Interrupted, as on a full disk, and gone on with.
jobs=$HOME/.local/state/vlmc/jobs
job=("$vlmc" create --no-catalog -m none --group-size 64K --encrypt "${cheap[@]}")
make_text 4000 9 >tree/later
head -c 300000 /dev/urandom >tree/zz
interrupt() { (ulimit -f 250 && "${job[@]}" --passphrase-file key -o j.vlmc tree 2>/dev/null); }
interrupt
check "an interrupted job stays" test -n "$(ls .j.vlmc.part-*)"
refute "without a name of the tree in its files" grep -q hidden .j.vlmc.*
expect 7 "another passphrase does not go on with it" \
    "${job[@]}" --passphrase-file wrong -o j.vlmc tree
says 'the passphrase in "wrong" is not that of j.vlmc'
expect 7 "nor does no passphrase" setsid -w "$vlmc" jobs resume </dev/null
expect 7 "nor does an archive that is not encrypted" \
    "$vlmc" create --no-catalog -m none --group-size 64K -o j.vlmc tree
says "vlmc jobs resume"
head -qc 128 .j.vlmc.part-* | head -c 128 >start
expect 0 "jobs resume goes on" "$vlmc" jobs resume --passphrase-file key
says "were taken over"
check "under the same key" cmp -n 128 start j.vlmc
expect 0 "to a whole archive" with key verify j.vlmc
check "of the whole tree" test "$(with key list j.vlmc | wc -l)" -eq "$(find tree | wc -l)"
check "and nothing stays" test -z "$(ls "$jobs")$(ls .j.vlmc.* 2>/dev/null)"
rm j.vlmc
interrupt
expect 0 "so does the same command again" "${job[@]}" --passphrase-file key -o j.vlmc tree
says "were taken over"
expect 0 "to a whole archive" with key verify j.vlmc
rm tree/later tree/zz

# Recovery data know the archive as bytes.
cp e.vlmc p.vlmc
expect 0 "an encrypted archive is protected without its passphrase" "$vlmc" protect -q p.vlmc
expect 0 "and verified with it" with key verify p.vlmc
damage p.vlmc 60000 4
expect 4 "repaired without it" "$vlmc" repair --in-place p.vlmc
expect 0 "and whole again" with key verify p.vlmc
expect 7 "rekey wants no recovery data, which have the old key" \
    with key rekey p.vlmc --new-passphrase-file wrong "${cheap[@]}"
says "protect --remove"

# The terminal: a pseudo-terminal whose every question gets an answer.
if ! command -v script >/dev/null; then
    echo "NOT CHECKED: the terminal, because script is not installed"
    check "(only where CI is not set)" test -z "${CI:-}"
    finish
fi
# The shell there outlives an interrupt and stays until script has written down all that it got.
on_terminal() { # CODE SENTENCE COMMAND ANSWER…
    local wanted=$1 sentence=$2 asked=0 tries answer pid
    local command="trap : INT; $3
        code=\$?; stty -a; printf 'left %s\n' \$code
        until grep -q '^left '\$code typed; do sleep 0.02; done
        exit \$code"
    shift 3
    rm -f keys typed
    mkfifo keys
    : >typed
    # A background job ignores SIGINT, which ^C would be.
    env --default-signal=INT timeout 60 script -qefc "$command" typed <keys >/dev/null 2>&1 &
    pid=$!
    exec 3>keys
    for answer; do
        asked=$((asked + 1))
        for ((tries = 0; tries < 300; tries++)); do
            [ "$(grep -oE '(assphrase|once more) for [^:]*: ' typed | wc -l)" -ge $asked ] && break
            kill -0 $pid 2>/dev/null || break
            sleep 0.1
        done
        printf '%s' "$answer" >&3
    done
    wait $pid
    local code=$?
    exec 3>&-
    report $((code != wanted)) "$sentence (exit code $wanted)"
    [ $code -eq "$wanted" ] || sed "s/^/    got $code: /" typed
}
typed_says() {
    grep -qF -- "$1" typed
    report $? "the terminal shows \"$1\""
}
create="'$vlmc' create -2 --no-catalog --encrypt ${cheap[*]} -o t.vlmc tree"
on_terminal 0 "a new passphrase is asked for twice" "$create" $'open sesame\n' $'open sesame\n'
refute "and not shown" grep -q sesame typed
expect 0 "it is that of the archive" with key verify t.vlmc
on_terminal 0 "an archive asks for its passphrase" "'$vlmc' list t.vlmc" $'open sesame\n'
typed_says "tree/hidden-name.txt"
on_terminal 0 "a wrong one is asked for again" "'$vlmc' verify t.vlmc" $'x\n' $'y\n' $'open sesame\n'
typed_says "That is not it. Passphrase for t.vlmc: "
on_terminal 7 "three times" "'$vlmc' verify t.vlmc" $'x\n' $'y\n' $'z\n'
typed_says "vlmc: that is not the passphrase of t.vlmc"
on_terminal 7 "nothing is no passphrase" "'$vlmc' verify t.vlmc" $'\n'
typed_says "stays shut"
on_terminal 0 "standard streams may be elsewhere" "'$vlmc' list - <t.vlmc >listed" $'open sesame\n'
check "and get what they should" grep -qx tree/hidden-name.txt listed
rm t.vlmc
on_terminal 7 "two passphrases that differ" "$create" $'open sesame\n' $'open sesam\n'
typed_says "the two passphrases differ"
refute "leave no archive" test -e t.vlmc
on_terminal 64 "no new passphrase" "$create" $'\n'
on_terminal 130 "an interrupt" "$create" $'open\003'
check "leaves the terminal as it was" grep -qE '(^| )echo( |;|$)' typed
on_terminal 0 "rekey asks for the old passphrase and twice for the new one" \
    "'$vlmc' rekey ${cheap[*]} e.vlmc" $'open sesame\n' $'close sesame\n' $'close sesame\n'
expect 0 "which then is that of the archive" with wrong verify e.vlmc
finish
