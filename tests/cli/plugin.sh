#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# vlmc plugin list and probe: what is found, whom it trusts, what a bad plugin costs.
. "$(dirname "$0")/lib.bash" "$@"
plugins=${VLMC_TEST_PLUGINS:?}

# Only what a test puts there is on the path before the plugins of the build.
folder() { # NAME PLUGIN…
    rm -rf "$1"
    mkdir "$1"
    chmod 755 "$1"
    for name in "${@:2}"; do
        install -m 644 "$plugins/$name.so" "$1/$name.so"
    done
    export VLMC_PLUGIN_PATH="$scratch/$1:$scratch/second"
}
sample() { # PLUGIN BYTES
    { printf '%s!' "$1"; head -c "$2" /dev/zero; } >"$1.sample"
}

# json EXPRESSION: true of `o`, the list of the objects that stdout holds, one a line.
json() {
    python3 -c "import json, sys; o = [json.loads(line) for line in open('stdout', 'rb')]
sys.exit(not ($1))"
}

mkdir -m 755 second # a plugin that is there in any case
install -m 644 "$plugins/wide.so" second
folder fine good
expect 0 "plugins are listed" "$vlmc" plugin list
check "with the tokenizer" grep -q '^  good.xor 1 ' stdout
check "and the path" grep -q "fine/good.so$" stdout
expect 0 "in full" "$vlmc" plugin list --long
check "with each context and its use" grep -q '^    before  *256  embed mix select  *The token before$' stdout
expect 0 "as JSON" "$vlmc" plugin list --json
check "one object a line" json \
    '[p for p in o if p["id"] == "good"][0]["tokenizers"][0]["contexts"][0]["cardinality"] == 256'

sample good 2000000
expect 0 "a file is probed" "$vlmc" plugin probe good.sample
check "and claimed" grep -q 'good (A plugin for tests), confidence 90$' stdout
check "and turned into tokens" grep -qE '^ +5 +1,048,576  good.xor +1,048,576$' stdout
expect 0 "as JSON" "$vlmc" plugin probe --json good.sample
check "the segments cover the file" json 'sum(s["bytes"] for s in o[0]["segments"]) == 2000005'
printf '\0\1\2' >nobody
expect 0 "a file of no kind" "$vlmc" plugin probe nobody
check "is plain bytes" grep -q 'no plugin takes it; plain bytes' stdout
: >nothing
expect 0 "an empty file is probed" "$vlmc" plugin probe nothing
expect 2 "a missing file fails" "$vlmc" plugin probe missing good.sample
says "missing"
check "and the next is probed all the same" grep -q 'confidence 90' stdout
expect 2 "a folder fails" "$vlmc" plugin probe fine
says "is a folder"

# Whom it trusts.
for mode in 775 777; do
    folder writable good
    chmod $mode writable
    expect 0 "a folder of mode $mode" "$vlmc" plugin list
    says "others can write it"
    refute "is passed over" grep -q 'good.xor' stdout
done
folder file good
chmod 666 file/good.so
expect 0 "a file that others can write" "$vlmc" plugin list
says "others can write it"
refute "is not loaded" grep -q 'good.xor' stdout
check "and told once" test "$(grep -c 'others can write' stderr)" -eq 1
folder renamed good
mv renamed/good.so renamed/photo.so
expect 0 "a file with another name than its plugin" "$vlmc" plugin list
says "must be \"good.so\""

# Plugins of another time, and broken ones.
folder broken newer selects stranger empty loadcrash good
echo "not a library" >broken/noise.so
expect 0 "broken plugins are listed" "$vlmc" plugin list
for sentence in "ABI version 2 and this vlmc knows 1; update vlmc" "contexts with SELECT" \
    "does not export vlmc_plugin_entry" "crashed while it was loaded" "noise.so"; do
    says "$sentence"
done
check "not one of them" test "$(grep -cE '^  (newer|selects|stranger|empty|loadcrash)' stdout)" -eq 0
check "and the good one is" grep -q '^  good.xor' stdout

# What goes wrong with a file costs its tokens and nothing else.
folder bad crash trap hang lossy stall greedy good
export VLMC_PLUGIN_SECONDS=2
for case in "trap|crashed in encode" "hang|longer than 2 seconds" "lossy|does not restore" \
    "stall|stands still" "greedy|(memory|ended its process)"; do
    name=${case%%|*}
    { printf '%s!' "$name"; head -c 100000 "$plugins/good.so"; printf '\7\7'; } >"$name.sample"
    expect 0 "a file of the plugin $name" "$vlmc" plugin probe "$name.sample" good.sample
    check "stays bytes, and it says why" grep -qE "plain bytes .*(${case#*|})" stdout
    check "and the next file is not touched by it" grep -qE 'good.xor +1,048,576$' stdout
done
sample crash 10
expect 1 "a crash in probe is a warning" "$vlmc" plugin probe crash.sample good.sample
says "crash.sample: the plugin crash crashed in probe (Aborted)"
check "and the next file is probed" grep -q 'confidence 90' stdout
expect 1 "three of them" "$vlmc" plugin probe crash.sample crash.sample crash.sample crash.sample
says "the plugin crash has failed 3 times"

# A worker does not outlive vlmc, not even in the middle of a call.
export VLMC_PLUGIN_SECONDS=60
"$vlmc" plugin probe hang.sample >/dev/null 2>&1 &
killed=$!
for _ in $(seq 100); do
    pgrep -f "plugin-worker.*$scratch/bad" >/dev/null && break
    sleep 0.1
done
check "a worker is at work" pgrep -f "plugin-worker.*$scratch/bad"
sleep 0.5
kill -KILL $killed
wait $killed 2>/dev/null
for _ in $(seq 50); do
    pgrep -f "plugin-worker.*$scratch/bad" >/dev/null || break
    sleep 0.1
done
refute "and ends when vlmc is killed" pgrep -f "plugin-worker.*$scratch/bad"

"$vlmc" plugin probe hang.sample >/dev/null 2>stderr &
stopped=$!
for _ in $(seq 100); do
    pgrep -f "plugin-worker.*$scratch/bad" >/dev/null && break
    sleep 0.1
done
kill -TERM $stopped
wait $stopped
check "and a signal stops a call that takes long (exit code 143)" test $? -eq 143
says "stopped"

expect 64 "the worker is not for users" "$vlmc" plugin-worker
expect 64 "an unknown action" "$vlmc" plugin frobnicate
expect 64 "probe without a file" "$vlmc" plugin probe
expect 64 "list with an argument" "$vlmc" plugin list good
refute "no worker is left over" pgrep -f "plugin-worker.*$scratch"
finish
