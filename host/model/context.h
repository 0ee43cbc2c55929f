// SPDX-License-Identifier: Apache-2.0
// Side contexts: for each position, a few table rows that both sides of the
// codec can compute before the token is known. docs/numerics.md, "Side contexts". With a
// tokenizer, the tokens here are the coded symbols.
//
// The state belongs to one group of streams that advance in lock step. RECALL
// contexts learn from every stream of the group; all others see one stream only.
#ifndef VLMC_MODEL_CONTEXT_H
#define VLMC_MODEL_CONTEXT_H

#include <stdint.h>

#define VLMC_CONTEXTS_MAX 32u

// Values are stored in model files: append only.
enum vlmc_context_kind {
    VLMC_CONTEXT_NGRAM = 1,  // hash of the last `order` tokens (1..8) of the stream
    VLMC_CONTEXT_WORD = 2,   // hash of the word so far and `order`-1 (0..1) words before it
    VLMC_CONTEXT_LINE = 3,   // column and recent line length; 2048 rows, order 0
    VLMC_CONTEXT_RECALL = 4, // token that followed the last `order` tokens (1..24) when the
                             // group saw them last, and how far that was right; 4097 rows
    VLMC_CONTEXT_PLUGIN = 5, // the tokenizer's context number `order` (0..63), which has `rows`
                             // (1..65536) values
};

typedef struct vlmc_context_spec {
    uint32_t kind;       // enum vlmc_context_kind
    uint32_t order;      // see the kinds
    uint32_t rows;       // rows of the embedding table; NGRAM and WORD: a power of two
    uint32_t slots_log2; // RECALL: log2 of the memory's slots, 8..24; others: 0
} vlmc_context_spec;

typedef struct vlmc_contexts vlmc_contexts;

// True when a spec is one that this build can compute (model files are hostile input).
int vlmc_context_spec_valid(const vlmc_context_spec *spec);

// Returns NULL when memory is short. n_specs <= VLMC_CONTEXTS_MAX, every spec valid.
vlmc_contexts *vlmc_contexts_create(const vlmc_context_spec *specs, uint32_t n_specs,
                                    uint32_t n_streams);
void vlmc_contexts_destroy(vlmc_contexts **contexts);

// Forgets everything: the state is as after create.
void vlmc_contexts_reset(vlmc_contexts *contexts);

// The rows of a stream's next position: rows // (n_specs), rows[i] < specs[i].rows. PLUGIN
// contexts get row 0; the tokenizer knows their rows.
// Once for each position, before its token is pushed; in what order among the streams,
// docs/format.md says ("Model groups").
void vlmc_contexts_rows(vlmc_contexts *contexts, uint32_t stream, uint32_t *rows);

// The token that the stream's position turned out to have; vlmc_contexts_rows must have been called
// for this position.
void vlmc_contexts_push(vlmc_contexts *contexts, uint32_t stream, uint8_t token);

#endif
