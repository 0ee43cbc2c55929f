// SPDX-License-Identifier: Apache-2.0
// A tokenizer's side contexts of one group, checked: whatever the plugin returns, what passes here
// is in range. And the symbols that its tokens are coded as. docs/numerics.md, "Symbols".
#ifndef VLMC_CODEC_TOKEN_CONTEXTS_H
#define VLMC_CODEC_TOKEN_CONTEXTS_H

#include "cut.h"

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/plugin.h>
#include <vlmc/status.h>

// What the tokens of a group are. NULL in place of one: plain bytes.
typedef struct vlmc_token_coding {
    const vlmc_tokenizer *tokenizer; // NULL: plain bytes; else that of the lock step
    const void *params;              // (params_bytes), those that `geometry` accepted
    uint32_t params_bytes;
    uint64_t first_token; // of the group, counted from the start of its segment
} vlmc_token_coding;

// One group's state; zeros before open and after close.
typedef struct vlmc_token_contexts {
    const vlmc_tokenizer *tokenizer; // NULL: plain bytes, no contexts
    void *state;
} vlmc_token_contexts;

// Checks what the ABI limits: numbers and sizes of contexts, the alphabet. NULL passes.
// VLMC_ERROR_PLUGIN otherwise.
vlmc_status vlmc_tokenizer_check(const vlmc_tokenizer *tokenizer, vlmc_error *error);

// How the tokens may be cut; plain bytes: anywhere. VLMC_ERROR_PLUGIN when the tokenizer refuses
// the parameters.
vlmc_status vlmc_token_geometry_of(const vlmc_token_coding *coding, vlmc_token_geometry *geometry,
                                   vlmc_error *error);

// For the streams of `cut`; coding NULL: plain bytes. VLMC_ERROR_PLUGIN when the tokenizer refuses.
vlmc_status vlmc_token_contexts_open(const vlmc_token_coding *coding, const vlmc_cut *cut,
                                     vlmc_token_contexts *contexts, vlmc_error *error);
void vlmc_token_contexts_close(vlmc_token_contexts *contexts);

// The contexts of a stream's next token: values // (n_contexts), each below its cardinality;
// *centre 0..255. Plain bytes: no values, centre 0. VLMC_ERROR_PLUGIN when one is out of range.
vlmc_status vlmc_token_contexts_next(const vlmc_token_contexts *contexts, uint32_t stream,
                                     uint32_t *values, uint32_t *centre, vlmc_error *error);

// What the token was.
static inline void vlmc_token_contexts_push(const vlmc_token_contexts *contexts, uint32_t stream,
                                            uint8_t token)
{
    if (contexts->tokenizer)
        contexts->tokenizer->push_token(contexts->state, stream, token);
}

static inline bool vlmc_tokenizer_centred(const vlmc_tokenizer *tokenizer)
{
    return tokenizer && (tokenizer->flags & VLMC_TOKENIZER_CENTRED);
}

// The distance from the centre modulo 256, in the order 0, -1, 1, -2, 2, … -128.
static inline uint8_t vlmc_symbol_of_token(uint8_t token, uint32_t centre)
{
    const uint32_t d = (token - centre) & 255;
    return (uint8_t)(d < 128 ? 2 * d : 2 * (256 - d) - 1);
}

static inline uint8_t vlmc_token_of_symbol(uint8_t symbol, uint32_t centre)
{
    return (uint8_t)(centre + (symbol & 1 ? 255u - symbol / 2 : symbol / 2u));
}

#endif
