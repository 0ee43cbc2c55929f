// SPDX-License-Identifier: Apache-2.0
// IDAT chunks to unfiltered rows. What is wrong with the chunks beside their content (names,
// checks, sizes) is not looked at: the decoder would not write it again, and the host sees that.
#include "png_encoder.h"

#include "bytes.h"
#include "png_filter.h"
#include "png_params.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define HEAD_BYTES 8u // of a chunk
#define TAIL_BYTES 4u
#define IN_BYTES_MAX (1u << 30) // at once to zlib

typedef struct encoder {
    png_params png;
    z_stream inflate;
    uint32_t row_bytes;  // with the filter type
    uint32_t rows_left;  // not yet unfiltered
    uint8_t *row;        // (row_bytes)
    uint8_t *above;      // (row_bytes)
    uint32_t filled;     // bytes of `row` that are inflated
    uint32_t given;      // bytes of `row` that are given out, when it is whole
    bool whole;          // `row` is unfiltered
    bool stream_ended;   // the zlib stream
    uint32_t data_left;  // of the chunk
    uint32_t edge_bytes; // of its tail and the next one's head that have been seen, or the first
                         // head when none has been
    uint32_t edge_size;
    uint8_t edge[TAIL_BYTES + HEAD_BYTES];
} encoder;

void png_encoder_destroy(void *object)
{
    encoder *e = object;
    if (!e)
        return;
    inflateEnd(&e->inflate);
    free(e->row);
    free(e->above);
    free(e);
}

int32_t png_encoder_create(const void *params, uint32_t params_bytes, void **out)
{
    png_params png;
    if (!png_params_read(params, params_bytes, &png))
        return VLMC_PLUGIN_INVALID;
    encoder *e = calloc(1, sizeof *e);
    if (!e)
        return VLMC_PLUGIN_MEMORY;
    e->png = png;
    e->png.list = NULL; // borrowed, and of no use here
    e->row_bytes = image_row_bytes(&png.layout);
    e->rows_left = png.layout.height;
    e->row = malloc(e->row_bytes);
    e->above = calloc(1, e->row_bytes);
    e->edge_size = HEAD_BYTES;
    if (!e->row || !e->above || inflateInit(&e->inflate) != Z_OK) {
        png_encoder_destroy(e);
        return VLMC_PLUGIN_MEMORY;
    }
    *out = e;
    return VLMC_PLUGIN_OK;
}

static bool give_row(encoder *e, vlmc_plugin_io *io)
{
    const size_t room = io->out_capacity - io->out_made;
    const size_t left = e->row_bytes - e->given;
    const size_t n = room < left ? room : left;
    memcpy(io->out + io->out_made, e->row + e->given, n);
    io->out_made += n;
    e->given += (uint32_t)n;
    if (e->given < e->row_bytes)
        return false;
    uint8_t *above = e->above;
    e->above = e->row;
    e->row = above;
    e->filled = e->given = 0;
    e->whole = false;
    return true;
}

static int32_t finish_row(encoder *e)
{
    if (e->row[0] >= PNG_FILTER_TYPES)
        return VLMC_PLUGIN_INVALID;
    png_unfilter(e->row[0], e->row + 1, e->above + 1, e->row_bytes - 1,
                 png_filter_distance(&e->png));
    e->whole = true;
    e->rows_left--;
    return VLMC_PLUGIN_OK;
}

static bool take_edge(encoder *e, vlmc_plugin_io *io)
{
    while (e->edge_bytes < e->edge_size && io->in_used < io->in_bytes)
        e->edge[e->edge_bytes++] = io->in[io->in_used++];
    if (e->edge_bytes < e->edge_size)
        return false;
    e->data_left = image_load32be(e->edge + e->edge_size - HEAD_BYTES);
    e->edge_bytes = 0;
    e->edge_size = TAIL_BYTES + HEAD_BYTES;
    return true;
}

static int32_t inflate_some(encoder *e, vlmc_plugin_io *io)
{
    uint8_t beyond; // the stream's end comes out behind the last row
    size_t n = io->in_bytes - io->in_used;
    if (n > e->data_left)
        n = e->data_left;
    if (n > IN_BYTES_MAX)
        n = IN_BYTES_MAX;
    const bool in_row = e->rows_left > 0;
    const uint32_t room = in_row ? e->row_bytes - e->filled : 1;
    e->inflate.next_in = (uint8_t *)(uintptr_t)(io->in + io->in_used);
    e->inflate.avail_in = (uInt)n;
    e->inflate.next_out = in_row ? e->row + e->filled : &beyond;
    e->inflate.avail_out = room;
    const int result = inflate(&e->inflate, Z_NO_FLUSH);
    const size_t used = n - e->inflate.avail_in;
    const uint32_t made = room - e->inflate.avail_out;
    e->inflate.next_out = NULL;
    io->in_used += used;
    e->data_left -= (uint32_t)used;
    e->stream_ended = result == Z_STREAM_END;
    if ((result != Z_OK && result != Z_STREAM_END) || (!in_row && made > 0) ||
        (used == 0 && made == 0 && !e->stream_ended))
        return VLMC_PLUGIN_INVALID;
    if (!in_row)
        return VLMC_PLUGIN_OK;
    e->filled += made;
    return e->filled == e->row_bytes ? finish_row(e) : VLMC_PLUGIN_OK;
}

static bool at_end(const encoder *e)
{
    return e->stream_ended && e->rows_left == 0 && !e->whole && e->data_left == 0 &&
           e->edge_bytes == TAIL_BYTES && e->edge_size == TAIL_BYTES + HEAD_BYTES;
}

int32_t png_encode(void *object, vlmc_plugin_io *io)
{
    encoder *e = object;
    io->in_used = io->out_made = 0;
    io->out_ended = 0;
    for (;;) {
        if (e->whole && !give_row(e, io))
            return VLMC_PLUGIN_OK;
        if (e->data_left == 0) {
            if (take_edge(e, io))
                continue;
            if (!io->in_ended)
                return VLMC_PLUGIN_OK;
            io->out_ended = at_end(e);
            return io->out_ended ? VLMC_PLUGIN_OK : VLMC_PLUGIN_INVALID;
        }
        if (io->in_used == io->in_bytes)
            return io->in_ended ? VLMC_PLUGIN_INVALID : VLMC_PLUGIN_OK;
        if (e->stream_ended)
            return VLMC_PLUGIN_INVALID; // something follows the stream within its chunk
        const int32_t result = inflate_some(e, io);
        if (result != VLMC_PLUGIN_OK)
            return result;
    }
}
