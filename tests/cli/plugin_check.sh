#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# vlmc plugin check: a good plugin passes, and each bad one fails where it is bad.
. "$(dirname "$0")/lib.bash" "$@"
plugins=${VLMC_TEST_PLUGINS:?}
export VLMC_PLUGIN_SECONDS=2

sample() { # PLUGIN
    { printf '%s!' "$1"; head -c 40000 "$plugins/good.so"; printf '\7\115'; } >"$1.sample"
}
# fails PLUGIN CHECK SENTENCE: only this check is run
fails() {
    sample "$1"
    expect 2 "the plugin $1 fails" \
        "$vlmc" plugin check "$plugins/$1.so" --time 1 --only "$2" "$1.sample"
    check "in the check $2: $3" grep -qE "^FAIL $2: .*$3" stdout
}

sample good
expect 0 "a good plugin passes" "$vlmc" plugin check "$plugins/good.so" --time 3 good.sample
refute "without a failure" grep -q '^FAIL' stdout
for name in loads trust analyser good.xor/parameters good.xor/lossless good.xor/pieces \
    good.xor/interleaved good.xor/same good.xor/contexts good.xor/hostile-tokens \
    good.xor/hostile-params good.xor/memory good.xor/speed; do
    check "checks $name" grep -qE "^(ok  |note) $name: " stdout
done
check "and counts" grep -qE '^ok   good.xor/lossless: [0-9]+ inputs, [0-9.]+ [KM]?B' stdout
expect 0 "as JSON" "$vlmc" plugin check "$plugins/good.so" --time 1 --json good.sample
check "one object a line" python3 -c 'import json, sys
checks = [json.loads(line) for line in open("stdout", "rb")]
sys.exit(len(checks) != 13 or any(c["verdict"] == "fail" for c in checks))'
expect 0 "without a sample too" "$vlmc" plugin check "$plugins/good.so" --time 1

fails lossy lossy.xor/lossless "does not restore the bytes from byte"
again=$(sed -n 's/^ *see it again: vlmc \(.*\) and the same files$/\1/p' stdout)
# shellcheck disable=SC2086
expect 2 "the failure can be seen again" "$vlmc" $again lossy.sample
check "with the same words" grep -q 'does not restore' stdout
fails crash analyser "it crashes: Aborted"
fails trap trap.xor/lossless "it crashes: Aborted"
fails hang hang.xor/lossless "it hangs"
fails stall stall.xor/lossless "stands still"
fails overrun overrun.xor/lossless "more than there was room for"
fails cutter cutter.xor/pieces "other pieces make another result"
fails impure impure.xor/contexts "next_context says one thing and then another"
fails wide wide.xor/contexts "context before is 256"
fails endless analyser "longer than the file"
fails spiller spiller.xor/memory "256 is the most"
fails greedy greedy.xor/memory "(memory|ended the process)"
fails newer loads "ABI version 2"
fails selects loads "SELECT"
fails stranger loads "stranger\."
fails empty loads "does not export"
fails loadcrash loads "it crashes"

cp "$plugins/good.so" open.so
chmod 666 open.so
expect 0 "a file that others can write is checked" "$vlmc" plugin check ./open.so --only trust
check "with a note" grep -q '^note trust: .*others can write' stdout
expect 5 "a file that is not there" "$vlmc" plugin check ./missing.so
says "missing.so"
expect 64 "an unknown check" "$vlmc" plugin check "$plugins/good.so" --only frobnicate
expect 64 "a time that is none" "$vlmc" plugin check "$plugins/good.so" --time soon
refute "no process is left over" pgrep -f "plugin check.*$scratch"
finish
