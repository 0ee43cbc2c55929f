#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Signals: the first stops cleanly, USR1 asks how far it is.
. "$(dirname "$0")/lib.bash" "$@"

# Background jobs of a script ignore SIGINT from their start, which the program respects;
# env --default-signal undoes it. And they read /dev/null, unless told otherwise.
start() {
    env --default-signal=INT "$@" <&0 >stdout 2>stderr &
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
for signal in INT TERM; do
    [ $signal = INT ] && wanted=130 || wanted=143
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
