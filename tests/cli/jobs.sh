#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Archives whose creation was interrupted: on record, gone on with, given up.
. "$(dirname "$0")/lib.bash" "$@"
records=$HOME/.local/state/vlmc/jobs

mkdir tree
make_text 500 1 >tree/a
head -c 300000 /dev/urandom >tree/b
make_text 500 2 >tree/c
create=("$vlmc" create -q --no-catalog -m none --group-size 64K)

# interrupt [ARGUMENT…]: a run that stops after some groups, as on a full disk.
interrupt() {
    (ulimit -f 250 && "${create[@]}" "$@" 2>/dev/null)
    [ $? -eq 2 ] || echo "FAILED: the run was not interrupted"
}
id_of() { "$vlmc" jobs | grep -F -- "$1" | cut -c1-8; }

expect 0 "without jobs the list is empty" "$vlmc" jobs
check "and prints nothing" test ! -s stdout
expect 64 "there is nothing to resume" "$vlmc" jobs resume
says "there is no job on record"
expect 64 "and no such job" "$vlmc" jobs resume 01234567
says "there is no job 01234567"
expect 64 "an id is eight digits" "$vlmc" jobs cancel ../../x
says "is not the id of a job"
expect 64 "another word" "$vlmc" jobs remove
says "say list, resume ID or cancel ID"
"${create[@]}" -o whole.vlmc tree
check "a finished archive leaves no record" test -z "$(ls "$records")"

interrupt -o x.vlmc tree
id=$(id_of x.vlmc)
expect 0 "an interrupted job is listed" "$vlmc" jobs
check "by id, state and archive" grep -qE "^$id  interrupted .*$PWD/x.vlmc$" stdout
expect 7 "another level for the same archive is refused" "$vlmc" create -m none -1 -o x.vlmc tree
says "vlmc jobs resume $id"
expect 7 "and so are other paths" "$vlmc" create -m none --group-size 64K -o x.vlmc tree/a
mkdir elsewhere
expect 0 "the job goes on from another folder" \
    sh -c 'cd elsewhere && exec "$1" jobs resume "$2"' - "$vlmc" "$id"
says "were taken over"
check "the archive is the same" cmp x.vlmc whole.vlmc
check "nothing else is left" nothing_left .
check "and no record" test -z "$(ls "$records")"

interrupt -o forced.vlmc tree
expect 0 "--force begins anew with other settings" \
    "$vlmc" create -f --no-catalog -m none -o forced.vlmc tree/a
expect 0 "to an archive" "$vlmc" verify forced.vlmc
check "and no record" test -z "$(ls "$records")"

interrupt -o gone.vlmc tree
id=$(id_of gone.vlmc)
expect 0 "a job can be given up" "$vlmc" jobs cancel "$id"
check "which leaves nothing" nothing_left .
check "and no record" test -z "$(ls "$records")"

interrupt -o stale.vlmc tree
rm .stale.vlmc.part-*
check "a job without its partial file is stale" grep -q "  stale " <("$vlmc" jobs)
expect 0 "and begins anew" "$vlmc" jobs resume
says "from the start"
check "to the same archive" cmp stale.vlmc whole.vlmc

interrupt --verify -o late.vlmc tree
record=$(ls "$records"/*.json)
cp "$record" kept.json
expect 0 "an archive is finished" "$vlmc" jobs resume
check "and verified as it was asked for" grep -q "all as they were" stdout
cp kept.json "$record"
check "a kill just behind that is seen" grep -q "  complete " <("$vlmc" jobs)
expect 0 "what is left is done" "$vlmc" jobs resume
check "which is to verify" grep -q "all as they were" stdout
check "and no record stays" test -z "$(ls "$records")"

# Sources that change.
interrupt -o changed.vlmc tree
cp -a tree before
echo more >>tree/c
rm tree/b
expect 0 "files that have changed meanwhile" "$vlmc" jobs resume
expect 0 "are in the archive as they are now" "$vlmc" diff changed.vlmc
rm -r tree && mv before tree
interrupt -o lost.vlmc tree
mv tree away
expect 2 "sources that are gone do not cost the job" "$vlmc" jobs resume
check "which stays on record" grep -q "  interrupted " <("$vlmc" jobs)
mv away tree
expect 0 "until they are back" "$vlmc" jobs resume
check "to the same archive" cmp lost.vlmc whole.vlmc

# The archive within its own tree, and names that are no text.
interrupt -o tree/inside.vlmc tree
expect 0 "an archive within its tree goes on" "$vlmc" jobs resume
refute "without itself" grep -q inside <("$vlmc" list tree/inside.vlmc)
rm tree/inside.vlmc
odd=$'odd\xff\n"name".vlmc'
cp tree/a $'tree/\xfe\nx'
interrupt -o "$odd" tree $'tree/\xfe\nx'
expect 0 "names of any bytes are listed" "$vlmc" jobs --json
check "in base64 as well" grep -q '"output_b64"' stdout
expect 0 "and go on" "$vlmc" jobs resume
expect 0 "to an archive of that name" "$vlmc" verify "$odd"
rm $'tree/\xfe\nx'
"${create[@]}" -f -o whole.vlmc tree
interrupt -o one.vlmc tree
interrupt -o two.vlmc tree
expect 64 "of two jobs one must be named" "$vlmc" jobs resume
says "there are 2 jobs"
expect 0 "several can be given up at once" "$vlmc" jobs cancel "$(id_of one.vlmc)" "$(id_of two.vlmc)"

# Files that somebody else has put where those of the job go.
place=.bare.vlmc.part-$(
    interrupt -o bare.vlmc tree
    id_of bare.vlmc
)
"$vlmc" jobs cancel -q "${place##*-}"
echo precious >mine
ln mine "$place"
expect 7 "a link to another file is not written to" "${create[@]}" -o bare.vlmc tree
says "is in the way"
rm "$place"
ln -s mine "$place"
expect 2 "nor a symbolic link" "${create[@]}" -o bare.vlmc tree
check "the file is as it was" test "$(cat mine)" = precious
rm "$place"
if [ "$(id -u)" -eq 0 ]; then
    mkdir -m 1777 shared
    interrupt -o shared/x.vlmc tree
    chown 65534 shared/.x.vlmc.part-*
    expect 7 "nor, in a folder that others can write, what belongs to them" "$vlmc" jobs resume
    says "is in the way"
    rm shared/.x.vlmc.part-*
    "$vlmc" jobs cancel -q "$(id_of x.vlmc)"
fi

# A job that runs.
make_text 2000 7 >long
env --default-signal=INT "$vlmc" create -q --no-catalog -m tiny --group-size 64K -o run.vlmc long &
pid=$!
for _ in $(seq 100); do
    [ "$(stat -c %s .run.vlmc.part-????????.log 2>/dev/null || echo 0)" -gt 16 ] && break
    sleep 0.1
done
kill -STOP $pid
id=$(id_of run.vlmc)
check "a running job is listed so" grep -q "  running " <("$vlmc" jobs)
expect 7 "it cannot be resumed" "$vlmc" jobs resume
says "is running at this moment"
expect 7 "nor begun again" "$vlmc" create -m tiny --group-size 64K -o run.vlmc long
says "is writing this archive at this moment"
expect 7 "nor given up" "$vlmc" jobs cancel "$id"
says "another vlmc is writing"
check "and stays on record" grep -q "  running " <("$vlmc" jobs)
kill -KILL $pid
wait $pid 2>/dev/null
check "after kill -9 it is interrupted" grep -q "  interrupted " <("$vlmc" jobs)
expect 5 "without its model it does not become another archive" \
    env VLMC_MODEL_PATH=/nonexistent "$vlmc" jobs resume
says "tiny"
check "and stays on record" grep -q "  interrupted " <("$vlmc" jobs)
expect 0 "with the model it goes on" "$vlmc" jobs resume
"$vlmc" create -q --no-catalog -m tiny --group-size 64K -o run2.vlmc long
check "to the same archive" cmp run.vlmc run2.vlmc

# Records that nobody can use.
interrupt -o bad.vlmc tree
id=$(id_of bad.vlmc)
record=$records/$id.json
cp "$record" kept.json
unusable() { # SENTENCE
    expect 1 "$1: the list says so" "$vlmc" jobs
    says "cannot be used"
    expect 2 "and resume refuses it" "$vlmc" jobs resume "$id"
}
echo '{"version": 1' >"$record"
unusable "a record that is cut short"
head -c 3000 /dev/urandom >"$record"
unusable "a record of random bytes"
sed 's/bad\.vlmc/other.vlmc/' kept.json >"$record"
unusable "a record of another archive"
sed 's/"version": 1/"version": 2/' kept.json >"$record"
unusable "a record of another version"
sed 's/"folder": "/"folder": "..\//' kept.json >"$record"
unusable "a record without a folder"
cp kept.json "$record"
chmod 666 "$record"
unusable "a record that others can write"
touch precious
sed "s|\"partial\": \".*\"|\"partial\": \"$PWD/precious\"|" kept.json >"$record"
chmod 600 "$record"
expect 0 "a record names no file to remove" "$vlmc" jobs cancel "$id"
check "so others stay" test -e precious
check "and those of the job are gone" nothing_left .
interrupt -o bad.vlmc tree
echo rubbish >"$record"
expect 0 "a record that cannot be read can be given up" "$vlmc" jobs cancel "$id"
says "says nothing of its files"
expect 0 "its partial file still serves the same command" "${create[@]}" -o bad.vlmc tree
check "to the same archive" cmp bad.vlmc whole.vlmc
check "and is not left" nothing_left .

expect 0 "without a place for records the archive is written all the same" \
    env -u HOME "$vlmc" create --no-catalog -m none --group-size 64K -o homeless.vlmc tree
says "cannot be put on record"
check "and is the same" cmp homeless.vlmc whole.vlmc
check "with nothing left" nothing_left .
# A record that was being written when its writer was killed.
echo '{"sources": ["secret"]}' >"$records/.new-abcdef"
"${create[@]}" -f -o whole.vlmc tree
check "what a killed writer left goes with the next job" test ! -e "$records/.new-abcdef"
echo '{"sources": ["secret"]}' >"$records/.new-ghijkl"
flock "$records/.new-ghijkl" "${create[@]}" -f -o whole.vlmc tree
check "what somebody writes at this moment does not" test -e "$records/.new-ghijkl"
rm "$records/.new-ghijkl"
finish
