// SPDX-License-Identifier: Apache-2.0
// The state of the context machine of samples, and the variants of its two steps for a token.
#ifndef AUDIO_SAMPLE_MACHINE_H
#define AUDIO_SAMPLE_MACHINE_H

#include "layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNELS_MAX 8u
#define LPC_ORDER 24u
#define LPC_INTERVAL 32u // samples between two solutions
#define LPC_DECAY 9u     // window of 2^9 samples
#define LPC_LANES 32u    // LPC_ORDER and zeros up to whole vectors
#define LAG_BIAS (INT64_C(1) << 40)
#define LMS_OWN 16u
#define LMS_OTHER 8u
#define LMS_TAPS (LMS_OWN + LMS_OTHER)
#define LONG_TAPS 256u
#define LONG_BLOCK 64u
#define LONG_INPUT 4095 // limits of the long filter: 64 products stay below 2^31
#define LONG_WEIGHT 8191
#define LONG_STEP 4u // a weight learns at once, at most
#define PREDICTORS 3u
#define HISTORY 32u // samples kept for the predictors, a power of two
#define PAST 16u    // earlier samples that are contexts
#define POINT 4     // predictions are in 1/16 of a 16-bit step
#define SAMPLE_LIMIT 32767

enum {
    CONTEXT_CENTRE,
    CONTEXT_KIND,
    CONTEXT_PAST,
    CONTEXT_FRACTION_FAST = CONTEXT_PAST + PAST,
    CONTEXT_FRACTION_SLOW,
    CONTEXT_SCALES,
    CONTEXT_LINEAR, // the three predictions against the blend
    CONTEXT_ERRORS = CONTEXT_LINEAR + PREDICTORS,
    CONTEXT_ERROR,
    CONTEXT_ERROR_2,
    CONTEXT_LOW,
    CONTEXT_LOW_SCALE,
    CONTEXT_OTHER,
    CONTEXT_MIX,
    CONTEXT_MIX_LAST = CONTEXT_MIX + 9,
    CONTEXT_SELECT_SCALE,
    CONTEXT_SELECT_SLOW,
    CONTEXTS,
};

typedef struct channel {
    int16_t past[2 * HISTORY]; // samples, newest at [at], stored twice
    uint32_t at;               // 0..HISTORY-1
    uint32_t long_at;
    uint64_t power;                  // decaying sum of squares
    uint64_t correlation[LPC_ORDER]; // of lags 1.., plus LAG_BIAS, so that halving needs no sign
    int16_t lpc_high[LPC_LANES], lpc_low[LPC_LANES]; // high * 2^12 + low, 2^-16
    uint32_t until_solve;                            // samples
    uint32_t fast, slow;                             // decaying means of the blend's errors
    int64_t own_energy, other_energy; // sum of squares of the last LMS_OWN, LMS_OTHER samples
    int32_t predictions[PREDICTORS];  // of the current sample
    int32_t blend;                    // of them
    uint32_t misses[PREDICTORS];      // decaying mean of what each was off
    int32_t errors[3];                // the latest first
    uint32_t distances[2];            // classes of a quarter of the first two
    int16_t residuals[2 * LONG_TAPS]; // of the recursive predictor, newest at [long_at]
    int16_t steps[2 * LONG_TAPS];     // how each is learnt from
} channel;

// What the contexts of a sample's bytes have in common.
typedef struct outlook {
    uint32_t past[PAST];           // contexts
    uint32_t linear[PREDICTORS];   // classes of half the distances from the blend
    uint32_t quarters[PREDICTORS]; // and of a quarter of them
    uint32_t fast, slow;           // classes
    uint32_t errors;               // context
    uint32_t nearest;              // octave of the last error
} outlook;

typedef struct stream {
    channel *channels; // (layout.channels)
    uint32_t channel;  // of the current token
    uint32_t byte;     // of the sample, 0 the highest
    uint32_t value;    // bytes of the sample that are known
    bool predicted;
    outlook outlook; // where predicted
} stream;

// Classes of a number's size, in steps of thirds of an octave: those of 3 b + t, where b is its
// highest bit and t, 0..2, how many of 86 and 171 its next eight bits reach. An entry is for all
// numbers with as many leading zeros as its index; a class that steps once among them takes one
// addition: of the number and of an entry that makes the step a carry into the upper half.
typedef struct size_classes {
    uint64_t halves[32];               // (3 b + t) / 2
    uint64_t scales[32], scales_2[32]; // (3 b + t) * 3 / 4 may step twice: add both
} size_classes;

typedef struct machine machine;

// The same results from each variant. [object]
typedef struct sample_steps {
    void (*next_context)(machine *m, stream *s, uint32_t *contexts, uint32_t *centre);
    void (*push_token)(machine *m, stream *s, uint32_t token);
} sample_steps;

struct machine {
    audio_layout layout;
    const sample_steps *steps;
    size_classes classes;
    uint32_t n_streams;
    channel *channels;                             // (n_streams, layout.channels)
    int32_t lms[CHANNELS_MAX][LMS_TAPS];           // 2^-16, shared by the streams
    int16_t long_weights[CHANNELS_MAX][LONG_TAPS]; // 2^-13, shared
    uint32_t long_slack[CHANNELS_MAX];             // steps that reach no limit
    stream streams[];
};

// NULL where it was not compiled in.
const sample_steps *audio_sample_steps_avx2(const audio_layout *layout);

#endif
