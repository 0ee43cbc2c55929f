#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Help, versions and usage errors.
. "$(dirname "$0")/lib.bash" "$@"

expect 0 "--version" "$vlmc" --version
check "prints one" grep -q '^vlmc [0-9]' stdout
expect 0 "--help" "$vlmc" --help
check "lists the commands" grep -q '^  extract ' stdout
expect 64 "no command" "$vlmc"
expect 64 "an unknown command" "$vlmc" frobnicate
says "frobnicate"
expect 64 "an abbreviated command" "$vlmc" creat -o x y
for command in create extract list info verify diff find catalog model plugin device estimate; do
    expect 0 "help $command" "$vlmc" help $command
    check "shows its usage" grep -q "^Usage: vlmc $command" stdout
    check "and an example" grep -q "^  *.*vlmc $command" <(sed 1d stdout)
    expect 0 "$command --help" "$vlmc" $command --help
    expect 64 "$command with an unknown option" "$vlmc" $command --no-such-option
    expect 64 "$command without arguments" "$vlmc" $command
done
echo x >file
expect 64 "create without -o" "$vlmc" create file
expect 64 "create without paths" "$vlmc" create -o x.vlmc
expect 64 "create with an empty name" "$vlmc" create -m none -o "" file
expect 64 "no threads" "$vlmc" create -t 0 -o x.vlmc file
expect 64 "threads that are no number" "$vlmc" create -t two -o x.vlmc file
expect 64 "an unknown device" "$vlmc" create -d abacus -o x.vlmc file
says "abacus"
expect 64 "an unknown CPU variant" "$vlmc" create -d cpu:abacus -o x.vlmc file
expect 64 "an unknown way to overwrite" "$vlmc" extract --overwrite sometimes x.vlmc
expect 64 "a size that is none" "$vlmc" extract --max-output much x.vlmc
refute "nothing was written" test -e x.vlmc
expect 0 "an archive" "$vlmc" create -m none -o y.vlmc file
expect 64 "an unknown VLMC_DEVICE" env VLMC_DEVICE=abacus "$vlmc" verify y.vlmc
expect 0 "does not matter to list" env VLMC_DEVICE=abacus "$vlmc" list y.vlmc
expect 0 "device list" "$vlmc" device list
check "shows the plain C reference" grep -q '^cpu:reference' stdout
expect 64 "the self-test is for Vulkan devices" "$vlmc" device selftest -d cpu
finish
