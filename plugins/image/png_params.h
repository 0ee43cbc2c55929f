// SPDX-License-Identifier: Apache-2.0
// The parameters of image.png: an image_layout, then
//     2 bytes    the header of the zlib stream
//     4 bytes    level, strategy, memory level, window bits of redeflate_params
//     1 byte     flags: bit 0 far_threes
//     varint     bytes of the zlib stream
//     varint     bytes of each IDAT chunk but the last, which takes what is left; 0: sizes follow
//     varints    bytes of each chunk, to the end of the parameters
// Varints are canonical: seven bits a byte, low ones first, bit 7 set in all but the last.
#ifndef IMAGE_PNG_PARAMS_H
#define IMAGE_PNG_PARAMS_H

#include "layout.h"
#include "redeflate.h"

#define PNG_CHUNK_BYTES_MAX 2147483647u
#define PNG_CHUNK_EDGE_BYTES 12u                // around the data: size, name, check
#define PNG_CONTENT_BYTES_MAX (255u * 1048576u) // inflated: tokens of a segment
#define PNG_STREAM_BYTES_MAX (512u * 1048576u)
#define PNG_ZLIB_HEADER_BYTES 2u
#define PNG_ZLIB_CHECK_BYTES 4u

typedef struct png_params {
    image_layout layout; // prefix 1, suffix 0, height known
    uint8_t zlib_header[PNG_ZLIB_HEADER_BYTES];
    redeflate_params deflate;
    uint32_t stream_bytes;
    uint32_t chunk_bytes; // 0: listed
    const uint8_t *list;  // (list_bytes) varints, borrowed
    uint32_t list_bytes;
} png_params;

// The filters look this many bytes back: a pixel, at least 1.
static inline uint32_t png_filter_distance(const png_params *params)
{
    return image_pixel_bytes(&params->layout);
}

// Checks all but the sum of the listed sizes. png->list points into params.
bool png_params_read(const void *params, uint32_t params_bytes, png_params *png);

// chunks // (n_chunks) bytes of each IDAT chunk. The bytes of the parameters, or 0 when they are
// more than capacity. Ignores chunk_bytes and list.
uint32_t png_params_write(const png_params *png, const uint32_t *chunks, uint32_t n_chunks,
                          uint8_t *params, uint32_t capacity);

// The sizes of the chunks, one after the other.
typedef struct png_chunk_sizes {
    uint32_t left; // bytes of the stream
    uint32_t chunk_bytes;
    const uint8_t *list, *list_end;
} png_chunk_sizes;

void png_chunk_sizes_init(png_chunk_sizes *sizes, const png_params *png);

// False when there are no more, or the next one is more than what is left.
bool png_chunk_sizes_next(png_chunk_sizes *sizes, uint32_t *bytes);

#endif
