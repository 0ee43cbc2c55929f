// SPDX-License-Identifier: Apache-2.0
#include "text_support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_BYTES ((size_t)64 << 20)

void text_add(text_bytes *bytes, const void *data, size_t n)
{
    if (n > bytes->capacity - bytes->n) {
        bytes->capacity = 2 * bytes->capacity + n;
        bytes->data = realloc(bytes->data, bytes->capacity);
        cr_assert_not_null(bytes->data);
    }
    if (n > 0)
        memcpy(bytes->data + bytes->n, data, n);
    bytes->n += n;
}

void text_add_string(text_bytes *bytes, const char *string)
{
    text_add(bytes, string, strlen(string));
}

void text_free(text_bytes *bytes)
{
    free(bytes->data);
    *bytes = (text_bytes){0};
}

static void add_unit(text_bytes *bytes, uint32_t unit, bool big_endian)
{
    const uint8_t high = (uint8_t)(unit >> 8), low = (uint8_t)unit;
    const uint8_t pair[2] = {big_endian ? high : low, big_endian ? low : high};
    text_add(bytes, pair, 2);
}

void text_add_utf16(text_bytes *bytes, const char *utf8, bool big_endian)
{
    add_unit(bytes, 0xFEFF, big_endian);
    for (const uint8_t *p = (const uint8_t *)utf8; *p;) {
        if (*p < 0x80) {
            add_unit(bytes, *p, big_endian);
            p += 1;
        } else if (*p < 0xE0) {
            add_unit(bytes, (p[0] & 31u) << 6 | (p[1] & 63u), big_endian);
            p += 2;
        } else if (*p < 0xF0) {
            add_unit(bytes, (p[0] & 15u) << 12 | (p[1] & 63u) << 6 | (p[2] & 63u), big_endian);
            p += 3;
        } else {
            const uint32_t code =
                (p[0] & 7u) << 18 | (p[1] & 63u) << 12 | (p[2] & 63u) << 6 | (p[3] & 63u);
            add_unit(bytes, 0xD800 + ((code - 0x10000) >> 10), big_endian);
            add_unit(bytes, 0xDC00 + (code & 0x3FF), big_endian);
            p += 4;
        }
    }
}

uint32_t text_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

const vlmc_tokenizer *text_tokenizer(void)
{
    const vlmc_tokenizer_factory *factory = vlmc_plugin_entry.factory(VLMC_FACTORY_TOKENIZERS);
    return factory->tokenizers[0];
}

const vlmc_analyser *text_analyser_of_plugin(void)
{
    return vlmc_plugin_entry.factory(VLMC_FACTORY_ANALYSER);
}

// One call with exact copies of `size` bytes of input and `room` bytes of output.
static int32_t step(bool encode, void *object, const uint8_t *in, size_t size, size_t room,
                    bool ended, vlmc_plugin_io *io, text_bytes *out)
{
    uint8_t *from = malloc(size ? size : 1), *to = malloc(room ? room : 1);
    cr_assert(from && to);
    if (size > 0)
        memcpy(from, in, size);
    *io = (vlmc_plugin_io){
        .in = from, .in_bytes = size, .out = to, .out_capacity = room, .in_ended = ended};
    const int32_t result =
        encode ? text_tokenizer()->encode(object, io) : text_tokenizer()->decode(object, io);
    cr_assert(io->in_used <= size && io->out_made <= room);
    if (result == VLMC_PLUGIN_OK)
        text_add(out, to, io->out_made);
    free(from);
    free(to);
    return result;
}

int32_t text_convert(bool encode, const void *params, uint32_t params_bytes, const uint8_t *in,
                     size_t n, size_t piece, uint32_t seed, text_bytes *out)
{
    const vlmc_tokenizer *t = text_tokenizer();
    void *object;
    int32_t result = encode ? t->encoder_create(params, params_bytes, &object)
                            : t->decoder_create(params, params_bytes, &object);
    vlmc_plugin_io io = {0};
    size_t at = 0;
    int idle = 0;
    while (result == VLMC_PLUGIN_OK && !io.out_ended) {
        size_t size = text_random(&seed) % (piece + 1), room = text_random(&seed) % (piece + 1);
        if (idle > 0) {
            size = piece;
            room = piece;
        }
        if (size > n - at)
            size = n - at;
        result = step(encode, object, in + at, size, room, at + size == n, &io, out);
        at += io.in_used;
        idle = io.in_used + io.out_made > 0 ? 0 : idle + 1;
        cr_assert(idle < 3 || io.out_ended || result != VLMC_PLUGIN_OK, "no progress");
    }
    cr_assert(result != VLMC_PLUGIN_OK || at == n);
    if (encode)
        t->encoder_destroy(object);
    else
        t->decoder_destroy(object);
    return result;
}

int32_t text_round_trip(const void *params, uint32_t params_bytes, const uint8_t *in, size_t n,
                        text_bytes *tokens)
{
    text_bytes first = {0};
    int32_t refusal = VLMC_PLUGIN_OK;
    static const size_t pieces[] = {1 << 16, 1, 2, 3, 7, 100};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        if (n > 100000 && pieces[i] < 100)
            continue;
        text_bytes made = {0}, back = {0};
        const uint32_t seed = 77 + (uint32_t)i;
        const int32_t result =
            text_convert(true, params, params_bytes, in, n, pieces[i], seed, &made);
        cr_assert(i == 0 || result == refusal, "the cut decides whether the text is taken");
        refusal = result;
        if (result == VLMC_PLUGIN_OK) {
            if (i == 0)
                text_add(&first, made.data, made.n);
            cr_assert(made.n == first.n && (made.n == 0 || !memcmp(made.data, first.data, made.n)),
                      "the cut decides the tokens");
            cr_assert_eq(text_convert(false, params, params_bytes, made.data, made.n, pieces[i],
                                      seed + 9, &back),
                         VLMC_PLUGIN_OK);
            cr_assert(back.n == n && (n == 0 || memcmp(back.data, in, n) == 0), "bytes are lost");
        }
        text_free(&made);
        text_free(&back);
    }
    if (tokens)
        *tokens = first;
    else
        text_free(&first);
    return refusal;
}

text_report text_analyse(const uint8_t *bytes, size_t n)
{
    const vlmc_analyser *a = text_analyser_of_plugin();
    text_report report = {0};
    void *analysis;
    uint8_t *exact = malloc(n ? n : 1);
    cr_assert_not_null(exact);
    if (n > 0)
        memcpy(exact, bytes, n);
    cr_assert(a->probe(exact, n < 65536 ? n : 65536, NULL) <= 100);
    cr_assert_eq(a->create(NULL, &analysis), VLMC_PLUGIN_OK);
    for (size_t at = 0; at < n; report.segments++) {
        vlmc_segment segment;
        const size_t seen = n - at < WINDOW_BYTES ? n - at : WINDOW_BYTES;
        cr_assert_eq(a->next(analysis, exact + at, seen, seen == n - at, &segment), VLMC_PLUGIN_OK);
        cr_assert(segment.bytes >= 1 && segment.bytes <= seen);
        if (segment.tokenizer) {
            cr_assert_str_eq(segment.tokenizer, "text.utf8");
            cr_assert_eq(segment.params_bytes, 1);
            report.params = *(const uint8_t *)segment.params;
            cr_assert_eq(text_round_trip(&report.params, 1, exact + at, segment.bytes, NULL),
                         VLMC_PLUGIN_OK);
            report.text_segments++;
            report.text += segment.bytes;
        } else {
            report.plain += segment.bytes;
        }
        at += segment.bytes;
    }
    a->destroy(analysis);
    free(exact);
    return report;
}
