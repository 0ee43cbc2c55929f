// SPDX-License-Identifier: Apache-2.0
// The side contexts of text tokens.
#ifndef TEXT_CONTEXTS_H
#define TEXT_CONTEXTS_H

#include <stdint.h>
#include <vlmc/plugin.h>

#define TEXT_CONTEXTS 15u

extern const vlmc_context_declaration text_context_declarations[TEXT_CONTEXTS];

// As the members of vlmc_tokenizer of the same names.
int32_t text_contexts_create(const void *params, uint32_t params_bytes, uint32_t n_streams,
                             const uint64_t *first_tokens, void **state);
void text_next_context(void *state, uint32_t stream, uint32_t *contexts, uint32_t *centre);
void text_push_token(void *state, uint32_t stream, uint32_t token);
void text_contexts_destroy(void *state);

#endif
