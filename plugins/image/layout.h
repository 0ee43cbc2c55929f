// SPDX-License-Identifier: Apache-2.0
// The layout of raster tokens: rows of prefix, samples and suffix, all of them bytes. The first
// IMAGE_LAYOUT_BYTES of the parameters of image.pixels and image.png.
#ifndef IMAGE_LAYOUT_H
#define IMAGE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAGE_LAYOUT_BYTES 16u
#define IMAGE_WIDTH_MAX 1048576u // pixels
#define IMAGE_ROW_BYTES_MAX 4194304u

typedef struct image_layout {
    uint32_t width;       // pixels, 1..IMAGE_WIDTH_MAX
    uint32_t height;      // rows; 0: not known
    uint8_t channels;     // 1..4
    uint8_t sample_bytes; // 1, or 2 with the high byte first
    uint8_t prefix;  // bytes before the samples of a row that are no samples (PNG's filter type)
    uint8_t suffix;  // bytes after them (padding)
    uint8_t phase_x; // position of the first pixel in the 8x8 blocks of a picture that once was
    uint8_t phase_y; // a JPEG file, 0..7; IMAGE_NO_BLOCKS: not known to be one
} image_layout;

#define IMAGE_NO_BLOCKS 255u

static inline uint32_t image_pixel_bytes(const image_layout *layout)
{
    return (uint32_t)layout->channels * layout->sample_bytes;
}

static inline uint32_t image_row_bytes(const image_layout *layout)
{
    return layout->prefix + layout->width * image_pixel_bytes(layout) + layout->suffix;
}

#define IMAGE_EDGE_BYTES 32u // prefix and suffix together, at most

// Byte `at` of a row with `samples` bytes of samples: is it one of the prefix or the suffix?
static inline bool image_at_edge(const image_layout *layout, uint32_t samples, uint32_t at)
{
    return at - layout->prefix >= samples; // before the prefix's end it wraps
}

// Which one of these, 0 .. IMAGE_EDGE_BYTES - 1.
static inline uint32_t image_edge_index(const image_layout *layout, uint32_t samples, uint32_t at)
{
    return at < layout->prefix ? at : at - samples;
}

// Little-endian: width, height (32 bits each), then the bytes in their order, zeros.
void image_layout_write(const image_layout *layout, uint8_t bytes[IMAGE_LAYOUT_BYTES]);

// False when there are fewer bytes or a value is out of range.
bool image_layout_read(const void *bytes, size_t n_bytes, image_layout *layout);

#endif
