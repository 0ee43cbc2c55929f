// SPDX-License-Identifier: Apache-2.0
// Was a picture once a JPEG file? Then steps are larger where its blocks of 8x8 pixels meet.
#ifndef IMAGE_BLOCKS_H
#define IMAGE_BLOCKS_H

#include "layout.h"

#define IMAGE_BLOCKS_BYTES (1u << 20) // of rows are enough to see it

// rows // (n_rows, image_row_bytes(layout)), in the order of the file; low_byte_first: of samples
// of two bytes. Sets the layout's phases, or IMAGE_NO_BLOCKS.
void image_find_blocks(const uint8_t *rows, uint32_t n_rows, bool low_byte_first,
                       image_layout *layout);

#endif
