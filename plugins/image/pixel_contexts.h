// SPDX-License-Identifier: Apache-2.0
// The context machine of raster tokens: image.pixels and image.png share it. Parameters start
// with an image_layout.
#ifndef IMAGE_PIXEL_CONTEXTS_H
#define IMAGE_PIXEL_CONTEXTS_H

#include <stdint.h>
#include <vlmc/plugin.h>

#define IMAGE_PIXEL_N_DECLARATIONS 46u
extern const vlmc_context_declaration image_pixel_declarations[];

// As the members of vlmc_tokenizer of the same names.
int32_t image_pixel_geometry(const void *params, uint32_t params_bytes,
                             vlmc_token_geometry *geometry);
int32_t image_pixel_contexts_create(const void *params, uint32_t params_bytes, uint32_t n_streams,
                                    const uint64_t *first_tokens, void **state);
void image_pixel_next_context(void *state, uint32_t stream, uint32_t *contexts, uint32_t *centre);
void image_pixel_push_token(void *state, uint32_t stream, uint32_t token);
void image_pixel_contexts_destroy(void *state);

#endif
