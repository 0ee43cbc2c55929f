// SPDX-License-Identifier: Apache-2.0
// PCM samples as tokens. Each sample is predicted from the samples before it by a linear predictor
// that follows the signal (autocorrelation with a decaying window, Levinson and Durbin's
// recursion), by one trained with normalised LMS that also sees the other channel, and by a long
// sign-LMS filter over what the first one left. The streams of a group train the last two together.
// Their predictions are blended by how well each did lately. The centre is the byte that the blend
// expects; where in the byte it lies, and how large the errors were, are contexts.
#include "sample_contexts.h"

#include "sample_steps.h"

#define STREAM_TOKENS 65536u

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

// Numbers whose highest bit is b have the class `first`, and the next one from where t is `step`
// on; 3: none of them.
static uint64_t class_entry(uint32_t first, uint32_t b, uint32_t step)
{
    const uint64_t least = (((UINT64_C(257) + step * 85) << b) + 255) >> 8;
    return ((uint64_t)(first + 1) << 32) - least;
}

static void fill_classes(size_classes *classes)
{
    for (uint32_t b = 0; b < 32; b++) {
        const uint32_t zeros = 31 - b;
        classes->halves[zeros] = class_entry(b * 3 / 2, b, b % 2 ? 1 : 2);
        uint32_t steps[2] = {3, 3}, n = 0;
        for (uint32_t t = 1; t < 3; t++)
            if ((b * 3 + t) * 3 / 4 > (b * 3 + t - 1) * 3 / 4)
                steps[n++] = t;
        classes->scales[zeros] = class_entry(b * 9 / 4, b, steps[0]);
        classes->scales_2[zeros] = class_entry(0, b, steps[1]);
    }
}

static void start_channel(const machine *m, channel *c)
{
    // As after a short time of quiet speech.
    c->power = (uint64_t)speech[0] * 1500;
    for (uint32_t k = 0; k < LPC_ORDER; k++)
        c->correlation[k] = (uint64_t)(LAG_BIAS + speech[k + 1] * 1500);
    int32_t taps[LPC_ORDER] = {0};
    memcpy(taps, trained_start, sizeof trained_start);
    set_taps(c, taps);
    for (uint32_t k = 0; k < PREDICTORS; k++)
        c->misses[k] = 64 << 8;
    c->fast = c->slow = 128 << 8;
    c->distances[0] = c->distances[1] = distance(&m->classes, 0, 0);
}

static const sample_steps *best_steps(const audio_layout *layout)
{
#if defined(__x86_64__)
    // Every processor with AVX2 has BMI, BMI2 and LZCNT too.
    const sample_steps *steps = audio_sample_steps_avx2(layout);
    if (steps && __builtin_cpu_supports("avx2"))
        return steps;
#endif
    return steps_for(layout);
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
    m->steps = best_steps(&layout);
    fill_classes(&m->classes);
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
            start_channel(m, &m->streams[s].channels[i]);
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

void audio_sample_next_context(void *state, uint32_t stream_index, uint32_t *contexts,
                               uint32_t *centre)
{
    machine *m = state;
    m->steps->next_context(m, &m->streams[stream_index], contexts, centre);
}

void audio_sample_push_token(void *state, uint32_t stream_index, uint32_t token)
{
    machine *m = state;
    m->steps->push_token(m, &m->streams[stream_index], token);
}
