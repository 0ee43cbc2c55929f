#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A device that computes wrong numbers: tests/drivers/broken_gpu.c makes one of lavapipe.
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
unset VLMC_DEVICE
# lavapipe forgets 128 bytes of its own each time it is unloaded.
export ASAN_OPTIONS=detect_leaks=0

cp "$models/said" text # which needs the model
expect 0 "a sound device passes its self-test" "$vlmc" device selftest -d vulkan
check "and is told to have passed" grep -q passed stdout
expect 0 "an archive from the CPU" "$vlmc" create -d cpu -m tiny -o cpu.vlmc text
expect 0 "and one from the sound device" "$vlmc" create -d vulkan -m tiny -o vulkan.vlmc text
check "are the same" cmp cpu.vlmc vulkan.vlmc

# The same device and driver by their numbers: the sound one's verdict must not be at hand.
export XDG_CACHE_HOME="$scratch/cache of the broken device"
export VK_LAYER_PATH="$VLMC_TEST_LAYERS" VK_INSTANCE_LAYERS=VK_LAYER_VLMC_broken_gpu
expect 0 "the broken device is listed" "$vlmc" device list
check "as a discrete GPU" grep -q '^vulkan:0 .*Broken GPU (discrete' stdout
for round in first second; do
    expect 6 "it is refused, $round time" "$vlmc" create -d vulkan:broken -m tiny -o x.vlmc text
    says "Broken GPU"
    refute "no archive is left" test -e x.vlmc
    expect 6 "verify refuses it as well" "$vlmc" verify -d vulkan cpu.vlmc
done
expect 6 "its self-test fails" "$vlmc" device selftest --force -d vulkan
check "and says which operations are wrong" grep -q WRONG stdout
expect 6 "--json says so, too" "$vlmc" device selftest --json --force
check "in a field" grep -q '"passed":false' stdout
expect 0 "auto takes the CPU instead" "$vlmc" create -m tiny -o auto.vlmc text
says "using the CPU, because the GPU cannot be used"
check "with the same archive" cmp cpu.vlmc auto.vlmc

export VK_ICD_FILENAMES=/nonexistent VK_DRIVER_FILES=/nonexistent
unset VK_INSTANCE_LAYERS
expect 2 "no driver at all" "$vlmc" create -d vulkan -m tiny -o x.vlmc text
says "-d cpu"
expect 0 "is no matter for auto" "$vlmc" create -f -m tiny -o auto.vlmc text
check "with the same archive" cmp cpu.vlmc auto.vlmc
expect 0 "device list shows the CPU" "$vlmc" device list
finish
