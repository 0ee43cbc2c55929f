// SPDX-License-Identifier: Apache-2.0
// Bits to frames.
#include "flac_frame.h"

#define SYNC_CODE 0x3FFEu // 14 bits

// The number of a frame: in the manner of UTF-8, up to 36 bits.
static bool read_number(bit_reader *r, uint64_t *number)
{
    const uint32_t first = bits_read(r, 8);
    uint32_t ones = 0;
    while (ones < 8 && first >> (7 - ones) & 1)
        ones++;
    if (ones == 1 || ones == 8)
        return false;
    *number = first & (0x7Fu >> ones);
    for (uint32_t i = 1; i < ones; i++) {
        const uint32_t next = bits_read(r, 8);
        if (next >> 6 != 2)
            return false;
        *number = *number << 6 | (next & 0x3F);
    }
    return true;
}

static uint32_t read_block_samples(bit_reader *r, uint32_t code)
{
    if (code == 6)
        return bits_read(r, 8) + 1;
    if (code == 7)
        return bits_read(r, 16) + 1;
    return code == 1 ? 192 : code < 6 ? 144u << code : 1u << code;
}

// Starts at a byte of its reader.
bool flac_read_header(flac_header *h, const flac_stream *stream, bit_reader *r)
{
    const uint8_t *start = r->bytes + (r->at >> 3);
    *h = (flac_header){0};
    if (bits_read(r, 14) != SYNC_CODE || bits_read(r, 1) != 0)
        return false;
    h->variable = (uint8_t)bits_read(r, 1);
    h->block_code = (uint8_t)bits_read(r, 4);
    h->rate_code = (uint8_t)bits_read(r, 4);
    h->assignment = (uint8_t)bits_read(r, 4);
    h->bits_code = (uint8_t)bits_read(r, 3);
    if (bits_read(r, 1) != 0 || h->block_code == 0 || !read_number(r, &h->number))
        return false;
    h->block_samples = read_block_samples(r, h->block_code);
    if (h->rate_code >= 12)
        h->rate_extra = (uint16_t)bits_read(r, h->rate_code == 12 ? 8 : 16);
    const uint8_t *end = r->bytes + (r->at >> 3);
    const uint32_t check = bits_read(r, 8);
    return !r->over && flac_header_valid(h, stream) &&
           check == flac_crc8(start, (size_t)(end - start));
}

static bool read_rice(bit_reader *r, uint32_t parameter, uint32_t n, int32_t *residual)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t high = bits_read_unary(r);
        if (r->over || high > UINT32_MAX >> parameter)
            return false;
        const uint32_t folded = high << parameter | bits_read(r, parameter);
        residual[i] = (int32_t)(folded >> 1 ^ -(folded & 1));
    }
    return !r->over;
}

static bool read_residual(bit_reader *r, flac_subframe *s, uint32_t order, uint32_t n,
                          int32_t *residual)
{
    s->method = (uint8_t)bits_read(r, 2);
    s->partition_order = (uint8_t)bits_read(r, 4);
    const uint32_t size = n >> s->partition_order, width = 4u + s->method;
    if (r->over || s->method > 1 || size << s->partition_order != n || size < order)
        return false;
    uint32_t at = order;
    for (uint32_t p = 0; p < 1u << s->partition_order; p++) {
        const uint32_t end = (p + 1) * size;
        const uint32_t parameter = bits_read(r, width);
        if (parameter == (1u << width) - 1) {
            const uint32_t raw = bits_read(r, 5);
            s->rice[p] = (uint8_t)(FLAC_RICE_ESCAPE | raw);
            for (uint32_t i = at; i < end; i++)
                residual[i] = bits_read_signed(r, raw);
        } else {
            s->rice[p] = (uint8_t)parameter;
            if (!read_rice(r, parameter, end - at, residual + at))
                return false;
        }
        at = end;
    }
    return !r->over;
}

static bool read_lpc(bit_reader *r, flac_subframe *s, uint32_t order)
{
    const uint32_t precision = bits_read(r, 4) + 1;
    const int32_t shift = bits_read_signed(r, 5);
    if (precision == 16 || shift < 0)
        return false;
    s->precision = (uint8_t)precision;
    s->shift = (uint8_t)shift;
    for (uint32_t i = 0; i < order; i++)
        s->coefficients[i] = bits_read_signed(r, precision);
    return !r->over;
}

// Residual to samples.
static bool restore(const flac_subframe *s, uint32_t order, uint32_t n, uint32_t bits,
                    const int32_t *residual, int32_t *samples)
{
    const int32_t *coefficients = flac_coefficients(s);
    const uint32_t shift = s->type >= FLAC_LPC ? s->shift : 0;
    const int64_t limit = (int64_t)1 << (bits - 1);
    for (uint32_t i = order; i < n; i++) {
        int64_t sum = 0; // below 32 * 2^25 * 2^15
        for (uint32_t j = 0; j < order; j++)
            sum += (int64_t)coefficients[j] * samples[i - 1 - j];
        sum = (sum >> shift) + residual[i];
        if (sum < -limit || sum >= limit)
            return false;
        samples[i] = (int32_t)sum;
    }
    return true;
}

static bool read_samples(bit_reader *r, flac_subframe *s, uint32_t n, uint32_t bits,
                         int32_t *residual, int32_t *samples)
{
    const uint32_t order = flac_order(s->type);
    if (s->type == FLAC_CONSTANT) {
        const int32_t value = bits_read_signed(r, bits);
        for (uint32_t i = 0; i < n; i++)
            samples[i] = value;
        return !r->over;
    }
    if (s->type == FLAC_VERBATIM) {
        for (uint32_t i = 0; i < n; i++)
            samples[i] = bits_read_signed(r, bits);
        return !r->over;
    }
    if (order > n)
        return false;
    for (uint32_t i = 0; i < order; i++)
        samples[i] = bits_read_signed(r, bits);
    return (s->type < FLAC_LPC || read_lpc(r, s, order)) &&
           read_residual(r, s, order, n, residual) && restore(s, order, n, bits, residual, samples);
}

static bool read_subframe(bit_reader *r, flac_subframe *s, uint32_t n, uint32_t bits,
                          int32_t *residual, int32_t *samples)
{
    if (bits_read(r, 1) != 0)
        return false;
    s->type = (uint8_t)bits_read(r, 6);
    s->wasted = 0;
    if (bits_read(r, 1)) {
        const uint32_t wasted = bits_read_unary(r) + 1;
        if (wasted >= bits)
            return false;
        s->wasted = (uint8_t)wasted;
    }
    if (r->over || flac_order(s->type) > FLAC_ORDER_MAX ||
        !read_samples(r, s, n, bits - s->wasted, residual, samples))
        return false;
    for (uint32_t i = 0; i < n; i++)
        samples[i] *= 1 << s->wasted;
    return true;
}

// What the subframes code to samples of the channels. False when one has too many bits.
static bool correlate(flac_frame *frame, const flac_stream *stream)
{
    int32_t *a = frame->samples[0], *b = frame->samples[1];
    const int32_t limit = (int32_t)1 << (stream->bits - 1);
    if (frame->header.assignment < 8)
        return true;
    for (uint32_t i = 0; i < frame->header.block_samples; i++) {
        if (frame->header.assignment == 8) {
            b[i] = a[i] - b[i];
        } else if (frame->header.assignment == 9) {
            a[i] += b[i];
        } else {
            const int32_t sum = 2 * a[i] + (b[i] & 1), difference = b[i];
            a[i] = (sum + difference) >> 1;
            b[i] = (sum - difference) >> 1;
        }
        if (a[i] < -limit || a[i] >= limit || b[i] < -limit || b[i] >= limit)
            return false;
    }
    return true;
}

static size_t read_frame(flac_frame *frame, const flac_stream *stream, bit_reader *r)
{
    flac_header *h = &frame->header;
    if (!flac_read_header(h, stream, r))
        return 0;
    const size_t most = flac_frame_bytes_max(h, stream);
    if (r->n_bytes > most)
        r->n_bytes = most;
    for (uint32_t c = 0; c < stream->channels; c++) {
        if (!read_subframe(r, &frame->subframes[c], h->block_samples,
                           flac_subframe_bits(h, stream, c), frame->residual, frame->samples[c]))
            return 0;
    }
    if (bits_read(r, (8 - (r->at & 7)) & 7) != 0)
        return 0;
    const size_t end = r->at >> 3;
    const uint32_t check = bits_read(r, 16);
    if (r->over || check != flac_crc16(r->bytes, end) || !correlate(frame, stream))
        return 0;
    return end + 2;
}

size_t flac_read_frame(flac_frame *frame, const flac_stream *stream, const uint8_t *bytes,
                       size_t n_bytes, size_t *looked)
{
    bit_reader r = {.bytes = bytes, .n_bytes = n_bytes};
    const size_t used = read_frame(frame, stream, &r);
    *looked = (r.at + 7) >> 3;
    return used;
}
