// SPDX-License-Identifier: Apache-2.0
// Frames less their samples: what an encoder decided, coded to few bytes, and put together with
// the samples again. Where a decision follows from the samples (Rice parameters, the partition
// order, LPC coefficients) only the difference to a guess from them is coded.
#ifndef AUDIO_FLAC_CODE_H
#define AUDIO_FLAC_CODE_H

#include "flac_frame.h"
#include "side_coder.h"

#define FLAC_RICE_CONTEXTS 48u

// Copied to take a frame back.
typedef struct flac_code {
    side_coder coder;
    flac_stream stream;
    flac_header last;    // header; block_code 0: none yet
    uint8_t order_limit; // of partitions: the highest so far
    side_bit same;       // header as the last one, but for the assignment
    side_bit number_follows;
    side_bit assignment[16][16];
    side_bit wasted_any[2];
    side_bit wasted[2][32];
    side_bit type[2][64];
    side_bit precision[16];
    side_bit shift[16];
    uint8_t window; // of the last guess (flac_guess.h)
    side_bit windows[16];
    side_number coefficients[2][FLAC_ORDER_MAX]; // without a guess, with one
    side_bit method;
    side_bit partition_order[16][16];
    side_bit rice[FLAC_RICE_CONTEXTS][32];
} flac_code;

// The coder must be started; all else zero but the stream.

// Codes the frame's header. False when it is not valid or the coder is over.
bool flac_code_header(flac_code *code, flac_header *header);

// Codes the rest of a frame whose header is coded and whose channels' samples are there, and
// writes the whole frame. Samples become what the subframes code. Returns the size, 0 when there
// is no such frame or it does not fit.
size_t flac_code_frame(flac_code *code, flac_frame *frame, uint8_t *out, size_t capacity);

#endif
