// SPDX-License-Identifier: Apache-2.0
#include "flac.h"

#include "flac_code.h"
#include "sample_contexts.h"

#include <stdlib.h>
#include <string.h>

void flac_params_write(const flac_stream *stream, uint8_t head[FLAC_PARAMS_HEAD_BYTES])
{
    const audio_layout layout = {
        .sample_bytes = (uint8_t)((stream->bits + 7) / 8),
        .channels = (uint8_t)stream->channels,
        .is_signed = true,
        .little_endian = true,
        .rate = stream->rate,
    };
    audio_layout_write(&layout, head);
    head[AUDIO_LAYOUT_BYTES] = (uint8_t)stream->bits;
}

bool flac_params_read(const void *params, uint32_t params_bytes, flac_stream *stream)
{
    audio_layout layout;
    if (params_bytes < FLAC_PARAMS_HEAD_BYTES || params_bytes > VLMC_PLUGIN_PARAMS_BYTES_MAX ||
        !audio_layout_read(params, params_bytes, &layout))
        return false;
    *stream = (flac_stream){
        .bits = ((const uint8_t *)params)[AUDIO_LAYOUT_BYTES],
        .channels = layout.channels,
        .rate = layout.rate,
    };
    return stream->bits >= 4 && stream->bits <= FLAC_BITS_MAX &&
           layout.sample_bytes == (stream->bits + 7) / 8;
}

static int32_t flac_geometry(const void *params, uint32_t params_bytes,
                             vlmc_token_geometry *geometry)
{
    flac_stream stream;
    if (!flac_params_read(params, params_bytes, &stream))
        return VLMC_PLUGIN_INVALID;
    return audio_sample_geometry(params, params_bytes, geometry);
}

// ---- Frames to tokens ----

typedef struct flac_encoder {
    flac_stream stream;
    uint8_t *flac; // (capacity) the whole segment
    size_t n_bytes, capacity;
    size_t at;       // the next frame
    uint8_t *tokens; // of one frame
    size_t n_tokens, tokens_out;
    flac_frame frame;
} flac_encoder;

static size_t frame_tokens(const flac_header *h, const flac_stream *stream)
{
    return (size_t)h->block_samples * stream->channels * ((stream->bits + 7) / 8);
}

static void encoder_destroy(void *encoder)
{
    flac_encoder *e = encoder;
    if (!e)
        return;
    free(e->flac);
    free(e->tokens);
    free(e);
}

static int32_t encoder_create(const void *params, uint32_t params_bytes, void **encoder)
{
    const flac_header largest = {.block_samples = FLAC_BLOCK_MAX};
    flac_stream stream;
    *encoder = NULL;
    if (!flac_params_read(params, params_bytes, &stream))
        return VLMC_PLUGIN_INVALID;
    flac_encoder *e = calloc(1, sizeof *e);
    if (!e)
        return VLMC_PLUGIN_MEMORY;
    e->stream = stream;
    e->tokens = malloc(frame_tokens(&largest, &stream));
    if (!e->tokens) {
        encoder_destroy(e);
        return VLMC_PLUGIN_MEMORY;
    }
    *encoder = e;
    return VLMC_PLUGIN_OK;
}

// A frame's size is known only when it is read: the segment is held as a whole.
static int32_t take_input(flac_encoder *e, vlmc_plugin_io *io)
{
    if (io->in_bytes > FLAC_SEGMENT_BYTES_MAX - e->n_bytes)
        return VLMC_PLUGIN_INVALID;
    if (e->n_bytes + io->in_bytes > e->capacity) {
        const size_t capacity = e->n_bytes + io->in_bytes + e->capacity;
        uint8_t *flac = realloc(e->flac, capacity);
        if (!flac)
            return VLMC_PLUGIN_MEMORY;
        e->flac = flac;
        e->capacity = capacity;
    }
    if (io->in_bytes > 0)
        memcpy(e->flac + e->n_bytes, io->in, io->in_bytes);
    e->n_bytes += io->in_bytes;
    io->in_used = io->in_bytes;
    return VLMC_PLUGIN_OK;
}

static void put_samples(const flac_frame *frame, const flac_stream *stream, uint8_t *tokens)
{
    const uint32_t width = 8 * ((stream->bits + 7) / 8);
    for (uint32_t i = 0; i < frame->header.block_samples; i++) {
        for (uint32_t c = 0; c < stream->channels; c++) {
            const uint32_t value = (uint32_t)frame->samples[c][i] + (1u << (width - 1));
            for (uint32_t shift = width; shift > 0;)
                *tokens++ = (uint8_t)(value >> (shift -= 8));
        }
    }
}

static bool next_frame(flac_encoder *e)
{
    size_t looked;
    const size_t size =
        flac_read_frame(&e->frame, &e->stream, e->flac + e->at, e->n_bytes - e->at, &looked);
    if (size == 0)
        return false;
    e->at += size;
    put_samples(&e->frame, &e->stream, e->tokens);
    e->n_tokens = frame_tokens(&e->frame.header, &e->stream);
    e->tokens_out = 0;
    return true;
}

// Moves what fits.
static void put_out(const uint8_t *bytes, size_t n_bytes, size_t *at, vlmc_plugin_io *io)
{
    size_t n = n_bytes - *at;
    if (n > io->out_capacity - io->out_made)
        n = io->out_capacity - io->out_made;
    if (n > 0)
        memcpy(io->out + io->out_made, bytes + *at, n);
    *at += n;
    io->out_made += n;
}

static int32_t encode(void *encoder, vlmc_plugin_io *io)
{
    flac_encoder *e = encoder;
    io->in_used = io->out_made = 0;
    io->out_ended = 0;
    const int32_t result = take_input(e, io);
    if (result != VLMC_PLUGIN_OK || !io->in_ended)
        return result;
    for (;;) {
        put_out(e->tokens, e->n_tokens, &e->tokens_out, io);
        if (e->tokens_out < e->n_tokens)
            return VLMC_PLUGIN_OK;
        if (e->at == e->n_bytes)
            break;
        if (!next_frame(e))
            return VLMC_PLUGIN_INVALID;
    }
    io->out_ended = 1;
    return VLMC_PLUGIN_OK;
}

// ---- Tokens to frames ----

typedef struct flac_decoder {
    flac_code code;
    uint8_t *params; // what the coder reads
    bool has_header;
    uint8_t *tokens; // of one frame
    size_t n_tokens, tokens_in;
    uint8_t *out; // one frame's bytes
    size_t out_bytes, out_at;
    flac_frame frame;
} flac_decoder;

static void decoder_destroy(void *decoder)
{
    flac_decoder *d = decoder;
    if (!d)
        return;
    free(d->params);
    free(d->tokens);
    free(d->out);
    free(d);
}

static int32_t decoder_create(const void *params, uint32_t params_bytes, void **decoder)
{
    const flac_header largest = {.block_samples = FLAC_BLOCK_MAX};
    flac_stream stream;
    *decoder = NULL;
    if (!flac_params_read(params, params_bytes, &stream))
        return VLMC_PLUGIN_INVALID;
    flac_decoder *d = calloc(1, sizeof *d);
    if (!d)
        return VLMC_PLUGIN_MEMORY;
    d->params = malloc(params_bytes);
    d->tokens = malloc(frame_tokens(&largest, &stream));
    d->out = malloc(flac_frame_bytes_max(&largest, &stream));
    if (!d->params || !d->tokens || !d->out) {
        decoder_destroy(d);
        return VLMC_PLUGIN_MEMORY;
    }
    memcpy(d->params, params, params_bytes);
    d->code.stream = stream;
    side_read_start(&d->code.coder, d->params + FLAC_PARAMS_HEAD_BYTES,
                    params_bytes - FLAC_PARAMS_HEAD_BYTES);
    *decoder = d;
    return VLMC_PLUGIN_OK;
}

// Tokens to the samples of the channels. False when one has more bits than the stream.
static bool get_samples(flac_frame *frame, const flac_stream *stream, const uint8_t *tokens)
{
    const uint32_t bytes = (stream->bits + 7) / 8;
    const int32_t limit = (int32_t)1 << (stream->bits - 1);
    for (uint32_t i = 0; i < frame->header.block_samples; i++) {
        for (uint32_t c = 0; c < stream->channels; c++) {
            uint32_t value = 0;
            for (uint32_t b = 0; b < bytes; b++)
                value = value << 8 | *tokens++;
            const int32_t sample = (int32_t)value - (int32_t)(1u << (8 * bytes - 1));
            if (sample < -limit || sample >= limit)
                return false;
            frame->samples[c][i] = sample;
        }
    }
    return true;
}

static void take_tokens(flac_decoder *d, vlmc_plugin_io *io)
{
    size_t n = d->n_tokens - d->tokens_in;
    if (n > io->in_bytes - io->in_used)
        n = io->in_bytes - io->in_used;
    if (n > 0)
        memcpy(d->tokens + d->tokens_in, io->in + io->in_used, n);
    d->tokens_in += n;
    io->in_used += n;
}

static int32_t decode_frame(flac_decoder *d)
{
    flac_frame *frame = &d->frame;
    const flac_stream *stream = &d->code.stream;
    if (!get_samples(frame, stream, d->tokens))
        return VLMC_PLUGIN_INVALID;
    d->out_at = 0;
    d->out_bytes =
        flac_code_frame(&d->code, frame, d->out, flac_frame_bytes_max(&frame->header, stream));
    d->has_header = false;
    return d->out_bytes > 0 ? VLMC_PLUGIN_OK : VLMC_PLUGIN_INVALID;
}

static int32_t decode(void *decoder, vlmc_plugin_io *io)
{
    flac_decoder *d = decoder;
    io->in_used = io->out_made = 0;
    io->out_ended = 0;
    for (;;) {
        put_out(d->out, d->out_bytes, &d->out_at, io);
        if (d->out_at < d->out_bytes)
            return VLMC_PLUGIN_OK;
        if (io->in_used == io->in_bytes) {
            io->out_ended = io->in_ended && !d->has_header;
            return io->in_ended && d->has_header ? VLMC_PLUGIN_INVALID : VLMC_PLUGIN_OK;
        }
        if (!d->has_header) {
            if (!flac_code_header(&d->code, &d->frame.header))
                return VLMC_PLUGIN_INVALID;
            d->has_header = true;
            d->n_tokens = frame_tokens(&d->frame.header, &d->code.stream);
            d->tokens_in = 0;
        }
        take_tokens(d, io);
        if (d->tokens_in == d->n_tokens) {
            const int32_t result = decode_frame(d);
            if (result != VLMC_PLUGIN_OK)
                return result;
        }
    }
}

const vlmc_tokenizer audio_flac_tokenizer = {
    .struct_size = sizeof(vlmc_tokenizer),
    .version = 1,
    .id = "audio.flac",
    .modality = "audio",
    .description = "FLAC frames as samples; byte-exact for every encoder",
    .default_model = "audio",
    .alphabet = 256,
    .flags = VLMC_TOKENIZER_CENTRED,
    .n_contexts = AUDIO_SAMPLE_N_DECLARATIONS,
    .contexts = audio_sample_declarations,
    .geometry = flac_geometry,
    .encoder_create = encoder_create,
    .encode = encode,
    .encoder_destroy = encoder_destroy,
    .decoder_create = decoder_create,
    .decode = decode,
    .decoder_destroy = decoder_destroy,
    .contexts_create = audio_sample_contexts_create,
    .next_context = audio_sample_next_context,
    .push_token = audio_sample_push_token,
    .contexts_destroy = audio_sample_contexts_destroy,
};
