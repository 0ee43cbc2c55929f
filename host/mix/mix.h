// SPDX-License-Identifier: Apache-2.0
// Adaptive mixing: the transformer's byte distribution, bit by bit, with online context
// models that learn the file (docs/numerics.md, "Mixing"). All integer.
//
// One mixer belongs to one group. Tokens must be coded in the group's (step, stream)
// order, by the encoder and the decoder alike: each coded bit updates the state.
#ifndef VLMC_MIX_MIX_H
#define VLMC_MIX_MIX_H

#include <stdint.h>

#define VLMC_MIX_BITS 16 // probabilities handed to the coder sum to 2^16

typedef struct vlmc_mix vlmc_mix;

// For groups of up to max_bytes tokens in up to max_streams streams. NULL when memory is short.
vlmc_mix *vlmc_mix_create(uint32_t max_streams, uint32_t max_bytes);
void vlmc_mix_destroy(vlmc_mix **mix);

// Forgets everything; the state is a function of n_bytes, the group's size, alone.
void vlmc_mix_reset(vlmc_mix *mix, uint32_t n_bytes);

// Starts the next token of a stream. frequencies // (256), sum 2^24, each >= 1; copied.
void vlmc_mix_begin(vlmc_mix *mix, uint32_t stream, const uint32_t *frequencies);

// Probability that the token's next bit (high bit first) is 1: 1..65535, of 2^16.
uint32_t vlmc_mix_probability(vlmc_mix *mix);

// What the bit was. After eight bits the token is complete.
void vlmc_mix_update(vlmc_mix *mix, uint32_t bit);

#endif
