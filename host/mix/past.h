// SPDX-License-Identifier: Apache-2.0
// What a group's streams have coded so far, and the contexts that a mixer takes from it: the last
// symbols, words, gaps, and the record above in tables of fixed width. docs/numerics.md, "Contexts
// of the past".
#ifndef VLMC_MIX_PAST_H
#define VLMC_MIX_PAST_H

#include <stdbool.h>
#include <stdint.h>

#define VLMC_PAST_CONTEXTS_MAX 26u

#define VLMC_PAST_NEAR_MAX 3u

// Which contexts there are.
typedef enum vlmc_past_kind {
    VLMC_PAST_NONE = 0,  // none: the tokenizer's own contexts say it all
    VLMC_PAST_TEXT = 1,  // symbols and words
    VLMC_PAST_BYTES = 2, // anything: gaps and records too
} vlmc_past_kind;

// How many contexts. Values are part of the format.
typedef enum vlmc_mix_effort {
    VLMC_MIX_FAST = 0,
    VLMC_MIX_NORMAL = 1,
    VLMC_MIX_STRONG = 2,
} vlmc_mix_effort;

// Where a stream is.
typedef struct vlmc_past_place {
    uint8_t *symbols;  // (stride) those so far
    uint32_t n;        // of them
    uint64_t last;     // 8 symbols, newest in the low byte
    uint32_t words[3]; // hashes of the word so far and the two before
    uint32_t record;   // width of a record, 0: none is known
} vlmc_past_place;

// One stream's.
typedef struct vlmc_past_stream {
    vlmc_past_place at;
    // For records: of each value, where it was last (from 1; 0: nowhere) and the gap before that.
    uint32_t seen[256];
    uint32_t gaps[256];
    uint32_t candidates[4]; // gaps that came twice in a row, and how often
    uint32_t votes[4];
} vlmc_past_stream;

typedef struct vlmc_past {
    vlmc_past_kind kind;
    vlmc_mix_effort effort;
    uint32_t max_streams, max_tokens;
    uint32_t n_streams, stride;
    vlmc_past_stream *streams; // (max_streams)
    uint8_t *symbols;          // (n_streams, stride)
} vlmc_past;

// False when memory is short. NONE takes none.
bool vlmc_past_create(vlmc_past *past, vlmc_past_kind kind, vlmc_mix_effort effort,
                      uint32_t max_streams, uint32_t max_tokens);
void vlmc_past_destroy(vlmc_past *past);

// Forgets everything. n_steps is the length of the longest stream, n_streams * n_steps at most
// 4 * max_tokens.
void vlmc_past_clear(vlmc_past *past, uint32_t n_streams, uint32_t n_steps);

uint32_t vlmc_past_n_contexts(vlmc_past_kind kind, vlmc_mix_effort effort);

// The contexts of a stream's next symbol, as hashes // (n_contexts). `expected`: what a match
// says, VLMC_PAST_EXPECTED(symbol, 0..3 how long), or 0.
#define VLMC_PAST_EXPECTED(symbol, length) (256u | (symbol) | (length) << 9)
void vlmc_past_contexts(const vlmc_past *past, uint32_t stream, uint32_t expected,
                        uint64_t *hashes);

// About the same for the symbol behind the next one, should that be `symbol`: to ask for memory
// ahead of time. A new width of records is not foreseen.
void vlmc_past_contexts_after(const vlmc_past *past, uint32_t stream, uint8_t symbol,
                              uint32_t expected, uint64_t *hashes);

// Contexts of a stream alone, for groups of several: what came in its own past, which is about the
// same as what comes next, told apart from what came in the others'. // (n_near)
uint32_t vlmc_past_n_near(vlmc_past_kind kind);
void vlmc_past_near(const vlmc_past *past, uint32_t stream, uint64_t *hashes);

void vlmc_past_push(vlmc_past *past, uint32_t stream, uint8_t symbol);

#endif
