// SPDX-License-Identifier: Apache-2.0
// Calls and jumps of x86 code: distances become addresses, so that calls of one function look
// alike. docs/format.md, "Machine code".
#ifndef VLMC_CODEC_X86_H
#define VLMC_CODEC_X86_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Whether addresses repeat more than distances do. A function of the bytes alone. [thread-safe]
bool vlmc_x86_is_code(const uint8_t *bytes, size_t n);

// Bytes // (n) become those with addresses, and back. Any bytes come back. [thread-safe]
void vlmc_x86_to_addresses(uint8_t *bytes, size_t n);
void vlmc_x86_to_distances(uint8_t *bytes, size_t n);

#endif
