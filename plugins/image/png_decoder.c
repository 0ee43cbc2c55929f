// SPDX-License-Identifier: Apache-2.0
// Unfiltered rows to IDAT chunks: tokens fill a row, the filtered row goes into redeflate, and what
// comes out is cut into chunks.
#include "png_encoder.h"

#include "bytes.h"
#include "png_filter.h"
#include "png_params.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define HEAD_BYTES 8u // of a chunk
#define TAIL_BYTES 4u

typedef struct decoder {
    png_params png;
    uint8_t *list; // of chunk sizes, owned
    png_chunk_sizes sizes;
    redeflate *deflate;
    uint32_t row_bytes; // with the filter type
    uint32_t rows_left; // not yet filled
    uint8_t *row;       // (row_bytes) tokens
    uint8_t *above;     // (row_bytes)
    uint8_t *filtered;  // (row_bytes)
    uint32_t filled;    // bytes of `row`
    uint32_t fed;       // bytes of `filtered` that went into redeflate; row_bytes: none is there
    uLong adler;
    const uint8_t *stream; // the next bytes of the zlib stream
    size_t stream_bytes;
    bool stream_ended; // nothing comes after `stream`
    uint8_t check[PNG_ZLIB_CHECK_BYTES];
    bool in_chunk;
    uint32_t data_left; // of the chunk
    uLong crc;
    uint8_t edge[HEAD_BYTES]; // of a chunk, being written
    uint32_t edge_bytes, edge_given;
} decoder;

void png_decoder_destroy(void *object)
{
    decoder *d = object;
    if (!d)
        return;
    redeflate_destroy(d->deflate);
    free(d->list);
    free(d->row);
    free(d->above);
    free(d->filtered);
    free(d);
}

static int32_t fill_decoder(decoder *d)
{
    d->row_bytes = image_row_bytes(&d->png.layout);
    d->rows_left = d->png.layout.height;
    d->fed = d->row_bytes;
    d->adler = adler32(0, NULL, 0);
    d->row = malloc(d->row_bytes);
    d->above = calloc(1, d->row_bytes);
    d->filtered = malloc(d->row_bytes);
    d->list = malloc(d->png.list_bytes + 1u);
    d->deflate = redeflate_create(&d->png.deflate);
    if (!d->row || !d->above || !d->filtered || !d->list || !d->deflate)
        return VLMC_PLUGIN_MEMORY;
    memcpy(d->list, d->png.list, d->png.list_bytes);
    d->png.list = d->list;
    png_chunk_sizes_init(&d->sizes, &d->png);
    d->stream = d->png.zlib_header;
    d->stream_bytes = PNG_ZLIB_HEADER_BYTES;
    return VLMC_PLUGIN_OK;
}

int32_t png_decoder_create(const void *params, uint32_t params_bytes, void **out)
{
    png_params png;
    if (!png_params_read(params, params_bytes, &png))
        return VLMC_PLUGIN_INVALID;
    decoder *d = calloc(1, sizeof *d);
    if (!d)
        return VLMC_PLUGIN_MEMORY;
    d->png = png;
    const int32_t result = fill_decoder(d);
    if (result != VLMC_PLUGIN_OK) {
        png_decoder_destroy(d);
        return result;
    }
    *out = d;
    return VLMC_PLUGIN_OK;
}

// Takes tokens until the row is whole and filters it. False when it needs more.
static bool take_row(decoder *d, vlmc_plugin_io *io, int32_t *result)
{
    const size_t there = io->in_bytes - io->in_used;
    const size_t missing = d->row_bytes - d->filled;
    const size_t n = there < missing ? there : missing;
    if (n > 0)
        memcpy(d->row + d->filled, io->in + io->in_used, n);
    io->in_used += n;
    d->filled += (uint32_t)n;
    if (d->filled < d->row_bytes) {
        if (io->in_ended)
            *result = VLMC_PLUGIN_INVALID;
        return false;
    }
    if (d->row[0] >= PNG_FILTER_TYPES) {
        *result = VLMC_PLUGIN_INVALID;
        return false;
    }
    d->filtered[0] = d->row[0];
    png_filter(d->row[0], d->row + 1, d->above + 1, d->row_bytes - 1, png_filter_distance(&d->png),
               d->filtered + 1);
    d->adler = adler32(d->adler, d->filtered, d->row_bytes);
    uint8_t *above = d->above;
    d->above = d->row;
    d->row = above;
    d->filled = d->fed = 0;
    d->rows_left--;
    return true;
}

// More of the zlib stream. False when it needs more tokens, or there is no more.
static bool more_stream(decoder *d, vlmc_plugin_io *io, int32_t *result)
{
    redeflate_drop_output(d->deflate);
    while (d->stream_bytes == 0 && !redeflate_done(d->deflate)) {
        if (d->fed == d->row_bytes && d->rows_left > 0 && !take_row(d, io, result))
            return false;
        d->fed += (uint32_t)redeflate_feed(d->deflate, d->filtered + d->fed, d->row_bytes - d->fed,
                                           d->rows_left == 0);
        d->stream = redeflate_output(d->deflate, &d->stream_bytes);
    }
    if (d->stream_bytes > 0)
        return true;
    if (d->stream_ended)
        return false;
    image_store32be(d->check, (uint32_t)d->adler);
    d->stream = d->check;
    d->stream_bytes = PNG_ZLIB_CHECK_BYTES;
    d->stream_ended = true;
    return true;
}

static void give(vlmc_plugin_io *io, const uint8_t *bytes, size_t n)
{
    memcpy(io->out + io->out_made, bytes, n);
    io->out_made += n;
}

static bool give_edge(decoder *d, vlmc_plugin_io *io)
{
    size_t n = d->edge_bytes - d->edge_given;
    const size_t room = io->out_capacity - io->out_made;
    n = n < room ? n : room;
    if (n > 0)
        give(io, d->edge + d->edge_given, n);
    d->edge_given += (uint32_t)n;
    return d->edge_given == d->edge_bytes;
}

static void give_data(decoder *d, vlmc_plugin_io *io)
{
    size_t n = io->out_capacity - io->out_made;
    n = n < d->stream_bytes ? n : d->stream_bytes;
    n = n < d->data_left ? n : d->data_left;
    give(io, d->stream, n);
    d->crc = crc32(d->crc, d->stream, (uInt)n);
    d->stream += n;
    d->stream_bytes -= n;
    d->data_left -= (uint32_t)n;
}

// The head of the next chunk; false when there is none.
static bool start_chunk(decoder *d)
{
    if (!png_chunk_sizes_next(&d->sizes, &d->data_left))
        return false;
    image_store32be(d->edge, d->data_left);
    memcpy(d->edge + 4, "IDAT", 4);
    d->crc = crc32(crc32(0, NULL, 0), d->edge + 4, 4);
    d->edge_bytes = HEAD_BYTES;
    d->edge_given = 0;
    d->in_chunk = true;
    return true;
}

static void end_chunk(decoder *d)
{
    image_store32be(d->edge, (uint32_t)d->crc);
    d->edge_bytes = TAIL_BYTES;
    d->edge_given = 0;
    d->in_chunk = false;
}

// All chunks are out: so must be all tokens and the whole stream.
static int32_t finish(decoder *d, vlmc_plugin_io *io)
{
    int32_t result = VLMC_PLUGIN_OK;
    if (d->stream_bytes > 0 || more_stream(d, io, &result) || result != VLMC_PLUGIN_OK ||
        io->in_used < io->in_bytes || d->sizes.left > 0)
        return VLMC_PLUGIN_INVALID;
    io->out_ended = d->stream_ended && io->in_ended;
    return VLMC_PLUGIN_OK;
}

int32_t png_decode(void *object, vlmc_plugin_io *io)
{
    decoder *d = object;
    int32_t result = VLMC_PLUGIN_OK;
    io->in_used = io->out_made = 0;
    io->out_ended = 0;
    for (;;) {
        if (!give_edge(d, io))
            return VLMC_PLUGIN_OK;
        if (!d->in_chunk) {
            if (!start_chunk(d))
                return finish(d, io);
        } else if (d->data_left == 0) {
            end_chunk(d);
        } else if (d->stream_bytes == 0) {
            if (!more_stream(d, io, &result))
                return result != VLMC_PLUGIN_OK || d->stream_ended ? VLMC_PLUGIN_INVALID
                                                                   : VLMC_PLUGIN_OK;
        } else {
            if (io->out_made == io->out_capacity)
                return VLMC_PLUGIN_OK;
            give_data(d, io);
        }
    }
}
