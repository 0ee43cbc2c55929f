// SPDX-License-Identifier: Apache-2.0
// The side contexts of image.jpeg.
#ifndef IMAGE_JPEG_CONTEXTS_H
#define IMAGE_JPEG_CONTEXTS_H

#include <stdint.h>
#include <vlmc/plugin.h>

// As the members of vlmc_tokenizer of the same names.
int32_t jpeg_contexts_create(const void *params, uint32_t params_bytes, uint32_t n_streams,
                             const uint64_t *first_tokens, void **state);
void jpeg_next_context(void *state, uint32_t stream, uint32_t *contexts, uint32_t *centre);
void jpeg_push_token(void *state, uint32_t stream, uint32_t token);
void jpeg_contexts_destroy(void *state);

#endif
