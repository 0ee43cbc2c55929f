// SPDX-License-Identifier: Apache-2.0
// Weighted samples, their autocorrelation, Levinson and Durbin's recursion, and rounding that
// passes its error on, as FLAC encoders do it with floating point.
#include "flac_guess.h"

#include <string.h>

#define WEIGHT_BITS 30
#define PI_60 INT64_C(3622009729038561421) // pi * 2^60
#define TAP_BITS 34u                       // fraction of a tap
#define SHARE_WELCH 1u                     // a parabola

// GCC's and Clang's 128-bit integers: fixed-point products of two 64-bit numbers.
__extension__ typedef __int128 wide;

// A window falls off over 1 / share of the block in all. The middle may be taken out of it, so that
// one of `parts` parts of the block is seen, or of all but that one.
typedef struct window_kind {
    uint8_t share, parts, part, punched;
} window_kind;

// 1: libFLAC's levels with one window. 2 to 4: with two parts. 5 to 13: with three. 14: FFmpeg.
static const window_kind windows[FLAC_WINDOWS] = {
    {0, 0, 0, 0}, {2, 1, 0, 0}, {4, 1, 0, 0}, {4, 2, 0, 0}, {4, 2, 1, 0},
    {6, 1, 0, 0}, {6, 2, 0, 0}, {6, 2, 1, 0}, {6, 3, 0, 0}, {6, 3, 1, 0},
    {6, 3, 2, 0}, {6, 3, 0, 1}, {6, 3, 1, 1}, {6, 3, 2, 1}, {SHARE_WELCH, 1, 0, 0},
};

static int64_t multiply_60(int64_t a, int64_t b)
{
    return (int64_t)((wide)a * b >> 60);
}

// Cosine and sine of an angle up to pi / 2, all with 60 bits of fraction, by their series.
static void turn(int64_t angle, int64_t *cosine, int64_t *sine)
{
    int64_t term = INT64_C(1) << 60;
    *cosine = *sine = 0;
    for (int64_t i = 0; i < 32; i += 4) {
        *cosine += term;
        term = multiply_60(term, angle) / (i + 1);
        *sine += term;
        term = multiply_60(term, angle) / (i + 2);
        *cosine -= term;
        term = multiply_60(term, angle) / (i + 3);
        *sine -= term;
        term = multiply_60(term, angle) / (i + 4);
    }
}

// (1 - cos) / 2 at the ends.
static void rise_tukey(int32_t *rise, uint32_t n, uint32_t share)
{
    const uint32_t whole = n / (2 * share), slope = whole > 1 ? whole - 1 : 0;
    int64_t c = INT64_C(1) << 60, s = 0, step_c, step_s;
    for (uint32_t i = 0; i <= n / 2; i++)
        rise[i] = 1 << WEIGHT_BITS;
    if (slope < 2)
        return; // too short a block to matter
    turn(PI_60 / slope, &step_c, &step_s);
    for (uint32_t i = 0; i <= slope; i++) {
        rise[i] = (int32_t)(((INT64_C(1) << 60) - c) >> (61 - WEIGHT_BITS));
        const int64_t next = multiply_60(c, step_c) - multiply_60(s, step_s);
        s = multiply_60(s, step_c) + multiply_60(c, step_s);
        c = next;
    }
}

// 1 - x^2 for x from -1 to 1.
static void rise_welch(int32_t *rise, uint32_t n)
{
    const int64_t last = n > 1 ? (int64_t)n - 1 : 1;
    for (uint32_t i = 0; i <= n / 2; i++) {
        const int64_t x = 2 * (int64_t)i - last;
        rise[i] = (int32_t)((wide)(last * last - x * x) * (1 << WEIGHT_BITS) / (last * last));
    }
}

static int32_t weigh(const flac_guess *g, uint32_t at, int32_t weight)
{
    const int64_t product = (int64_t)(g->samples[at] >> g->wasted) * weight; // below 2^55
    return (int32_t)(product >> (WEIGHT_BITS - g->up));
}

// Autocorrelation of `length` weighted samples from `at`: both ends under the window's ends.
static void correlate(flac_guess *g, uint32_t at, uint32_t length, int64_t *r)
{
    int32_t *x = g->weighted;
    for (uint32_t i = 0; i < length; i++)
        x[i] = weigh(g, at + i, g->rise[i < length - 1 - i ? i : length - 1 - i]);
    for (uint32_t lag = 0; lag <= g->order; lag++) {
        int64_t sum = 0;
        for (uint32_t i = lag; i < length; i++)
            sum += (int64_t)x[i] * x[i - lag];
        r[lag] = sum;
    }
}

void flac_guess_start(flac_guess *g, const int32_t *samples, uint32_t n, uint32_t wasted,
                      uint32_t order)
{
    uint32_t all = 1, n_bits = 1;
    for (uint32_t i = 0; i < n; i++) {
        const int32_t x = samples[i] >> wasted;
        all |= (uint32_t)(x < 0 ? -x : x);
    }
    while (n >> n_bits)
        n_bits++;
    g->samples = samples;
    g->n = n;
    g->wasted = wasted;
    g->order = order;
    g->share = 0;
    // Each weighted sample below 2^30, and the sum of n products of two below 2^62.
    g->up = (int32_t)(62 - n_bits) / 2 - (32 - __builtin_clz(all));
}

static void use_window(flac_guess *g, const window_kind *kind)
{
    if (g->share == kind->share)
        return;
    g->share = kind->share;
    if (kind->share == SHARE_WELCH)
        rise_welch(g->rise, g->n);
    else
        rise_tukey(g->rise, g->n, kind->share);
    correlate(g, 0, g->n, g->root);
}

static int64_t clamp(wide x, int64_t limit)
{
    return x > limit ? limit : x < -limit ? -limit : (int64_t)x;
}

// taps // (order), of TAP_BITS of fraction.
static void solve(const int64_t *r, uint32_t order, int64_t *taps)
{
    const int64_t limit = INT64_C(1) << (TAP_BITS + 16);
    wide left = r[0];
    for (uint32_t i = 0; i < order; i++)
        taps[i] = 0;
    for (uint32_t i = 0; i < order && left > 0; i++) {
        wide rest = (wide)r[i + 1] * (INT64_C(1) << TAP_BITS); // below 2^96; as are the products
        for (uint32_t j = 0; j < i; j++)
            rest -= (wide)taps[j] * r[i - j]; // below 2^112
        const int64_t k = clamp(rest / left, INT64_C(1) << TAP_BITS);
        for (uint32_t j = 0; j < (i + 1) / 2; j++) {
            const int64_t a = taps[j], b = taps[i - 1 - j];
            taps[j] = clamp(a - ((wide)k * b >> TAP_BITS), limit);
            taps[i - 1 - j] = clamp(b - ((wide)k * a >> TAP_BITS), limit);
        }
        taps[i] = k;
        left -= ((wide)k * k >> TAP_BITS) * left >> TAP_BITS;
    }
}

static void round_taps(const int64_t *taps, uint32_t order, uint32_t precision, uint32_t shift,
                       int32_t *coefficients)
{
    const int64_t most = (INT64_C(1) << (precision - 1)) - 1;
    const int64_t one = INT64_C(1) << (TAP_BITS - shift);
    int64_t error = 0;
    for (uint32_t i = 0; i < order; i++) {
        error = clamp((wide)error + taps[i], INT64_C(1) << (TAP_BITS + 20));
        const int64_t rounded = (error + one / 2) >> (TAP_BITS - shift);
        const int64_t c = rounded > most ? most : rounded < -most - 1 ? -most - 1 : rounded;
        coefficients[i] = (int32_t)c;
        error -= c * one;
    }
}

void flac_guess_coefficients(flac_guess *g, uint32_t window, uint32_t precision, uint32_t shift,
                             int32_t *coefficients)
{
    const window_kind *kind = &windows[window];
    int64_t r[FLAC_GUESS_ORDER_MAX + 1], taps[FLAC_GUESS_ORDER_MAX];
    memset(coefficients, 0, g->order * sizeof *coefficients);
    if (kind->share == 0)
        return;
    use_window(g, kind);
    memcpy(r, g->root, sizeof r);
    const uint32_t length = g->n / kind->parts / 2 * 2;
    if (kind->parts > 1 && length > 0)
        correlate(g, g->n * kind->part / kind->parts, length, r);
    for (uint32_t i = 0; i <= g->order && kind->punched; i++)
        r[i] = g->root[i] - r[i];
    solve(r, g->order, taps);
    round_taps(taps, g->order, precision, shift, coefficients);
}
