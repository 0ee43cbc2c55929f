// SPDX-License-Identifier: Apache-2.0
// What the samples along the edges of neighbouring blocks say of a block's coefficients: a
// picture goes on across the edge (after Lakhani, "Modifying JPEG Binary Arithmetic Codec for
// Exploiting Inter/Intra-Block and DCT Coefficient Redundancies", 2013). All integer.
#ifndef IMAGE_JPEG_PREDICT_H
#define IMAGE_JPEG_PREDICT_H

#include "jpeg_walk.h"

// walk->edge[1..7] of the row's (vertical frequency 0, from the block above) or the column's
// coefficients, once all with both frequencies > 0 are known; 0 where the neighbour is not known.
void jpeg_predict_row(jpeg_walk *walk);
void jpeg_predict_column(jpeg_walk *walk);

// walk->dc, dc_north, dc_west, dc_spread, once all other coefficients are known.
void jpeg_predict_dc(jpeg_walk *walk);

// south, east, below, right of a complete block.
void jpeg_edges(jpeg_block *block, const uint16_t *quant);

#endif
