// SPDX-License-Identifier: Apache-2.0
// What reading and writing of frames share.
#include "flac_frame.h"

uint32_t flac_order(uint32_t type)
{
    if (type <= FLAC_VERBATIM)
        return 0;
    if (type >= FLAC_FIXED && type <= FLAC_FIXED + 4)
        return type - FLAC_FIXED;
    return type >= FLAC_LPC && type < 2 * FLAC_LPC ? type - FLAC_LPC + 1 : FLAC_ORDER_MAX + 1;
}

static bool block_matches(const flac_header *h)
{
    const uint32_t code = h->block_code, n = h->block_samples;
    if (n < 1 || n > FLAC_BLOCK_MAX || code < 1 || code > 15)
        return false;
    if (code == 1)
        return n == 192;
    if (code == 6)
        return n <= 256;
    return code == 7 || n == (code < 6 ? 144u << code : 1u << code);
}

bool flac_header_valid(const flac_header *h, const flac_stream *stream)
{
    static const uint8_t bits_of_code[8] = {0, 8, 12, 255, 16, 20, 24, 32};
    if (!block_matches(h) || h->variable > 1 || h->rate_code > 14 || h->bits_code > 7 ||
        h->assignment > 10)
        return false;
    if (h->number >> 36 || h->rate_extra > (h->rate_code == 12 ? 255 : 65535))
        return false;
    if (h->bits_code && bits_of_code[h->bits_code] != stream->bits)
        return false;
    return stream->channels == (h->assignment < 8 ? h->assignment + 1u : 2u);
}

uint32_t flac_subframe_bits(const flac_header *h, const flac_stream *stream, uint32_t channel)
{
    const bool is_difference = h->assignment == 9 ? channel == 0 : h->assignment >= 8 && channel;
    return stream->bits + is_difference;
}

size_t flac_frame_bytes_max(const flac_header *h, const flac_stream *stream)
{
    return 4 * (size_t)h->block_samples * stream->channels * ((stream->bits + 7) / 8) + 4096;
}

void flac_decorrelate(flac_frame *frame, const flac_stream *stream)
{
    int32_t *a = frame->samples[0], *b = frame->samples[1];
    const uint32_t n = frame->header.block_samples;
    if (frame->header.assignment < 8 || stream->channels != 2)
        return;
    for (uint32_t i = 0; i < n; i++) {
        const int32_t left = a[i], right = b[i];
        if (frame->header.assignment == 9)
            a[i] = left - right;
        else
            b[i] = left - right;
        if (frame->header.assignment == 10)
            a[i] = (left + right) >> 1;
    }
}

const int32_t *flac_coefficients(const flac_subframe *s)
{
    static const int32_t fixed[5][4] = {
        {0, 0, 0, 0}, {1, 0, 0, 0}, {2, -1, 0, 0}, {3, -3, 1, 0}, {4, -6, 4, -1},
    };
    return s->type >= FLAC_LPC ? s->coefficients : fixed[s->type & 7];
}

bool flac_residual(const flac_subframe *s, const int32_t *samples, uint32_t n, int32_t *residual)
{
    const uint32_t order = flac_order(s->type), wasted = s->wasted;
    const uint32_t shift = s->type >= FLAC_LPC ? s->shift : 0;
    const int32_t *coefficients = flac_coefficients(s);
    for (uint32_t i = order; i < n; i++) {
        int64_t sum = 0; // below 32 * 2^25 * 2^15
        for (uint32_t j = 0; j < order; j++)
            sum += (int64_t)coefficients[j] * samples[i - 1 - j];
        // The wasted bits are in the samples still; a sum of multiples is one.
        const int64_t r = (samples[i] >> wasted) - (sum >> wasted >> shift);
        if (r > INT32_MAX || r < -INT32_MAX)
            return false;
        residual[i] = (int32_t)r;
    }
    return true;
}

uint8_t flac_crc8(const uint8_t *bytes, size_t n_bytes)
{
    static const uint8_t table[16] = {0x00, 0x07, 0x0E, 0x09, 0x1C, 0x1B, 0x12, 0x15,
                                      0x38, 0x3F, 0x36, 0x31, 0x24, 0x23, 0x2A, 0x2D};
    uint32_t crc = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        crc ^= bytes[i];
        crc = (crc << 4 & 0xFF) ^ table[crc >> 4];
        crc = (crc << 4 & 0xFF) ^ table[crc >> 4];
    }
    return (uint8_t)crc;
}

uint16_t flac_crc16(const uint8_t *bytes, size_t n_bytes)
{
    static const uint16_t table[16] = {0x0000, 0x8005, 0x800F, 0x000A, 0x801B, 0x001E,
                                       0x0014, 0x8011, 0x8033, 0x0036, 0x003C, 0x8039,
                                       0x0028, 0x802D, 0x8027, 0x0022};
    uint32_t crc = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        crc ^= (uint32_t)bytes[i] << 8;
        crc = (crc << 4 & 0xFFFF) ^ table[crc >> 12];
        crc = (crc << 4 & 0xFFFF) ^ table[crc >> 12];
    }
    return (uint16_t)crc;
}
