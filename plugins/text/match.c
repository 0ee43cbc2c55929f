// SPDX-License-Identifier: Apache-2.0
#include "match.h"

#include <stdlib.h>

#define LENGTH_MIN 5u
#define LENGTH_CHECKED 32u // bytes that a new match is compared over
#define POSITION_BITS 24u  // of a slot; the stream lies above
#define SLOTS_LOG2_MIN 12u
#define SLOTS_LOG2_MAX 19u
#define STREAM_SLOTS_LOG2 12u // of each stream, about

bool text_matcher_init(text_matcher *m, text_reader *readers, uint32_t n_streams)
{
    m->readers = readers;
    m->log2_slots = SLOTS_LOG2_MIN;
    while (m->log2_slots < SLOTS_LOG2_MAX && 1u << m->log2_slots < n_streams << STREAM_SLOTS_LOG2)
        m->log2_slots++;
    m->slots = calloc((size_t)1 << m->log2_slots, sizeof *m->slots);
    return m->slots != NULL;
}

void text_matcher_clear(text_matcher *m)
{
    free(m->slots);
    m->slots = NULL;
}

// Bytes before the two positions that agree, up to LENGTH_CHECKED.
static uint32_t common(const text_reader *a, uint32_t a_at, const text_reader *b, uint32_t b_at)
{
    uint32_t most = a_at < b_at ? a_at : b_at, n = 0;
    if (most > LENGTH_CHECKED)
        most = LENGTH_CHECKED;
    while (n < most &&
           a->ring[(a_at - 1 - n) % TEXT_RING_BYTES] == b->ring[(b_at - 1 - n) % TEXT_RING_BYTES])
        n++;
    return n;
}

static void find(const text_matcher *m, const text_reader *r, uint32_t slot, text_match *match)
{
    const uint32_t stream = slot >> POSITION_BITS, at = slot & ((1u << POSITION_BITS) - 1);
    const text_reader *other = &m->readers[stream];
    if (at >= other->at || other->at - at > TEXT_RING_BYTES - LENGTH_CHECKED)
        return; // what followed is not known yet, or forgotten
    const uint32_t length = common(r, r->at, other, at);
    if (length >= LENGTH_MIN)
        *match = (text_match){.stream = stream, .at = at, .length = length};
}

void text_match_next(text_matcher *m, uint32_t stream, text_match *match)
{
    const text_reader *r = &m->readers[stream];
    if (match->length > 0) {
        const text_reader *other = &m->readers[match->stream];
        const bool held =
            match->at < other->at && other->ring[match->at % TEXT_RING_BYTES] == (uint8_t)r->past;
        match->length = held ? match->length + 1 : 0;
        match->at++;
    }
    if (r->at < LENGTH_MIN || r->at >> POSITION_BITS)
        return;
    uint32_t *slot = &m->slots[text_hash(r->past << (64 - 8 * LENGTH_MIN)) >> (32 - m->log2_slots)];
    if (match->length == 0 && *slot != 0)
        find(m, r, *slot, match);
    *slot = stream << POSITION_BITS | r->at;
}
