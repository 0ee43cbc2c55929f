#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How far a run is: a line at a terminal, nothing elsewhere, and a line whenever USR1 asks.
. "$(dirname "$0")/lib.bash" "$@"

make_text 4000 1 >text # some 240 KB
head -c 20000 text >little
"$vlmc" create -q --no-catalog -1 -o text.vlmc text

# at_terminal COLUMNS COMMAND…: runs a command whose stdin, stdout and stderr are a terminal so
# wide; leaves what the terminal got in the file screen.
at_terminal() {
    local columns=$1 command
    shift
    command=$(printf '%q ' "$@")
    TERM=${term-xterm} SHELL=/bin/bash script -qec "stty cols $columns; $command" /dev/null \
        </dev/null >screen 2>&1
}
# Lines of progress in screen, one a line.
lines() { tr '\r' '\n' <screen | sed -n 's/^\x1b\[K//p' | grep -a "^$1 "; }
# narrow_enough PHASE COLUMNS: no line of progress is wider, and there is one.
narrow_enough() { lines "$1" | awk -v most="$2" '{ n++; if (length > most) wide++ } END { exit !n || wide }'; }

if command -v script >/dev/null; then
    at_terminal 100 "$vlmc" create --no-catalog -2 -o wide.vlmc text
    check "a terminal sees the phase, its share and the rate" \
        eval 'lines packing | grep -qE "packing [0-9]+ %, [0-9.]+ [KM]B of [0-9]+ KB, [0-9.]+ [KM]?B/s"'
    check "and the time left" eval 'lines packing | grep -qE ", [0-9]+:[0-9][0-9] left$"'
    check "the line is cleared before the next message" \
        eval 'grep -aqP "\r\x1b\[Kvlmc: wide.vlmc: " screen'
    mkdir many
    printf 123 >many/a
    for i in b c d; do ln many/a many/$i; done
    at_terminal 100 "$vlmc" create --no-catalog -1 -o many.vlmc many
    check "and before, how much was found" eval 'lines looking: | grep -qE "^looking: [1-4] files?, 3 B found$"'
    at_terminal 100 "$vlmc" estimate -1 many
    check "so for an estimate" eval 'lines looking: | grep -qE " files?, 3 B found$"'
    at_terminal 12 "$vlmc" create --no-catalog -f -1 -o many.vlmc many
    check "as much as there is room for" eval 'lines looking: | grep -qx "looking: [1-4] "'
    printf 456 >many/e
    "$vlmc" create -f -q --no-catalog -1 -o many.vlmc many
    printf 457 >many/e
    at_terminal 100 "$vlmc" diff many.vlmc
    check "diff says how far it is" eval 'lines comparing | grep -qE "^comparing [0-9]+ %"'
    check "and its results stand on lines of their own" \
        eval 'tr "\r" "\n" <screen | sed "s/^\x1b\[K//" | grep -qx "content many/e"'
    at_terminal 100 "$vlmc" catalog scan many
    check "a scan says how many files it has seen" \
        eval 'lines looking: | grep -qE "^looking: [0-9]+ files?, [0-9]+ B found$"'
    mkdir scanned
    cp text.vlmc scanned
    at_terminal 100 "$vlmc" catalog scan scanned
    check "and what it found on lines of their own" \
        eval 'tr "\r" "\n" <screen | sed "s/^\x1b\[K//" | grep -qx "new      $scratch/scanned/text.vlmc"'
    at_terminal 30 "$vlmc" create --no-catalog -1 -o narrow.vlmc text
    check "a narrow terminal gets no line that it would have to wrap" narrow_enough packing 29
    at_terminal 4 "$vlmc" create --no-catalog -1 -o tiny.vlmc little
    check "nor does one of four columns" \
        eval '! tr "\r" "\n" <screen | sed -n "s/^\x1b\[K//p" | grep -aE "^pack?[^v]{3,}"'
    LC_ALL=C at_terminal 100 "$vlmc" verify text.vlmc
    check "another locale gets the same line" eval 'lines verifying | grep -qE "^verifying [0-9]+ %"'
    check "in ASCII" eval '! LC_ALL=C grep -aqP "[\x80-\xff]" screen'
    at_terminal 100 "$vlmc" create -q --no-catalog -1 -o quiet.vlmc little
    check "-q shows none" test ! -s screen
    term=dumb at_terminal 100 "$vlmc" create --no-catalog -1 -o dumb.vlmc little
    check "a terminal without escape codes gets none" eval '! grep -aq "$(printf "\x1b")" screen'
    check "but the result" grep -aq "^vlmc: dumb.vlmc: " screen
    NO_COLOR=1 at_terminal 100 "$vlmc" create --no-catalog -1 -o plain.vlmc little
    check "there are no colours" eval '! grep -aqP "\x1b\[[0-9;]*m" screen'

    mkdir odd
    printf x >odd/$'red\e[31m\xc2\x9b5m\xe2\x80\xaeexe.\xff'
    "$vlmc" create -q --no-catalog -1 -o odd.vlmc odd
    for locale in C C.UTF-8; do
        LC_ALL=$locale at_terminal 100 "$vlmc" list odd.vlmc
        check "in $locale a name with escape codes is shown, not obeyed" \
            grep -aqF 'odd/red\x1b[31m\xc2\x9b5m\xe2\x80\xaeexe.\xff' screen
        LC_ALL=$locale at_terminal 100 "$vlmc" list --json odd.vlmc
        check "in $locale so it is in JSON" eval '! LC_ALL=C grep -aqP "[\x80-\xff\x1b]" screen'
    done
    printf x >$'na\xc3\xafve'
    "$vlmc" create -q --no-catalog -1 -o naive.vlmc na*ve
    LC_ALL=C.UTF-8 at_terminal 100 "$vlmc" list naive.vlmc
    check "a name in UTF-8 is shown where the terminal knows it" grep -aqF $'na\xc3\xafve' screen
    LC_ALL=C at_terminal 100 "$vlmc" list naive.vlmc
    check "and its bytes where it does not" grep -aqF 'na\xc3\xafve' screen
else
    echo "NOT CHECKED: what a terminal gets, because script(1) is not installed"
    check "(only where CI is not set)" test -z "${CI:-}"
fi

expect 0 "without a terminal" "$vlmc" create --no-catalog -1 -o file.vlmc little
check "the result is all that is said" test "$(wc -l <stderr)" -eq 1
expect 2 "a message to a file" "$vlmc" create --no-catalog -1 -o x.vlmc $'no\e[31m\x9bm'
check "has no escape codes either" eval '! LC_ALL=C grep -aqP "[\x1b\x9b]" stderr'
expect 64 "a wrong argument with escape codes" "$vlmc" catalog list $'x\e[31m'
check "is not repeated as it was" eval '! grep -aqP "\x1b" stderr'
expect 64 "an unknown option with escape codes" "$vlmc" list $'--x\e[31m'
check "neither" eval '! grep -aqP "\x1b" stderr'

# Waits up to ten seconds for a command to hold.
eventually() {
    local i
    for i in $(seq 100); do
        "$@" && return
        sleep 0.1
    done
    return 1
}
mkfifo fifo
"$vlmc" list - <fifo >/dev/null 2>stderr &
pid=$!
exec 3>fifo
handles_usr1() { (($(sed -n 's/^SigCgt:\s*//p' /proc/$pid/status | sed 's/^/16#/') >> 9 & 1)); }
check "a command that only waits" eventually handles_usr1
kill -USR1 $pid
check "says what it is when USR1 asks" eventually grep -qE '^vlmc: list; running for 0:[0-9][0-9]$' stderr
exec 3>&-
wait $pid
head -c 200000 text >short
"$vlmc" create -q --no-catalog -m tiny -o slow.vlmc short
"$vlmc" verify slow.vlmc >/dev/null 2>stderr &
pid=$!
check "verify begins" eventually handles_usr1
sleep 0.4
kill -USR1 $pid
check "and says how far it is" eventually \
    grep -qE '^vlmc: verifying [0-9]+ %, .* of 200 KB, .*/s.*; running for 0:[0-9][0-9]$' stderr
kill $pid
wait $pid
finish
