// SPDX-License-Identifier: Apache-2.0
// Frames to bits.
#include "flac_frame.h"

static void write_number(bit_writer *w, uint64_t number)
{
    uint32_t more = 0; // bytes after the first
    if (number < 0x80) {
        bits_write(w, (uint32_t)number, 8);
        return;
    }
    while (more < 6 && number >> (5 * more + 6)) // 6 - more bits are in the first byte
        more++;
    bits_write(w, (0xFF00u >> (more + 1) & 0xFF) | (uint32_t)(number >> 6 * more), 8);
    while (more-- > 0)
        bits_write(w, 0x80 | (uint32_t)(number >> 6 * more & 0x3F), 8);
}

void flac_write_header(const flac_header *h, bit_writer *w)
{
    const size_t start = w->n_bytes;
    bits_write(w, 0xFFF8u | h->variable, 16);
    bits_write(w, h->block_code, 4);
    bits_write(w, h->rate_code, 4);
    bits_write(w, h->assignment, 4);
    bits_write(w, (uint32_t)h->bits_code << 1, 4);
    write_number(w, h->number);
    if (h->block_code == 6 || h->block_code == 7)
        bits_write(w, h->block_samples - 1, h->block_code == 6 ? 8 : 16);
    if (h->rate_code >= 12)
        bits_write(w, h->rate_extra, h->rate_code == 12 ? 8 : 16);
    if (!w->over)
        bits_write(w, flac_crc8(w->bytes + start, w->n_bytes - start), 8);
}

static void write_residual(const flac_subframe *s, const int32_t *residual, uint32_t order,
                           uint32_t n, bit_writer *w)
{
    const uint32_t size = n >> s->partition_order, width = 4u + s->method;
    bits_write(w, s->method, 2);
    bits_write(w, s->partition_order, 4);
    uint32_t at = order;
    for (uint32_t p = 0; p < 1u << s->partition_order && !w->over; p++) {
        const uint32_t end = (p + 1) * size, k = s->rice[p];
        if (k & FLAC_RICE_ESCAPE) {
            bits_write(w, UINT32_MAX, width);
            bits_write(w, k, 5);
            for (; at < end; at++)
                bits_write(w, (uint32_t)residual[at], k & 31);
            continue;
        }
        bits_write(w, k, width);
        for (; at < end; at++) {
            const uint32_t r = (uint32_t)residual[at], folded = r << 1 ^ -(r >> 31);
            bits_write_unary(w, folded >> k);
            bits_write(w, folded, k);
        }
    }
}

void flac_write_subframe(const flac_subframe *s, const int32_t *samples, const int32_t *residual,
                         uint32_t n, uint32_t bits, bit_writer *w)
{
    const uint32_t order = flac_order(s->type), width = bits - s->wasted;
    bits_write(w, (uint32_t)s->type << 1 | (s->wasted > 0), 8);
    if (s->wasted)
        bits_write_unary(w, s->wasted - 1u);
    const uint32_t plain = s->type == FLAC_CONSTANT ? 1 : s->type == FLAC_VERBATIM ? n : order;
    for (uint32_t i = 0; i < plain; i++)
        bits_write(w, (uint32_t)(samples[i] >> s->wasted), width);
    if (s->type >= FLAC_LPC) {
        bits_write(w, s->precision - 1u, 4);
        bits_write(w, s->shift, 5);
        for (uint32_t i = 0; i < order; i++)
            bits_write(w, (uint32_t)s->coefficients[i], s->precision);
    }
    if (s->type >= FLAC_FIXED)
        write_residual(s, residual, order, n, w);
}

// The writer must have begun with the frame.
void flac_write_end(bit_writer *w)
{
    bits_write_align(w);
    if (!w->over)
        bits_write(w, flac_crc16(w->bytes, w->n_bytes), 16);
}
