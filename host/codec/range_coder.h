// SPDX-License-Identifier: Apache-2.0
// A carry-propagating range coder (Martin 1979; the byte-wise form of Subbotin and of LZMA)
// with 56-bit state, for frequencies that sum to 2^24. docs/format.md, "Range coder".
//
// The message is a number V in [0, 1). The encoder narrows an interval [low, low + range),
// the decoder follows with V - low.
//
// Precision. Between tokens 2^48 <= range <= 2^56. A token takes `unit = range >> 24`, at
// least 2^24, times its frequency: the result is at least 2^24 > 0, so an interval never
// vanishes, and what the division drops is less than 2^-24 of the range: under 1e-7 bit a token.
//
// Carry. low < 2^56 before a token and low + range < 2^57 after it: one carry bit, which is
// added to the bytes already written. V < 1, so it never runs past the first one.
//
// Termination. The shortest: the number with the fewest bytes in the last interval, without
// trailing zero bytes; a decoder reads zeros past the end. As range >= 2^48, at most one
// byte follows those that were written, so a message costs less than 8 bits + 8 bits more than
// the sum of its tokens.
//
// Both sides are plain state without allocation. [one thread at a time per state]
#ifndef VLMC_CODEC_RANGE_CODER_H
#define VLMC_CODEC_RANGE_CODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VLMC_RANGE_TOTAL_BITS 24 // frequencies of a token's alphabet sum to 2^24

typedef struct vlmc_range_encoder {
    uint64_t low;   // < 2^56 between tokens
    uint64_t range; // 2^48 .. 2^56 between tokens
    uint8_t *out;
    size_t capacity;
    size_t size;
    bool overflow; // more than `capacity` bytes were needed; nothing was written past it
} vlmc_range_encoder;

// `out` is borrowed until the end of coding.
void vlmc_range_encoder_start(vlmc_range_encoder *encoder, uint8_t *out, size_t capacity);

// cumulative + frequency <= 2^24, frequency >= 1.
void vlmc_range_encode(vlmc_range_encoder *encoder, uint32_t cumulative, uint32_t frequency);

// Returns the size of the message, or SIZE_MAX when it did not fit into `capacity`.
size_t vlmc_range_encoder_finish(vlmc_range_encoder *encoder);

typedef struct vlmc_range_decoder {
    uint64_t code;  // V - low, < range between tokens
    uint64_t range; // 2^48 .. 2^56 between tokens
    uint64_t unit;  // range >> 24, between get and consume
    const uint8_t *in;
    size_t size;
    size_t position; // <= size
    bool damaged;    // the bytes cannot come from this encoder
} vlmc_range_decoder;

// `in` is borrowed until the end of decoding. Any bytes are permitted: whatever they are, no
// read goes past `size` and every value is in range.
void vlmc_range_decoder_start(vlmc_range_decoder *decoder, const uint8_t *in, size_t size);

// The cumulative value, 0 .. 2^24 - 1, that the next token's interval contains.
uint32_t vlmc_range_decoder_get(vlmc_range_decoder *decoder);

// Removes the token whose interval contained the value of the get just before.
void vlmc_range_decoder_consume(vlmc_range_decoder *decoder, uint32_t cumulative,
                                uint32_t frequency);

#endif
