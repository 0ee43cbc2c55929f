// SPDX-License-Identifier: Apache-2.0
#include "side_coder.h"

#define SEEN_MAX 60u // a bit's probability moves by 1 / (seen + 1.5)
#define OVERRUN_BYTES 8u

void side_write_start(side_coder *c, uint8_t *out, size_t capacity)
{
    *c = (side_coder){.writing = true, .out = out, .end = capacity, .high = UINT32_MAX};
}

static uint32_t next_byte(side_coder *c)
{
    if (c->at >= c->end + OVERRUN_BYTES)
        c->over = true;
    else
        c->at++;
    return c->at <= c->end && !c->over ? c->in[c->at - 1] : 0;
}

void side_read_start(side_coder *c, const uint8_t *in, size_t n_bytes)
{
    *c = (side_coder){.in = in, .end = n_bytes, .high = UINT32_MAX};
    for (int i = 0; i < 4; i++)
        c->code = c->code << 8 | next_byte(c);
}

static void put_byte(side_coder *c, uint32_t byte)
{
    if (c->at < c->end)
        c->out[c->at++] = (uint8_t)byte;
    else
        c->over = true;
}

// What is missing at the end reads as zeros: the fewest bytes that say a number in low..high.
size_t side_write_end(side_coder *c)
{
    if (c->low > 0) {
        uint32_t shift = 24;
        while (shift > 0 && ((c->high >> shift) << shift) < c->low)
            shift -= 8;
        for (uint32_t at = 32; at > shift;)
            put_byte(c, c->high >> (at -= 8));
    }
    return c->at;
}

// low <= split < high, and low..split is a one.
static void code_split(side_coder *c, uint32_t split, uint32_t *value)
{
    if (!c->writing)
        *value = c->code <= split;
    if (*value)
        c->high = split;
    else
        c->low = split + 1;
    while ((c->low ^ c->high) >> 24 == 0) {
        if (c->writing)
            put_byte(c, c->high >> 24);
        else
            c->code = c->code << 8 | next_byte(c);
        c->low <<= 8;
        c->high = c->high << 8 | 0xFF;
    }
}

void side_code_bit(side_coder *c, side_bit *model, uint32_t *value)
{
    const uint32_t one = model->lean ^ 0x8000u; // of 2^16, never 0
    const uint32_t split = c->low + (uint32_t)((uint64_t)(c->high - c->low) * one >> 16);
    code_split(c, split, value);
    const int32_t target = *value ? 65535 - 32 : 32;
    const int32_t step = 2 * (target - (int32_t)one) / (2 * (int32_t)model->seen + 3);
    model->lean = (uint16_t)(((int32_t)one + step) ^ 0x8000);
    if (model->seen < SEEN_MAX)
        model->seen++;
}

void side_code_raw(side_coder *c, uint32_t n_bits, uint32_t *value)
{
    uint32_t read = 0;
    for (uint32_t i = n_bits; i-- > 0;) {
        uint32_t bit = *value >> i & 1;
        code_split(c, c->low + (c->high - c->low) / 2, &bit);
        read = read << 1 | bit;
    }
    *value = read;
}

void side_code_tree(side_coder *c, side_bit *models, uint32_t n_bits, uint32_t *value)
{
    uint32_t node = 1;
    for (uint32_t i = n_bits; i-- > 0;) {
        uint32_t bit = *value >> i & 1;
        side_code_bit(c, &models[node], &bit);
        node = node << 1 | bit;
    }
    *value = node - (1u << n_bits);
}

void side_code_number(side_coder *c, side_number *m, int32_t *value)
{
    uint32_t sign = *value < 0;
    uint32_t size = sign ? 0u - (uint32_t)*value : (uint32_t)*value;
    uint32_t width = size ? 32u - (uint32_t)__builtin_clz(size) : 0;
    side_code_tree(c, m->width, 5, &width);
    if (width > 30) {
        c->over = true;
        width = 30;
    }
    if (width == 0) {
        *value = 0;
        return;
    }
    side_code_bit(c, &m->sign[width], &sign);
    uint32_t rest = width > 2 ? size & ((1u << (width - 2)) - 1) : 0;
    uint32_t next = width > 1 ? size >> (width - 2) & 1 : 0;
    if (width > 1)
        side_code_bit(c, &m->next[width], &next);
    if (width > 2)
        side_code_raw(c, width - 2, &rest);
    size = width > 1 ? 1u << (width - 1) | next << (width - 2) | rest : 1;
    *value = sign ? -(int32_t)size : (int32_t)size;
}
