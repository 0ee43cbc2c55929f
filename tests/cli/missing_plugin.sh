#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A plugin that is not there at extraction costs its own files, and is named.
. "$(dirname "$0")/lib.bash" "$@"
: "${VLMC_TEST_PLUGINS:?the folder of the plugins of tests/plugins}"

mkdir -m 755 plugins without
ln -s "$VLMC_TEST_PLUGINS/good.so" plugins
export VLMC_PLUGIN_PATH="$scratch/plugins"

make_bits() { # BYTES SEED
    printf 'good!'
    awk -v n="$1" -v seed="$2" 'BEGIN { srand(seed); for (i = 0; i < n; i++) printf rand() < 0.03 ? "x" : "o" }'
}

mkdir tree
for i in 1 2 3 4 5; do
    make_bits 9000 $i >tree/g$i
done
# What the model predicts better than the mixer alone does.
head -c 4000 "$models/said" >tree/a
tail -c 4000 "$models/said" >tree/z
expect 0 "an archive that needs a plugin" "$vlmc" create -m tiny -o a.vlmc tree

export VLMC_PLUGIN_PATH="$scratch/without"
expect 0 "is listed without it" "$vlmc" list -l a.vlmc
check "with what it needs" grep -q 'good.xor tree/g1' stdout
expect 0 "is described without it" "$vlmc" info a.vlmc
expect 0 "is compared without it" "$vlmc" diff a.vlmc
expect 5 "is extracted without it, but for those files" "$vlmc" extract a.vlmc -C out
says "good.xor"
says "version 1"
says "5 files cannot be read without it: tree/g1, tree/g2, tree/g3 and 2 more"
check "the reason is given once" test "$(grep -c 'good.xor' stderr)" -eq 1
check "the others are there" sh -c 'cmp tree/a out/tree/a && cmp tree/z out/tree/z'
refute "those are not" test -e out/tree/g1
check "nothing temporary is left" nothing_left .
expect 5 "--json says so for each" "$vlmc" extract --json a.vlmc -C json
check "in its result" test "$(grep -c '"result":"missing"' stdout)" -eq 5
expect 5 "to standard output the others come" "$vlmc" extract --stdout a.vlmc tree/a tree/g1 tree/z
check "in order" sh -c 'cat tree/a tree/z | cmp - stdout'
expect 5 "verify says what it could not read" "$vlmc" verify a.vlmc
says "5 files cannot be read without it"
check "and how many" grep -q '5 of 7 files could not be read' stdout
expect 5 "verify --json" "$vlmc" verify --json a.vlmc
check "names each file" test "$(grep -c '"type":"unread"' stdout)" -eq 5
check "and sums up" grep -q '"damaged":0,"unread":5' stdout
expect 0 "a file that needs no plugin is extracted as ever" "$vlmc" extract a.vlmc tree/a -C one

# The model is missing as well, which all of them need for something.
expect 5 "without model and plugin" env VLMC_MODEL_PATH="$scratch/without" "$vlmc" extract a.vlmc -C less
says "7 files cannot be read without it: tree/a, tree/g1, tree/g2 and 4 more"

export VLMC_PLUGIN_PATH="$scratch/plugins"
expect 0 "with the plugin all of it comes" "$vlmc" extract a.vlmc -C whole
check "as it was" diff -r tree whole/tree
chmod o+w plugins
expect 5 "a plugin in a folder that everybody may write is no plugin" "$vlmc" verify a.vlmc
finish
