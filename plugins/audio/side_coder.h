// SPDX-License-Identifier: Apache-2.0
// Numbers to few bytes and back: an adaptive binary arithmetic coder. The same calls in the same
// order write and read, so that the syntax of what is coded is written down once.
#ifndef AUDIO_SIDE_CODER_H
#define AUDIO_SIDE_CODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// An adaptive bit. All zeros: seen nothing yet.
typedef struct side_bit {
    uint16_t lean; // probability of a one, less a half, mod 2^16
    uint16_t seen;
} side_bit;

typedef struct side_coder {
    bool writing;
    bool over; // no room, or read far beyond the end
    uint8_t *out;
    const uint8_t *in;
    size_t at, end;
    uint32_t low, high, code;
} side_coder;

void side_write_start(side_coder *coder, uint8_t *out, size_t capacity);
// Returns how many bytes were written in all.
size_t side_write_end(side_coder *coder);

void side_read_start(side_coder *coder, const uint8_t *in, size_t n_bytes);

// Each writes *value or sets it.
void side_code_bit(side_coder *coder, side_bit *model, uint32_t *value);
void side_code_raw(side_coder *coder, uint32_t n_bits, uint32_t *value); // n_bits: 0..32
// models // (2^n_bits); the value is below 2^n_bits.
void side_code_tree(side_coder *coder, side_bit *models, uint32_t n_bits, uint32_t *value);

// Any integer of at most 30 bits, small ones cheaply.
#define SIDE_NUMBER_CLASSES 32u
typedef struct side_number {
    side_bit width[SIDE_NUMBER_CLASSES];
    side_bit sign[SIDE_NUMBER_CLASSES];
    side_bit next[SIDE_NUMBER_CLASSES]; // the bit after the highest one
} side_number;
void side_code_number(side_coder *coder, side_number *models, int32_t *value);

#endif
