// SPDX-License-Identifier: Apache-2.0
// Which contexts the mixer gets for each token of image.jpeg.
#ifndef IMAGE_JPEG_MIXING_H
#define IMAGE_JPEG_MIXING_H

#include "jpeg_walk.h"

#include <vlmc/plugin.h>

#define JPEG_MIX_CONTEXTS 20u
#define JPEG_CONTEXTS (JPEG_MIX_CONTEXTS + 2u)

extern const vlmc_context_declaration jpeg_context_declarations[JPEG_CONTEXTS];

typedef struct jpeg_position {
    jpeg_walk walk;
    int32_t expected;   // of the coefficient, sixteenths of a step
    uint32_t magnitude; // expected, 32nds of a step
} jpeg_position;

// Those of the next token. values // (JPEG_CONTEXTS)
void jpeg_list_contexts(jpeg_position *position, uint32_t *values);

#endif
