// SPDX-License-Identifier: Apache-2.0
// The LPC coefficients that an encoder would have found for samples, near enough to code the
// difference. With integers alone.
#ifndef AUDIO_FLAC_GUESS_H
#define AUDIO_FLAC_GUESS_H

#include <stdint.h>

#define FLAC_GUESS_ORDER_MAX 32u
#define FLAC_GUESS_SAMPLES_MAX 65535u

// How samples are weighted before a predictor is looked for: 0 stands for no guess (coefficients
// are taken to be 0), others for what encoders in use do. Stored.
#define FLAC_WINDOWS 15u

// Of one subframe.
typedef struct flac_guess {
    const int32_t *samples;
    uint32_t n, wasted, order;
    int32_t up;                             // bits that weighted samples are made larger by
    uint32_t share;                         // of the window at hand; 0: none yet
    int64_t root[FLAC_GUESS_ORDER_MAX + 1]; // autocorrelation under the whole window
    int32_t
        rise[FLAC_GUESS_SAMPLES_MAX / 2 + 1]; // first half of the window, the other is its mirror
    int32_t weighted[FLAC_GUESS_SAMPLES_MAX];
} flac_guess;

// samples // (n) below 2^25, as the subframe codes them, with their wasted bits; they must stay
// there. order: 1..FLAC_GUESS_ORDER_MAX, below or equal n.
void flac_guess_start(flac_guess *guess, const int32_t *samples, uint32_t n, uint32_t wasted,
                      uint32_t order);

// Fills coefficients // (order), of `precision` bits (1..15) and with `shift` bits of fraction
// (0..15).
void flac_guess_coefficients(flac_guess *guess, uint32_t window, uint32_t precision, uint32_t shift,
                             int32_t *coefficients);

#endif
