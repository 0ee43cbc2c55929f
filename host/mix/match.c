// SPDX-License-Identifier: Apache-2.0
#include "match.h"

#include <stdlib.h>
#include <string.h>

#define LENGTH_MIN 6u // shorter matches say less than the orders do
#define LOOK_BACK 32u // symbols that are compared when a match is found
#define MISSES_MAX 8u // in short order, before a match is given up
#define LENGTH_MAX 65535u
#define LOG2_MIN 10u
#define LOG2_MAX 24u

static uint32_t log2_for(uint32_t n_tokens)
{
    uint32_t bits = LOG2_MIN;
    while (bits < LOG2_MAX && 1u << bits < n_tokens)
        bits++;
    return bits;
}

bool vlmc_matcher_create(vlmc_matcher *m, const vlmc_past *past)
{
    *m = (vlmc_matcher){.past = past, .max_log2 = log2_for(past->max_tokens)};
    if (past->kind == VLMC_PAST_NONE)
        return true;
    m->table = calloc((size_t)1 << m->max_log2, sizeof *m->table);
    m->streams = calloc(past->max_streams, sizeof *m->streams);
    return m->table && m->streams;
}

void vlmc_matcher_destroy(vlmc_matcher *m)
{
    free(m->table);
    free(m->streams);
    *m = (vlmc_matcher){0};
}

void vlmc_matcher_clear(vlmc_matcher *m, uint32_t n_tokens)
{
    m->log2 = log2_for(n_tokens);
    if (!m->table)
        return;
    memset(m->table, 0, sizeof *m->table << m->log2);
    memset(m->streams, 0, m->past->n_streams * sizeof *m->streams);
}

void vlmc_matcher_look(vlmc_matcher *m, uint32_t stream)
{
    const vlmc_past *past = m->past;
    vlmc_match_stream *match = &m->streams[stream];
    match->predicts = false;
    if (!match->follows)
        return;
    // It may have caught up with a stream that has come no further.
    const uint32_t other = match->from / past->stride, at = match->from % past->stride;
    if (at >= past->streams[other].at.n) {
        *match = (vlmc_match_stream){0};
        return;
    }
    match->predicts = true;
    match->symbol = past->symbols[match->from];
}

// How many symbols before `from` are those before the stream's next one; at most LOOK_BACK.
static uint32_t common(const vlmc_past *past, const vlmc_past_place *s, uint32_t from)
{
    const uint32_t before = from % past->stride; // in its stream
    uint32_t most = before < s->n ? before : s->n, n = 0;
    most = most < LOOK_BACK ? most : LOOK_BACK;
    while (n < most && past->symbols[from - 1 - n] == s->symbols[s->n - 1 - n])
        n++;
    return n;
}

static void go_on(vlmc_match_stream *match, uint32_t stride, uint8_t symbol)
{
    if (match->symbol == symbol) {
        match->length += match->length < LENGTH_MAX;
        if (match->missed && match->length % 16 == 0)
            match->missed--;
    } else {
        match->length = 0;
        match->missed++;
    }
    match->from++;
    // The next stream's symbols are no continuation.
    if (match->missed > MISSES_MAX || match->from % stride == 0)
        *match = (vlmc_match_stream){0};
}

static uint32_t *slot_of(const vlmc_matcher *m, uint64_t last)
{
    const uint64_t key = last & ((UINT64_C(1) << 8 * LENGTH_MIN) - 1);
    return m->table + (key * UINT64_C(0x9E3779B97F4A7C15) >> (64 - m->log2));
}

void vlmc_matcher_foresee(const vlmc_matcher *m, uint32_t stream, uint8_t symbol)
{
    if (m->past->kind != VLMC_PAST_NONE)
        __builtin_prefetch(slot_of(m, m->past->streams[stream].at.last << 8 | symbol), 1);
}

void vlmc_matcher_push(vlmc_matcher *m, uint32_t stream, uint8_t symbol)
{
    const vlmc_past *past = m->past;
    if (past->kind == VLMC_PAST_NONE)
        return;
    const vlmc_past_place *s = &past->streams[stream].at;
    vlmc_match_stream *match = &m->streams[stream];
    if (match->predicts)
        go_on(match, past->stride, symbol);
    if (s->n < LENGTH_MIN || s->n >= past->stride)
        return;
    uint32_t *slot = slot_of(m, s->last);
    if (match->length < LENGTH_MIN && *slot) {
        const uint32_t length = common(past, s, *slot - 1);
        if (length >= LENGTH_MIN && length > match->length)
            *match = (vlmc_match_stream){
                .from = *slot - 1,
                .length = length,
                .missed = match->missed > 0,
                .follows = true,
            };
    }
    *slot = (uint32_t)(s->symbols - past->symbols) + s->n + 1;
}

static uint32_t length_class(uint32_t n)
{
    return n < 16    ? n
           : n < 32  ? 16 + (n - 16) / 4
           : n < 64  ? 20 + (n - 32) / 8
           : n < 512 ? 24 + n / 128
                     : 28 + (uint32_t)(n >= 2048);
}

uint32_t vlmc_match_class(const vlmc_match_stream *match)
{
    const uint32_t missed = match->missed < 3 ? match->missed : 3;
    return missed * 32 + length_class(match->length);
}

uint32_t vlmc_match_step(const vlmc_match_stream *match)
{
    return length_class(match->length) / 8 + (match->missed ? 4u : 0);
}
