// SPDX-License-Identifier: Apache-2.0
// The match model: what followed the longest recent occurrence of a stream's last symbols, in any
// stream of the group. docs/numerics.md, "Matches".
#ifndef VLMC_MIX_MATCH_H
#define VLMC_MIX_MATCH_H

#include "past.h"

#include <stdbool.h>
#include <stdint.h>

// Classes of a match, by length and misses, for the maps that learn what it is worth.
#define VLMC_MATCH_CLASSES 128u

typedef struct vlmc_match_stream {
    uint32_t from;   // in the past's symbols: what comes next if the match goes on
    uint32_t length; // symbols that agreed, 0 after a miss
    uint32_t missed; // wrong predictions since the match was found, less what went right since
    bool follows;
    bool predicts; // what lies at `from` is known
    uint8_t symbol;
} vlmc_match_stream;

typedef struct vlmc_matcher {
    const vlmc_past *past;
    uint32_t *table; // (1 << max_log2): where the symbols with this hash were followed, from 1
    uint32_t max_log2, log2;
    vlmc_match_stream *streams; // (max_streams)
} vlmc_matcher;

// `past` is borrowed. False when memory is short.
bool vlmc_matcher_create(vlmc_matcher *matcher, const vlmc_past *past);
void vlmc_matcher_destroy(vlmc_matcher *matcher);

// Forgets everything, after vlmc_past_clear; for groups of n_tokens.
void vlmc_matcher_clear(vlmc_matcher *matcher, uint32_t n_tokens);

// Before the symbols of a step: sets `predicts` and `symbol` of a stream.
void vlmc_matcher_look(vlmc_matcher *matcher, uint32_t stream);

// After a symbol, which the past has already.
void vlmc_matcher_push(vlmc_matcher *matcher, uint32_t stream, uint8_t symbol);

// Asks for the memory that pushing this symbol will need. Speed only.
void vlmc_matcher_foresee(const vlmc_matcher *matcher, uint32_t stream, uint8_t symbol);

// 0 .. VLMC_MATCH_CLASSES - 1.
uint32_t vlmc_match_class(const vlmc_match_stream *match);

// Eight coarse steps of length, misses apart: for choosing weights.
uint32_t vlmc_match_step(const vlmc_match_stream *match);

#endif
