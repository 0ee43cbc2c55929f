// SPDX-License-Identifier: Apache-2.0
// What symbols cost in a mixer.
#ifndef VLMC_TESTS_MIX_SUPPORT_H
#define VLMC_TESTS_MIX_SUPPORT_H

#include "mix/mix.h"

#include <stddef.h>
#include <stdint.h>

// 24 bits of a linear congruential generator.
uint32_t next_random(uint32_t *state);

// Symbols without a pattern.
void random_symbols(uint8_t *symbols, size_t n, uint32_t seed);

// Lines of few words.
void random_text(uint8_t *text, size_t n, uint32_t seed);

// A distribution of 2^24 in which `likely` has `share` more than the others. // (256)
void distribution(uint32_t *frequencies, uint8_t likely, uint32_t share);

// Codes the next symbol of a stream that is prepared, or fails the test; what it costs in bits.
double code_symbol(vlmc_mix *mix, uint32_t stream, const uint32_t *frequencies,
                   uint32_t symbol_bits, uint8_t symbol);

// Prepares and codes it, of 8 bits, without contexts of a tokenizer.
double code_byte(vlmc_mix *mix, uint32_t stream, const uint32_t *frequencies, uint8_t symbol);

// Many of them without a model, their sum.
double code_bytes(vlmc_mix *mix, uint32_t stream, const uint8_t *symbols, size_t n);

// Prepares and codes the next symbol; `sum` with all its probabilities.
uint32_t hash_symbol(vlmc_mix *mix, uint32_t stream, const uint32_t *frequencies,
                     const uint32_t *contexts, const uint32_t *selects, uint32_t symbol_bits,
                     uint8_t symbol, uint32_t sum);

#endif
