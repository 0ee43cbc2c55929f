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

# Three ways to pack: zstd alone, context models, a transformer. Each has its archive.
settings=("-m none" "-1" "-m tiny -3")
names=(zstd mixer model)
sizes=()
for k in 0 1 2; do
    # shellcheck disable=SC2086 # several options
    "$vlmc" create -q --no-catalog ${settings[k]} --group-size 64K -o "${names[k]}.vlmc" tree
    sizes[k]=$(stat -c %s "${names[k]}.vlmc")
done

# random BELOW
random() { echo $(((RANDOM * 32768 + RANDOM) % $1)); }

packed_bytes() { stat -c %s .x.vlmc.part-???????? 2>/dev/null || echo 0; }

# run_and_kill BYTES COMMAND…: kills it at a random moment: when so much is packed, of BYTES at most,
# and a little later. How fast this machine is does not matter.
run_and_kill() {
    local bytes pid
    bytes=$(random "$1")
    shift
    "$@" >/dev/null 2>&1 &
    pid=$!
    while [ -n "$(jobs -rp)" ] && [ "$(packed_bytes)" -lt "$bytes" ]; do
        sleep 0.005
    done
    sleep "0.0$(printf '%02d' "$(random 60)")"
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
    run_and_kill "${sizes[k]}" "${create[@]}"
    for file in .x.vlmc.part-*; do
        tear "$file" $((RANDOM % 6))
    done
    if [ $((i % 3)) -eq 0 ] && [ -n "$(ls "$records")" ]; then
        run_and_kill "${sizes[k]}" "$vlmc" jobs resume
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
check "some runs were resumed and took groups over" test $taken -gt 0
finish
