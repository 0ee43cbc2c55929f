#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# stranger.sh BUILD_DIR SCRATCH: what somebody does who has vlmc installed and nothing of its
# sources: copy the template, build it with make and pkg-config, have it checked, use it.
set -u
build=$(realpath "${1:?usage: stranger.sh BUILD_DIR SCRATCH}")
scratch=$(realpath "$2")
tests=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
prefix=$scratch/prefix
umask 022
if ! cmake --install "$build" --prefix "$prefix" >"$scratch/install.log" 2>&1; then
    cat "$scratch/install.log"
    exit 1
fi
# shellcheck source=tests/cli/lib.bash
. "$tests/../cli/lib.bash" "$prefix/bin/vlmc" "$scratch"

# Wherever the package lies below the prefix; nothing of this machine's own vlmc takes part.
PKG_CONFIG_LIBDIR=$(dirname "$(find "$prefix" -name vlmc-plugin.pc)")
export PKG_CONFIG_LIBDIR
unset CFLAGS CPPFLAGS LDFLAGS VLMC_PLUGIN_PATH
plugindir=$(pkg-config --variable=plugindir vlmc-plugin)

check "pkg-config knows vlmc-plugin" pkg-config --exists vlmc-plugin
check "its include folder has the header" \
    test -f "$(pkg-config --variable=includedir vlmc-plugin)/vlmc/plugin.h"
check "its plugin folder is where vlmc's own plugins were installed" test -f "$plugindir/text.so"

cp -r "$prefix/share/vlmc/sdk" "$scratch/mine"
cd "$scratch/mine" || exit 1
check "the template builds without a warning" make CFLAGS="-O2 -Werror -Wconversion -pedantic"
check "it builds as C17 too" make -B CFLAGS="-std=c17 -O2 -Werror"
exported=$(nm -D --defined-only records.so | awk '{print $3}' | grep -v '^_')
check "it exports vlmc_plugin_entry and nothing else" test "$exported" = vlmc_plugin_entry
# shellcheck disable=SC2046 # flags are words
check "a plugin in C++17 builds with the same header" "${CXX:-c++}" -std=c++17 -Wall -Wextra \
    -pedantic -Werror -fPIC -fvisibility=hidden $(pkg-config --cflags vlmc-plugin) -shared \
    -o "$scratch/minimal.so" "$tests/minimal.cc"

check "vlmc plugin check finds no fault in it" make check VLMC="$vlmc" CHECK_FLAGS="--time 2"

# Records of 12 bytes: a counter, one in steps of 7, and one that grows by random steps.
make_records() { # SEED
    printf '%b' "$(awk -v seed="$1" 'BEGIN {
        printf "REC1\\014\\000\\000\\000"
        srand(seed)
        for (i = 1; i <= 6000; i++) {
            value[1] = i
            value[2] = 1000 * seed + 7 * i
            value[3] = sum += int(rand() * 50)
            for (k = 1; k <= 3; k++) {
                for (b = 0; b < 4; b++) {
                    printf "\\0%03o", value[k] % 256
                    value[k] = int(value[k] / 256)
                }
            }
        }
    }')"
}

mkdir data
make_records 5 >data/counts.rec
check "the example file is as long as it should be" test "$(wc -c <data/counts.rec)" -eq 72008
make_records 6 | head -c 40001 >data/cut.rec
{ head -c 8 data/counts.rec && head -c 30000 /dev/urandom; } >data/noise.rec

check "without the plugin the files are archived as bytes" "$vlmc" create -o bytes.vlmc data
chmod o+w .
refute "a plugin in a folder that others can write to is not used" \
    sh -c "VLMC_PLUGIN_PATH='$scratch/mine' '$vlmc' plugin list | grep -q records"
chmod o-w .
export VLMC_PLUGIN_PATH="$scratch/mine"
check "vlmc lists the plugin" sh -c "'$vlmc' plugin list | grep -q records"
check "with the plugin they are archived as records" "$vlmc" create -o records.vlmc data
check "which makes the archive, but for the noise, smaller by a sixth at least" \
    test $((($(wc -c <records.vlmc) - 30000) * 6)) -lt $((($(wc -c <bytes.vlmc) - 30000) * 5))
check "they come back" "$vlmc" extract records.vlmc -C back
check "as they were" diff -r data back/data
unset VLMC_PLUGIN_PATH
refute "without the plugin the archive says that something is missing" \
    "$vlmc" extract records.vlmc -C missing

check "make install puts the plugin where vlmc looks" make install
check "and there it is found" "$vlmc" extract records.vlmc -C again
check "and does the same" diff -r data again/data
finish
