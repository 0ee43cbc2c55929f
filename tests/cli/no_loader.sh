#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A machine without the Vulkan loader: tests/drivers/no_loader.c hides it.
. "$(dirname "$0")/lib.bash" "$@"

if [ -z "${VLMC_TEST_NO_LOADER:-}" ]; then
    echo "NOT RUN: this build has no Vulkan"
    exit 77
fi
unset VLMC_DEVICE VK_ICD_FILENAMES VK_DRIVER_FILES
# A preloaded library comes before AddressSanitizer's own.
export ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0
hidden() { LD_PRELOAD="$VLMC_TEST_NO_LOADER" "$@"; }

cp "$models/said" text # which needs the model
expect 0 "an archive from the CPU" "$vlmc" create -d cpu -m tiny -o cpu.vlmc text
for device in vulkan vulkan:0 vulkan:name; do
    expect 2 "create -d $device" hidden "$vlmc" create -d $device -m tiny -o x.vlmc text
    says "no Vulkan loader (libvulkan.so.1) is installed"
    says "-d cpu"
    check "in one line" test "$(wc -l <stderr)" -eq 1
    refute "no archive is left" test -e x.vlmc
    check "and no temporary file" nothing_left .
done
mkdir out
expect 2 "extract -d vulkan" hidden "$vlmc" extract -d vulkan -C out cpu.vlmc
says "no Vulkan loader"
check "it leaves no file" test -z "$(find out -type f)"
expect 2 "device selftest" hidden "$vlmc" device selftest -d vulkan
says "no Vulkan loader"

expect 0 "auto is the CPU" hidden "$vlmc" create -q -m tiny -o auto.vlmc text
check "without a word" test ! -s stderr
check "with the same archive" cmp cpu.vlmc auto.vlmc
expect 0 "auto extracts" hidden "$vlmc" extract -C out auto.vlmc
check "what was packed" cmp text out/text
expect 0 "device list" hidden "$vlmc" device list
check "shows the CPU" grep -q '^cpu:reference' stdout
refute "and no Vulkan device" grep -q '^vulkan:' stdout
says "no Vulkan devices: no Vulkan loader (libvulkan.so.1) is installed"
finish
