// SPDX-License-Identifier: Apache-2.0
// The tokens of a JPEG file's coefficients, and the walk over them that the encoder, the decoder
// and the contexts share: all three push the same tokens and know the same at each.
//
// Tokens are 0..15. Blocks come in rows: of each row of MCUs the first component's rows, then the
// second's and so on. The tokens of a block:
//     COUNT_HIGH COUNT_LOW   how many of the 49 coefficients with both frequencies > 0 are not 0:
//                            n / 4, n % 4
//     (coefficient)…         these in zigzag order, until all that are not 0 have come
//     ROW_COUNT              how many of the 7 with vertical frequency 0 are not 0
//     (coefficient)…         these, low frequencies first, until all have come
//     COLUMN_COUNT           the same with horizontal frequency 0
//     (coefficient)…
//     (coefficient)          the DC coefficient less its prediction
// and of a coefficient:
//     SIZE                   class of its magnitude
//     SIGN                   unless it is 0: 8 if negative, and the high 3 bits of the magnitude's
//                            offset in its class
//     REST…                  the lower bits, 4 in each
// At every multiple of JPEG_UNIT_TOKENS but 0 the walk forgets everything and PLACE tokens say
// where it goes on; before that a block that might not fit gives way to PADDING (zeros).
#ifndef IMAGE_JPEG_WALK_H
#define IMAGE_JPEG_WALK_H

#include "jpeg_frame.h"

#define JPEG_UNIT_TOKENS (1u << 20)
#define JPEG_BLOCK_TOKENS_MAX 384u
#define JPEG_PLACE_TOKENS 10u
#define JPEG_DC_MAX 2047 // magnitude
#define JPEG_AC_MAX 1023

typedef enum jpeg_token {
    JPEG_TOKEN_COUNT_HIGH,
    JPEG_TOKEN_COUNT_LOW,
    JPEG_TOKEN_ROW_COUNT,
    JPEG_TOKEN_COLUMN_COUNT,
    JPEG_TOKEN_SIZE,
    JPEG_TOKEN_SIGN,
    JPEG_TOKEN_REST,
    JPEG_TOKEN_PLACE,
    JPEG_TOKEN_PADDING,
    JPEG_TOKEN_END, // no token may follow
} jpeg_token;

// What is kept of a block. Samples and sums are of dequantized coefficients.
typedef struct jpeg_block {
    int16_t values[64]; // quantized, natural order
    int32_t south[8];   // horizontal spectrum of the samples at the lower edge, 8192ths
    int32_t east[8];    // vertical spectrum of those at the right edge
    int16_t below[8];   // samples extrapolated to the lower edge, eighths
    int16_t right[8];
    int16_t residual; // of the DC coefficient
    uint8_t inner;    // coefficients that are not 0: with both frequencies > 0,
    uint8_t row, column;
    bool known; // since the walk last forgot
} jpeg_block;

// The rows of a component that are kept: those of this row of MCUs and the one above.
typedef struct jpeg_rows {
    jpeg_block *blocks; // (v + 1, columns)
} jpeg_rows;

typedef struct jpeg_walk {
    const jpeg_frame *frame;
    jpeg_rows rows[JPEG_COMPONENTS_MAX];
    uint64_t at; // tokens so far

    // The token that is next.
    jpeg_token token;
    uint32_t mcu_row, component, line, column; // its block: `line` of the component's MCU row
    const jpeg_block *north, *west, *north_west, *north_east; // never NULL; `known` tells
    jpeg_block *block;                                        // what is known of it
    const uint16_t *quant;                                    // // (64) natural order
    uint32_t position;                                        // of the coefficient, natural order
    uint32_t index;     // SIZE, SIGN, REST: in its part, 0..48, 0..6, 0; PLACE: token of it
    uint32_t left;      // coefficients of the part that are not 0 and have yet to come
    uint32_t size;      // SIGN, REST: the class
    uint32_t offset;    // REST: the offset's bits so far
    uint32_t rest_bits; // REST: bits that are missing
    bool negative;
    int32_t edge[8]; // predictions of the row's or column's coefficients, sixteenths of a step
    int32_t dc;      // prediction, steps
    int32_t dc_north, dc_west; // what the samples at one edge say, sixteenths of a step
    uint32_t dc_spread;        // how far the samples at the edges disagree, sixteenths

    // Set by the push that completes a block, until the next push.
    const jpeg_block *finished; // NULL: none
    uint32_t finished_component, finished_row, finished_column;

    uint32_t place; // PLACE: gathered
    bool broken;    // no encoder made these tokens; the walk goes on somehow
} jpeg_walk;

// `frame` is borrowed. False: no memory. Uses jpeg_walk_bytes.
bool jpeg_walk_create(const jpeg_frame *frame, uint64_t first_token, jpeg_walk *walk);
void jpeg_walk_destroy(jpeg_walk *walk);
size_t jpeg_walk_bytes(const jpeg_frame *frame);

// The next token of the block that has `values` // (64), natural order, within the limits above.
uint32_t jpeg_walk_choose(const jpeg_walk *walk, const int16_t *values);

void jpeg_walk_push(jpeg_walk *walk, uint32_t token);

#endif
