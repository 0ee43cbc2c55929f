// SPDX-License-Identifier: Apache-2.0
// Adaptive mixing: the transformer's distribution of a symbol, if there is one, bit by bit, with
// context models that learn the group: over the symbols before, over a tokenizer's MIX contexts,
// weighed by its SELECT contexts, and over the longest match (docs/numerics.md, "Mixing"). All
// integer.
//
// One mixer belongs to one group. Symbols must be coded in the group's (step, stream) order, by the
// encoder and the decoder alike: each coded bit updates the state. [one thread at a time]
#ifndef VLMC_MIX_MIX_H
#define VLMC_MIX_MIX_H

#include "past.h"

#include <stdbool.h>
#include <stdint.h>

#define VLMC_MIX_BITS 16 // probabilities handed to the coder sum to 2^16
#define VLMC_MIX_CONTEXTS_MAX 64u
#define VLMC_MIX_SELECTS_MAX 2u
#define VLMC_MIX_SELECT_SIZE_MAX 1024u

// Memory of all context models of a group together, at most: 2^memory lines.
#define VLMC_MIX_LINE_BYTES 64u
#define VLMC_MIX_MEMORY_MIN 17u // 8 MiB: enough for the least tables of all models there can be
#define VLMC_MIX_MEMORY_MAX 26u // 4 GiB

// What a level chooses, and a group of an archive names.
typedef struct vlmc_mix_settings {
    vlmc_mix_effort effort;
    uint32_t memory; // VLMC_MIX_MEMORY_MIN .. VLMC_MIX_MEMORY_MAX
} vlmc_mix_settings;

// What is mixed; a function of model, tokenizer and settings alone.
typedef struct vlmc_mix_params {
    bool has_model;      // a distribution comes with each symbol
    vlmc_past_kind past; // contexts of the symbols before
    vlmc_mix_settings settings;
    uint32_t symbol_bits; // 1..8: symbols are below 2^symbol_bits
    uint32_t n_contexts;
    uint32_t n_selects;
    uint32_t select_sizes[VLMC_MIX_SELECTS_MAX]; // 1..VLMC_MIX_SELECT_SIZE_MAX
} vlmc_mix_params;

typedef struct vlmc_mix vlmc_mix;

// For groups of up to max_tokens in up to max_streams streams. NULL when memory is short.
vlmc_mix *vlmc_mix_create(const vlmc_mix_params *params, uint32_t max_streams, uint32_t max_tokens);
void vlmc_mix_destroy(vlmc_mix **mix);

// Forgets everything; the state is a function of the group's size: n_tokens (<= max_tokens) in
// n_streams streams, the longest of which has n_steps. Needed before the first symbol.
void vlmc_mix_reset(vlmc_mix *mix, uint32_t n_tokens, uint32_t n_streams, uint32_t n_steps);

// Tells the contexts of a stream's next symbol; everything is copied. All streams of a step are
// told before the first symbol of the step begins, so that their memory is on its way.
//   contexts // (n_contexts), any values
//   selects  // (n_selects), below their sizes
void vlmc_mix_prepare(vlmc_mix *mix, uint32_t stream, const uint32_t *contexts,
                      const uint32_t *selects);

// Starts the next symbol of a stream that is prepared.
//   frequencies // (256), sum 2^24, each >= 1; NULL without a model
void vlmc_mix_begin(vlmc_mix *mix, uint32_t stream, const uint32_t *frequencies);

// Probability that the symbol's next bit is 1: 1..65535, of 2^16. The highest of symbol_bits first.
uint32_t vlmc_mix_probability(vlmc_mix *mix);

// What the bit was. After symbol_bits bits the symbol is complete.
void vlmc_mix_update(vlmc_mix *mix, uint32_t bit);

#endif
