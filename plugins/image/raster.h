// SPDX-License-Identifier: Apache-2.0
// Files that hold their pixels as they are: where the raster lies and how its rows look.
#ifndef IMAGE_RASTER_H
#define IMAGE_RASTER_H

#include "layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct image_raster {
    uint64_t offset; // from the start of the file
    uint64_t bytes;  // as the file declares it; it may end earlier
    image_layout layout;
    uint8_t order; // enum image_order of pixels.h
} image_raster;

// False when `bytes`, the beginning of the file, holds no header of this kind, or one of a picture
// that image.pixels does not take. layout's phases are not known: IMAGE_NO_BLOCKS. [any]
bool image_find_netpbm(const uint8_t *bytes, size_t n_bytes, image_raster *raster); // PGM PPM PAM
bool image_find_bmp(const uint8_t *bytes, size_t n_bytes, image_raster *raster);
bool image_find_tiff(const uint8_t *bytes, size_t n_bytes, image_raster *raster);

// Fills the layout and the size of `rows` rows of `row_bytes` bytes, the rest of which behind the
// pixels is padding; false when something is out of range. `raster` has its offset and order.
bool image_raster_fill(image_raster *raster, uint64_t width, uint64_t rows, uint32_t channels,
                       uint32_t sample_bytes, uint64_t row_bytes);

#endif
