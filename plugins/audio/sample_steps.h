// SPDX-License-Identifier: Apache-2.0
// The two steps of the context machine of samples. Compiled once for each instruction set, by
// the files that include it; the loops are of fixed length and over narrow types, so that
// compilers make vectors of them. Integers only, and all variants give the same.
#ifndef AUDIO_SAMPLE_STEPS_H
#define AUDIO_SAMPLE_STEPS_H

#include "sample_machine.h"

#include <stdlib.h>
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

static inline int32_t clamp(int32_t x, int32_t limit)
{
    return x > limit ? limit : x < -limit ? -limit : x;
}

static inline int32_t clamp64(int64_t x, int32_t limit)
{
    return x > limit ? limit : x < -limit ? -limit : (int32_t)x;
}

static inline uint32_t hash(uint32_t index, uint32_t a, uint32_t b)
{
    uint64_t h = ((uint64_t)a << 32 | b) + (uint64_t)index * UINT64_C(0x9E3779B97F4A7C15);
    h *= UINT64_C(0xD6E8FEB86659FD93);
    return (uint32_t)(h >> 32);
}

static inline uint32_t at_most(uint32_t x, uint32_t limit)
{
    return x < limit ? x : limit;
}

// All bits where d < limit, else none.
static inline uint32_t below(int32_t d, int32_t limit)
{
    return (uint32_t)((d - limit) >> 31);
}

// Of a table of size_classes; x > 0.
static inline uint32_t class_of(const uint64_t *table, uint32_t x)
{
    return (uint32_t)((x + table[__builtin_clz(x)]) >> 32);
}

// Sign and size of d / 2^shift rounded towards 0, 64 classes: three for two octaves. |d| < 2^20.
static inline uint32_t distance(const size_classes *classes, int32_t d, uint32_t shift)
{
    const uint32_t size = class_of(classes->halves, ((uint32_t)abs(d) >> shift) + 1); // <= 30
    return (size ^ below(d, 1 - (1 << shift))) + 32; // 31 - size below 0
}

// Eight classes.
static inline uint32_t octave(int32_t d, uint32_t unit)
{
    const uint32_t size = (uint32_t)abs(d);
    // Sums of comparisons: noise would defeat the prediction of branches.
    const uint32_t level = (uint32_t)(size >= unit / 2) + (uint32_t)(size >= unit * 3 / 2) +
                           (uint32_t)(size >= unit * 4);
    return (level ^ below(d, 0)) + 4; // 3 - level below 0
}

// ---- Predicting ----

// Order LPC_ORDER over the samples before. |tap| < 2^20: |high| <= 2^8 and |low| <= 2^11, so that
// no sum of 24 products with samples reaches 2^31.
static inline int32_t predict_recursive(const channel *c)
{
    const int16_t *past = c->past + c->at;
    int32_t high = 0, low = 0;
    for (uint32_t k = 0; k < LPC_LANES; k++) {
        high += c->lpc_high[k] * past[k];
        low += c->lpc_low[k] * past[k];
    }
    return clamp64(((int64_t)high * 4096 + low) >> (16 - POINT), SAMPLE_LIMIT << POINT);
}

// The channel before in the frame, which has its present sample already, or the last one.
static inline const channel *other_channel(const machine *m, const stream *s)
{
    return &s->channels[s->channel ? s->channel - 1 : m->layout.channels - 1u];
}

// |weight| < 2^18: its upper part is at most 2^10, its lower 255, 24 products with samples stay
// below 2^30.
static inline int32_t predict_trained(const machine *m, const stream *s, const channel *c)
{
    const int32_t *weights = m->lms[s->channel];
    const int16_t *past = c->past + c->at;
    int32_t high = 0, low = 0;
    for (uint32_t k = 0; k < LMS_OWN; k++) {
        high += (weights[k] >> 8) * past[k];
        low += (weights[k] & 255) * past[k];
    }
    if (m->layout.channels > 1) {
        const channel *other = other_channel(m, s);
        past = other->past + other->at;
        for (uint32_t k = 0; k < LMS_OTHER; k++) {
            high += (weights[LMS_OWN + k] >> 8) * past[k];
            low += (weights[LMS_OWN + k] & 255) * past[k];
        }
    }
    return clamp64(((int64_t)high * 256 + low) >> (16 - POINT), SAMPLE_LIMIT << POINT);
}

#if defined(__AVX2__)
static inline int64_t sum_lanes(__m256i x)
{
    const __m128i half = _mm_add_epi64(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    return _mm_cvtsi128_si64(half) + _mm_extract_epi64(half, 1);
}

// Each of eight lanes sums 32 products below 2^25.
static inline int64_t long_sum(const int16_t *weights, const int16_t *inputs)
{
    __m256i sums[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                       _mm256_setzero_si256()};
    for (uint32_t i = 0; i < LONG_TAPS; i += 64)
        for (uint32_t k = 0; k < 4; k++) {
            const __m256i w = _mm256_loadu_si256((const __m256i *)(weights + i + 16 * k));
            const __m256i x = _mm256_loadu_si256((const __m256i *)(inputs + i + 16 * k));
            sums[k] = _mm256_add_epi32(sums[k], _mm256_madd_epi16(w, x));
        }
    const __m256i sum =
        _mm256_add_epi32(_mm256_add_epi32(sums[0], sums[1]), _mm256_add_epi32(sums[2], sums[3]));
    // Eight lanes below 2^30 need 64 bits.
    return sum_lanes(_mm256_add_epi64(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(sum)),
                                      _mm256_cvtepi32_epi64(_mm256_extracti128_si256(sum, 1))));
}
#else
static inline int64_t long_sum(const int16_t *weights, const int16_t *inputs)
{
    int64_t sum = 0;
    for (uint32_t block = 0; block < LONG_TAPS; block += LONG_BLOCK) {
        int32_t part = 0;
        for (uint32_t i = block; i < block + LONG_BLOCK; i++)
            part += weights[i] * inputs[i];
        sum += part;
    }
    return sum;
}
#endif

// How much each prediction counts, by how well it did lately: 0..2^24.
static inline void weigh(const uint32_t *misses, uint32_t *credits)
{
    uint32_t least = misses[0];
    for (uint32_t k = 1; k < PREDICTORS; k++)
        least = misses[k] < least ? misses[k] : least;
    const uint32_t unit = 32u - (uint32_t)__builtin_clz(least + 256); // bits
    const uint32_t shift = unit > 20 ? unit - 20 : 0;
    for (uint32_t k = 0; k < PREDICTORS; k++) {
        const uint32_t share =
            ((least + 256) >> shift << 12) / ((misses[k] + 256) >> shift); // <= 2^12
        const uint32_t square = share * share >> 12;
        credits[k] = square * square;
    }
}

// Fills predictions // (PREDICTORS).
static inline void predict(const machine *m, const stream *s, const channel *c,
                           int32_t *predictions)
{
    const int64_t rest =
        long_sum(m->long_weights[s->channel], c->residuals + c->long_at) >> (13 - POINT);
    predictions[0] = predict_recursive(c);
    predictions[1] = predict_trained(m, s, c);
    predictions[2] =
        clamp(predictions[0] + clamp64(rest, SAMPLE_LIMIT << POINT), SAMPLE_LIMIT << POINT);
}

static inline int32_t blend(const int32_t *predictions, const uint32_t *credits)
{
    int64_t weighted = 0;
    uint32_t total = 0;
    for (uint32_t k = 0; k < PREDICTORS; k++) {
        weighted += (int64_t)credits[k] * predictions[k];
        total += credits[k];
    }
    return (int32_t)(weighted / total);
}

// ---- The recursive predictor ----

// What Levinson and Durbin's recursion knows: an autocorrelation r and the taps for its first lags.
// |tap| < 2^20. With the window's decay no |r| is more than 1.03 r[0], but for the rounding of
// small ones, and r[0] is below 2^30 + 2^19.
typedef struct recursion {
    int32_t taps[LPC_ORDER];       // 2^-16, zeros behind those that are known
    int32_t mirror[2 * LPC_ORDER]; // taps[k] at LPC_ORDER - 1 - k, zeros behind
    int32_t back[2 * LPC_ORDER];   // r[k] at LPC_ORDER - k, zeros behind
    int64_t left;                  // power that is not predicted
    int64_t enough;                // less is not worth a tap
} recursion;

static inline void start_recursion(recursion *r, const channel *c)
{
    memset(r, 0, sizeof *r);
    const uint32_t bits = 64 - (uint32_t)__builtin_clzll(c->power | 1);
    const uint32_t shift = bits > 30 ? bits - 30 : 0;
    const int64_t power = (int64_t)(c->power >> shift);
    r->left = power + (power >> 11) + 1;
    r->enough = r->left >> 16;
    for (uint32_t k = 0; k < LPC_ORDER; k++)
        r->back[LPC_ORDER - 1 - k] =
            (int32_t)((int64_t)(c->correlation[k] - (uint64_t)LAG_BIAS) >> shift);
}

// a - (k * b >> 16), |k| < 2^16: k in two parts keeps products below 2^31.
static inline int32_t reflect(int32_t a, int32_t b, int32_t k)
{
    const int32_t product = ((k >> 8) * b + ((k & 255) * b >> 8)) >> 8;
    return clamp(a - product, (1 << 20) - 1);
}

// Σ taps[j] * back[j], j < n, and what follows up to the next multiple of 8 is 0.
#if defined(__AVX2__)
static inline int64_t sum_products(const int32_t *taps, const int32_t *back, uint32_t n)
{
    __m256i even = _mm256_setzero_si256(), odd = even;
    for (uint32_t j = 0; j < n; j += 8) {
        const __m256i a = _mm256_loadu_si256((const __m256i *)(taps + j));
        const __m256i b = _mm256_loadu_si256((const __m256i *)(back + j));
        even = _mm256_add_epi64(even, _mm256_mul_epi32(a, b));
        odd = _mm256_add_epi64(
            odd, _mm256_mul_epi32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32)));
    }
    return sum_lanes(_mm256_add_epi64(even, odd));
}
#else
static inline int64_t sum_products(const int32_t *taps, const int32_t *back, uint32_t n)
{
    int64_t sum = 0;
    for (uint32_t j = 0; j < n; j++)
        sum += (int64_t)taps[j] * back[j];
    return sum;
}
#endif

// From i taps to one more.
static inline void extend(recursion *r, uint32_t i)
{
    if (r->left <= r->enough)
        return;
    int32_t *restrict taps = r->taps, *restrict mirror = r->mirror + LPC_ORDER - i;
    const int32_t *back = r->back + LPC_ORDER - i;
    const int64_t rest = (int64_t)back[-1] * 65536 - sum_products(taps, back, i);
    const int32_t k = clamp64(rest / r->left, 65535);
    for (uint32_t block = 0; block < i; block += 8)
        for (uint32_t j = block; j < block + 8; j++) {
            const int32_t a = taps[j], b = mirror[j];
            taps[j] = reflect(a, b, k);
            mirror[j] = reflect(b, a, k);
        }
    taps[i] = mirror[-1] = k;
    r->left -= (((int64_t)k * k >> 16) * r->left) >> 16;
}

static inline void set_taps(channel *c, const int32_t *taps)
{
    for (uint32_t k = 0; k < LPC_ORDER; k++) {
        const int32_t high = (taps[k] + 2048) >> 12;
        c->lpc_high[k] = (int16_t)high;
        c->lpc_low[k] = (int16_t)(taps[k] - high * 4096);
    }
    c->until_solve = LPC_INTERVAL;
}

// The predictors of all streams whose time has come; streams in lock step come together. A tap
// waits for a division and the tap before: a few recursions side by side fill the time.
static inline void solve(machine *m, uint32_t channel_index)
{
    recursion side[4];
    channel *due[4];
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->n_streams; i++) {
        channel *c = &m->streams[i].channels[channel_index];
        if (c->until_solve == 0) {
            start_recursion(&side[n], c);
            due[n++] = c;
        }
        if (n < 4 && i + 1 < m->n_streams)
            continue;
        for (uint32_t tap = 0; tap < LPC_ORDER; tap++)
            for (uint32_t k = 0; k < n; k++)
                extend(&side[k], tap);
        for (uint32_t k = 0; k < n; k++)
            set_taps(due[k], side[k].taps);
        n = 0;
    }
}

// ---- Contexts ----

// Vectors of GNU C, as long as registers are: one comparison for all samples in it.
#if defined(__AVX2__)
#define LANES 16u
#else
#define LANES 8u
#endif
typedef int16_t lanes __attribute__((vector_size(2 * LANES)));
typedef uint16_t unsigned_lanes __attribute__((vector_size(2 * LANES)));

// The least |d| of each class; 1 makes three steps. Less 1 and 2^15, which makes an unsigned
// comparison of 16 bits a signed one.
#define LEAST(size) (int16_t)((size)-1 - 32768)
static const int16_t past_steps[] = {
    LEAST(1),    LEAST(1),     LEAST(1),     LEAST(2),     LEAST(3),    LEAST(4),    LEAST(7),
    LEAST(11),   LEAST(16),    LEAST(27),    LEAST(43),    LEAST(64),   LEAST(107),  LEAST(171),
    LEAST(256),  LEAST(427),   LEAST(684),   LEAST(1024),  LEAST(1708), LEAST(2736), LEAST(4096),
    LEAST(6832), LEAST(10944), LEAST(16384), LEAST(27328), LEAST(43776)};
#undef LEAST

// Classes of LANES samples before: distance(4 * d), |d| < 2^16.
static inline void lane_classes(const int16_t *past, int16_t centre, int16_t *classes)
{
    lanes values, level = {0};
    memcpy(&values, past, sizeof values);
    const lanes below = values < centre; // -1 or 0
    const unsigned_lanes offset = (unsigned_lanes)values - (uint16_t)centre;
    const unsigned_lanes size = (offset ^ (unsigned_lanes)below) - (unsigned_lanes)below;
    for (uint32_t k = 0; k < sizeof past_steps / sizeof *past_steps; k++)
        level -= (lanes)(size ^ 0x8000) > past_steps[k];
    level = (level ^ below) + 32;
    memcpy(classes, &level, sizeof level);
}

static inline void past_classes(const int16_t *past, int16_t centre, uint32_t *classes)
{
    int16_t narrow[PAST];
    for (uint32_t k = 0; k < PAST; k += LANES)
        lane_classes(past + k, centre, narrow + k);
    for (uint32_t k = 0; k < PAST; k++)
        classes[k] = (uint32_t)narrow[k];
}

// 8-bit sound: bytes, one by one.
static inline void past_bytes(const int16_t *past, int32_t centre, uint32_t *classes)
{
    for (uint32_t k = 0; k < PAST; k++)
        classes[k] = (uint32_t)(clamp((past[k] - centre + 128) >> 8, 31) + 31);
}

// Coarse scale of errors: 1/256 of a 16-bit step in, classes of four ninths of an octave out.
static inline uint32_t scale_class(const size_classes *classes, uint32_t mean)
{
    const uint32_t x = (mean >> 8) + 1;
    return at_most(class_of(classes->scales, x) + class_of(classes->scales_2, x), 23);
}

// Predicts the next sample, and finds what the contexts of its bytes have in common. What does not
// depend on the prediction comes first, so that it takes no time of its own.
static inline void look_out(machine *m, stream *s, channel *c, uint32_t bytes)
{
    int32_t predictions[PREDICTORS];
    uint32_t credits[PREDICTORS];
    if (c->until_solve == 0)
        solve(m, s->channel);
    weigh(c->misses, credits);
    outlook *o = &s->outlook;
    const uint32_t unit = (c->fast >> 8) + 1;
    o->fast = scale_class(&m->classes, c->fast);
    o->slow = scale_class(&m->classes, c->slow);
    o->nearest = octave(c->errors[0], unit);
    o->errors = o->nearest << 6 | octave(c->errors[1], unit) << 3 | octave(c->errors[2], unit);
    predict(m, s, c, predictions);
    const int32_t expected = blend(predictions, credits);
    if (bytes == 1)
        past_bytes(c->past + c->at, expected >> POINT, o->past);
    else
        past_classes(c->past + c->at, (int16_t)(expected >> POINT), o->past);
    for (uint32_t k = 0; k < PREDICTORS; k++) {
        const int32_t d = predictions[k] - expected;
        o->linear[k] = distance(&m->classes, d, 1);
        o->quarters[k] = distance(&m->classes, d, 2);
        c->predictions[k] = predictions[k];
    }
    c->blend = expected;
}

typedef struct place {
    uint32_t high;     // the highest byte of the prediction
    uint32_t centre;   // of the current byte
    uint32_t fraction; // 0..31, where in the byte
    uint32_t kind;     // 0..15
    uint32_t outside;  // low bytes: 0 within, 1 the prediction lies below, 2 above
    bool is_low;
} place;

static inline place locate(const stream *s, const channel *c, uint32_t bytes)
{
    const uint32_t at = (uint32_t)(c->blend + (32768 << POINT)); // 0..2^20
    place p = {.high = at_most(at >> 12, 255), .kind = (bytes - 1) * 3 + s->byte};
    p.kind = at_most(p.kind, 7) * 2 + (s->channel > 0);
    if (bytes == 1 || s->byte == 0) {
        p.centre = p.high;
        p.fraction = at >> 7 & 31;
    } else if (s->byte == 1) {
        p.is_low = true;
        p.outside = s->value == p.high ? 0 : p.high < s->value ? 1 : 2;
        p.centre = p.outside == 0 ? at >> 4 & 255 : p.outside == 1 ? 0 : 255;
        p.fraction = p.centre >> 3;
    } else {
        p.centre = 128;
        p.fraction = 16;
    }
    return p;
}

static inline void mixer_contexts(const stream *s, const channel *c, const place *p, uint32_t other,
                                  uint32_t bytes, uint32_t *x)
{
    const outlook *o = &s->outlook;
    const uint32_t kind = p->kind << 24 | p->outside << 20;
    const uint32_t fast = o->fast, place = fast << 8 | p->fraction / 4;
    const int16_t *past = c->past + c->at;
    uint32_t *h = x + CONTEXT_MIX;
    h[0] = hash(0, kind | p->fraction, fast);
    h[1] = hash(1, kind | fast, o->slow);
    h[2] = hash(2, kind | c->distances[0], c->distances[1] << 8 | p->fraction / 8);
    h[3] = hash(3, kind | o->quarters[0], o->quarters[1] << 8 | p->fraction / 4);
    h[4] = hash(4, kind | o->quarters[2], place);
    h[5] = hash(5, kind | p->centre, p->fraction << 8 | fast / 4);
    h[6] = hash(6, kind | ((uint32_t)past[0] >> 8 & 255),
                ((uint32_t)past[1] >> 8 & 255) << 8 | p->centre);
    h[7] = hash(7, kind | p->centre, s->value << 8 | (p->is_low ? fast : 0));
    h[8] = hash(8, kind | p->centre, bytes > 1 ? s->value & 255 : o->nearest);
    h[9] = hash(9, kind | other, place);
}

// `bytes` of a sample, for compilers to make a variant of.
static inline void give_context(machine *m, stream *s, uint32_t bytes, uint32_t *x,
                                uint32_t *centre)
{
    channel *c = &s->channels[s->channel];
    const outlook *o = &s->outlook;
    if (bytes == 1 || !s->predicted) {
        look_out(m, s, c, bytes);
        s->predicted = true;
    }
    const place p = locate(s, c, bytes);
    const uint32_t fast = o->fast, slow = o->slow;
    const uint32_t other = s->channel ? s->channels[s->channel - 1].distances[0] : 0;
    const uint32_t shift = bytes == 1 ? 9 : 6;
    *centre = p.centre;
    x[CONTEXT_CENTRE] = p.centre;
    x[CONTEXT_KIND] = p.kind;
    memcpy(x + CONTEXT_PAST, o->past, sizeof o->past);
    x[CONTEXT_FRACTION_FAST] = p.fraction << 4 | fast * 2 / 3;
    x[CONTEXT_FRACTION_SLOW] = p.fraction << 4 | slow * 2 / 3;
    x[CONTEXT_SCALES] = fast * 24 + slow;
    for (uint32_t k = 0; k < PREDICTORS; k++)
        x[CONTEXT_LINEAR + k] = o->linear[k] << 3 | fast / 3;
    x[CONTEXT_ERRORS] = o->errors;
    x[CONTEXT_ERROR] = (uint32_t)(clamp(c->errors[0] >> shift, 63) + 63);
    x[CONTEXT_ERROR_2] = (uint32_t)(clamp(c->errors[1] >> shift, 63) + 63);
    const uint32_t off = (uint32_t)(clamp((int32_t)s->value - (int32_t)p.high, 3) + 4);
    x[CONTEXT_LOW] = p.is_low ? off << 5 | p.fraction : 0;
    x[CONTEXT_LOW_SCALE] = p.is_low ? p.fraction << 4 | fast * 2 / 3 : 0;
    x[CONTEXT_OTHER] = other;
    mixer_contexts(s, c, &p, other, bytes, x);
    x[CONTEXT_SELECT_SCALE] = p.kind << 5 | fast;
    x[CONTEXT_SELECT_SLOW] = slow << 3 | (p.is_low ? p.outside << 1 | 1 : 0);
}

// ---- Learning ----

static inline void learn_tap(int32_t *weight, int32_t high, int32_t low, int32_t x)
{
    const uint32_t product = (uint32_t)high * (uint32_t)x + (uint32_t)(low * x >> 8);
    *weight = clamp(*weight + ((int32_t)product >> 15), (1 << 18) - 1);
}

// Normalised LMS: weight += step * input >> 23. |error| < 2^20 - 15 and |input| / (energy + 2^16)
// <= 2^-9, so that |step * input >> 8| < 2^31: the step in two parts needs 32 bits alone.
static inline void learn_trained(machine *m, const stream *s, const channel *c, int32_t error)
{
    const channel *other = other_channel(m, s);
    const bool alone = m->layout.channels == 1;
    const int64_t energy = c->own_energy + (alone ? 0 : other->other_energy);
    const int64_t step = (int64_t)error * (1 << 28) / (energy + 65536);
    const int32_t high = (int32_t)(step >> 8), low = (int32_t)(step & 255);
    int32_t *weights = m->lms[s->channel];
    const int16_t *past = c->past + c->at;
    for (uint32_t k = 0; k < LMS_OWN; k++)
        learn_tap(weights + k, high, low, past[k]);
    if (alone)
        return;
    past = other->past + other->at;
    for (uint32_t k = 0; k < LMS_OTHER; k++)
        learn_tap(weights + LMS_OWN + k, high, low, past[k]);
}

static inline int16_t learning_step(int32_t x, int32_t mean)
{
    const int32_t size = abs(x), sign = x >> 31; // -1 or 0
    const int32_t step = 2 * (size > mean / 3) + (size > mean) + (size > 3 * mean);
    return (int16_t)((step ^ sign) - sign);
}

// How many steps of at most LONG_STEP no weight needs to reach its limit.
static inline uint32_t find_slack(const int16_t *weights)
{
    int16_t most = 0;
    for (uint32_t k = 0; k < LONG_TAPS; k++) {
        const int16_t size = (int16_t)abs(weights[k]);
        most = size > most ? size : most;
    }
    return (uint32_t)(LONG_WEIGHT - most) / LONG_STEP;
}

// Weights keep within their limit; mostly they are far from it, and it need not be looked at.
static inline void learn_long(int16_t *restrict weights, uint32_t *slack,
                              const int16_t *restrict steps, int32_t error)
{
    const int16_t sign = (int16_t)((error > 0) - (error < 0));
    if (*slack > 0) {
        for (uint32_t k = 0; k < LONG_TAPS; k++)
            weights[k] = (int16_t)(weights[k] + sign * steps[k]);
        --*slack;
        return;
    }
    for (uint32_t k = 0; k < LONG_TAPS; k++) {
        const int16_t w = (int16_t)(weights[k] + sign * steps[k]);
        weights[k] = w > LONG_WEIGHT ? LONG_WEIGHT : w < -LONG_WEIGHT ? -LONG_WEIGHT : w;
    }
    *slack = find_slack(weights);
}

static inline void push_long(channel *c, int32_t residual)
{
    c->long_at = c->long_at ? c->long_at - 1 : LONG_TAPS - 1;
    const int16_t value = (int16_t)clamp(residual, LONG_INPUT);
    const int16_t step = learning_step(residual, (int32_t)(c->slow >> 8));
    c->residuals[c->long_at] = c->residuals[c->long_at + LONG_TAPS] = value;
    c->steps[c->long_at] = c->steps[c->long_at + LONG_TAPS] = step;
}

// correlation[k] += sample * past[k] - (correlation[k] >> LPC_DECAY), without the bias.
#if defined(__AVX2__)
static inline void correlate(uint64_t *correlation, const int16_t *past, int16_t sample)
{
    const __m256i factor = _mm256_set1_epi64x(sample);
    const __m256i bias = _mm256_set1_epi64x(LAG_BIAS >> LPC_DECAY);
    for (uint32_t k = 0; k < LPC_ORDER; k += 4) {
        const __m256i x = _mm256_cvtepi16_epi64(_mm_loadl_epi64((const __m128i *)(past + k)));
        const __m256i old = _mm256_loadu_si256((const __m256i *)(correlation + k));
        const __m256i more = _mm256_add_epi64(_mm256_mul_epi32(x, factor), bias);
        const __m256i kept = _mm256_sub_epi64(old, _mm256_srli_epi64(old, LPC_DECAY));
        _mm256_storeu_si256((__m256i *)(correlation + k), _mm256_add_epi64(kept, more));
    }
}
#else
static inline void correlate(uint64_t *correlation, const int16_t *past, int16_t sample)
{
    for (uint32_t k = 0; k < LPC_ORDER; k++)
        correlation[k] += (uint64_t)((int64_t)sample * past[k] + (LAG_BIAS >> LPC_DECAY)) -
                          (correlation[k] >> LPC_DECAY);
}
#endif

static inline void push_past(channel *c, int16_t sample)
{
    const int16_t *past = c->past + c->at;
    const int32_t square = sample * sample;
    c->own_energy += square - past[LMS_OWN - 1] * past[LMS_OWN - 1];
    c->other_energy += square - past[LMS_OTHER - 1] * past[LMS_OTHER - 1];
    c->power += (uint64_t)square - (c->power >> LPC_DECAY);
    correlate(c->correlation, past, sample);
    c->at = c->at ? c->at - 1 : HISTORY - 1;
    c->past[c->at] = c->past[c->at + HISTORY] = sample;
    c->until_solve--;
}

static inline void push_sample(machine *m, stream *s, channel *c, int16_t sample)
{
    const int32_t exact = sample * (1 << POINT);
    learn_trained(m, s, c, exact - c->predictions[1]);
    learn_long(m->long_weights[s->channel], &m->long_slack[s->channel], c->steps + c->long_at,
               exact - c->predictions[2]);
    for (uint32_t k = 0; k < PREDICTORS; k++)
        c->misses[k] += (uint32_t)abs(exact - c->predictions[k]) - (c->misses[k] >> 4);
    const int32_t error = exact - c->blend;
    const uint32_t size = (uint32_t)abs(error) << (8 - POINT);
    c->fast += (size >> 3) - (c->fast >> 3);
    c->slow += (size >> 6) - (c->slow >> 6);
    c->errors[2] = c->errors[1];
    c->errors[1] = c->errors[0];
    c->errors[0] = error;
    c->distances[1] = c->distances[0];
    c->distances[0] = distance(&m->classes, error, 2);
    push_long(c, (exact - c->predictions[0]) >> POINT);
    push_past(c, sample);
}

static inline void take_token(machine *m, stream *s, uint32_t bytes, uint32_t token)
{
    if (bytes > 1 && s->byte < 2)
        s->value = s->byte ? s->value << 8 | token : token;
    if (bytes > 1 && ++s->byte < bytes)
        return;
    // Samples as 16 bits: 8-bit ones stand for the middle of what they may have been.
    const int32_t sample =
        bytes == 1 ? (int32_t)(token << 8) + 128 - 32768 : (int32_t)s->value - 32768;
    push_sample(m, s, &s->channels[s->channel], (int16_t)sample);
    s->byte = 0;
    s->value = 0;
    s->predicted = false;
    s->channel = s->channel + 1 < m->layout.channels ? s->channel + 1 : 0;
}

// ---- The variants of an instruction set ----

static void next_context(machine *m, stream *s, uint32_t *contexts, uint32_t *centre)
{
    give_context(m, s, m->layout.sample_bytes, contexts, centre);
}

static void push_token(machine *m, stream *s, uint32_t token)
{
    take_token(m, s, m->layout.sample_bytes, token);
}

static void next_context_of_bytes(machine *m, stream *s, uint32_t *contexts, uint32_t *centre)
{
    give_context(m, s, 1, contexts, centre);
}

static void push_byte(machine *m, stream *s, uint32_t token)
{
    take_token(m, s, 1, token);
}

static const sample_steps steps_of_samples = {next_context, push_token};
static const sample_steps steps_of_bytes = {next_context_of_bytes, push_byte};

static inline const sample_steps *steps_for(const audio_layout *layout)
{
    return layout->sample_bytes == 1 ? &steps_of_bytes : &steps_of_samples;
}

#endif
