// SPDX-License-Identifier: Apache-2.0
// The state of the context machine of pixels, and the variants of its two steps for a token.
#ifndef IMAGE_PIXEL_MACHINE_H
#define IMAGE_PIXEL_MACHINE_H

#include "layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PREDICTORS 8u
#define PREDICTION_MAX 2040 // 255, in 1/8
#define PARITIES 4u         // of row and column: colour is often half as fine as brightness
#define NEIGHBOURS 16u
#define LINEAR_NEIGHBOURS 12u           // those that the linear predictor uses
#define COLOURS 8u                      // differences of the channels before that it uses
#define FEATURES (NEIGHBOURS + COLOURS) // places for them; neighbours it does not use are 0
#define PIXEL_BYTES_MAX 8u
#define MARGIN 32u // bytes beside each row: four pixels
#define ROWS 4u    // this one and three above
#define CLIP 63    // of distances that get rows of their own
#define DISTANCES 128u

enum {
    CONTEXT_CENTRE,
    CONTEXT_PHASE,
    CONTEXT_WEST, // distances of the neighbours, in the order of `image_pixel_offsets`
    CONTEXT_ERROR_WEST = CONTEXT_WEST + NEIGHBOURS,
    CONTEXT_ERROR_NORTH,
    CONTEXT_ERROR_NORTH_WEST,
    CONTEXT_ERROR_NORTH_EAST,
    CONTEXT_ACTIVITY,
    CONTEXT_LINEAR,
    CONTEXT_MEDIAN,
    CONTEXT_CHANNEL_ERROR,
    CONTEXT_CHANNEL_ERROR_2,
    CONTEXT_CHANNEL_GRADIENT,
    CONTEXT_FRACTION,
    CONTEXT_SPREAD,
    CONTEXT_TEXTURE,
    CONTEXT_BLOCK,
    CONTEXT_MIX, // hashes for the mixer
    CONTEXT_MIX_LAST = CONTEXT_MIX + 11,
    CONTEXT_SELECT_ACTIVITY,
    CONTEXT_SELECT_SPREAD,
    CONTEXTS,
};

// Neighbours: pixels to the right, rows up.
typedef struct pixel_offset {
    int8_t x;
    uint8_t up;
} pixel_offset;

extern const pixel_offset image_pixel_offsets[NEIGHBOURS];

// Where the linear predictors start, 1/65536, for 0, 1, 2 channels of the pixel that are known.
extern const int16_t image_pixel_linear[3][FEATURES];

typedef struct stream {
    uint8_t *samples;      // (ROWS, stride)
    int8_t *errors;        // (2, stride) token minus centre, modulo 256
    uint8_t *misses;       // (2, stride, PREDICTORS) how far each predictor was off
    uint8_t *rows[ROWS];   // in `samples`, behind the margin: this row, then those above
    int8_t *error_rows[2]; // the same in `errors`
    uint8_t *miss_rows[2]; // and in `misses`
    uint32_t channel;      // byte of the pixel, and the pixel of the row, of the next sample
    uint32_t pixel;
    uint32_t at;  // byte of the row
    uint32_t row; // of the segment
    uint32_t rows_seen;
    // Of the current token, from next_context.
    uint32_t centre;
    int32_t energy;                   // sum of the features' squares
    uint16_t predictions[PREDICTORS]; // 1/8
    int32_t features[FEATURES];
    uint8_t edges[ROWS - 1]
                 [IMAGE_EDGE_BYTES]; // prefix and suffix of the rows above, the last one first
    uint8_t edge[IMAGE_EDGE_BYTES];  // of this row
} stream;

typedef struct machine machine;

// The same results from each variant. [object]
typedef struct pixel_steps {
    void (*next_sample)(machine *m, stream *s, uint32_t *contexts, uint32_t *centre);
    void (*push_sample)(machine *m, stream *s, uint32_t token);
} pixel_steps;

// For instructions that pick bytes of a vector: which ones of the loads make the neighbours.
#define PICK_LOADS 6u
typedef struct pixel_picks {
    uint8_t near[PICK_LOADS][16];
    uint8_t other[3][2][16]; // for n_before: channels before around the pixel, of two loads
    uint8_t self[3][16];     // and at the pixel
} pixel_picks;

struct machine {
    image_layout layout;
    const pixel_steps *steps;
    uint32_t pixel_bytes;
    uint32_t row_bytes;
    uint32_t sample_row; // bytes of a row that are samples
    uint32_t stride;
    uint32_t n_streams;
    bool related;                                         // channels of a colour, of 8 bits
    bool blocks;                                          // the picture was a JPEG file
    uint8_t kinds[PIXEL_BYTES_MAX];                       // what kind of value each channel is
    int32_t deltas[NEIGHBOURS];                           // bytes of the offsets in a row
    int32_t weights[PIXEL_BYTES_MAX][PARITIES][FEATURES]; // 1/65536, shared by the streams
    pixel_picks picks;
    // Tables.
    uint32_t credit[2048];    // weight of a predictor by its misses
    uint32_t error_size[256]; // by the error's eight bits
    uint8_t error_class[256]; // its distance context
    uint8_t activity[1025];   // class, by the sum of error sizes around
    uint8_t spread[2048];     // class, by highest minus lowest prediction
    uint8_t worst[2048];      // class, by the worst predictor's misses
    uint8_t quarters[4096];   // distance context of d / 4, and of d / 8, by d + 2048
    uint8_t eighths[4096];
    uint8_t coarse[512]; // classes of distances, by distance + 256
    uint8_t octave[512];
    stream streams[];
};

// Where the loads of pixel_picks begin: rows up, pixels to the right.
static const pixel_offset pixel_pick_loads[PICK_LOADS] = {{-3, 0}, {-2, 1}, {0, 1},
                                                          {-2, 2}, {0, 2},  {0, 3}};
#define PICK_PIXEL_BYTES_MAX 4u // then each neighbour lies in one of the loads

// NULL where it was not compiled in.
const pixel_steps *image_pixel_steps_avx2(const machine *m);

#endif
