// SPDX-License-Identifier: Apache-2.0
// Tries parameters, the likely ones first, until one writes the same bytes. A wrong one is mostly
// found out when its first block comes out.
#include "png_search.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define HEAD_BYTES 8u // of a chunk
#define TAIL_BYTES 4u
#define ZLIB_HEADER_BYTES 2u
#define ZLIB_CHECK_BYTES 4u
#define PIECE_BYTES 16384u // inflated at once
#define TRIES_MAX 640u
// Bytes that all tries together may deflate: so many, and the content so many times.
#define BUDGET_BYTES (16u << 20)
#define BUDGET_TIMES 4u

png_cursor png_cursor_start(const png_stream *stream)
{
    return (png_cursor){stream->bytes, stream->chunks, stream->chunks + stream->n_chunks, 0};
}

uint32_t png_cursor_take(png_cursor *c, uint32_t most, const uint8_t **bytes)
{
    while (c->left == 0) {
        if (c->chunk == c->chunks_end)
            return 0;
        c->left = *c->chunk++;
        c->at += HEAD_BYTES;
        if (c->left == 0)
            c->at += TAIL_BYTES;
    }
    const uint32_t n = c->left < most ? c->left : most;
    *bytes = c->at;
    c->at += n;
    c->left -= n;
    if (c->left == 0)
        c->at += TAIL_BYTES;
    return n;
}

typedef struct tries {
    redeflate_params list[TRIES_MAX];
    uint32_t n;
} tries;

static void add(tries *t, uint8_t level, uint8_t strategy, uint8_t memory_level,
                uint8_t window_bits, bool far_threes)
{
    if (t->n < TRIES_MAX)
        t->list[t->n++] =
            (redeflate_params){level, strategy, memory_level, window_bits, far_threes};
}

// Strategies that follow the level, the likelier first.
static void add_level(tries *t, uint8_t level, uint8_t memory_level, uint8_t window_bits,
                      bool filtered)
{
    for (uint32_t i = 0; i < 2; i++) {
        const bool is_filtered = filtered == (i == 0);
        if (is_filtered && level < 4) // the level does not know the strategy
            continue;
        add(t, level, is_filtered ? REDEFLATE_FILTERED : REDEFLATE_DEFAULT, memory_level,
            window_bits, false);
        if (!is_filtered && level >= 4)
            add(t, level, REDEFLATE_DEFAULT, memory_level, window_bits, true);
    }
}

static const uint8_t levels[] = {6, 9, 8, 7, 5, 4, 3, 2, 1};
#define LEVELS (sizeof levels / sizeof levels[0])

// Strategies that look for no matches of the usual kind, and fixed codes.
static void add_others(tries *t, uint8_t memory_level, uint8_t window_bits)
{
    add(t, 6, REDEFLATE_RLE, memory_level, window_bits, false);
    add(t, 6, REDEFLATE_HUFFMAN, memory_level, window_bits, false);
    for (uint32_t i = 0; i < LEVELS; i++)
        add(t, levels[i], REDEFLATE_FIXED, memory_level, window_bits, false);
}

// hint: the two bits of the zlib header that tell the level.
static void add_window(tries *t, uint8_t window_bits, uint32_t hint, bool filtered)
{
    static const uint8_t hints[10] = {0, 0, 1, 1, 1, 1, 2, 3, 3, 3};
    for (int told = 1; told >= 0; told--) // levels as told, then the others
        for (uint8_t memory_level = 8; memory_level <= 9; memory_level++) {
            for (uint32_t i = 0; i < LEVELS; i++)
                if ((hints[levels[i]] == hint) == (told == 1))
                    add_level(t, levels[i], memory_level, window_bits, filtered);
            if ((hint == 0) == (told == 1)) // what zlib tells of the first two of them
                add_others(t, memory_level, window_bits);
        }
    for (uint8_t memory_level = 7; memory_level >= 1; memory_level--) {
        for (uint32_t i = 0; i < LEVELS; i++)
            add_level(t, levels[i], memory_level, window_bits, filtered);
        add_others(t, memory_level, window_bits);
    }
}

// One try: the stream inflated, deflated, and compared with itself.
typedef struct trial {
    z_stream inflate;
    png_cursor source;
    png_cursor target;
    redeflate *deflate;
    uint32_t target_left; // bytes of the deflate stream that have not come out
    bool ended;           // all is inflated
    uint32_t piece_bytes, fed;
    uint8_t piece[PIECE_BYTES];
} trial;

static bool inflate_piece(trial *t)
{
    t->fed = 0;
    t->inflate.next_out = t->piece;
    t->inflate.avail_out = PIECE_BYTES;
    while (t->inflate.avail_out > 0 && !t->ended) {
        const uint8_t *bytes = NULL;
        if (t->inflate.avail_in == 0) {
            t->inflate.avail_in = png_cursor_take(&t->source, UINT32_MAX, &bytes);
            t->inflate.next_in = (uint8_t *)(uintptr_t)bytes;
        }
        const int result = inflate(&t->inflate, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END)
            return false;
        t->ended = result == Z_STREAM_END;
    }
    t->piece_bytes = PIECE_BYTES - t->inflate.avail_out;
    return true;
}

// True when the output that waits is what follows in the stream.
static bool compare_output(trial *t)
{
    size_t left;
    const uint8_t *output = redeflate_output(t->deflate, &left);
    if (left > t->target_left)
        return false;
    t->target_left -= (uint32_t)left;
    while (left > 0) {
        const uint8_t *expected = NULL;
        const uint32_t n = png_cursor_take(&t->target, (uint32_t)left, &expected);
        if (n == 0 || memcmp(output, expected, n) != 0)
            return false;
        output += n;
        left -= n;
    }
    redeflate_drop_output(t->deflate);
    return true;
}

static bool same_stream(trial *t, uint64_t *budget)
{
    while (!redeflate_done(t->deflate)) {
        if (t->fed == t->piece_bytes && !t->ended) {
            if (!inflate_piece(t) || t->piece_bytes > *budget)
                return false;
            *budget -= t->piece_bytes;
        }
        t->fed += (uint32_t)redeflate_feed(t->deflate, t->piece + t->fed, t->piece_bytes - t->fed,
                                           t->ended);
        if (!compare_output(t))
            return false;
    }
    return t->target_left == 0;
}

static bool try_params(trial *t, const png_stream *stream, const redeflate_params *params,
                       uint64_t *budget)
{
    const uint8_t *header = NULL;
    t->source = t->target = png_cursor_start(stream);
    for (uint32_t skip = ZLIB_HEADER_BYTES; skip > 0;)
        skip -= png_cursor_take(&t->target, skip, &header);
    t->target_left = stream->stream_bytes - ZLIB_HEADER_BYTES - ZLIB_CHECK_BYTES;
    t->ended = false;
    t->piece_bytes = t->fed = 0;
    t->inflate.avail_in = 0;
    if (inflateReset(&t->inflate) != Z_OK)
        return false;
    return redeflate_restart(t->deflate, params) && same_stream(t, budget);
}

bool png_search_deflate(const png_stream *stream, uint64_t content_bytes, bool filtered,
                        redeflate_params *params)
{
    uint8_t header[ZLIB_HEADER_BYTES];
    png_cursor cursor = png_cursor_start(stream);
    for (uint32_t i = 0; i < ZLIB_HEADER_BYTES; i++) {
        const uint8_t *byte = NULL;
        if (png_cursor_take(&cursor, 1, &byte) == 0)
            return false;
        header[i] = *byte;
    }
    const uint32_t declared = (header[0] >> 4) + 8u;
    const uint8_t window_bits = (uint8_t)(declared < 9 ? 9 : declared > 15 ? 15 : declared);
    tries *list = calloc(1, sizeof *list);
    trial *t = calloc(1, sizeof *t);
    bool found = false;
    if (t)
        t->deflate = redeflate_create(&(redeflate_params){6, REDEFLATE_DEFAULT, 8, 15, false});
    if (list && t && t->deflate && inflateInit(&t->inflate) == Z_OK) {
        add_window(list, window_bits, header[1] >> 6, filtered);
        if (window_bits < 15) // some programs declare a smaller window afterwards
            add_window(list, 15, header[1] >> 6, filtered);
        uint64_t budget = BUDGET_BYTES + BUDGET_TIMES * content_bytes;
        for (uint32_t i = 0; i < list->n && !found && budget > 0; i++) {
            *params = list->list[i];
            found = try_params(t, stream, params, &budget);
        }
        inflateEnd(&t->inflate);
    }
    if (t)
        redeflate_destroy(t->deflate);
    free(list);
    free(t);
    return found;
}
