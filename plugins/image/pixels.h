// SPDX-License-Identifier: Apache-2.0
// The tokenizer image.pixels: raster rows as they lie in a file, one token a byte. Parameters:
// an image_layout, then one byte of enum image_order. Data may end anywhere, and rows may follow
// after the layout's height.
#ifndef IMAGE_PIXELS_H
#define IMAGE_PIXELS_H

#include "layout.h"

#include <vlmc/plugin.h>

#define IMAGE_PIXELS_PARAMS_BYTES (IMAGE_LAYOUT_BYTES + 1u)

// How the pixels of the file differ from those of the tokens: red, green, blue, high byte first.
enum image_order {
    IMAGE_LOW_BYTE_FIRST = 1u, // of samples of two bytes
    IMAGE_BLUE_FIRST = 2u,     // of pixels of three or four samples
};

extern const vlmc_tokenizer image_pixels_tokenizer, image_drawing_tokenizer;

void image_pixels_write_params(const image_layout *layout, uint8_t order,
                               uint8_t params[IMAGE_PIXELS_PARAMS_BYTES]);

#endif
