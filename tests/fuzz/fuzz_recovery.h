// SPDX-License-Identifier: Apache-2.0
#ifndef VLMC_TESTS_FUZZ_RECOVERY_H
#define VLMC_TESTS_FUZZ_RECOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Repairs a file of these bytes as far as that goes. True when the result is said to be whole, or
// nothing was wrong; then *archive is the archive // (*size), malloc'ed.
bool fuzz_repairs(const uint8_t *data, size_t bytes, uint8_t **archive, size_t *size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
