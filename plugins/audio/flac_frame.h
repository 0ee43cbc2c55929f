// SPDX-License-Identifier: Apache-2.0
// FLAC frames (RFC 9639) in memory: all that an encoder decided, and the samples. Read from bits
// and written to exactly the bits they came from, with integers alone, whatever encoder made
// them.
#ifndef AUDIO_FLAC_FRAME_H
#define AUDIO_FLAC_FRAME_H

#include "bits.h"
#include "flac_guess.h"

#define FLAC_CHANNELS_MAX 8u
#define FLAC_BLOCK_MAX FLAC_GUESS_SAMPLES_MAX
#define FLAC_ORDER_MAX FLAC_GUESS_ORDER_MAX
#define FLAC_PARTITIONS_MAX 32768u
#define FLAC_BITS_MAX 24u // 32-bit samples are not handled
#define FLAC_RICE_ESCAPE 0x80u

enum flac_subframe_type { // the six bits of its header
    FLAC_CONSTANT = 0,
    FLAC_VERBATIM = 1,
    FLAC_FIXED = 8, // to 12: with the order added
    FLAC_LPC = 32,  // to 63: with the order less one added
};

// Of the whole file.
typedef struct flac_stream {
    uint32_t bits;     // of a sample: 4..24
    uint32_t channels; // 1..8
    uint32_t rate;     // Hz, for information
} flac_stream;

typedef struct flac_header {
    uint8_t variable;       // 1: blocks of any size, and number counts samples
    uint8_t block_code;     // 1..15
    uint8_t rate_code;      // 0..14
    uint8_t assignment;     // of channels: 0..7 independent, 8 left/side, 9 side/right, 10 mid/side
    uint8_t bits_code;      // 0..7
    uint16_t rate_extra;    // with rate_code 12..14
    uint32_t block_samples; // of each channel: 1..FLAC_BLOCK_MAX
    uint64_t number;        // of the frame or its first sample, below 2^36
} flac_header;

typedef struct flac_subframe {
    uint8_t type;
    uint8_t wasted;          // low bits that are zero in all samples
    uint8_t precision;       // of LPC coefficients: 1..15 bits
    uint8_t shift;           // of the LPC sum: 0..15
    uint8_t method;          // 0: Rice parameters of 4 bits, 1: of 5
    uint8_t partition_order; // 0..15
    int32_t coefficients[FLAC_ORDER_MAX];
    uint8_t rice[FLAC_PARTITIONS_MAX]; // parameters, or FLAC_RICE_ESCAPE | width of the raw values
} flac_subframe;

typedef struct flac_frame {
    flac_header header;
    flac_subframe subframes[FLAC_CHANNELS_MAX];
    // (channels, block_samples), of the channels themselves or as the subframes code them.
    int32_t samples[FLAC_CHANNELS_MAX][FLAC_BLOCK_MAX];
    int32_t residual[FLAC_BLOCK_MAX]; // of the subframe at hand
    flac_guess guess;                 // room for it
} flac_frame;

// Of a subframe type; more than FLAC_ORDER_MAX: a type that does not exist.
uint32_t flac_order(uint32_t type);

// Of a fixed or linear predictor, the one for the newest sample first // (order)
const int32_t *flac_coefficients(const flac_subframe *subframe);

// False for codes that do not exist or do not agree with the stream or with each other.
bool flac_header_valid(const flac_header *header, const flac_stream *stream);

// The bits of a sample in subframe `channel`: a difference has one more.
uint32_t flac_subframe_bits(const flac_header *header, const flac_stream *stream, uint32_t channel);

// No frame needs more; what would is not handled, so that time and memory stay bounded.
size_t flac_frame_bytes_max(const flac_header *header, const flac_stream *stream);

// Reads one frame with the samples of its channels. Returns its size, 0 when there is no whole
// and valid one. *looked: how many bytes were looked at.
size_t flac_read_frame(flac_frame *frame, const flac_stream *stream, const uint8_t *bytes,
                       size_t n_bytes, size_t *looked);

// False when this is not a frame header with a right check. For finding frames.
bool flac_read_header(flac_header *header, const flac_stream *stream, bit_reader *r);

// Samples of the channels to what the subframes code.
void flac_decorrelate(flac_frame *frame, const flac_stream *stream);

// Fills residual from order on. False when a value does not fit 32 bits.
bool flac_residual(const flac_subframe *subframe, const int32_t *samples, uint32_t n,
                   int32_t *residual);

void flac_write_header(const flac_header *header, bit_writer *w);
// bits: flac_subframe_bits. residual: as of flac_residual, unused for constant and verbatim.
void flac_write_subframe(const flac_subframe *subframe, const int32_t *samples,
                         const int32_t *residual, uint32_t n, uint32_t bits, bit_writer *w);
void flac_write_end(bit_writer *w);

uint8_t flac_crc8(const uint8_t *bytes, size_t n_bytes);
uint16_t flac_crc16(const uint8_t *bytes, size_t n_bytes);

#endif
