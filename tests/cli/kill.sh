#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 at a random moment of create, power cuts, and again while the job is resumed: the archive
# is the one of an uninterrupted run.
#     kill.sh VLMC SCRATCH [COUNT [SEED]]
. "$(dirname "$0")/lib.bash" "$@"
count=${3:-12}
RANDOM=${4:-1}
records=$HOME/.local/state/vlmc/jobs

mkdir -p tree/sub
make_text 500 1 >tree/a
head -c 70000 /dev/urandom >tree/b
make_text 700 2 >tree/c
cp tree/c tree/sub/copy
head -c 30000 "$vlmc" >tree/sub/code
ln -s a tree/link

# Three ways to pack: zstd alone, context models, a transformer. Each has its archive and the time
# that it took.
settings=("-m none" "-1" "-m tiny -3")
names=(zstd mixer model)
milliseconds=()
for k in 0 1 2; do
    begin=$(date +%s%N)
    # shellcheck disable=SC2086 # several options
    "$vlmc" create -q --no-catalog ${settings[k]} --group-size 64K -o "${names[k]}.vlmc" tree
    milliseconds[k]=$((($(date +%s%N) - begin) / 1000000 + 1))
done

# random BELOW
random() { echo $(((RANDOM * 32768 + RANDOM) % $1)); }

# run_and_kill MILLISECONDS COMMAND…: kills it at a random moment before that.
run_and_kill() {
    local most=$1 pid
    shift
    "$@" >/dev/null 2>&1 &
    pid=$!
    sleep "$(awk -v ms="$(random "$most")" 'BEGIN { print ms / 1000 }')"
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
}

# What a power cut may leave of a file that was being written: less of it, or something else.
tear() { # FILE WAY
    [ -f "$1" ] || return 0
    local size
    size=$(stat -c %s "$1")
    case $2 in
    1) truncate -s "$(random $((size + 1)))" "$1" ;;
    2) head -c "$(random 5000)" /dev/urandom >>"$1" ;;
    3)
        truncate -s "$(random $((size + 1)))" "$1"
        head -c "$(random 5000)" /dev/urandom >>"$1"
        ;;
    esac
}

wrong=0
resumed=0
taken=0
for ((i = 0; i < count; i++)); do
    k=$((i % 2))
    [ $((i % 12)) -ne 11 ] || k=2
    # shellcheck disable=SC2206 # several options
    create=("$vlmc" create --no-catalog ${settings[k]} --group-size 64K -o x.vlmc tree)
    rm -f x.vlmc
    run_and_kill "${milliseconds[k]}" "${create[@]}"
    for file in .x.vlmc.part-*; do
        tear "$file" $((RANDOM % 6))
    done
    if [ $((i % 3)) -eq 0 ] && [ -n "$(ls "$records")" ]; then
        run_and_kill "${milliseconds[k]}" "$vlmc" jobs resume
    fi
    if [ -n "$(ls "$records")" ]; then
        "$vlmc" jobs resume >stdout 2>stderr || echo "    resume failed: $(cat stderr)"
        resumed=$((resumed + 1))
        ! grep -q 'were taken over' stderr || taken=$((taken + 1))
    elif [ ! -e x.vlmc ]; then # killed before it was on record
        "${create[@]}" >stdout 2>stderr || echo "    create failed: $(cat stderr)"
    fi
    if ! cmp -s x.vlmc "${names[k]}.vlmc" || [ -n "$(ls "$records")" ] || ! nothing_left .; then
        wrong=$((wrong + 1))
        echo "    run $i (${names[k]}) did not finish identical"
        rm -f .x.vlmc.part-* "$records"/*
    fi
done
echo "$count runs: $resumed resumed, $taken of them took groups over, $wrong did not finish identical"
check "after kill -9 and power cuts every archive is the same" test $wrong -eq 0
check "most runs were resumed" test $((2 * resumed)) -gt "$count"
check "and some took groups over" test $taken -gt 0
finish
