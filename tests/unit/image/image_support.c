// SPDX-License-Identifier: Apache-2.0
#include "image_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_BYTES ((size_t)64 << 20)
#define OUT_BYTES_MAX ((size_t)256 << 20) // more than any input here may become
#define IN_BYTES_MAX ((size_t)128 << 10)  // at once
#define SEGMENTS_MAX 100000u              // more than any input here may have

void image_put(image_bytes *bytes, const void *data, size_t n)
{
    if (n > bytes->capacity - bytes->n) {
        bytes->capacity = 2 * bytes->capacity + n + 64;
        bytes->data = realloc(bytes->data, bytes->capacity);
        if (!bytes->data) {
            perror("memory");
            exit(2);
        }
    }
    if (n > 0)
        memcpy(bytes->data + bytes->n, data, n);
    bytes->n += n;
}

void image_put_text(image_bytes *bytes, const char *text)
{
    image_put(bytes, text, strlen(text));
}

void image_put_number(image_bytes *bytes, uint32_t value, uint32_t n_bytes, bool big_endian)
{
    for (uint32_t i = 0; i < n_bytes; i++) {
        const uint32_t place = big_endian ? n_bytes - 1 - i : i;
        const uint8_t byte = (uint8_t)(place < 4 ? value >> 8 * place : 0);
        image_put(bytes, &byte, 1);
    }
}

void image_free(image_bytes *bytes)
{
    free(bytes->data);
    *bytes = (image_bytes){0};
}

uint32_t image_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

uint8_t image_sample(uint32_t x, uint32_t y, uint32_t channel)
{
    uint64_t state = ((uint64_t)x << 32 | y) * 0x9E3779B97F4A7C15u + channel + 1;
    const int32_t dx = (int32_t)(x % 97) - 48, dy = (int32_t)(y % 61) - 30;
    const int32_t disc = dx * dx + dy * dy < 600 ? 70 : 0;
    const int32_t slope = (int32_t)((2 * x + 3 * y) / 8 % 120) + 20 * (int32_t)channel;
    const int32_t noise = (int32_t)(image_random(&state) % 7);
    return (uint8_t)(disc + slope + noise);
}

void image_put_rows(image_bytes *bytes, uint32_t rows, uint32_t used, uint32_t pixel_bytes,
                    uint32_t padding)
{
    for (uint32_t y = 0; y < rows; y++) {
        for (uint32_t i = 0; i < used; i++) {
            const uint8_t byte = image_sample(i / pixel_bytes, y, i % pixel_bytes);
            image_put(bytes, &byte, 1);
        }
        image_put_number(bytes, 0, padding, true);
    }
}

const vlmc_analyser *image_analyser_of_plugin(void)
{
    return vlmc_plugin_entry.factory(VLMC_FACTORY_ANALYSER);
}

const vlmc_tokenizer *image_tokenizer(const char *id)
{
    const vlmc_tokenizer_factory *f = vlmc_plugin_entry.factory(VLMC_FACTORY_TOKENIZERS);
    for (uint32_t i = 0; i < f->n_tokenizers; i++) {
        if (strcmp(f->tokenizers[i]->id, id) == 0)
            return f->tokenizers[i];
    }
    return NULL;
}

typedef int32_t step_function(void *object, vlmc_plugin_io *io);

// Feeds pieces until the object is done. Every buffer has exactly its size, for sanitizers.
static int32_t run_steps(step_function *step, void *object, const uint8_t *in, size_t n,
                         size_t piece_bytes, uint64_t seed, image_bytes *out)
{
    uint64_t random = seed | 1;
    size_t at = 0;
    uint32_t idle = 0;
    while (out->n < OUT_BYTES_MAX) {
        size_t in_bytes = n - at,
               room = piece_bytes ? image_random(&random) % piece_bytes : 1 << 16;
        if (!piece_bytes && in_bytes > IN_BYTES_MAX)
            in_bytes = IN_BYTES_MAX;
        if (piece_bytes && in_bytes >= piece_bytes)
            in_bytes = image_random(&random) % piece_bytes;
        uint8_t *in_piece = malloc(in_bytes), *out_piece = malloc(room);
        if (in_bytes > 0)
            memcpy(in_piece, in + at, in_bytes);
        vlmc_plugin_io io = {
            .in = in_piece,
            .in_bytes = in_bytes,
            .out = out_piece,
            .out_capacity = room,
            .in_ended = at + in_bytes == n,
        };
        const int32_t result = step(object, &io);
        if (result == VLMC_PLUGIN_OK)
            image_put(out, out_piece, io.out_made);
        free(in_piece);
        free(out_piece);
        if (result != VLMC_PLUGIN_OK)
            return result;
        at += io.in_used;
        if (io.out_ended)
            return at == n ? VLMC_PLUGIN_OK : VLMC_PLUGIN_INVALID;
        idle = io.in_used || io.out_made || in_bytes == 0 || room == 0 ? 0 : idle + 1;
        if (idle > 100)
            return VLMC_PLUGIN_INVALID; // stuck
    }
    return VLMC_PLUGIN_MEMORY;
}

int32_t image_convert(const vlmc_tokenizer *t, bool encode, const void *params,
                      uint32_t params_bytes, const uint8_t *in, size_t n, size_t piece_bytes,
                      uint64_t seed, image_bytes *out)
{
    void *object;
    const int32_t result = encode ? t->encoder_create(params, params_bytes, &object)
                                  : t->decoder_create(params, params_bytes, &object);
    if (result != VLMC_PLUGIN_OK)
        return result;
    const int32_t ran =
        run_steps(encode ? t->encode : t->decode, object, in, n, piece_bytes, seed, out);
    encode ? t->encoder_destroy(object) : t->decoder_destroy(object);
    return ran;
}

static void note(image_report *report, const vlmc_segment *s, const image_bytes *tokens)
{
    if (report->n_coded < IMAGE_SEGMENTS_MAX) {
        report->tokenizers[report->n_coded] = s->tokenizer;
        report->sizes[report->n_coded] = s->bytes;
    }
    if (report->n_coded++ == 0) {
        image_put(&report->params, s->params, s->params_bytes);
        image_put(&report->tokens, tokens->data, tokens->n);
    }
    report->coded_bytes += s->bytes;
    report->n_tokens += tokens->n;
}

static const char *check_segment(const vlmc_segment *s, const uint8_t *data, size_t piece_bytes,
                                 uint64_t seed, image_report *report)
{
    const vlmc_tokenizer *t = image_tokenizer(s->tokenizer);
    vlmc_token_geometry geometry;
    image_bytes tokens = {0}, back = {0};
    const char *fault = NULL;
    if (!t)
        return "a tokenizer that does not exist";
    if (s->params_bytes > VLMC_PLUGIN_PARAMS_BYTES_MAX ||
        t->geometry(s->params, s->params_bytes, &geometry) != VLMC_PLUGIN_OK)
        return "parameters that are not valid";
    if (image_convert(t, true, s->params, s->params_bytes, data, s->bytes, piece_bytes, seed,
                      &tokens) != VLMC_PLUGIN_OK)
        fault = "the encoder refused";
    else if (image_convert(t, false, s->params, s->params_bytes, tokens.data, tokens.n, piece_bytes,
                           seed + 1, &back) != VLMC_PLUGIN_OK)
        fault = "the decoder refused";
    else if (back.n != s->bytes || memcmp(back.data, data, back.n) != 0)
        fault = "other bytes came back";
    note(report, s, &tokens);
    image_free(&tokens);
    image_free(&back);
    return fault;
}

// What lies at the position; the rest as plain bytes after an error.
static const char *next_segment(const vlmc_analyser *analyser, void *analysis, const uint8_t *data,
                                size_t n, vlmc_segment *segment)
{
    const size_t window = n < WINDOW_BYTES ? n : WINDOW_BYTES;
    if (analyser->next(analysis, data, window, window == n, segment) != VLMC_PLUGIN_OK)
        *segment = (vlmc_segment){.bytes = n};
    if (segment->bytes < 1 || segment->bytes > n)
        return "a segment of no bytes or too many";
    return NULL;
}

image_report image_check_file(const void *data, size_t n, size_t piece_bytes, uint64_t seed)
{
    const vlmc_analyser *analyser = image_analyser_of_plugin();
    image_report report = {0};
    void *analysis;
    uint8_t *exact = malloc(n); // so that a sanitizer sees one byte too many
    if (n > 0)
        memcpy(exact, data, n);
    analyser->probe(exact, n < 65536 ? n : 65536, "name");
    if (analyser->create("name", &analysis) != VLMC_PLUGIN_OK) {
        report.fault = "no analysis";
        free(exact);
        return report;
    }
    for (size_t at = 0; at < n && !report.fault; report.n_segments++) {
        vlmc_segment segment = {0};
        report.fault = next_segment(analyser, analysis, exact + at, n - at, &segment);
        if (!report.fault && segment.tokenizer)
            report.fault = check_segment(&segment, exact + at, piece_bytes, seed, &report);
        else
            report.plain_bytes += segment.bytes;
        if (report.n_segments > SEGMENTS_MAX)
            report.fault = "segments without end";
        at += segment.bytes;
    }
    analyser->destroy(analysis);
    free(exact);
    return report;
}

void image_report_free(image_report *report)
{
    image_free(&report->params);
    image_free(&report->tokens);
}
