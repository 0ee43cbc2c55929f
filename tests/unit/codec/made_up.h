// SPDX-License-Identifier: Apache-2.0
// Tokenizers that no plugin has: contexts and rules of every kind, honest and not.
#ifndef VLMC_TESTS_MADE_UP_H
#define VLMC_TESTS_MADE_UP_H

#include "mix/mix.h"

#include <stdint.h>
#include <vlmc/plugin.h>

// What the mixers of these tests are made with, and the byte that names it in a group.
extern const vlmc_mix_settings made_up_settings;
extern const uint8_t made_up_settings_byte;

// How one breaks the rules, after `after` tokens of the group.
enum made_up_fault {
    MADE_UP_HONEST,
    MADE_UP_FORGETFUL,    // the second object of a group computes other contexts than the first
    MADE_UP_OTHER_CENTRE, // the same with the centre
    MADE_UP_OUT_OF_RANGE, // a context reaches its cardinality
    MADE_UP_FAR_CENTRE,   // the centre reaches the alphabet
    MADE_UP_NO_MEMORY,    // contexts cannot be made
    MADE_UP_NO_GEOMETRY,  // parameters are refused
};

typedef struct made_up_params {
    uint32_t align;
    uint32_t stream_tokens;
    uint32_t fault;
    uint32_t after;
} made_up_params;

// Numbers that walk slowly: the centre is the token before, contexts are EMBED, MIX and SELECT.
extern const vlmc_tokenizer made_up_centred;

// The same without a centre: 100 different tokens, orders and joins.
extern const vlmc_tokenizer made_up_orders;

// No contexts at all.
extern const vlmc_tokenizer made_up_bare;

// A walk that made_up_centred predicts well; values below `alphabet`.
void fill_walk(uint8_t *tokens, uint32_t n, uint32_t alphabet, uint64_t seed);

#endif
