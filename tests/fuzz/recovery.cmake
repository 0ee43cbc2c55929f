# SPDX-License-Identifier: Apache-2.0
add_executable(mutate_recovery fuzz/mutate_recovery.c fuzz/fuzz_recovery.c)
target_link_libraries(mutate_recovery PRIVATE vlmc_test_options)
vlmc_test(fuzz.recovery LABELS fuzz
    COMMAND mutate_recovery 3000 ${golden}/v0-stored.vlmc ${golden}/v0-copies.vlmc)
