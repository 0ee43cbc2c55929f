// SPDX-License-Identifier: Apache-2.0
// PCM samples as tokens. Each sample is predicted from the samples before it by a linear predictor
// that follows the signal (autocorrelation with a decaying window, Levinson and Durbin's
// recursion), by one trained with normalised LMS that also sees the other channel, and by a long
// sign-LMS filter over what the first one left. The streams of a group train the last two together.
// Their predictions are blended by how well each did lately. The centre is the byte that the blend
// expects; where in the byte it lies, and how large the errors were, are contexts.
#include "sample_contexts.h"

#include "layout.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CHANNELS_MAX 8u
#define LPC_ORDER 24u
#define LPC_INTERVAL 32u // samples between two solutions
#define LPC_DECAY 9u     // window of 2^9 samples
#define LMS_OWN 16u
#define LMS_OTHER 8u
#define LMS_TAPS (LMS_OWN + LMS_OTHER)
#define LONG_TAPS 256u
#define LONG_BLOCK 64u
#define LONG_INPUT 4095 // limits of the long filter: 64 products stay below 2^31
#define LONG_WEIGHT 8191
#define PREDICTORS 3u
#define HISTORY 32u // samples kept for the predictors, a power of two
#define STREAM_TOKENS 65536u
#define PAST 16u // earlier samples that are contexts
#define POINT 4  // predictions are in 1/16 of a 16-bit step
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

#define E VLMC_CONTEXT_EMBED
#define M VLMC_CONTEXT_MIX
#define S VLMC_CONTEXT_SELECT
#define PAST_MEANING "an earlier sample against the prediction", 64, E

const vlmc_context_declaration audio_sample_declarations[] = {
    {"centre", "the expected byte", 256, E},
    {"kind", "bytes of a sample, which of them, and first channel or not", 16, E},
    {"past-1", PAST_MEANING},
    {"past-2", PAST_MEANING},
    {"past-3", PAST_MEANING},
    {"past-4", PAST_MEANING},
    {"past-5", PAST_MEANING},
    {"past-6", PAST_MEANING},
    {"past-7", PAST_MEANING},
    {"past-8", PAST_MEANING},
    {"past-9", PAST_MEANING},
    {"past-10", PAST_MEANING},
    {"past-11", PAST_MEANING},
    {"past-12", PAST_MEANING},
    {"past-13", PAST_MEANING},
    {"past-14", PAST_MEANING},
    {"past-15", PAST_MEANING},
    {"past-16", PAST_MEANING},
    {"fraction-fast", "where in the byte the prediction lies, and the latest errors", 512, E},
    {"fraction-slow", "the same with errors of a longer time", 512, E},
    {"scales", "size of the latest errors and of those of a longer time", 576, E},
    {"linear", "the recursive linear prediction against the blend, and scale", 512, E},
    {"trained", "the trained linear prediction against the blend, and scale", 512, E},
    {"long", "the long filter's prediction against the blend, and scale", 512, E},
    {"errors", "signs and sizes of the last three errors", 512, E},
    {"error", "the last error", 128, E},
    {"error-2", "the error before it", 128, E},
    {"low", "low bytes: what the high byte left of the prediction", 256, E},
    {"low-scale", "low bytes: place of the prediction and scale", 512, E},
    {"other", "error of the other channel at this time", 64, E},
    {"mix-fraction", "fraction and latest errors", 0, M},
    {"mix-scales", "sizes of errors over two times", 0, M},
    {"mix-errors", "the last two errors", 0, M},
    {"mix-predictions", "how the predictors disagree", 0, M},
    {"mix-long", "the long filter's prediction and scale", 0, M},
    {"mix-exact", "the expected byte and the fraction", 0, M},
    {"mix-past", "the last two samples", 0, M},
    {"mix-low", "low bytes: high byte, place and scale", 0, M},
    {"mix-byte", "expected byte and byte before", 0, M},
    {"mix-other", "error of the other channel and scale", 0, M},
    {"select-scale", "kind and size of the latest errors", 512, S},
    {"select-slow", "size of errors over a longer time, and low bytes' place", 256, S},
};
const uint32_t audio_sample_n_declarations = CONTEXTS;

_Static_assert(sizeof audio_sample_declarations / sizeof *audio_sample_declarations == CONTEXTS,
               "one declaration for each context");

// Autocorrelation of speech, lags 0.., 1/32768: what the recursive predictor starts from.
static const int16_t speech[LPC_ORDER + 1] = {
    32767, 26469, 22470, 21145, 19123, 16912, 15015, 13098, 11098, 9152, 7408, 5683, 3986,
    2562,  1407,  571,   145,   -130,  -331,  -464,  -580,  -617,  -531, -390, -277};

// The linear predictor of that autocorrelation, 1/65536: where the trained one starts.
static const int32_t trained_start[LMS_OWN] = {45716, -2618, 12887, 692,   904,   895,  174,  -266,
                                               -1004, -135,  -719,  -1636, -1247, -956, -688, 1995};

typedef struct channel {
    int32_t past[2 * HISTORY]; // samples, newest at [at], stored twice
    uint32_t at;               // 0..HISTORY-1
    int64_t correlation[LPC_ORDER + 1];
    int32_t lpc[LPC_ORDER];           // 2^-16
    uint32_t until_solve;             // samples
    int16_t residuals[2 * LONG_TAPS]; // of the recursive predictor, newest at [long_at]
    int16_t steps[2 * LONG_TAPS];     // how each is learnt from
    uint32_t long_at;
    int32_t predictions[PREDICTORS]; // of the current sample
    int32_t blend;
    int32_t lms_inputs[LMS_TAPS];
    int64_t lms_energy;
    uint32_t misses[PREDICTORS]; // decaying mean of what each was off
    uint32_t fast, slow;         // decaying means of the blend's errors
    int32_t errors[3];
} channel;

typedef struct stream {
    channel *channels; // (layout.channels)
    uint32_t channel;  // of the current token
    uint32_t byte;     // of the sample, 0 the highest
    uint32_t value;    // bytes of the sample that are known
    bool predicted;
} stream;

typedef struct machine {
    audio_layout layout;
    uint32_t n_streams;
    uint32_t lms_taps;                             // LMS_TAPS, or without another channel LMS_OWN
    channel *channels;                             // (n_streams, layout.channels)
    int32_t lms[CHANNELS_MAX][LMS_TAPS];           // 2^-16, shared by the streams
    int16_t long_weights[CHANNELS_MAX][LONG_TAPS]; // 2^-13, shared
    stream streams[];
} machine;

static int32_t clamp(int64_t x, int32_t limit)
{
    return x > limit ? limit : x < -limit ? -limit : (int32_t)x;
}

static uint32_t hash(uint32_t index, uint32_t a, uint32_t b)
{
    uint64_t h = ((uint64_t)a << 32 | b) + (uint64_t)index * UINT64_C(0x9E3779B97F4A7C15);
    h *= UINT64_C(0xD6E8FEB86659FD93);
    return (uint32_t)(h >> 32);
}

// per_octave * log2(x + 1), x < 2^31.
static uint32_t logarithm(uint32_t x, uint32_t per_octave)
{
    const uint32_t bits = 31u - (uint32_t)__builtin_clz(x + 1);
    const uint32_t below = (uint32_t)(((uint64_t)(x + 1) << 8 >> bits) & 255);
    return bits * per_octave + (below * per_octave >> 8);
}

static uint32_t at_most(uint32_t x, uint32_t limit)
{
    return x < limit ? x : limit;
}

// Sign and size, 64 classes: three for each octave.
static uint32_t distance(int32_t d)
{
    const uint32_t size = at_most(logarithm((uint32_t)(d < 0 ? -d : d), 3), 62) / 2;
    return d < 0 ? 31 - at_most(size, 31) : 32 + at_most(size, 31);
}

// Eight classes.
static uint32_t octave(int32_t d, uint32_t unit)
{
    const uint32_t size = (uint32_t)(d < 0 ? -d : d);
    // Sums of comparisons: noise would defeat the prediction of branches.
    const uint32_t level = (uint32_t)(size >= unit / 2) + (uint32_t)(size >= unit * 3 / 2) +
                           (uint32_t)(size >= unit * 4);
    return d < 0 ? 3 - level : 4 + level;
}

int32_t audio_sample_geometry(const void *params, uint32_t params_bytes,
                              vlmc_token_geometry *geometry)
{
    audio_layout layout;
    if (!audio_layout_read(params, params_bytes, &layout))
        return VLMC_PLUGIN_INVALID;
    geometry->align_tokens = (uint32_t)layout.channels * layout.sample_bytes;
    geometry->stream_tokens = STREAM_TOKENS;
    return VLMC_PLUGIN_OK;
}

static void start_channel(channel *c)
{
    // As after a short time of quiet speech.
    for (uint32_t k = 0; k <= LPC_ORDER; k++)
        c->correlation[k] = (int64_t)speech[k] * 1500;
    for (uint32_t k = 0; k < LMS_OWN; k++)
        c->lpc[k] = trained_start[k];
    c->until_solve = LPC_INTERVAL;
    for (uint32_t k = 0; k < PREDICTORS; k++)
        c->misses[k] = 64 << 8;
    c->fast = c->slow = 128 << 8;
}

int32_t audio_sample_contexts_create(const void *params, uint32_t params_bytes, uint32_t n_streams,
                                     const uint64_t *first_tokens, void **state)
{
    audio_layout layout;
    (void)first_tokens; // streams start with a frame, and nothing else depends on where
    *state = NULL;
    if (!audio_layout_read(params, params_bytes, &layout) || n_streams > VLMC_PLUGIN_STREAMS_MAX)
        return VLMC_PLUGIN_INVALID;
    machine *m = calloc(1, sizeof *m + n_streams * sizeof(stream));
    if (!m)
        return VLMC_PLUGIN_MEMORY;
    m->layout = layout;
    m->n_streams = n_streams;
    m->lms_taps = layout.channels > 1 ? LMS_TAPS : LMS_OWN;
    m->channels = calloc((size_t)n_streams * layout.channels, sizeof *m->channels);
    if (!m->channels) {
        free(m);
        return VLMC_PLUGIN_MEMORY;
    }
    for (uint32_t i = 0; i < layout.channels; i++)
        memcpy(m->lms[i], trained_start, sizeof trained_start);
    for (uint32_t s = 0; s < n_streams; s++) {
        m->streams[s].channels = m->channels + (size_t)s * layout.channels;
        for (uint32_t i = 0; i < layout.channels; i++)
            start_channel(&m->streams[s].channels[i]);
    }
    *state = m;
    return VLMC_PLUGIN_OK;
}

void audio_sample_contexts_destroy(void *state)
{
    machine *m = state;
    if (!m)
        return;
    free(m->channels);
    free(m);
}

// Levinson and Durbin: the predictor of LPC_ORDER taps for an autocorrelation.
static void solve(channel *c)
{
    int64_t r[LPC_ORDER + 1];
    uint32_t shift = 0;
    while (c->correlation[0] >> shift >= 1 << 30)
        shift++;
    for (uint32_t k = 0; k <= LPC_ORDER; k++)
        r[k] = c->correlation[k] >> shift;
    r[0] += (r[0] >> 11) + 1;
    int32_t taps[LPC_ORDER] = {0}, old[LPC_ORDER]; // 2^-16
    int64_t left = r[0];
    for (uint32_t i = 0; i < LPC_ORDER; i++) {
        int64_t rest = r[i + 1] * 65536;
        for (uint32_t j = 0; j < i; j++)
            rest -= taps[j] * r[i - j]; // |tap| < 2^20, r < 2^31
        if (left <= r[0] >> 16)
            break;
        const int32_t k = clamp(rest / left, 65535);
        memcpy(old, taps, sizeof old);
        for (uint32_t j = 0; j < i; j++)
            taps[j] = clamp(old[j] - ((int64_t)k * old[i - 1 - j] >> 16), (1 << 20) - 1);
        taps[i] = k;
        left -= (((int64_t)k * k >> 16) * left) >> 16;
    }
    memcpy(c->lpc, taps, sizeof taps);
}

static int32_t long_prediction(const int16_t *weights, const int16_t *inputs)
{
    int64_t sum = 0;
    for (uint32_t block = 0; block < LONG_TAPS; block += LONG_BLOCK) {
        int32_t part = 0;
        for (uint32_t i = block; i < block + LONG_BLOCK; i++)
            part += weights[i] * inputs[i];
        sum += part;
    }
    return clamp(sum >> (13 - POINT), SAMPLE_LIMIT << POINT);
}

static void predict(machine *m, stream *s)
{
    channel *c = &s->channels[s->channel];
    const int32_t *past = c->past + c->at;
    int64_t sum = 0;
    for (uint32_t k = 0; k < LPC_ORDER; k++)
        sum += (int64_t)c->lpc[k] * past[k];
    c->predictions[0] = clamp(sum >> (16 - POINT), SAMPLE_LIMIT << POINT);

    // The other channel: the one before in the frame has its present sample already.
    const uint32_t n_channels = m->layout.channels;
    const channel *other = &s->channels[s->channel ? s->channel - 1 : n_channels - 1];
    memcpy(c->lms_inputs, past, LMS_OWN * sizeof *past);
    if (n_channels > 1)
        memcpy(c->lms_inputs + LMS_OWN, other->past + other->at, LMS_OTHER * sizeof *past);
    sum = c->lms_energy = 0;
    for (uint32_t k = 0; k < m->lms_taps; k++) {
        sum += (int64_t)m->lms[s->channel][k] * c->lms_inputs[k];
        c->lms_energy += (int64_t)c->lms_inputs[k] * c->lms_inputs[k];
    }
    c->predictions[1] = clamp(sum >> (16 - POINT), SAMPLE_LIMIT << POINT);
    c->predictions[2] =
        clamp(c->predictions[0] +
                  (int64_t)long_prediction(m->long_weights[s->channel], c->residuals + c->long_at),
              SAMPLE_LIMIT << POINT);

    uint32_t least = c->misses[0];
    for (uint32_t k = 1; k < PREDICTORS; k++)
        least = c->misses[k] < least ? c->misses[k] : least;
    const uint32_t unit = 32u - (uint32_t)__builtin_clz(least + 256); // bits
    const uint32_t shift = unit > 20 ? unit - 20 : 0;
    int64_t weighted = 0, total = 0;
    for (uint32_t k = 0; k < PREDICTORS; k++) {
        const int64_t share =
            ((least + 256) >> shift << 12) / ((c->misses[k] + 256) >> shift); // <= 2^12
        const int64_t square = share * share >> 12, credit = square * square;
        weighted += credit * c->predictions[k];
        total += credit;
    }
    c->blend = (int32_t)(weighted / total);
    s->predicted = true;
}

// Coarse scale of errors: 1/256 of a 16-bit step in, classes of a third of an octave out.
static uint32_t scale_class(uint32_t mean, uint32_t limit)
{
    return at_most(logarithm(mean >> 8, 3) * 3 / 4, limit);
}

typedef struct place {
    uint32_t centre;
    uint32_t fraction; // 0..31, where in the byte
    uint32_t kind;     // 0..15
    uint32_t outside;  // low bytes: 0 within, 1 the prediction lies below, 2 above
    bool is_low;
} place;

static place locate(const machine *m, const stream *s, const channel *c)
{
    const uint32_t bytes = m->layout.sample_bytes;
    const uint32_t at = (uint32_t)(c->blend + (32768 << POINT)); // 0..2^20
    place p = {.kind = (bytes - 1) * 3 + s->byte};
    p.kind = at_most(p.kind, 7) * 2 + (s->channel > 0);
    if (s->byte == 0) {
        p.centre = at_most(at >> 12, 255);
        p.fraction = at >> 7 & 31;
    } else if (s->byte == 1) {
        const uint32_t high = at_most(at >> 12, 255);
        p.is_low = true;
        p.outside = s->value == high ? 0 : high < s->value ? 1 : 2;
        p.centre = p.outside == 0 ? at >> 4 & 255 : p.outside == 1 ? 0 : 255;
        p.fraction = p.centre >> 3;
    } else {
        p.centre = 128;
        p.fraction = 16;
    }
    return p;
}

static void mixer_contexts(const machine *m, const stream *s, const channel *c, const place *p,
                           uint32_t fast, uint32_t slow, uint32_t *x)
{
    const uint32_t kind = p->kind << 24 | (p->is_low ? p->outside << 20 : 0);
    const int32_t unit = (int32_t)(c->fast >> 8) + 1;
    const int32_t *past = c->past + c->at;
    uint32_t *h = x + CONTEXT_MIX;
    h[0] = hash(0, kind | p->fraction, fast);
    h[1] = hash(1, kind | fast, slow);
    h[2] = hash(2, kind | distance(c->errors[0] / 4),
                distance(c->errors[1] / 4) << 8 | p->fraction / 8);
    h[3] = hash(3, kind | distance((c->predictions[0] - c->blend) / 4),
                distance((c->predictions[1] - c->blend) / 4) << 8 | p->fraction / 4);
    h[4] =
        hash(4, kind | distance((c->predictions[2] - c->blend) / 4), fast << 8 | p->fraction / 4);
    h[5] = hash(5, kind | p->centre, p->fraction << 8 | fast / 4);
    h[6] = hash(6, kind | ((uint32_t)past[0] >> 8 & 255),
                ((uint32_t)past[1] >> 8 & 255) << 8 | p->centre);
    h[7] = hash(7, kind | p->centre, s->value << 8 | (p->is_low ? fast : 0));
    h[8] = hash(8, kind | p->centre,
                m->layout.sample_bytes > 1 ? s->value & 255 : octave(c->errors[0], (uint32_t)unit));
    h[9] = hash(9, kind | (s->channel ? distance(s->channels[s->channel - 1].errors[0] / 4) : 0),
                fast << 8 | p->fraction / 4);
}

void audio_sample_next_context(void *state, uint32_t stream_index, uint32_t *x, uint32_t *centre)
{
    machine *m = state;
    stream *s = &m->streams[stream_index];
    channel *c = &s->channels[s->channel];
    if (!s->predicted)
        predict(m, s);
    const place p = locate(m, s, c);
    *centre = p.centre;
    const uint32_t fast = scale_class(c->fast, 23), slow = scale_class(c->slow, 23);
    const uint32_t unit = (c->fast >> 8) + 1;
    const int32_t *past = c->past + c->at;
    const bool coarse = m->layout.sample_bytes == 1;

    x[CONTEXT_CENTRE] = p.centre;
    x[CONTEXT_KIND] = p.kind;
    for (uint32_t k = 0; k < PAST; k++) {
        const int32_t d = past[k] - (c->blend >> POINT);
        // The bytes of 8-bit sound one by one, finer sound by octaves.
        x[CONTEXT_PAST + k] = coarse ? (uint32_t)(clamp((d + 128) >> 8, 31) + 31) : distance(d * 4);
    }
    x[CONTEXT_FRACTION_FAST] = p.fraction << 4 | fast * 2 / 3;
    x[CONTEXT_FRACTION_SLOW] = p.fraction << 4 | slow * 2 / 3;
    x[CONTEXT_SCALES] = fast * 24 + slow;
    for (uint32_t k = 0; k < PREDICTORS; k++)
        x[CONTEXT_LINEAR + k] = distance((c->predictions[k] - c->blend) / 2) << 3 | fast / 3;
    x[CONTEXT_ERRORS] = octave(c->errors[0], unit) << 6 | octave(c->errors[1], unit) << 3 |
                        octave(c->errors[2], unit);
    x[CONTEXT_ERROR] = (uint32_t)(clamp(c->errors[0] >> (coarse ? 9 : 6), 63) + 63);
    x[CONTEXT_ERROR_2] = (uint32_t)(clamp(c->errors[1] >> (coarse ? 9 : 6), 63) + 63);
    const uint32_t high = at_most(((uint32_t)(c->blend + (32768 << POINT))) >> 12, 255);
    const uint32_t off = (uint32_t)(clamp((int32_t)s->value - (int32_t)high, 3) + 4);
    x[CONTEXT_LOW] = p.is_low ? off << 5 | p.fraction : 0;
    x[CONTEXT_LOW_SCALE] = p.is_low ? p.fraction << 4 | fast * 2 / 3 : 0;
    x[CONTEXT_OTHER] = s->channel ? distance(s->channels[s->channel - 1].errors[0] / 4) : 0;
    mixer_contexts(m, s, c, &p, fast, slow, x);
    x[CONTEXT_SELECT_SCALE] = p.kind << 5 | fast;
    x[CONTEXT_SELECT_SLOW] = slow << 3 | (p.is_low ? p.outside << 1 | 1 : 0);
}

static void learn_lms(int32_t *weights, uint32_t n_taps, const channel *c, int32_t sample)
{
    const int64_t error = (int64_t)sample * (1 << POINT) - c->predictions[1]; // 2^20
    const int64_t step = error * (1 << 28) / (c->lms_energy + 65536);
    for (uint32_t k = 0; k < n_taps; k++)
        weights[k] = clamp(weights[k] + ((step * c->lms_inputs[k]) >> 23), (1 << 18) - 1);
}

static int16_t learning_step(int32_t x, int32_t mean)
{
    const int32_t size = x < 0 ? -x : x;
    const int32_t step = 2 * (size > mean / 3) + (size > mean) + (size > 3 * mean);
    return (int16_t)(step * ((x > 0) - (x < 0)));
}

static void learn_long(int16_t *weights, const int16_t *steps, int32_t error)
{
    const int16_t sign = (int16_t)((error > 0) - (error < 0));
    for (uint32_t k = 0; k < LONG_TAPS; k++) {
        const int16_t w = (int16_t)(weights[k] + sign * steps[k]);
        weights[k] = w > LONG_WEIGHT ? LONG_WEIGHT : w < -LONG_WEIGHT ? -LONG_WEIGHT : w;
    }
}

static void push_long(channel *c, int32_t residual)
{
    c->long_at = c->long_at ? c->long_at - 1 : LONG_TAPS - 1;
    const int16_t value = (int16_t)clamp(residual, LONG_INPUT);
    const int16_t step = learning_step(residual, (int32_t)(c->slow >> 8));
    c->residuals[c->long_at] = c->residuals[c->long_at + LONG_TAPS] = value;
    c->steps[c->long_at] = c->steps[c->long_at + LONG_TAPS] = step;
}

static void push_sample(machine *m, stream *s, channel *c, int32_t sample)
{
    learn_lms(m->lms[s->channel], m->lms_taps, c, sample);
    const int32_t exact = sample * (1 << POINT);
    learn_long(m->long_weights[s->channel], c->steps + c->long_at, exact - c->predictions[2]);
    for (uint32_t k = 0; k < PREDICTORS; k++) {
        const uint32_t miss = (uint32_t)abs(exact - c->predictions[k]) << 4; // below 2^25
        c->misses[k] += (miss >> 4) - (c->misses[k] >> 4);
    }
    const int32_t error = exact - c->blend;
    const uint32_t size = (uint32_t)abs(error) << (8 - POINT);
    c->fast += (size >> 3) - (c->fast >> 3);
    c->slow += (size >> 6) - (c->slow >> 6);
    c->errors[2] = c->errors[1];
    c->errors[1] = c->errors[0];
    c->errors[0] = error;
    push_long(c, (exact - c->predictions[0]) >> POINT);

    c->at = c->at ? c->at - 1 : HISTORY - 1;
    c->past[c->at] = c->past[c->at + HISTORY] = sample;
    const int32_t *past = c->past + c->at;
    for (uint32_t k = 0; k <= LPC_ORDER; k++)
        c->correlation[k] += (int64_t)sample * past[k] - (c->correlation[k] >> LPC_DECAY);
    if (--c->until_solve == 0) {
        solve(c);
        c->until_solve = LPC_INTERVAL;
    }
}

void audio_sample_push_token(void *state, uint32_t stream_index, uint32_t token)
{
    machine *m = state;
    stream *s = &m->streams[stream_index];
    const uint32_t bytes = m->layout.sample_bytes;
    if (s->byte < 2)
        s->value = s->byte ? s->value << 8 | token : token;
    if (++s->byte < bytes)
        return;
    // Samples as 16 bits: 8-bit ones stand for the middle of what they may have been.
    const int32_t sample =
        bytes == 1 ? (int32_t)(s->value << 8) + 128 - 32768 : (int32_t)s->value - 32768;
    push_sample(m, s, &s->channels[s->channel], sample);
    s->byte = 0;
    s->value = 0;
    s->predicted = false;
    s->channel = s->channel + 1 < m->layout.channels ? s->channel + 1 : 0;
}
