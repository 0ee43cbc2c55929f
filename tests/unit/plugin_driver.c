// SPDX-License-Identifier: Apache-2.0
#include "plugin_driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_BYTES ((size_t)64 << 20)
#define OUT_BYTES_MAX ((size_t)256 << 20) // more than any input here may become
#define IN_BYTES_MAX ((size_t)128 << 10)  // at once
#define ROOM_BYTES ((size_t)64 << 10)
#define SEGMENTS_MAX 100000u // more than any input here may have

void plugin_put(plugin_bytes *bytes, const void *data, size_t n)
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

void plugin_put_text(plugin_bytes *bytes, const char *text)
{
    plugin_put(bytes, text, strlen(text));
}

void plugin_put_number(plugin_bytes *bytes, uint32_t value, uint32_t n_bytes, bool big_endian)
{
    for (uint32_t i = 0; i < n_bytes; i++) {
        const uint32_t place = big_endian ? n_bytes - 1 - i : i;
        const uint8_t byte = (uint8_t)(place < 4 ? value >> 8 * place : 0);
        plugin_put(bytes, &byte, 1);
    }
}

void plugin_free(plugin_bytes *bytes)
{
    free(bytes->data);
    *bytes = (plugin_bytes){0};
}

uint32_t plugin_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

const vlmc_analyser *plugin_analyser(const vlmc_plugin *plugin)
{
    return plugin->factory(VLMC_FACTORY_ANALYSER);
}

const vlmc_tokenizer *plugin_tokenizer(const vlmc_plugin *plugin, const char *id)
{
    const vlmc_tokenizer_factory *f = plugin->factory(VLMC_FACTORY_TOKENIZERS);
    for (uint32_t i = 0; i < f->n_tokenizers; i++) {
        if (strcmp(f->tokenizers[i]->id, id) == 0)
            return f->tokenizers[i];
    }
    return NULL;
}

typedef int32_t step_function(void *object, vlmc_plugin_io *io);

// Feeds pieces until the object is done. Every buffer has exactly its size, for sanitizers.
static int32_t run_steps(step_function *step, void *object, const uint8_t *in, size_t n,
                         size_t piece_bytes, uint64_t seed, plugin_bytes *out)
{
    uint64_t random = seed | 1;
    size_t at = 0;
    uint32_t idle = 0;
    while (out->n < OUT_BYTES_MAX) {
        size_t in_bytes = IN_BYTES_MAX, room = ROOM_BYTES;
        if (piece_bytes > 0) {
            in_bytes = plugin_random(&random) % (piece_bytes + 1);
            room = plugin_random(&random) % (piece_bytes + 1);
        }
        if (in_bytes > n - at)
            in_bytes = n - at;
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
            plugin_put(out, out_piece, io.out_made);
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

int32_t plugin_convert(const vlmc_tokenizer *t, bool encode, const void *params,
                       uint32_t params_bytes, const uint8_t *in, size_t n, size_t piece_bytes,
                       uint64_t seed, plugin_bytes *out)
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

static void note(plugin_report *report, const vlmc_segment *s, const plugin_bytes *tokens)
{
    if (report->n_coded < PLUGIN_SEGMENTS_NOTED) {
        report->tokenizers[report->n_coded] = s->tokenizer;
        report->sizes[report->n_coded] = s->bytes;
    }
    if (report->n_coded++ == 0) {
        plugin_put(&report->params, s->params, s->params_bytes);
        plugin_put(&report->tokens, tokens->data, tokens->n);
    }
    report->coded_bytes += s->bytes;
    report->n_tokens += tokens->n;
}

static const char *check_segment(const vlmc_plugin *plugin, const vlmc_segment *s,
                                 const uint8_t *data, size_t piece_bytes, uint64_t seed,
                                 plugin_visit *visit, void *user, plugin_report *report)
{
    const vlmc_tokenizer *t = plugin_tokenizer(plugin, s->tokenizer);
    vlmc_token_geometry geometry;
    plugin_bytes tokens = {0}, back = {0};
    const char *fault = NULL;
    if (!t)
        return "a tokenizer that does not exist";
    if (s->params_bytes > VLMC_PLUGIN_PARAMS_BYTES_MAX ||
        t->geometry(s->params, s->params_bytes, &geometry) != VLMC_PLUGIN_OK)
        return "parameters that are not valid";
    if (plugin_convert(t, true, s->params, s->params_bytes, data, s->bytes, piece_bytes, seed,
                       &tokens) != VLMC_PLUGIN_OK)
        fault = "the encoder refused";
    else if (plugin_convert(t, false, s->params, s->params_bytes, tokens.data, tokens.n,
                            piece_bytes, seed + 1, &back) != VLMC_PLUGIN_OK)
        fault = "the decoder refused";
    else if (back.n != s->bytes || memcmp(back.data, data, back.n) != 0)
        fault = "other bytes came back";
    note(report, s, &tokens);
    if (visit)
        visit(user, s, &tokens);
    plugin_free(&tokens);
    plugin_free(&back);
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

plugin_report plugin_check_file(const vlmc_plugin *plugin, const void *data, size_t n,
                                size_t piece_bytes, uint64_t seed, plugin_visit *visit, void *user)
{
    const vlmc_analyser *analyser = plugin_analyser(plugin);
    plugin_report report = {0};
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
            report.fault = check_segment(plugin, &segment, exact + at, piece_bytes, seed, visit,
                                         user, &report);
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

void plugin_report_free(plugin_report *report)
{
    plugin_free(&report->params);
    plugin_free(&report->tokens);
}
