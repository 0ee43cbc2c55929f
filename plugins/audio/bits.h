// SPDX-License-Identifier: Apache-2.0
// Bits, the high one first, from and to memory. Errors stick: nothing is read or written beyond
// the end, and `over` says that it was tried.
#ifndef AUDIO_BITS_H
#define AUDIO_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bit_reader {
    const uint8_t *bytes;
    size_t n_bytes;
    size_t at; // bits read so far
    bool over;
} bit_reader;

typedef struct bit_writer {
    uint8_t *bytes;
    size_t capacity;
    size_t n_bytes; // complete ones
    uint64_t held;  // the low n_held bits are written, but not yet a byte
    uint32_t n_held;
    bool over;
} bit_writer;

// The next 64 bits less the position in the byte; zeros behind the end.
static inline uint64_t bits_peek(const bit_reader *r)
{
    const size_t byte = r->at >> 3;
    uint64_t value = 0;
    if (byte + 8 <= r->n_bytes) {
        for (size_t i = 0; i < 8; i++)
            value = value << 8 | r->bytes[byte + i];
    } else {
        for (size_t i = 0; i < 8; i++)
            value = value << 8 | (byte + i < r->n_bytes ? r->bytes[byte + i] : 0);
    }
    return value << (r->at & 7);
}

// n: 0..32.
static inline uint32_t bits_read(bit_reader *r, uint32_t n)
{
    if (n > 8 * r->n_bytes - r->at)
        r->over = true;
    if (n == 0 || r->over)
        return 0;
    const uint64_t value = bits_peek(r) >> (64 - n);
    r->at += n;
    return (uint32_t)value;
}

// Two's complement; n: 0..32.
static inline int32_t bits_read_signed(bit_reader *r, uint32_t n)
{
    const uint32_t value = bits_read(r, n);
    if (n == 0 || n == 32)
        return (int32_t)value;
    return (int32_t)(value ^ 1u << (n - 1)) - (int32_t)(1u << (n - 1));
}

// The number of zeros before the next one, which is read too.
static inline uint32_t bits_read_unary(bit_reader *r)
{
    for (uint32_t zeros = 0; r->at < 8 * r->n_bytes; zeros += 56) {
        const uint64_t ahead = bits_peek(r) & ~(uint64_t)0xFF;
        if (ahead) {
            const uint32_t n = (uint32_t)__builtin_clzll(ahead);
            r->at += n + 1;
            return zeros + n;
        }
        r->at += 8 * r->n_bytes - r->at < 56 ? 8 * r->n_bytes - r->at : 56;
    }
    r->over = true;
    return 0;
}

// The low n bits of value; n: 0..32.
static inline void bits_write(bit_writer *w, uint32_t value, uint32_t n)
{
    w->held = w->held << n | (value & (((uint64_t)1 << n) - 1));
    for (w->n_held += n; w->n_held >= 8; w->n_held -= 8) {
        if (w->n_bytes < w->capacity)
            w->bytes[w->n_bytes++] = (uint8_t)(w->held >> (w->n_held - 8));
        else
            w->over = true;
    }
}

static inline void bits_write_unary(bit_writer *w, uint32_t zeros)
{
    if (zeros / 8 > w->capacity - w->n_bytes)
        w->over = true;
    if (w->over)
        return;
    for (; zeros >= 32; zeros -= 32)
        bits_write(w, 0, 32);
    bits_write(w, 1, zeros + 1);
}

static inline void bits_write_align(bit_writer *w)
{
    bits_write(w, 0, (8 - w->n_held) & 7);
}

#endif
