// SPDX-License-Identifier: Apache-2.0
#include "past.h"

#include <stdlib.h>
#include <string.h>

#define MULTIPLIER UINT64_C(0x9E3779B97F4A7C15)

#define NEAR_FIRST 32u // number of the first near context

#define CANDIDATES 4u
#define RECORD_MAX 4096u
#define VOTES_MAX 255u
#define VOTES_NEEDED 16u // before a width is believed

bool vlmc_past_create(vlmc_past *past, vlmc_past_kind kind, vlmc_mix_effort effort,
                      uint32_t max_streams, uint32_t max_tokens)
{
    *past = (vlmc_past){
        .kind = kind,
        .effort = effort,
        .max_streams = max_streams,
        .max_tokens = max_tokens,
    };
    if (kind == VLMC_PAST_NONE)
        return true;
    past->streams = calloc(max_streams, sizeof *past->streams);
    // Streams are cut at multiples of a unit, of which each has at least one: none is longer than
    // twice its share and a unit. What is not used takes no memory.
    past->symbols = calloc((size_t)max_tokens * 4 + max_streams, 1);
    return past->streams && past->symbols;
}

void vlmc_past_destroy(vlmc_past *past)
{
    free(past->streams);
    free(past->symbols);
    *past = (vlmc_past){0};
}

void vlmc_past_clear(vlmc_past *past, uint32_t n_streams, uint32_t n_steps)
{
    past->n_streams = n_streams;
    past->stride = n_steps;
    if (past->kind == VLMC_PAST_NONE)
        return;
    memset(past->streams, 0, n_streams * sizeof *past->streams);
    for (uint32_t s = 0; s < n_streams; s++)
        past->streams[s].at.symbols = past->symbols + (size_t)s * n_steps;
}

// The symbol `back` before the next one; 0 before the first.
static uint32_t behind(const vlmc_past_place *s, uint32_t back)
{
    return back >= 1 && back <= s->n ? s->symbols[s->n - back] : 0;
}

typedef struct list {
    uint64_t *hashes;
    uint32_t n;
    uint32_t first; // number of the first
} list;

// Contexts of different numbers are different, whatever their values.
static void add(list *l, uint64_t value)
{
    const uint32_t number = l->first + l->n;
    uint64_t h = (value + number + 1) * MULTIPLIER;
    h ^= h >> 32;
    l->hashes[l->n++] = h * MULTIPLIER + number;
}

static uint64_t newest(uint64_t last, uint32_t n)
{
    return n < 8 ? last & ((UINT64_C(1) << 8 * n) - 1) : last;
}

static uint64_t join(uint64_t a, uint64_t b)
{
    return (a * MULTIPLIER ^ a >> 29) + b;
}

static void add_orders(list *l, const vlmc_past_place *s, vlmc_mix_effort effort)
{
    const uint64_t last = s->last;
    for (uint32_t n = 1; n <= 4; n++)
        add(l, newest(last, n));
    add(l, newest(last, 6));
    add(l, (uint64_t)s->words[0] << 32 | (last & 255)); // the word so far
    if (effort == VLMC_MIX_FAST)
        return;
    add(l, newest(last, 5));
    add(l, newest(last, 7));
    add(l, join(s->words[0], (uint64_t)s->words[1] << 8)); // and the one before
    if (effort == VLMC_MIX_STRONG) {
        add(l, last);
        add(l, join(join(s->words[0], s->words[1]), (uint64_t)s->words[2] << 8));
        add(l, join(s->words[0], (uint64_t)s->words[2] << 8));
    }
}

// Symbols but for the newest; the high bits of the last ones: numbers that differ a little.
static void add_gaps(list *l, const vlmc_past_place *s, vlmc_mix_effort effort)
{
    const uint64_t last = s->last;
    add(l, last & 0xFFFF00);
    add(l, last & 0xFFFF0000);
    add(l, last & UINT64_C(0xF0F0F0F0));
    if (effort == VLMC_MIX_STRONG) {
        add(l, last & UINT64_C(0xF8F8F8F8F8));
        add(l, last & 0xFF0000);
        add(l, last & 0xFF000000);
        add(l, last & 0xFF00FF00);
        add(l, last & 0xFFE0FF);
    }
}

static void add_records(list *l, const vlmc_past_place *s, vlmc_mix_effort effort)
{
    const uint32_t width = s->record, newest_symbol = (uint32_t)(s->last & 255);
    const uint32_t above = behind(s, width), above_2 = behind(s, 2 * width);
    const uint32_t column = width ? s->n % width : s->n & 3;
    const uint64_t kind = (uint64_t)width << 32;
    add(l, kind | above_2 << 8 | above);
    add(l, kind | column << 8 | above);
    if (effort == VLMC_MIX_STRONG) {
        const uint32_t above_next = width > 1 ? behind(s, width - 1) : 0;
        add(l, kind | newest_symbol << 8 | above);
        add(l, join(kind | above_next << 24 | (s->last & 0xFFFF) << 8 | above, 1));
        add(l, kind | column << 8 | newest_symbol);
    }
}

static void contexts(const vlmc_past *past, const vlmc_past_place *place, uint32_t expected,
                     uint64_t *hashes)
{
    list l = {.hashes = hashes};
    add_orders(&l, place, past->effort);
    add(&l, (uint64_t)expected << 8 | (place->last & 255));
    if (past->kind == VLMC_PAST_BYTES && past->effort != VLMC_MIX_FAST) {
        add_gaps(&l, place, past->effort);
        add_records(&l, place, past->effort);
    }
}

static bool in_word(uint8_t symbol)
{
    return (symbol >= 'a' && symbol <= 'z') || (symbol >= 'A' && symbol <= 'Z') || symbol >= 0x80;
}

// All of a place but its symbols and its record.
static void go_on(vlmc_past_place *place, uint8_t symbol)
{
    place->n++;
    place->last = place->last << 8 | symbol;
    if (in_word(symbol)) {
        place->words[0] = (place->words[0] + (symbol | 32u) + 1) * 0x2C9277B5u;
        place->words[0] ^= place->words[0] >> 15;
    } else if (place->words[0]) {
        place->words[2] = place->words[1];
        place->words[1] = place->words[0];
        place->words[0] = 0;
    }
}

void vlmc_past_contexts(const vlmc_past *past, uint32_t stream, uint32_t expected, uint64_t *hashes)
{
    if (past->kind != VLMC_PAST_NONE)
        contexts(past, &past->streams[stream].at, expected, hashes);
}

void vlmc_past_contexts_after(const vlmc_past *past, uint32_t stream, uint8_t symbol,
                              uint32_t expected, uint64_t *hashes)
{
    if (past->kind == VLMC_PAST_NONE)
        return;
    vlmc_past_place place = past->streams[stream].at;
    go_on(&place, symbol);
    contexts(past, &place, expected, hashes);
}

uint32_t vlmc_past_n_contexts(vlmc_past_kind kind, vlmc_mix_effort effort)
{
    static const uint8_t n[3][3] = {{0, 0, 0}, {7, 10, 13}, {7, 15, 26}};
    return n[kind][effort];
}

uint32_t vlmc_past_n_near(vlmc_past_kind kind)
{
    return kind == VLMC_PAST_NONE ? 0 : VLMC_PAST_NEAR_MAX;
}

void vlmc_past_near(const vlmc_past *past, uint32_t stream, uint64_t *hashes)
{
    if (past->kind == VLMC_PAST_NONE)
        return;
    list l = {.hashes = hashes, .first = NEAR_FIRST};
    const vlmc_past_place *place = &past->streams[stream].at;
    add(&l, join(newest(place->last, 2), stream));
    add(&l, join(newest(place->last, 4), stream));
    add(&l, join((uint64_t)place->words[0] << 32 | (place->last & 255), stream));
}

// A gap between equal symbols that comes twice in a row votes for itself as the width of a record;
// where all places are taken, against the weakest (after Misra and Gries, "Finding repeated
// elements", 1982).
static void vote(vlmc_past_stream *s, uint32_t gap)
{
    uint32_t weakest = 0, i = 0;
    for (; i < CANDIDATES && s->candidates[i] != gap; i++)
        if (s->votes[i] < s->votes[weakest])
            weakest = i;
    if (i == CANDIDATES) {
        if (s->votes[weakest] > 1) {
            s->votes[weakest]--;
            return;
        }
        i = weakest;
        s->candidates[i] = gap;
        s->votes[i] = 0;
    }
    if (++s->votes[i] > VOTES_MAX)
        for (uint32_t k = 0; k < CANDIDATES; k++)
            s->votes[k] /= 2;
    uint32_t best = 0;
    for (uint32_t k = 1; k < CANDIDATES; k++)
        if (s->votes[k] > s->votes[best])
            best = k;
    if (s->votes[best] > VOTES_NEEDED)
        s->at.record = s->candidates[best];
}

static void find_record(vlmc_past_stream *s, uint8_t symbol)
{
    const uint32_t gap = s->at.n - s->seen[symbol];
    if (s->seen[symbol] && gap == s->gaps[symbol] && gap > 1 && gap < RECORD_MAX)
        vote(s, gap);
    s->gaps[symbol] = gap;
    s->seen[symbol] = s->at.n;
}

void vlmc_past_push(vlmc_past *past, uint32_t stream, uint8_t symbol)
{
    if (past->kind == VLMC_PAST_NONE)
        return;
    vlmc_past_stream *s = &past->streams[stream];
    s->at.symbols[s->at.n] = symbol;
    go_on(&s->at, symbol);
    if (past->kind == VLMC_PAST_BYTES && past->effort != VLMC_MIX_FAST)
        find_record(s, symbol);
}
