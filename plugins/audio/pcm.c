// SPDX-License-Identifier: Apache-2.0
#include "pcm.h"

#include "sample_contexts.h"

#include <stdlib.h>
#include <string.h>

// One sample may be cut by the ends of input and output.
typedef struct pcm_converter {
    audio_layout layout;
    uint8_t in[3];
    uint8_t out[3];
    uint8_t n_in, n_out, out_at;
} pcm_converter;

static int32_t create(const void *params, uint32_t params_bytes, void **converter)
{
    audio_layout layout;
    *converter = NULL;
    if (params_bytes != AUDIO_LAYOUT_BYTES || !audio_layout_read(params, params_bytes, &layout))
        return VLMC_PLUGIN_INVALID;
    pcm_converter *c = calloc(1, sizeof *c);
    if (!c)
        return VLMC_PLUGIN_MEMORY;
    c->layout = layout;
    *converter = c;
    return VLMC_PLUGIN_OK;
}

static int32_t geometry(const void *params, uint32_t params_bytes, vlmc_token_geometry *geometry)
{
    audio_layout layout;
    if (params_bytes != AUDIO_LAYOUT_BYTES || !audio_layout_read(params, params_bytes, &layout))
        return VLMC_PLUGIN_INVALID;
    return audio_sample_geometry(params, params_bytes, geometry);
}

// Whole samples; the same for tokens to bytes, but for where the sign is.
static void convert(const audio_layout *layout, bool to_tokens, const uint8_t *in, uint8_t *out,
                    size_t n_samples)
{
    const size_t width = layout->sample_bytes;
    const size_t flip = layout->little_endian ? width - 1 : 0;
    const size_t high = to_tokens ? 0 : flip; // where the sign goes
    const uint8_t sign = layout->is_signed ? 0x80 : 0;
    for (size_t i = 0; i < n_samples; i++, in += width, out += width) {
        for (size_t j = 0; j < width; j++)
            out[j] = in[flip ? flip - j : j];
        out[high] ^= sign;
    }
}

// Puts out what a cut sample has left. False when there is no room for all.
static bool put_rest(pcm_converter *c, vlmc_plugin_io *io)
{
    while (c->out_at < c->n_out && io->out_made < io->out_capacity)
        io->out[io->out_made++] = c->out[c->out_at++];
    return c->out_at == c->n_out;
}

// Completes a sample that began in an earlier call, or begins one.
static void take_part(pcm_converter *c, bool to_tokens, vlmc_plugin_io *io)
{
    while (c->n_in < c->layout.sample_bytes && io->in_used < io->in_bytes)
        c->in[c->n_in++] = io->in[io->in_used++];
    if (c->n_in < c->layout.sample_bytes)
        return;
    convert(&c->layout, to_tokens, c->in, c->out, 1);
    c->n_out = c->layout.sample_bytes;
    c->n_in = c->out_at = 0;
}

static int32_t run(pcm_converter *c, bool to_tokens, vlmc_plugin_io *io)
{
    const size_t width = c->layout.sample_bytes;
    io->in_used = io->out_made = 0;
    io->out_ended = 0;
    while (put_rest(c, io)) {
        const size_t in = (io->in_bytes - io->in_used) / width;
        const size_t out = (io->out_capacity - io->out_made) / width;
        const size_t n = c->n_in ? 0 : in < out ? in : out;
        if (n > 0) {
            convert(&c->layout, to_tokens, io->in + io->in_used, io->out + io->out_made, n);
            io->in_used += n * width;
            io->out_made += n * width;
        }
        if (io->in_used == io->in_bytes)
            break;
        take_part(c, to_tokens, io);
    }
    if (c->out_at < c->n_out || io->in_used < io->in_bytes || !io->in_ended)
        return VLMC_PLUGIN_OK;
    // Bytes of a sample that is not whole stay as they are.
    memcpy(c->out, c->in, sizeof c->out);
    c->n_out = c->n_in;
    c->n_in = c->out_at = 0;
    io->out_ended = put_rest(c, io);
    return VLMC_PLUGIN_OK;
}

static int32_t encode(void *encoder, vlmc_plugin_io *io)
{
    return run(encoder, true, io);
}

static int32_t decode(void *decoder, vlmc_plugin_io *io)
{
    return run(decoder, false, io);
}

const vlmc_tokenizer audio_pcm_tokenizer = {
    .struct_size = sizeof(vlmc_tokenizer),
    .version = 1,
    .id = "audio.pcm",
    .modality = "audio",
    .description = "Samples of 8, 16 or 24 bits, of any layout",
    .default_model = "audio",
    .alphabet = 256,
    .flags = VLMC_TOKENIZER_CENTRED,
    .n_contexts = AUDIO_SAMPLE_N_DECLARATIONS,
    .contexts = audio_sample_declarations,
    .parse_params = audio_pcm_parse_params,
    .geometry = geometry,
    .encoder_create = create,
    .encode = encode,
    .encoder_destroy = free,
    .decoder_create = create,
    .decode = decode,
    .decoder_destroy = free,
    .contexts_create = audio_sample_contexts_create,
    .next_context = audio_sample_next_context,
    .push_token = audio_sample_push_token,
    .contexts_destroy = audio_sample_contexts_destroy,
};
