#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A device that stops answering: tests/drivers/broken_gpu.c makes one of lavapipe.
. "$(dirname "$0")/lib.bash" "$@"

if [ -z "${VLMC_TEST_LAYERS:-}" ]; then
    echo "NOT RUN: this build has no Vulkan"
    exit 77
fi
if [ -z "${VLMC_TEST_ICD:-}" ]; then
    echo "NOT RUN: lavapipe is not installed; packaging/check installs it" >&2
    [ -z "${CI:-}" ] || exit 1
    exit 77
fi
export VK_ICD_FILENAMES="$VLMC_TEST_ICD" VK_DRIVER_FILES="$VLMC_TEST_ICD"
export VK_LOADER_LAYERS_DISABLE='*MESA*' NODEVICE_SELECT=1
export VK_LAYER_PATH="$VLMC_TEST_LAYERS" VK_INSTANCE_LAYERS=VK_LAYER_VLMC_broken_gpu
unset VLMC_DEVICE
# lavapipe forgets 128 bytes of its own each time it is unloaded.
export ASAN_OPTIONS=detect_leaks=0
again="trying the device once more: the device \"Broken GPU\" stopped answering"
gives_up="using the CPU from here on, because the device failed"

# A group that takes longer than the submissions that the device lives.
cp "$models/said" text # which needs the model
expect 0 "an archive from the CPU" "$vlmc" create -d cpu -m tiny -o cpu.vlmc text
check "of which the model packed some" grep -q '^model' <("$vlmc" info cpu.vlmc)

export VLMC_BROKEN_GPU=lost:0
expect 2 "lost in the self-test" "$vlmc" create -d vulkan -m tiny -o x.vlmc text
says "the device \"Broken GPU\" stopped answering while computing; run again, or use -d cpu"
check "in one line" test "$(wc -l <stderr)" -eq 1
refute "no archive is left" test -e x.vlmc
check "and no temporary file" nothing_left .
expect 2 "verify says so, too" "$vlmc" verify -d vulkan cpu.vlmc
says "stopped answering"
expect 0 "auto takes the CPU" "$vlmc" create -m tiny -o auto.vlmc text
says "using the CPU, because the GPU cannot be used: the device \"Broken GPU\" stopped answering"
check "with the same archive" cmp cpu.vlmc auto.vlmc

export VLMC_BROKEN_GPU=lost:1000000
expect 0 "a loss is no verdict: the next self-test passes" "$vlmc" device selftest -d vulkan
refute "which was run anew" grep -q earlier stdout
expect 0 "a device that stays makes an archive" "$vlmc" create -d vulkan -m tiny -o stays.vlmc text
refute "and does not speak of loss" grep -q 'stopped answering' stderr
check "it is the same" cmp cpu.vlmc stays.vlmc

mkdir named && cp "$models/tiny.gguf" named/text.gguf
export VLMC_BROKEN_GPU=lost:10:1
expect 0 "lost once while -m auto measures" env VLMC_BROKEN_GPU=lost:2:1 VLMC_MODEL_PATH="$scratch/named" \
    "$vlmc" create -d vulkan -m auto -o measured.vlmc text
says "$again"
says "the model text, for"
check "it is the same" cmp cpu.vlmc measured.vlmc

expect 0 "lost once while it creates" "$vlmc" create -d vulkan -m tiny -o once.vlmc text
says "$again"
refute "the device itself does it again" grep -q "$gives_up" stderr
check "with the same archive" cmp cpu.vlmc once.vlmc

export VLMC_BROKEN_GPU=lost:10
for device in vulkan auto; do
    expect 0 "lost twice while it creates, -d $device" \
        "$vlmc" create -d $device -m tiny -o twice-$device.vlmc text
    says "$again"
    says "$gives_up"
    check "with the same archive" cmp cpu.vlmc twice-$device.vlmc
done
check "and no temporary file" nothing_left .

for times in :1 ''; do
    export VLMC_BROKEN_GPU=lost:100$times
    mkdir "out$times"
    expect 0 "lost while it extracts (lost:100$times)" \
        "$vlmc" extract -d vulkan -C "out$times" cpu.vlmc
    says "$again"
    check "what was packed" cmp text "out$times/text"
    check "and nothing else" test "$(find "out$times" -type f | wc -l)" -eq 1
done
says "$gives_up"
expect 0 "verify is not confused" "$vlmc" verify -d vulkan cpu.vlmc
says "$gives_up"
finish
