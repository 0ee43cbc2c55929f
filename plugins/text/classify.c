// SPDX-License-Identifier: Apache-2.0
#include "classify.h"

// A block with more control codes than one byte in so many is no text.
#define CONTROLS_SHARE 64u
// UTF-8 that is broken more often than one sequence in so many is some other code.
#define BROKEN_SHARE 16u
// An 8-bit code has a blank in so many bytes (scripts without blanks still break lines).
#define BLANKS_SHARE 128u
// Neighbours that differ by 1 to 3 and are no digits: 10 to 20 % in writing, most of a smooth
// picture or a quiet recording.
#define NEAR_PERCENT 38u

typedef struct counts {
    size_t controls;  // codes that no text has; a run of zeros counts once
    size_t zeros;     // bytes
    size_t blanks;    // space, tab, line end
    size_t high;      // bytes from 0x80
    size_t sequences; // of UTF-8, of several bytes
    size_t broken;    // bytes that belong to none
    size_t near;      // pairs of neighbours
} counts;

static bool is_control(uint8_t b)
{
    return (b < 0x20 && b != '\t' && b != '\n' && b != '\f' && b != '\r' && b != 0x1B) || b == 0x7F;
}

static bool is_digit(uint8_t b)
{
    return b >= '0' && b <= '9';
}

static bool is_near(uint8_t a, uint8_t b)
{
    const int distance = a < b ? b - a : a - b;
    return distance >= 1 && distance <= 3 && !(is_digit(a) && is_digit(b));
}

static void count_bytes(const uint8_t *bytes, size_t n, counts *c)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t b = bytes[i], before = i > 0 ? bytes[i - 1] : b;
        c->zeros += b == 0;
        c->controls += is_control(b) && !(b == 0 && before == 0 && i > 0);
        c->blanks += b == ' ' || b == '\t' || b == '\n' || b == '\r';
        c->high += b >= 0x80;
        c->near += is_near(before, b);
    }
}

// Bytes of the sequence at the start, 1 for ASCII, 0 when it is broken. A sequence that the
// block's end cuts is whole.
static size_t sequence_length(const uint8_t *bytes, size_t n)
{
    const uint8_t b = bytes[0];
    if (b < 0x80)
        return 1;
    if (b < 0xC2 || b > 0xF4)
        return 0;
    const size_t length = b < 0xE0 ? 2 : b < 0xF0 ? 3 : 4;
    const uint8_t least = b == 0xE0 ? 0xA0 : b == 0xF0 ? 0x90 : 0x80;
    const uint8_t most = b == 0xED ? 0x9F : b == 0xF4 ? 0x8F : 0xBF;
    if (n > 1 && (bytes[1] < least || bytes[1] > most))
        return 0;
    for (size_t i = 2; i < length && i < n; i++)
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

static void count_sequences(const uint8_t *bytes, size_t n, counts *c)
{
    size_t i = 0;
    while (i < n && i < 3 && (bytes[i] & 0xC0) == 0x80)
        i++; // the rest of a sequence that the block's start cuts
    while (i < n) {
        const size_t length = sequence_length(bytes + i, n - i);
        c->sequences += length > 1;
        c->broken += length == 0;
        i += length ? length : 1;
    }
}

text_verdict text_classify(const uint8_t *bytes, size_t n)
{
    counts c = {0};
    count_bytes(bytes, n, &c);
    if (c.zeros == n)
        return TEXT_NEUTRAL;
    if (c.controls * CONTROLS_SHARE > n)
        return TEXT_NO;
    if (c.high > 0) {
        count_sequences(bytes, n, &c);
        if (c.broken * BROKEN_SHARE <= c.sequences)
            return TEXT_UTF8;
    }
    if (c.near * 100 > n * NEAR_PERCENT)
        return TEXT_NO;
    if (c.high == 0)
        return TEXT_ASCII;
    return c.blanks * BLANKS_SHARE >= n ? TEXT_LEGACY : TEXT_NO;
}

text_verdict text_classify_utf16(const uint8_t *bytes, size_t n, text_encoding encoding)
{
    const size_t low = encoding == TEXT_UTF16_LE ? 0 : 1;
    size_t odd = 0; // units that writing does not have
    bool expects_low = false;
    for (size_t i = 0; i + 1 < n; i += 2) {
        const uint32_t unit = (uint32_t)bytes[i + 1 - low] << 8 | bytes[i + low];
        const bool is_low = unit >= 0xDC00 && unit < 0xE000;
        odd += is_low != expects_low;
        odd += unit < 0x80 && is_control((uint8_t)unit);
        odd += (unit >= 0x80 && unit < 0xA0) || (unit >= 0xE000 && unit < 0xF900) || unit >= 0xFFFE;
        expects_low = unit >= 0xD800 && unit < 0xDC00;
    }
    return odd * CONTROLS_SHARE > n / 2 ? TEXT_NO : TEXT_UTF8;
}
