// SPDX-License-Identifier: Apache-2.0
#include "range_coder.h"

#define STATE_BITS 56
#define RANGE_MIN (UINT64_C(1) << (STATE_BITS - 8))
#define LOW_MASK ((UINT64_C(1) << STATE_BITS) - 1)

void vlmc_range_encoder_start(vlmc_range_encoder *encoder, uint8_t *out, size_t capacity)
{
    *encoder = (vlmc_range_encoder){
        .range = UINT64_C(1) << STATE_BITS,
        .out = out,
        .capacity = capacity,
    };
}

// Adds the carry bit of `low` to the bytes already written.
static void carry(vlmc_range_encoder *e)
{
    if (!(e->low >> STATE_BITS))
        return;
    e->low &= LOW_MASK;
    // Without overflow a byte below 0xFF is there, because the message stays below 1.
    for (size_t i = e->size; i > 0 && ++e->out[i - 1] == 0; i--)
        continue;
}

static void put(vlmc_range_encoder *e, uint8_t byte)
{
    if (e->size < e->capacity)
        e->out[e->size++] = byte;
    else
        e->overflow = true;
}

void vlmc_range_encode(vlmc_range_encoder *e, uint32_t cumulative, uint32_t frequency)
{
    const uint64_t unit = e->range >> VLMC_RANGE_TOTAL_BITS;
    e->low += unit * cumulative;
    e->range = unit * frequency;
    carry(e);
    while (e->range < RANGE_MIN) {
        put(e, (uint8_t)(e->low >> (STATE_BITS - 8)));
        e->low = e->low << 8 & LOW_MASK;
        e->range <<= 8;
    }
}

size_t vlmc_range_encoder_finish(vlmc_range_encoder *e)
{
    // The first multiple of 2^56, else of 2^48, in [low, low + range).
    if (e->low != 0 && e->low + e->range > LOW_MASK + 1) {
        e->low = LOW_MASK + 1;
        carry(e);
    } else if (e->low != 0) {
        e->low = (e->low + RANGE_MIN - 1) & ~(RANGE_MIN - 1);
        put(e, (uint8_t)(e->low >> (STATE_BITS - 8)));
    }
    if (e->overflow)
        return SIZE_MAX;
    while (e->size > 0 && e->out[e->size - 1] == 0)
        e->size--;
    return e->size;
}

static uint64_t next_byte(vlmc_range_decoder *d)
{
    return d->position < d->size ? d->in[d->position++] : 0;
}

void vlmc_range_decoder_start(vlmc_range_decoder *decoder, const uint8_t *in, size_t size)
{
    *decoder = (vlmc_range_decoder){
        .range = UINT64_C(1) << STATE_BITS,
        .in = in,
        .size = size,
    };
    for (int i = 0; i < STATE_BITS / 8; i++)
        decoder->code = decoder->code << 8 | next_byte(decoder);
}

uint32_t vlmc_range_decoder_get(vlmc_range_decoder *d)
{
    d->unit = d->range >> VLMC_RANGE_TOTAL_BITS; // >= 2^24
    const uint64_t value = d->code / d->unit;
    if (value >> VLMC_RANGE_TOTAL_BITS) { // the part of the range that no token takes
        d->damaged = true;
        d->code = 0;
        return 0;
    }
    return (uint32_t)value;
}

void vlmc_range_decoder_consume(vlmc_range_decoder *d, uint32_t cumulative, uint32_t frequency)
{
    d->code -= d->unit * cumulative;
    d->range = d->unit * frequency;
    while (d->range < RANGE_MIN) {
        d->code = d->code << 8 | next_byte(d);
        d->range <<= 8;
    }
}
