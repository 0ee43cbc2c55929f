// SPDX-License-Identifier: Apache-2.0
#include "png_params.h"

#include <string.h>

#define FIXED_BYTES (IMAGE_LAYOUT_BYTES + 7u)
#define VARINT_BYTES_MAX 5u
#define FAR_THREES 1u

// *at moves behind it; false when it is cut off, too large or not canonical.
static bool read_varint(const uint8_t **at, const uint8_t *end, uint32_t *value)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < VARINT_BYTES_MAX && *at < end; i++) {
        const uint8_t byte = *(*at)++;
        sum |= (uint64_t)(byte & 127) << 7 * i;
        if (byte & 128)
            continue;
        *value = (uint32_t)sum;
        return sum <= UINT32_MAX && (byte != 0 || i == 0);
    }
    return false;
}

static uint32_t write_varint(uint8_t *bytes, uint32_t value)
{
    uint32_t n = 0;
    for (; value >= 128; value >>= 7)
        bytes[n++] = (uint8_t)(value | 128);
    bytes[n++] = (uint8_t)value;
    return n;
}

static bool layout_valid(const image_layout *layout)
{
    const uint64_t content = (uint64_t)layout->height * image_row_bytes(layout);
    return layout->prefix == 1 && layout->suffix == 0 && layout->height >= 1 &&
           content <= PNG_CONTENT_BYTES_MAX;
}

bool png_params_read(const void *params, uint32_t params_bytes, png_params *png)
{
    const uint8_t *at = params, *end = at + params_bytes;
    if (params_bytes < FIXED_BYTES || !image_layout_read(at, params_bytes, &png->layout) ||
        !layout_valid(&png->layout))
        return false;
    at += IMAGE_LAYOUT_BYTES;
    memcpy(png->zlib_header, at, PNG_ZLIB_HEADER_BYTES);
    png->deflate = (redeflate_params){
        .level = at[2],
        .strategy = at[3],
        .memory_level = at[4],
        .window_bits = at[5],
        .far_threes = at[6] & FAR_THREES,
    };
    if (at[6] > FAR_THREES || !redeflate_params_valid(&png->deflate))
        return false;
    at += 7;
    if (!read_varint(&at, end, &png->stream_bytes) || !read_varint(&at, end, &png->chunk_bytes))
        return false;
    png->list = at;
    png->list_bytes = (uint32_t)(end - at);
    return png->stream_bytes >= PNG_ZLIB_HEADER_BYTES + PNG_ZLIB_CHECK_BYTES &&
           png->stream_bytes <= PNG_STREAM_BYTES_MAX &&
           (png->chunk_bytes == 0) == (png->list_bytes > 0) &&
           png->chunk_bytes <= PNG_CHUNK_BYTES_MAX;
}

static bool all_but_last_equal(const uint32_t *chunks, uint32_t n_chunks)
{
    for (uint32_t i = 1; i + 1 < n_chunks; i++)
        if (chunks[i] != chunks[0])
            return false;
    return chunks[0] > 0 && chunks[n_chunks - 1] > 0 && chunks[n_chunks - 1] <= chunks[0];
}

uint32_t png_params_write(const png_params *png, const uint32_t *chunks, uint32_t n_chunks,
                          uint8_t *params, uint32_t capacity)
{
    const bool equal = all_but_last_equal(chunks, n_chunks);
    const uint64_t most =
        FIXED_BYTES + (uint64_t)VARINT_BYTES_MAX * (2 + (equal ? 0 : (uint64_t)n_chunks));
    if (most > capacity)
        return 0;
    image_layout_write(&png->layout, params);
    uint8_t *at = params + IMAGE_LAYOUT_BYTES;
    memcpy(at, png->zlib_header, PNG_ZLIB_HEADER_BYTES);
    at[2] = png->deflate.level;
    at[3] = png->deflate.strategy;
    at[4] = png->deflate.memory_level;
    at[5] = png->deflate.window_bits;
    at[6] = png->deflate.far_threes ? FAR_THREES : 0;
    at += 7;
    at += write_varint(at, png->stream_bytes);
    at += write_varint(at, equal ? chunks[0] : 0);
    for (uint32_t i = 0; !equal && i < n_chunks; i++)
        at += write_varint(at, chunks[i]);
    return (uint32_t)(at - params);
}

void png_chunk_sizes_init(png_chunk_sizes *sizes, const png_params *png)
{
    *sizes = (png_chunk_sizes){
        .left = png->stream_bytes,
        .chunk_bytes = png->chunk_bytes,
        .list = png->list,
        .list_end = png->list + png->list_bytes,
    };
}

bool png_chunk_sizes_next(png_chunk_sizes *sizes, uint32_t *bytes)
{
    if (sizes->chunk_bytes > 0) {
        *bytes = sizes->left < sizes->chunk_bytes ? sizes->left : sizes->chunk_bytes;
        sizes->left -= *bytes;
        return *bytes > 0;
    }
    if (!read_varint(&sizes->list, sizes->list_end, bytes) || *bytes > sizes->left)
        return false;
    sizes->left -= *bytes;
    return true;
}
