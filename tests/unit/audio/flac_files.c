// SPDX-License-Identifier: Apache-2.0
#include "flac_files.h"

#include "plugins/audio/flac_frame.h"

#include <FLAC/stream_encoder.h>
#include <stdlib.h>
#include <string.h>

static FLAC__StreamEncoderWriteStatus take(const FLAC__StreamEncoder *encoder,
                                           const FLAC__byte bytes[], size_t n, uint32_t samples,
                                           uint32_t frame, void *out)
{
    (void)encoder, (void)samples, (void)frame;
    plugin_put(out, bytes, n);
    return FLAC__STREAM_ENCODER_WRITE_STATUS_OK;
}

plugin_bytes flac_file_of_library(const flac_spec *spec)
{
    plugin_bytes out = {0};
    FLAC__StreamEncoder *e = FLAC__stream_encoder_new();
    FLAC__stream_encoder_set_channels(e, spec->channels);
    FLAC__stream_encoder_set_bits_per_sample(e, spec->bits);
    FLAC__stream_encoder_set_sample_rate(e, 44100);
    FLAC__stream_encoder_set_compression_level(e, spec->level);
    FLAC__stream_encoder_set_streamable_subset(e, false);
    if (spec->block_samples)
        FLAC__stream_encoder_set_blocksize(e, spec->block_samples);
    if (spec->exhaustive) {
        FLAC__stream_encoder_set_max_lpc_order(e, 32);
        FLAC__stream_encoder_set_do_exhaustive_model_search(e, true);
        FLAC__stream_encoder_set_do_qlp_coeff_prec_search(e, true);
        FLAC__stream_encoder_set_max_residual_partition_order(e, 15);
    }
    if (FLAC__stream_encoder_init_stream(e, take, NULL, NULL, NULL, &out) != 0 ||
        !FLAC__stream_encoder_process_interleaved(e, spec->samples, spec->n_samples) ||
        !FLAC__stream_encoder_finish(e))
        abort();
    FLAC__stream_encoder_delete(e);
    return out;
}

void flac_put_head(plugin_bytes *out, uint32_t channels, uint32_t bits)
{
    const uint32_t last_and_type = 0x80;
    plugin_put_text(out, "fLaC");
    plugin_put_number(out, last_and_type, 1, true);
    plugin_put_number(out, 34, 3, true);
    plugin_put_number(out, 16 << 16 | 65535, 4, true); // block sizes
    plugin_put_number(out, 0, 3, true);                // frame sizes, not known
    plugin_put_number(out, 0, 3, true);
    plugin_put_number(out, 44100u << 12 | (channels - 1) << 9 | (bits - 1) << 4, 4, true);
    plugin_put_number(out, 0, 4, true); // samples in all
    for (int i = 0; i < 4; i++)
        plugin_put_number(out, 0, 4, true); // MD5
}

static uint32_t below(uint64_t *random, uint32_t n)
{
    return plugin_random(random) % n;
}

static void choose_header(flac_header *h, uint32_t channels, uint32_t bits, uint64_t *random)
{
    static const uint8_t codes[25] = {[8] = 1, [12] = 2, [16] = 4, [20] = 5, [24] = 6};
    *h = (flac_header){
        .variable = (uint8_t)below(random, 2),
        .block_code = (uint8_t)(6 + below(random, 4)),
        .rate_code = (uint8_t)below(random, 15),
        .assignment =
            (uint8_t)(channels == 2 && below(random, 2) ? 8 + below(random, 3) : channels - 1),
        .bits_code = below(random, 2) ? codes[bits] : 0,
        .block_samples = 1 + below(random, 256),
        .number = (((uint64_t)plugin_random(random) << 32) | plugin_random(random)) >>
                  (28 + below(random, 36)),
    };
    if (h->rate_code >= 12)
        h->rate_extra = (uint16_t)below(random, h->rate_code == 12 ? 256 : 65536);
    if (h->block_code >= 8)
        h->block_samples = 1u << h->block_code;
}

static void choose_residual_coding(flac_subframe *s, uint32_t order, uint32_t n,
                                   const int32_t *residual, uint64_t *random)
{
    s->method = (uint8_t)below(random, 2);
    s->partition_order = (uint8_t)below(random, 9);
    while (n >> s->partition_order << s->partition_order != n || n >> s->partition_order < order)
        s->partition_order--;
    const uint32_t size = n >> s->partition_order;
    uint32_t at = order;
    for (uint32_t p = 0; p < 1u << s->partition_order; p++) {
        uint32_t width = 0; // of a raw value
        for (; at < (p + 1) * size; at++) {
            const int64_t r = residual[at];
            while (r >= (int64_t)1 << width >> 1 || r < -((int64_t)1 << width >> 1))
                width++;
        }
        const uint32_t most = s->method ? 30 : 14, least = width > 4 ? width - 4 : 0;
        s->rice[p] = (uint8_t)(least + below(random, 5));
        if (s->rice[p] > most)
            s->rice[p] = (uint8_t)most;
        if (width < 32 && below(random, 4) == 0)
            s->rice[p] = (uint8_t)(FLAC_RICE_ESCAPE | (width + below(random, 32 - width)));
    }
}

static void choose_predictor(flac_subframe *s, uint32_t n, uint64_t *random)
{
    s->type =
        (uint8_t)(below(random, 2) ? FLAC_FIXED + below(random, 5) : FLAC_LPC + below(random, 32));
    if (flac_order(s->type) > n)
        s->type = FLAC_FIXED;
    s->precision = (uint8_t)(1 + below(random, 15));
    s->shift = (uint8_t)below(random, 16);
    for (uint32_t i = 0; i < flac_order(s->type); i++)
        s->coefficients[i] = (int32_t)below(random, 1u << s->precision) - (1 << (s->precision - 1));
}

static void put_subframe(flac_frame *f, const flac_stream *stream, uint32_t c, uint64_t *random,
                         bit_writer *w)
{
    flac_subframe *s = &f->subframes[c];
    const uint32_t n = f->header.block_samples;
    const int32_t *samples = f->samples[c];
    uint32_t all = 0;
    bool is_constant = true;
    for (uint32_t i = 0; i < n; i++) {
        all |= (uint32_t)samples[i];
        is_constant = is_constant && samples[i] == samples[0];
    }
    const uint32_t zeros = all ? (uint32_t)__builtin_ctz(all) : 2;
    s->wasted = (uint8_t)below(random, zeros + 1);
    choose_predictor(s, n, random);
    if (below(random, 6) == 0 || !flac_residual(s, samples, n, f->residual))
        s->type = FLAC_VERBATIM;
    if (is_constant && below(random, 2))
        s->type = FLAC_CONSTANT;
    if (s->type >= FLAC_FIXED)
        choose_residual_coding(s, flac_order(s->type), n, f->residual, random);
    flac_write_subframe(s, samples, f->residual, n, flac_subframe_bits(&f->header, stream, c), w);
}

static void choose_samples(flac_frame *f, const flac_stream *stream, uint64_t *random)
{
    const uint32_t kind = below(random, 4), zeros = below(random, stream->bits);
    for (uint32_t c = 0; c < stream->channels; c++) {
        for (uint32_t i = 0; i < f->header.block_samples; i++) {
            int32_t value = audio_sample(i, c, stream->bits, random);
            if (kind == 0)
                value = (int32_t)plugin_random(random) >> (32 - stream->bits);
            f->samples[c][i] = kind == 1 ? value & -(1 << zeros) : kind == 2 ? -3 : value;
        }
    }
}

void flac_put_random_frames(plugin_bytes *out, uint32_t channels, uint32_t bits, uint32_t n_frames,
                            uint64_t *random)
{
    const flac_stream stream = {.bits = bits, .channels = channels};
    flac_frame *f = calloc(1, sizeof *f);
    uint8_t *bytes = malloc(1 << 20);
    while (n_frames > 0) {
        bit_writer w = {.bytes = bytes, .capacity = 1 << 20};
        choose_header(&f->header, channels, bits, random);
        choose_samples(f, &stream, random);
        flac_decorrelate(f, &stream);
        flac_write_header(&f->header, &w);
        for (uint32_t c = 0; c < channels; c++)
            put_subframe(f, &stream, c, random, &w);
        flac_write_end(&w);
        if (w.over || w.n_bytes > flac_frame_bytes_max(&f->header, &stream))
            continue; // a predictor far off; such frames are not handled
        plugin_put(out, bytes, w.n_bytes);
        n_frames--;
    }
    free(bytes);
    free(f);
}
