// SPDX-License-Identifier: Apache-2.0
// BMP without compression: rows padded to four bytes, usually the lowest first; blue, green, red.
#include "bytes.h"
#include "pixels.h"
#include "raster.h"

#define FILE_HEADER_BYTES 14u
#define CORE_HEADER_BYTES 12u // of OS/2 1
#define INFO_HEADER_BYTES 40u // and later, longer ones that begin like it
#define HEADER_BYTES_MAX 65536u
#define PLAIN 0u
#define BIT_FIELDS 3u // masks say which bits are red: the bytes are there all the same

typedef struct bmp {
    uint32_t width;
    uint32_t height;
    uint32_t planes;
    uint32_t depth; // bits of a pixel
    uint32_t compression;
} bmp;

static bool read_header(const uint8_t *bytes, size_t n_bytes, bmp *b)
{
    if (n_bytes < FILE_HEADER_BYTES + CORE_HEADER_BYTES || bytes[0] != 'B' || bytes[1] != 'M')
        return false;
    const uint8_t *h = bytes + FILE_HEADER_BYTES;
    const uint32_t size = image_load32le(h);
    if (size == CORE_HEADER_BYTES) {
        *b = (bmp){image_load16le(h + 4), image_load16le(h + 6), image_load16le(h + 8),
                   image_load16le(h + 10), PLAIN};
        return true;
    }
    if (size < INFO_HEADER_BYTES || size > HEADER_BYTES_MAX ||
        n_bytes < FILE_HEADER_BYTES + INFO_HEADER_BYTES)
        return false;
    *b = (bmp){image_load32le(h + 4), image_load32le(h + 8), image_load16le(h + 12),
               image_load16le(h + 14), image_load32le(h + 16)};
    if (b->height > INT32_MAX) // negative: the topmost row comes first
        b->height = 0u - b->height;
    return true;
}

bool image_find_bmp(const uint8_t *bytes, size_t n_bytes, image_raster *raster)
{
    bmp b;
    *raster = (image_raster){0};
    if (!read_header(bytes, n_bytes, &b) || b.planes != 1 ||
        (b.depth != 8 && b.depth != 24 && b.depth != 32) ||
        !(b.compression == PLAIN || (b.compression == BIT_FIELDS && b.depth == 32)))
        return false;
    const uint32_t channels = b.depth / 8;
    const uint64_t row_bytes = ((uint64_t)b.width * channels + 3) / 4 * 4;
    raster->offset = image_load32le(bytes + 10);
    raster->order = channels >= 3 ? IMAGE_BLUE_FIRST : 0;
    return raster->offset >= FILE_HEADER_BYTES + CORE_HEADER_BYTES &&
           raster->offset <= HEADER_BYTES_MAX &&
           image_raster_fill(raster, b.width, b.height, channels, 1, row_bytes);
}
