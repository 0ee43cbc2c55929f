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

# Waits up to ten seconds for a command to hold.
eventually() {
    for _ in $(seq 100); do
        "$@" && return 0
        sleep 0.1
    done
    return 1
}

temporary_there() { compgen -G "$1.tmp-*" >/dev/null; }

make_text 60000 7 >long
mkfifo pipe
for signal in INT TERM HUP; do
    wanted=$((128 + $(kill -l $signal)))
    start "$vlmc" create --no-catalog -m tiny -o "$signal.vlmc" long
    check "a long run begins" eventually temporary_there $signal.vlmc
    sleep 0.5
    kill -$signal $pid
    wait $pid
    code=$?
    report $((code != wanted)) "SIG$signal stops it (exit code $wanted)"
    check "with a message" grep -q '^vlmc: ' stderr
    refute "no archive is left" test -e $signal.vlmc
    check "and nothing temporary" nothing_left .

    exec 9<>pipe
    start "$vlmc" create --no-catalog -m tiny -o "$signal.vlmc" - <pipe
    check "a run that waits for its input begins" eventually temporary_there $signal.vlmc
    sleep 0.2
    kill -$signal $pid
    wait $pid
    code=$?
    exec 9>&-
    report $((code != wanted)) "SIG$signal stops it while it waits (exit code $wanted)"
    refute "no archive is left" test -e $signal.vlmc
    check "and nothing temporary" nothing_left .
done

# A reader that goes away, as with "vlmc create … 2>&1 | head -1".
start "$vlmc" create --no-catalog -m tiny -o PIPE.vlmc long
check "a run whose messages nobody reads begins" eventually temporary_there PIPE.vlmc
kill -PIPE $pid
wait $pid
code=$?
report $((code != 141)) "SIGPIPE stops it (exit code 141)"
check "and nothing temporary is left" nothing_left .
exec 9<>pipe
start nohup "$vlmc" create --no-catalog -m none -o nohup.vlmc - <pipe 9>&-
check "a run under nohup begins" eventually temporary_there nohup.vlmc
kill -HUP $pid
echo contents >&9
exec 9>&-
wait $pid
report $? "under nohup SIGHUP changes nothing"
check "and the archive is sound" "$vlmc" verify nohup.vlmc

head -c 1000000 long >shorter
"$vlmc" create -q --no-catalog -m tiny -o long.vlmc shorter
start "$vlmc" extract long.vlmc -C out
check "an extraction begins" eventually test -e out
sleep 0.5
kill -USR1 $pid
check "USR1 prints the phase" eventually grep -q '^vlmc: extracting' stderr
kill -INT $pid
wait $pid
code=$?
report $((code != 130)) "SIGINT stops the extraction (exit code 130)"
refute "no half file has its name" test -e out/shorter
check "and nothing temporary is left" nothing_left .
finish
