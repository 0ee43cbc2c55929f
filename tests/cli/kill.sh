#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 at a random moment of create, power cuts, and again while the job is resumed: the archive
# is the one of an uninterrupted run. Of an encrypted archive that is a run under the same key.
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

# Ways to pack: zstd alone, context models, a transformer. Each has its archive.
printf 'open sesame\n' >key
chmod 600 key
sealed="--encrypt --kdf-memory 8K --kdf-passes 1 --passphrase-file key"
settings=("-m none" "-1" "-m tiny -3" "-m none $sealed" "-1 $sealed")
names=(zstd mixer model sealed-zstd sealed-mixer)
order=(0 3 1 4 0 3 1 4 2)
key_bytes=128 # header and KEY record of an encrypted archive
sizes=()
for k in "${!names[@]}"; do
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

# create KIND: the command.
create() {
    # shellcheck disable=SC2206 # several options
    create=("$vlmc" create --no-catalog ${settings[$1]} --group-size 64K -o x.vlmc tree)
}

# A job for each kind: its record, and the name of its partial file, which follows from x.vlmc's path.
for k in "${!names[@]}"; do
    create $k
    (ulimit -f 90 && "${create[@]}" 2>/dev/null)
    part=$(ls -d .x.vlmc.part-????????)
    cp "$records/${part##*-}"* "${names[k]}.job"
    "$vlmc" jobs cancel "${part##*-}" 2>stderr || cat stderr
done

# The archive x.vlmc of an uninterrupted run: made before, or, where it has a key of its own, now with
# that key, which a run that goes on takes from the partial file.
expected() { # KIND
    case ${names[$1]} in
    sealed*)
        mv x.vlmc finished.vlmc || return
        head -c $key_bytes finished.vlmc >"$part"
        head -c 4096 /dev/zero >"$part.log" # says of no group that it is packed
        cp "${names[$1]}.job" "$records/${part##*-}.json"
        "${create[@]}" >stdout 2>stderr || echo "    create failed: $(cat stderr)"
        mv x.vlmc expected.vlmc
        mv finished.vlmc x.vlmc
        ;;
    *) cp "${names[$1]}.vlmc" expected.vlmc ;;
    esac
}

wrong=0
resumed=0
taken=0
for ((i = 0; i < count; i++)); do
    k=${order[i % ${#order[@]}]}
    resume=("$vlmc" jobs resume)
    case ${names[k]} in sealed*) resume+=(--passphrase-file key) ;; esac
    create $k
    rm -f x.vlmc
    run_and_kill "${sizes[k]}" "${create[@]}"
    for file in .x.vlmc.part-*; do
        tear "$file" $((RANDOM % 6))
    done
    if [ $((i % 3)) -eq 0 ] && [ -n "$(ls "$records")" ]; then
        run_and_kill "${sizes[k]}" "${resume[@]}"
    fi
    if [ -n "$(ls "$records")" ]; then
        "${resume[@]}" >stdout 2>stderr || echo "    resume failed: $(cat stderr)"
        resumed=$((resumed + 1))
        ! grep -q 'were taken over' stderr || taken=$((taken + 1))
    elif [ ! -e x.vlmc ]; then # killed before it was on record
        "${create[@]}" >stdout 2>stderr || echo "    create failed: $(cat stderr)"
    fi
    expected $k
    if ! cmp -s x.vlmc expected.vlmc || [ -n "$(ls "$records")" ] || ! nothing_left .; then
        wrong=$((wrong + 1))
        echo "    run $i (${names[k]}) did not finish identical"
        rm -f .x.vlmc.part-* "$records"/*
    fi
done
echo "$count runs: $resumed resumed, $taken of them took groups over, $wrong did not finish identical"
check "after kill -9 and power cuts every archive is the same" test $wrong -eq 0
check "and none has left anything of its record" test -z "$(ls -A "$records")"
check "some runs were resumed and took groups over" test $taken -gt 0
finish
