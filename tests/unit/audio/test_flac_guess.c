// SPDX-License-Identifier: Apache-2.0
#include "audio_support.h"
#include "plugins/audio/flac_guess.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static flac_guess room;
static int32_t samples[FLAC_GUESS_SAMPLES_MAX];

// Kinds of signals: silence, the largest values in several orders, noise, a tone.
static void fill(uint32_t kind, uint32_t n)
{
    const int32_t most = (1 << 24) - 1;
    uint64_t random = kind + 1;
    for (uint32_t i = 0; i < n; i++) {
        const int32_t values[] = {0,
                                  most,
                                  -most - 1,
                                  i & 1 ? most : -most - 1,
                                  i % 50 < 25 ? most : -most - 1,
                                  (int32_t)plugin_random(&random) >> 7,
                                  audio_sample(i, 0, 16, &random),
                                  i == n / 2 ? 1 : 0};
        samples[i] = values[kind];
    }
}

Test(flac_guess, stays_in_range_for_any_samples)
{
    static const uint32_t lengths[] = {1, 2, 3, 16, 17, 31, 192, 4095, 4096, 65535};
    for (uint32_t i = 0; i < 10 * 8; i++) {
        const uint32_t n = lengths[i % 10], order = n < 32 ? n : 1 + i % 32;
        fill(i / 10, n);
        flac_guess_start(&room, samples, n, i % 3, order);
        for (uint32_t w = 0; w < FLAC_WINDOWS; w++) {
            const uint32_t precision = 1 + (i + w) % 15, shift = (i + 3 * w) % 16;
            int32_t c[FLAC_GUESS_ORDER_MAX];
            flac_guess_coefficients(&room, w, precision, shift, c);
            for (uint32_t k = 0; k < order; k++)
                cr_assert(c[k] >= -(1 << (precision - 1)) && c[k] < 1 << (precision - 1));
        }
    }
}

Test(flac_guess, depends_on_samples_alone)
{
    int32_t first[FLAC_WINDOWS][8], again[8];
    fill(6, 4096);
    flac_guess_start(&room, samples, 4096, 0, 8);
    for (uint32_t w = 0; w < FLAC_WINDOWS; w++)
        flac_guess_coefficients(&room, w, 14, 12, first[w]);
    for (uint32_t w = FLAC_WINDOWS; w-- > 0;) { // another order, and a room used before
        fill(3, 60000);
        flac_guess_start(&room, samples, 60000, 0, 32);
        int32_t other[FLAC_GUESS_ORDER_MAX];
        flac_guess_coefficients(&room, 1 + w % 13, 15, 0, other);
        fill(6, 4096);
        flac_guess_start(&room, samples, 4096, 0, 8);
        flac_guess_coefficients(&room, w, 14, 12, again);
        cr_expect_arr_eq(first[w], again, sizeof again, "window %u", w);
    }
}

Test(flac_guess, a_signal_that_repeats_a_sample_is_predicted_by_it)
{
    int32_t c[2];
    uint64_t random = 4;
    for (uint32_t i = 0; i < 4096; i++) // each sample is 3/4 of the one before and some noise
        samples[i] =
            (i ? samples[i - 1] * 3 / 4 : 0) + (int32_t)(plugin_random(&random) % 2001) - 1000;
    flac_guess_start(&room, samples, 4096, 0, 2);
    for (uint32_t w = 1; w < FLAC_WINDOWS; w++) {
        flac_guess_coefficients(&room, w, 12, 8, c);
        cr_expect(c[0] > 170 && c[0] < 214, "window %u: %d", w, c[0]); // 192 = 3/4
        cr_expect(c[1] > -22 && c[1] < 22, "window %u: %d", w, c[1]);
    }
    flac_guess_coefficients(&room, 0, 12, 8, c);
    cr_expect(c[0] == 0 && c[1] == 0);
}
