#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What plugins claim comes back from an archive; what a plugin spoils costs a notice and no byte.
. "$(dirname "$0")/lib.bash" "$@"
: "${VLMC_TEST_PLUGINS:?the folder of the plugins of tests/plugins}"

# use NAME…: these plugins are found first.
use() {
    rm -rf plugins
    mkdir -m 755 plugins
    local name
    for name; do
        ln -s "$VLMC_TEST_PLUGINS/$name.so" plugins
    done
}
export VLMC_PLUGIN_PATH="$scratch/plugins"

# Letters of which few are x: zstd needs a bit for each, a mixer much less.
make_bits() { # MAGIC BYTES SEED
    printf '%s' "$1"
    awk -v n="$2" -v seed="$3" 'BEGIN { srand(seed); for (i = 0; i < n; i++) printf rand() < 0.03 ? "x" : "o" }'
}

mkdir -p tree
make_bits 'good!' 60000 1 >tree/good
make_bits 'joiner!' 40000 2 >tree/joiner1
make_bits 'joiner!' 9000 3 >tree/joiner2
make_bits 'good!' 500 4 >tree/small
make_text 300 1 >tree/text
head -c 100000 /dev/urandom >tree/noise
: >tree/empty

use good joiner
expect 0 "a tree with files that plugins claim" "$vlmc" create -v -m tiny -o tokens.vlmc tree
says "tree/good: good.xor, 60000 bytes"
says "tree/joiner2: joiner.xor, 9007 bytes"
refute "a small file is not worth it" grep -q tree/small: stderr
expect 0 "verifies" "$vlmc" verify tokens.vlmc
expect 0 "is extracted" "$vlmc" extract tokens.vlmc -C out
check "as it was" diff -r tree out/tree
expect 0 "diff finds no difference" "$vlmc" diff tokens.vlmc -C out
expect 0 "one file goes to standard output" "$vlmc" extract --stdout tokens.vlmc tree/joiner2
check "as it was" cmp tree/joiner2 stdout
expect 0 "list --long" "$vlmc" list -l tokens.vlmc
check "names the tokenizer of a file" grep -q ' good\.xor tree/good$' stdout
check "and none for plain bytes" grep -q ' - tree/noise$' stdout
expect 0 "list --json" "$vlmc" list --json tokens.vlmc tree/good
check "names it with its version" grep -q '"tokenizers":\[{"id":"good.xor","version":1}\]' stdout
expect 0 "info" "$vlmc" info tokens.vlmc
check "says what is needed" grep -q 'needs     tokenizer joiner.xor, version 1, for 2 files, 49014 bytes' stdout
expect 0 "info --json" "$vlmc" info --json tokens.vlmc
check "says it, too" grep -q '"tokenizers":\[{"id":"good.xor","version":1,"files":1,"bytes":60000}' stdout

expect 0 "three threads give the same archive" "$vlmc" create -q -t 3 -m tiny -o three.vlmc tree
check "byte for byte" cmp tokens.vlmc three.vlmc
mkdir -p many/sub
for i in 1 2 3 4 5; do
    make_bits 'good!' $((30000 + i * 1000)) "$i" >"many/good$i"
    make_text 100 "$i" >"many/text$i"
done
make_bits 'joiner!' 20000 6 >many/joiner
cp many/good1 many/sub/again
ln many/good2 many/sub/link
truncate -s 200000 many/good3
ln -s good4 many/sub/symlink
for level in -1 -3; do
    expect 0 "claimed files one after the other at $level" "$vlmc" create -q -f $level -t 1 -m tiny -o one.vlmc many
    expect 0 "and side by side" "$vlmc" create -q -f $level -t 8 -m tiny -o eight.vlmc many
    check "make the same archive" cmp one.vlmc eight.vlmc
done
expect 0 "which verifies" "$vlmc" verify eight.vlmc
cat tree/good | "$vlmc" create -q -m tiny -o piped.vlmc --stdin-name tree/good - 2>stderr
report $? "a claimed file comes through a pipe"
check "as tokens" grep -q good.xor <("$vlmc" info piped.vlmc)
check "and out again" sh -c '"$1" extract -q --stdout piped.vlmc | cmp - tree/good' - "$vlmc"
expect 0 "--no-plugins takes all as bytes" "$vlmc" create --no-plugins -m tiny -o bytes.vlmc tree
refute "and needs no tokenizer" grep -q tokenizer <("$vlmc" info bytes.vlmc)
expect 0 "without a model there are no tokens either" "$vlmc" create -m none -o none.vlmc tree
refute "for zstd has no use for them" grep -q tokenizer <("$vlmc" info none.vlmc)

# Bad plugins. Each claims the files that begin with its name.
for bad in crash hang lossy greedy stall; do
    rm -rf bad
    mkdir bad
    make_bits "$bad!" 30000 5 >bad/claimed
    # Bytes of every value: one is the one that "lossy" changes.
    LC_ALL=C awk 'BEGIN { for (i = 1; i < 256; i++) printf "%c", i }' >>bad/claimed
    make_text 50 2 >bad/text
    use $bad
    expect 0 "the plugin \"$bad\" does not stop an archive" \
        env VLMC_PLUGIN_SECONDS=2 "$vlmc" create -f -m tiny -o bad.vlmc bad
    says "bad/claimed: "
    says "$bad"
    check "one notice" test "$(grep -c 'bad/claimed' stderr)" -eq 1
    expect 0 "which is whole" env VLMC_PLUGIN_PATH= "$vlmc" verify bad.vlmc
    refute "and needs no plugin" grep -q tokenizer <("$vlmc" info bad.vlmc)
done

check "nothing temporary is left" nothing_left .
finish
