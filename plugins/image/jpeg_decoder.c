// SPDX-License-Identifier: Apache-2.0
#include "jpeg_coder.h"
#include "jpeg_library.h"
#include "jpeg_walk.h"

#include <stdlib.h>
#include <string.h>

// Stretches of which the segment consists: the head's, and the scans' data between them.
#define PARTS_MAX (2 * JPEG_SCANS_MAX + 1)

typedef struct part {
    const uint8_t *bytes;
    size_t n_bytes;
} part;

typedef struct jpeg_decoder {
    uint8_t head[JPEG_HEAD_BYTES_MAX];
    size_t head_bytes;
    jpeg_frame frame;
    jpeg_sink *sink;
    jpeg_walk walk;
    int16_t *row; // of the sink, and which
    uint32_t row_component, row_index;
    part parts[PARTS_MAX];
    uint32_t n_parts; // 0: not known yet
    uint32_t at;      // of them
} jpeg_decoder;

int32_t jpeg_decoder_create(const void *params, uint32_t params_bytes, void **out)
{
    jpeg_decoder *d = calloc(1, sizeof *d);
    *out = d;
    if (!d)
        return VLMC_PLUGIN_MEMORY;
    int32_t result = jpeg_params_frame(params, params_bytes, d->head, &d->head_bytes, &d->frame);
    if (result == VLMC_PLUGIN_OK)
        result = jpeg_sink_create(&d->frame, &d->sink);
    if (result == VLMC_PLUGIN_OK && !jpeg_walk_create(&d->frame, 0, &d->walk))
        result = VLMC_PLUGIN_MEMORY;
    if (result != VLMC_PLUGIN_OK) {
        jpeg_decoder_destroy(d);
        *out = NULL;
    }
    return result;
}

void jpeg_decoder_destroy(void *decoder)
{
    jpeg_decoder *d = decoder;
    if (!d)
        return;
    jpeg_walk_destroy(&d->walk);
    jpeg_sink_destroy(&d->sink);
    free(d);
}

static int32_t keep_block(jpeg_decoder *d)
{
    const jpeg_walk *walk = &d->walk;
    if (!d->row || d->row_component != walk->finished_component ||
        d->row_index != walk->finished_row) {
        d->row_component = walk->finished_component;
        d->row_index = walk->finished_row;
        d->row = jpeg_sink_row(d->sink, d->row_component, d->row_index);
        if (!d->row)
            return VLMC_PLUGIN_INVALID;
    }
    memcpy(d->row + (size_t)64 * walk->finished_column, walk->finished->values,
           sizeof walk->finished->values);
    return VLMC_PLUGIN_OK;
}

static int32_t make_file(jpeg_decoder *d)
{
    const uint8_t *file;
    size_t n_bytes, at = 0, used = 0;
    const int32_t result = jpeg_sink_finish(d->sink, &file, &n_bytes);
    if (result != VLMC_PLUGIN_OK)
        return result;
    for (uint32_t i = 0; i < d->frame.n_scans; i++) {
        size_t scan_bytes;
        if (!jpeg_next_scan(file, n_bytes, &at, &scan_bytes))
            return VLMC_PLUGIN_INVALID;
        d->parts[d->n_parts++] = (part){d->head + used, d->frame.scans[i].at - used};
        d->parts[d->n_parts++] = (part){file + at - scan_bytes, scan_bytes};
        used = d->frame.scans[i].at;
    }
    d->parts[d->n_parts++] = (part){d->head + used, d->head_bytes - used};
    return VLMC_PLUGIN_OK;
}

static void put_parts(jpeg_decoder *d, vlmc_plugin_io *io)
{
    while (d->at < d->n_parts) {
        part *p = &d->parts[d->at];
        const size_t room = io->out_capacity - io->out_made;
        const size_t n = p->n_bytes < room ? p->n_bytes : room;
        if (n > 0)
            memcpy(io->out + io->out_made, p->bytes, n);
        io->out_made += n;
        p->bytes += n;
        p->n_bytes -= n;
        if (p->n_bytes > 0)
            return;
        d->at++;
    }
    io->out_ended = 1;
}

int32_t jpeg_decode(void *decoder, vlmc_plugin_io *io)
{
    jpeg_decoder *d = decoder;
    jpeg_walk *walk = &d->walk;
    int32_t result;
    io->in_used = io->out_made = 0;
    io->out_ended = 0;
    while (io->in_used < io->in_bytes) {
        jpeg_walk_push(walk, io->in[io->in_used++]);
        if (walk->broken)
            return VLMC_PLUGIN_INVALID;
        if (walk->finished && (result = keep_block(d)) != VLMC_PLUGIN_OK)
            return result;
    }
    if (!io->in_ended)
        return VLMC_PLUGIN_OK;
    if (walk->token != JPEG_TOKEN_END)
        return VLMC_PLUGIN_INVALID;
    if (d->n_parts == 0 && (result = make_file(d)) != VLMC_PLUGIN_OK)
        return result;
    put_parts(d, io);
    return VLMC_PLUGIN_OK;
}
