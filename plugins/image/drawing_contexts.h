// SPDX-License-Identifier: Apache-2.0
// The context machine of drawings: pictures of few colours, whose pixels are often the same as
// those around: screenshots, diagrams, icons. Pixels of at most four bytes, of 8 bits a sample.
// Parameters start with an image_layout.
#ifndef IMAGE_DRAWING_CONTEXTS_H
#define IMAGE_DRAWING_CONTEXTS_H

#include "layout.h"

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/plugin.h>

#define IMAGE_DRAWING_N_DECLARATIONS 17u
extern const vlmc_context_declaration image_drawing_declarations[];

// rows // (n_rows, image_row_bytes(layout)): does this machine suit them? indexed: a byte is no
// brightness, but a colour of a palette or several pixels. [any]
bool image_is_drawing(const uint8_t *rows, uint32_t n_rows, const image_layout *layout,
                      bool indexed);

// As the members of vlmc_tokenizer of the same names.
int32_t image_drawing_geometry(const void *params, uint32_t params_bytes,
                               vlmc_token_geometry *geometry);
int32_t image_drawing_contexts_create(const void *params, uint32_t params_bytes, uint32_t n_streams,
                                      const uint64_t *first_tokens, void **state);
void image_drawing_next_context(void *state, uint32_t stream, uint32_t *contexts, uint32_t *centre);
void image_drawing_push_token(void *state, uint32_t stream, uint32_t token);
void image_drawing_contexts_destroy(void *state);

#endif
