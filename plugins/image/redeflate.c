// SPDX-License-Identifier: Apache-2.0
// Matches are found through chains of positions with equal hashes of three bytes, the newest
// first. The window holds twice the distance that a match may reach; when it is used up, its
// upper half moves down.
#include "redeflate.h"

#include "deflate_block.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_BITS_MAX 15u
#define NOWHERE 0u // in a chain: its end, so that no match begins at the window's first byte
#define LOOKAHEAD_MIN (DEFLATE_MATCH_MAX + DEFLATE_MATCH_MIN + 1u)
#define FAR 4096u
#define SHORT_MATCH 5u // with REDEFLATE_FILTERED, matches up to here are not used

// How hard a level looks.
typedef struct effort {
    uint16_t good; // with a match of this length in hand, a quarter of the chain is enough
    uint16_t lazy; // with one of this length, the next position is not tried; in the levels that
                   // never try it: the longest match of which every position is entered
    uint16_t nice; // a match of this length is long enough
    uint16_t chain;
} effort;

static const effort efforts[10] = {
    {0, 0, 0, 0},         {4, 4, 8, 4}, // 1..3 take the first match
    {4, 5, 16, 8},                      //
    {4, 6, 32, 32},                     //
    {4, 4, 16, 16},                     // 4..9 look whether the next position has a longer one
    {8, 16, 32, 32},                    //
    {8, 16, 128, 128},                  //
    {8, 32, 128, 256},                  //
    {32, 128, 258, 1024},               //
    {32, 258, 258, 4096},
};
#define FIRST_LAZY_LEVEL 4u

struct redeflate {
    redeflate_params params;
    effort effort;
    uint32_t size; // of half the window
    uint32_t hash_mask;
    uint32_t hash_shift;
    uint32_t at;          // the position that is looked at
    uint32_t lookahead;   // bytes from there on
    int64_t block_start;  // negative when it has left the window
    uint32_t match_start; // of the match in hand
    uint32_t match_length;
    bool literal_waits; // the byte before `at` is not yet coded
    bool done;
    deflate_block block;
    uint8_t window[2u << WINDOW_BITS_MAX];
    uint16_t before[1u << WINDOW_BITS_MAX]; // the chain: by position within half a window
    uint16_t newest[1u << 16];              // by hash
};

bool redeflate_params_valid(const redeflate_params *p)
{
    return p->level >= 1 && p->level <= 9 && p->strategy <= REDEFLATE_FIXED &&
           p->memory_level >= 1 && p->memory_level <= 9 && p->window_bits >= 9 &&
           p->window_bits <= WINDOW_BITS_MAX;
}

bool redeflate_restart(redeflate *d, const redeflate_params *params)
{
    if (!redeflate_params_valid(params))
        return false;
    const uint32_t hash_bits = params->memory_level + 7u;
    d->params = *params;
    d->effort = efforts[params->level];
    d->size = 1u << params->window_bits;
    d->hash_mask = (1u << hash_bits) - 1;
    d->hash_shift = (hash_bits + DEFLATE_MATCH_MIN - 1) / DEFLATE_MATCH_MIN;
    d->at = d->lookahead = 0;
    d->block_start = 0;
    d->match_start = 0;
    d->match_length = DEFLATE_MATCH_MIN - 1;
    d->literal_waits = d->done = false;
    deflate_block_init(&d->block, (1u << (params->memory_level + 6)) - 1);
    memset(d->newest, 0, (d->hash_mask + 1) * sizeof d->newest[0]);
    return true;
}

redeflate *redeflate_create(const redeflate_params *params)
{
    redeflate *d = calloc(1, sizeof *d);
    if (d && redeflate_restart(d, params))
        return d;
    free(d);
    return NULL;
}

void redeflate_destroy(redeflate *d)
{
    free(d);
}

bool redeflate_done(const redeflate *d)
{
    return d->done && d->block.out_bytes == 0;
}

const uint8_t *redeflate_output(const redeflate *d, size_t *n_bytes)
{
    *n_bytes = d->block.out_bytes;
    return d->block.out;
}

void redeflate_drop_output(redeflate *d)
{
    d->block.out_bytes = 0;
}

static uint32_t reach(const redeflate *d)
{
    return d->size - LOOKAHEAD_MIN;
}

// Enters a position into its chain; the position that was the chain's newest, or NOWHERE.
static uint32_t enter(redeflate *d, uint32_t at)
{
    const uint8_t *b = d->window + at;
    const uint32_t hash =
        ((uint32_t)b[0] << 2 * d->hash_shift ^ (uint32_t)b[1] << d->hash_shift ^ b[2]) &
        d->hash_mask;
    const uint32_t newest = d->newest[hash];
    d->before[at & (d->size - 1)] = (uint16_t)newest;
    d->newest[hash] = (uint16_t)at;
    return newest;
}

static uint32_t common_length(const uint8_t *a, const uint8_t *b, uint32_t longest)
{
    uint32_t n = 0;
    while (n < longest && a[n] == b[n])
        n++;
    return n;
}

// Follows a chain for a match at `at` that is longer than `length`. Sets match_start; returns the
// new length, or the old one, but never more than the lookahead.
static uint32_t longest_match(redeflate *d, uint32_t candidate, uint32_t length)
{
    const uint8_t *here = d->window + d->at;
    const uint32_t limit = d->at > reach(d) ? d->at - reach(d) : NOWHERE;
    const uint32_t longest = d->lookahead < DEFLATE_MATCH_MAX ? d->lookahead : DEFLATE_MATCH_MAX;
    const uint32_t nice = d->effort.nice < longest ? d->effort.nice : longest;
    uint32_t chain = length >= d->effort.good ? d->effort.chain / 4u : d->effort.chain;
    do {
        const uint8_t *there = d->window + candidate;
        if (length < longest && there[length] == here[length] &&
            there[length - 1] == here[length - 1]) {
            const uint32_t n = common_length(here, there, longest);
            if (n > length) {
                d->match_start = candidate;
                length = n;
                if (n >= nice)
                    break;
            }
        }
        candidate = d->before[candidate & (d->size - 1)];
    } while (candidate > limit && --chain != 0);
    return length < d->lookahead ? length : d->lookahead;
}

static void write_block(redeflate *d, bool last)
{
    const uint32_t n_bytes = (uint32_t)((int64_t)d->at - d->block_start);
    deflate_block_write(&d->block, d->block_start >= 0 ? d->window + d->block_start : NULL, n_bytes,
                        d->params.strategy == REDEFLATE_FIXED, last);
    d->block_start = d->at;
}

// One step of levels 1 to 3.
static void step_greedy(redeflate *d)
{
    const uint32_t candidate = d->lookahead >= DEFLATE_MATCH_MIN ? enter(d, d->at) : NOWHERE;
    uint32_t length = 0;
    if (candidate != NOWHERE && d->at - candidate <= reach(d))
        length = longest_match(d, candidate, DEFLATE_MATCH_MIN - 1);
    bool full;
    if (length >= DEFLATE_MATCH_MIN) {
        full = deflate_block_match(&d->block, d->at - d->match_start, length);
        d->lookahead -= length;
        const bool enters = length <= d->effort.lazy && d->lookahead >= DEFLATE_MATCH_MIN;
        for (uint32_t i = 1; enters && i < length; i++)
            enter(d, d->at + i);
        d->at += length;
    } else {
        full = deflate_block_literal(&d->block, d->window[d->at]);
        d->at++;
        d->lookahead--;
    }
    if (full)
        write_block(d, false);
}

// Is the match not worth its bits?
static bool too_poor(const redeflate *d, uint32_t length)
{
    return length <= SHORT_MATCH &&
           (d->params.strategy == REDEFLATE_FILTERED ||
            (length == DEFLATE_MATCH_MIN && d->at - d->match_start > FAR && !d->params.far_threes));
}

// The match that begins one byte before `at`.
static void take_earlier(redeflate *d, uint32_t start, uint32_t length)
{
    const uint32_t end = d->at + d->lookahead;
    const bool full = deflate_block_match(&d->block, d->at - 1 - start, length);
    for (uint32_t i = 1; i < length - 1; i++)
        if (d->at + i + DEFLATE_MATCH_MIN <= end)
            enter(d, d->at + i);
    d->at += length - 1;
    d->lookahead -= length - 1;
    d->literal_waits = false;
    d->match_length = DEFLATE_MATCH_MIN - 1;
    if (full)
        write_block(d, false);
}

// One step of levels 4 to 9: a match is used when the next position has no longer one.
static void step_lazy(redeflate *d)
{
    const uint32_t candidate = d->lookahead >= DEFLATE_MATCH_MIN ? enter(d, d->at) : NOWHERE;
    const uint32_t earlier_length = d->match_length;
    const uint32_t earlier_start = d->match_start;
    d->match_length = DEFLATE_MATCH_MIN - 1;
    if (candidate != NOWHERE && earlier_length < d->effort.lazy && d->at - candidate <= reach(d)) {
        d->match_length = longest_match(d, candidate, earlier_length);
        if (too_poor(d, d->match_length))
            d->match_length = DEFLATE_MATCH_MIN - 1;
    }
    if (earlier_length >= DEFLATE_MATCH_MIN && d->match_length <= earlier_length) {
        take_earlier(d, earlier_start, earlier_length);
        return;
    }
    if (d->literal_waits && deflate_block_literal(&d->block, d->window[d->at - 1]))
        write_block(d, false);
    d->literal_waits = true;
    d->at++;
    d->lookahead--;
}

// One step that looks at the byte before only.
static void step_runs(redeflate *d)
{
    const uint8_t *here = d->window + d->at;
    const uint32_t longest = d->lookahead < DEFLATE_MATCH_MAX ? d->lookahead : DEFLATE_MATCH_MAX;
    uint32_t length = 0;
    if (d->at > 0)
        length = common_length(here, here - 1, longest);
    if (length < DEFLATE_MATCH_MIN)
        length = 0;
    const bool full = length ? deflate_block_match(&d->block, 1, length)
                             : deflate_block_literal(&d->block, *here);
    d->at += length ? length : 1;
    d->lookahead -= length ? length : 1;
    if (full)
        write_block(d, false);
}

static void step_literal(redeflate *d)
{
    const bool full = deflate_block_literal(&d->block, d->window[d->at]);
    d->at++;
    d->lookahead--;
    if (full)
        write_block(d, false);
}

static void step(redeflate *d)
{
    if (d->params.strategy == REDEFLATE_HUFFMAN)
        step_literal(d);
    else if (d->params.strategy == REDEFLATE_RLE)
        step_runs(d);
    else if (d->params.level < FIRST_LAZY_LEVEL)
        step_greedy(d);
    else
        step_lazy(d);
}

// Bytes that must lie ahead while more may come, so that a match is never cut short.
static uint32_t wanted_lookahead(const redeflate *d)
{
    return d->params.strategy == REDEFLATE_HUFFMAN ? 1
           : d->params.strategy == REDEFLATE_RLE   ? DEFLATE_MATCH_MAX + 1
                                                   : LOOKAHEAD_MIN;
}

static void slide_positions(uint16_t *positions, uint32_t n, uint32_t size)
{
    for (uint32_t i = 0; i < n; i++)
        positions[i] = (uint16_t)(positions[i] >= size ? positions[i] - size : NOWHERE);
}

// Moves the upper half of the window down when `at` is far enough.
static void slide_if_due(redeflate *d)
{
    if (d->at < d->size + reach(d))
        return;
    memmove(d->window, d->window + d->size, d->size);
    d->at -= d->size;
    d->match_start -= d->size; // may wrap around: only differences of it are used
    d->block_start -= d->size;
    slide_positions(d->newest, d->hash_mask + 1, d->size);
    slide_positions(d->before, d->size, d->size);
}

// The end of the stream.
static void finish(redeflate *d)
{
    if (d->literal_waits) {
        // The block may be full now: it is the last one all the same.
        deflate_block_literal(&d->block, d->window[d->at - 1]);
        d->literal_waits = false;
    }
    write_block(d, true);
    d->done = true;
}

size_t redeflate_feed(redeflate *d, const uint8_t *bytes, size_t n_bytes, bool ended)
{
    size_t used = 0;
    while (!d->done && d->block.out_bytes == 0) {
        const uint32_t filled = d->at + d->lookahead;
        uint32_t n = 2 * d->size - filled;
        if (n > n_bytes - used)
            n = (uint32_t)(n_bytes - used);
        if (n > 0)
            memcpy(d->window + filled, bytes + used, n);
        used += n;
        d->lookahead += n;
        const bool all = ended && used == n_bytes;
        if (filled + n < 2 * d->size && !all)
            break; // the window is always filled first: cuts of the input must not be seen
        while (d->lookahead >= wanted_lookahead(d) && d->block.out_bytes == 0)
            step(d);
        if (d->block.out_bytes > 0)
            break;
        slide_if_due(d);
        if (!all)
            continue;
        while (d->lookahead > 0 && d->block.out_bytes == 0) {
            slide_if_due(d);
            step(d);
        }
        if (d->lookahead == 0 && d->block.out_bytes == 0)
            finish(d);
    }
    return used;
}
