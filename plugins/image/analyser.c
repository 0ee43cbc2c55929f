// SPDX-License-Identifier: Apache-2.0
#include "analyser.h"

#include "blocks.h"
#include "bytes.h"
#include "drawing_contexts.h"
#include "jpeg.h"
#include "pixels.h"
#include "png_tokenizer.h"
#include "raster.h"

#include <stdlib.h>

#define RASTER_BYTES_MAX (32u << 20) // of one segment
#define ROWS_ALIGNED 8u // segments begin where blocks may, so that the layout's phase holds
#define NEXT_PICTURE_BYTES 4096u // a file of several pictures: smaller ones end the search

enum state {
    STATE_START,   // nothing is known
    STATE_RASTER,  // `raster` is what comes next
    STATE_SEGMENT, // `segment` is
    STATE_JPEG,
    STATE_REST, // plain bytes to the end of the file
};

typedef struct analysis {
    enum state state;
    bool netpbm; // more pictures may follow
    bool described, drawing;
    image_raster raster; // bytes: what is left of it
    vlmc_segment segment;
    uint8_t params[VLMC_PLUGIN_PARAMS_BYTES_MAX];
} analysis;

static bool is_jpeg(const uint8_t *bytes, size_t n_bytes)
{
    return n_bytes >= 6 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF &&
           bytes[3] >= 0xC0 && bytes[3] < 0xFF && image_load16be(bytes + 4) >= 2;
}

static bool is_tiff(const uint8_t *bytes, size_t n_bytes)
{
    if (n_bytes < 8)
        return false;
    const bool little = image_load32le(bytes) == 0x002A4949u && image_load32le(bytes + 4) >= 8;
    const bool big = image_load32be(bytes) == 0x4D4D002Au && image_load32be(bytes + 4) >= 8;
    return little || big;
}

static bool find_raster(const uint8_t *bytes, size_t n_bytes, image_raster *raster)
{
    return image_find_netpbm(bytes, n_bytes, raster) || image_find_bmp(bytes, n_bytes, raster) ||
           image_find_tiff(bytes, n_bytes, raster);
}

static uint32_t probe(const uint8_t *bytes, size_t n_bytes, const char *name)
{
    image_raster raster;
    (void)name;
    if (image_png_probe(bytes, n_bytes) || is_jpeg(bytes, n_bytes))
        return 100;
    if (find_raster(bytes, n_bytes, &raster))
        return 95;
    return is_tiff(bytes, n_bytes) ? 60 : 0; // its directory may lie further back
}

static int32_t create(const char *name, void **out)
{
    (void)name;
    *out = calloc(1, sizeof(analysis));
    return *out ? VLMC_PLUGIN_OK : VLMC_PLUGIN_MEMORY;
}

static int32_t plain(vlmc_segment *segment, uint64_t bytes)
{
    *segment = (vlmc_segment){.bytes = bytes};
    return VLMC_PLUGIN_OK;
}

static int32_t rest(analysis *a, size_t n_bytes, vlmc_segment *segment)
{
    a->state = STATE_REST;
    return plain(segment, n_bytes);
}

static int32_t next_raster(analysis *a, const uint8_t *bytes, size_t n_bytes, vlmc_segment *segment)
{
    image_raster *r = &a->raster;
    const uint32_t row_bytes = image_row_bytes(&r->layout);
    if (!a->described) {
        const uint64_t rows = (n_bytes < r->bytes ? n_bytes : r->bytes) / row_bytes;
        const uint32_t enough = IMAGE_BLOCKS_BYTES / row_bytes;
        const uint32_t n_rows = rows < enough ? (uint32_t)rows : enough;
        image_find_blocks(bytes, n_rows, r->order & IMAGE_LOW_BYTE_FIRST, &r->layout);
        a->drawing = image_is_drawing(bytes, n_rows, &r->layout, false);
        image_pixels_write_params(&r->layout, r->order, a->params);
        a->described = true;
    }
    uint64_t n = RASTER_BYTES_MAX / row_bytes / ROWS_ALIGNED * ROWS_ALIGNED * row_bytes;
    n = n < r->bytes ? n : r->bytes;
    n = n < n_bytes ? n : n_bytes;
    r->bytes -= n;
    if (r->bytes == 0) {
        const uint64_t all = (uint64_t)r->layout.height * row_bytes;
        a->state = a->netpbm && all >= NEXT_PICTURE_BYTES ? STATE_START : STATE_REST;
    }
    *segment = (vlmc_segment){
        .bytes = n,
        .tokenizer = (a->drawing ? &image_drawing_tokenizer : &image_pixels_tokenizer)->id,
        .params_bytes = IMAGE_PIXELS_PARAMS_BYTES,
        .params = a->params,
    };
    return VLMC_PLUGIN_OK;
}

static int32_t start_png(analysis *a, const uint8_t *bytes, size_t n_bytes, vlmc_segment *segment)
{
    size_t start;
    if (image_png_find(bytes, n_bytes, &start, a->params, &a->segment) != VLMC_PLUGIN_OK)
        return rest(a, n_bytes, segment);
    a->state = STATE_SEGMENT;
    return plain(segment, start);
}

static int32_t next_jpeg(analysis *a, const uint8_t *bytes, size_t n_bytes, vlmc_segment *segment)
{
    a->state = STATE_JPEG;
    if (image_jpeg_split(bytes, n_bytes, a->params, segment) != VLMC_PLUGIN_OK)
        return rest(a, n_bytes, segment);
    return VLMC_PLUGIN_OK;
}

static int32_t start(analysis *a, const uint8_t *bytes, size_t n_bytes, vlmc_segment *segment)
{
    if (image_png_probe(bytes, n_bytes))
        return start_png(a, bytes, n_bytes, segment);
    if (is_jpeg(bytes, n_bytes))
        return next_jpeg(a, bytes, n_bytes, segment);
    if (!find_raster(bytes, n_bytes, &a->raster) || a->raster.offset >= n_bytes)
        return rest(a, n_bytes, segment);
    a->netpbm = bytes[0] == 'P';
    a->described = false;
    a->state = STATE_RASTER;
    return plain(segment, a->raster.offset);
}

static int32_t next(void *object, const uint8_t *bytes, size_t n_bytes, uint32_t at_end,
                    vlmc_segment *segment)
{
    analysis *a = object;
    (void)at_end; // every kind of segment lies within what is seen
    if (n_bytes == 0)
        return VLMC_PLUGIN_INVALID;
    switch (a->state) {
    case STATE_START:
        return start(a, bytes, n_bytes, segment);
    case STATE_RASTER:
        return next_raster(a, bytes, n_bytes, segment);
    case STATE_SEGMENT:
        a->state = STATE_REST;
        *segment = a->segment;
        return VLMC_PLUGIN_OK;
    case STATE_JPEG:
        return next_jpeg(a, bytes, n_bytes, segment);
    default:
        return rest(a, n_bytes, segment);
    }
}

const vlmc_analyser image_analyser = {
    .struct_size = sizeof(vlmc_analyser),
    .probe = probe,
    .create = create,
    .next = next,
    .destroy = free,
};
