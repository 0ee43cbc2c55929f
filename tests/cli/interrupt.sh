#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Signals: the first stops cleanly, USR1 asks how far it is.
. "$(dirname "$0")/lib.bash" "$@"

# Background jobs of a script ignore SIGINT from their start, which the program respects;
# env --default-signal undoes it. And they read /dev/null, unless told otherwise.
start() {
    env --default-signal=INT,HUP,PIPE "$@" <&0 >stdout 2>stderr &
    pid=$!
}

# Waits up to a minute for a command to hold: the machine may be busy.
eventually() {
    for _ in $(seq 600); do
        "$@" && return 0
        sleep 0.1
    done
    return 1
}

temporary_there() { compgen -G "$1.tmp-*" >/dev/null; }
packed() { [ "$(stat -c %s ".$1".part-* 2>/dev/null | sort -n | tail -1)" -gt 100 ] 2>/dev/null; }

make_text 4000 7 >long
mkfifo pipe
"$vlmc" create -q --no-catalog -m tiny --group-size 64K -o whole.vlmc long
for signal in INT TERM HUP; do
    wanted=$((128 + $(kill -l $signal)))
    start "$vlmc" create --no-catalog -m tiny --group-size 64K -o "$signal.vlmc" long
    check "a long run begins" eventually packed $signal.vlmc
    kill -$signal $pid
    wait $pid
    code=$?
    report $((code != wanted)) "SIG$signal stops it (exit code $wanted)"
    check "it finishes the groups in work" grep -q '^vlmc: finishing the groups in work' stderr
    check "and says how to go on" grep -q '"vlmc jobs resume [0-9a-f]*" goes on' stderr
    refute "no archive is left" test -e $signal.vlmc
    expect 0 "it goes on" "$vlmc" jobs resume
    says "were taken over"
    check "the archive is as if nothing had happened" cmp $signal.vlmc whole.vlmc
    check "and nothing temporary is left" nothing_left .

    exec 9<>pipe
    start "$vlmc" create --no-catalog -m tiny -o "pipe-$signal.vlmc" - <pipe
    check "a run that waits for its input begins" eventually temporary_there pipe-$signal.vlmc
    sleep 0.2
    kill -$signal $pid
    wait $pid
    code=$?
    exec 9>&-
    report $((code != wanted)) "SIG$signal stops it while it waits (exit code $wanted)"
    refute "no archive is left" test -e pipe-$signal.vlmc
    check "and nothing temporary" nothing_left .
done

start "$vlmc" create --no-catalog -m tiny -o twice.vlmc long
check "a run of one long group begins" eventually compgen -G ".twice.vlmc.part-*"
sleep 0.1
kill -INT $pid
check "it finishes its group" eventually grep -q 'a second signal stops at once' stderr
kill -INT $pid
wait $pid
code=$?
report $((code != 130)) "a second signal stops it at once (exit code 130)"
check "the job is on record" grep -q "interrupted.*twice.vlmc" <("$vlmc" jobs)
expect 0 "and can be given up" "$vlmc" jobs cancel "$("$vlmc" jobs | cut -c1-8)"
check "which leaves nothing" nothing_left .

# A reader that goes away, as with "vlmc create … 2>&1 | head -1".
start "$vlmc" create --no-catalog -m tiny --group-size 64K -o PIPE.vlmc long
check "a run whose messages nobody reads begins" eventually packed PIPE.vlmc
kill -PIPE $pid
wait $pid
code=$?
report $((code != 141)) "SIGPIPE stops it (exit code 141)"
expect 0 "the same command goes on" "$vlmc" create --no-catalog -m tiny --group-size 64K -o PIPE.vlmc long
says "going on with job"
check "to the same archive" cmp PIPE.vlmc whole.vlmc
exec 9<>pipe
start nohup "$vlmc" create --no-catalog -m none -o nohup.vlmc - <pipe 9>&-
check "a run under nohup begins" eventually temporary_there nohup.vlmc
kill -HUP $pid
echo contents >&9
exec 9>&-
wait $pid
report $? "under nohup SIGHUP changes nothing"
check "and the archive is sound" "$vlmc" verify nohup.vlmc

make_text 12000 8 >shorter # some seconds
echo first >before
"$vlmc" create -q --no-catalog -m tiny -o long.vlmc before shorter
start "$vlmc" extract long.vlmc -C out
check "an extraction begins" eventually test -e out/before
kill -USR1 $pid
check "USR1 prints the phase" eventually grep -q '^vlmc: extracting' stderr
kill -INT $pid
wait $pid
code=$?
report $((code != 130)) "SIGINT stops the extraction (exit code 130)"
refute "no half file has its name" test -e out/shorter
check "what is complete is there" cmp out/before before
check "and counted" grep -q '1 of 2 entries are extracted' stderr
expect 0 "the same command does the rest" "$vlmc" extract --overwrite newer long.vlmc -C out
says "1 of 2 entries"
check "so that all is there" cmp out/shorter shorter
check "and nothing temporary is left" nothing_left .
finish
