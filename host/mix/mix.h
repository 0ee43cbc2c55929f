// SPDX-License-Identifier: Apache-2.0
// Adaptive mixing: the transformer's distribution of a symbol, if there is one, bit by bit, with
// context models that learn the group: over the last symbols and words, and over a tokenizer's MIX
// contexts, weighed by its SELECT contexts (docs/numerics.md, "Mixing"). All integer.
//
// One mixer belongs to one group. Symbols must be coded in the group's (step, stream) order, by the
// encoder and the decoder alike: each coded bit updates the state. [one thread at a time]
#ifndef VLMC_MIX_MIX_H
#define VLMC_MIX_MIX_H

#include <stdbool.h>
#include <stdint.h>

#define VLMC_MIX_BITS 16 // probabilities handed to the coder sum to 2^16
#define VLMC_MIX_CONTEXTS_MAX 64u
#define VLMC_MIX_SELECTS_MAX 2u
#define VLMC_MIX_SELECT_SIZE_MAX 1024u

// What is mixed; a function of model and tokenizer alone.
typedef struct vlmc_mix_params {
    bool has_model;       // a distribution comes with each symbol
    bool orders;          // the last 1, 2, 3, 5, 7 symbols and the word are contexts too
    uint32_t symbol_bits; // 1..8: symbols are below 2^symbol_bits
    uint32_t n_contexts;
    uint32_t n_selects;
    uint32_t select_sizes[VLMC_MIX_SELECTS_MAX]; // 1..VLMC_MIX_SELECT_SIZE_MAX
} vlmc_mix_params;

typedef struct vlmc_mix vlmc_mix;

// For groups of up to max_tokens in up to max_streams streams. NULL when memory is short.
vlmc_mix *vlmc_mix_create(const vlmc_mix_params *params, uint32_t max_streams, uint32_t max_tokens);
void vlmc_mix_destroy(vlmc_mix **mix);

// Forgets everything; the state is a function of n_tokens (<= max_tokens), the group's size.
void vlmc_mix_reset(vlmc_mix *mix, uint32_t n_tokens);

// Starts the next symbol of a stream; everything is copied.
//   frequencies // (256), sum 2^24, each >= 1; NULL without a model
//   contexts    // (n_contexts), any values
//   selects     // (n_selects), below their sizes
void vlmc_mix_begin(vlmc_mix *mix, uint32_t stream, const uint32_t *frequencies,
                    const uint32_t *contexts, const uint32_t *selects);

// Probability that the symbol's next bit is 1: 1..65535, of 2^16. The highest of symbol_bits first.
uint32_t vlmc_mix_probability(vlmc_mix *mix);

// What the bit was. After symbol_bits bits the symbol is complete.
void vlmc_mix_update(vlmc_mix *mix, uint32_t bit);

#endif
