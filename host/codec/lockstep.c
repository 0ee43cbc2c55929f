// SPDX-License-Identifier: Apache-2.0
#include "lockstep.h"

#include "cpu/kernels.h"
#include "cpu/ops.h"
#include "mix/mix.h"
#include "model/fit.h"
#include "range_coder.h"

#include <stdlib.h>
#include <string.h>

#define ALPHABET 256u
#define SLAB_STEPS_MIN 32u
#define SLAB_TOKENS 4096u // streams * steps of a slab, about

// Share of the steps after which a hopeless group is given up, and by how much the
// projected size must miss the capacity: adaptation makes later steps cheaper.
#define ABANDON_AFTER_NUMERATOR 1u
#define ABANDON_AFTER_DENOMINATOR 8u
#define ABANDON_EXCESS_NUMERATOR 5u
#define ABANDON_EXCESS_DENOMINATOR 4u

// A bit that is 1 with probability p / 2^VLMC_MIX_BITS: ones lie below zeros.
#define BIT_SHIFT (VLMC_RANGE_TOTAL_BITS - VLMC_MIX_BITS)

_Static_assert(VLMC_RANGE_TOTAL_BITS == VLMC_FREQUENCY_BITS, "coder and model share one total");

struct vlmc_lockstep {
    vlmc_engine *engine;
    const vlmc_hyperparameters *hp;
    const vlmc_cpu_kernels *kernels;
    vlmc_contexts *contexts;
    vlmc_mix *mix;
    uint32_t max_steps;
    size_t max_tokens; // what the buffers hold
    uint16_t *tokens;  // (streams, steps)
    uint32_t *rows;    // (streams, steps, n_contexts)
    int16_t *logits;   // (streams, steps, 256)
};

static uint32_t slab_steps(const vlmc_lockstep *ls, uint32_t streams)
{
    uint32_t steps = SLAB_TOKENS / streams;
    if (steps < SLAB_STEPS_MIN)
        steps = SLAB_STEPS_MIN;
    return steps < ls->max_steps ? steps : ls->max_steps;
}

static vlmc_status allocate(vlmc_lockstep *ls, vlmc_error *error)
{
    const size_t n_contexts = ls->hp->n_contexts;
    ls->max_tokens = ls->max_steps == 1 ? VLMC_STREAMS_MAX : SLAB_TOKENS;
    ls->contexts = vlmc_contexts_create(ls->hp->contexts, ls->hp->n_contexts, VLMC_STREAMS_MAX);
    ls->tokens = calloc(ls->max_tokens, sizeof *ls->tokens);
    ls->rows = calloc(ls->max_tokens * (n_contexts ? n_contexts : 1), sizeof *ls->rows);
    ls->logits = calloc(ls->max_tokens * ALPHABET, sizeof *ls->logits);
    ls->mix = vlmc_mix_create(VLMC_STREAMS_MAX, VLMC_GROUP_BYTES_MAX);
    if (!ls->contexts || !ls->mix || !ls->tokens || !ls->rows || !ls->logits)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to run the model");
    return VLMC_OK;
}

vlmc_status vlmc_lockstep_create(vlmc_engine *engine, const vlmc_tokenizer *tokenizer,
                                 uint32_t max_steps, vlmc_lockstep **lockstep, vlmc_error *error)
{
    *lockstep = NULL;
    if (!engine || tokenizer)
        return vlmc_fail(error, VLMC_ERROR_UNSUPPORTED, "only plain bytes and a model for now");
    VLMC_TRY(vlmc_model_fits(engine->model, tokenizer, error));
    vlmc_lockstep *ls = calloc(1, sizeof *ls);
    if (!ls)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to run the model");
    ls->engine = engine;
    ls->hp = &engine->model->hp;
    ls->kernels = vlmc_cpu_kernels_best();
    ls->max_steps = max_steps < VLMC_SLAB_STEPS_MAX ? max_steps : VLMC_SLAB_STEPS_MAX;
    const vlmc_status status = allocate(ls, error);
    if (status != VLMC_OK)
        vlmc_lockstep_destroy(&ls);
    *lockstep = ls;
    return status;
}

void vlmc_lockstep_destroy(vlmc_lockstep **lockstep)
{
    vlmc_lockstep *ls = *lockstep;
    if (!ls)
        return;
    vlmc_contexts_destroy(&ls->contexts);
    vlmc_mix_destroy(&ls->mix);
    free(ls->tokens);
    free(ls->rows);
    free(ls->logits);
    free(ls);
    *lockstep = NULL;
}

static vlmc_status start(vlmc_lockstep *ls, uint32_t n, uint32_t streams, vlmc_error *error)
{
    vlmc_contexts_reset(ls->contexts);
    vlmc_mix_reset(ls->mix, n);
    return vlmc_engine_reset(ls->engine, streams, error);
}

// Tokens and context rows of `count` steps from `first` on, contexts advanced past them.
// Streams that have ended get a token and rows that exist; nothing of them is coded.
static void fill_slab(vlmc_lockstep *ls, const vlmc_cut *c, const uint8_t *raw, uint32_t first,
                      uint32_t count)
{
    const uint32_t n_contexts = ls->hp->n_contexts;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t t = first + i, active = vlmc_cut_active(c, t);
        for (uint32_t s = 0; s < c->streams; s++) {
            const size_t at = (size_t)s * count + i;
            const uint32_t position = vlmc_cut_offset(c, s) + t;
            ls->tokens[at] = t == 0 || s >= active ? (uint16_t)ls->hp->vocab : raw[position - 1];
            uint32_t *rows = ls->rows + at * n_contexts;
            if (s < active)
                vlmc_contexts_rows(ls->contexts, s, rows);
            else
                memset(rows, 0, n_contexts * sizeof *rows);
        }
        for (uint32_t s = 0; s < active; s++)
            vlmc_contexts_push(ls->contexts, s, raw[vlmc_cut_offset(c, s) + t]);
    }
}

static void encode_token(vlmc_mix *mix, vlmc_range_encoder *encoder, uint8_t token)
{
    for (int i = 7; i >= 0; i--) {
        const uint32_t bit = token >> i & 1, ones = vlmc_mix_probability(mix) << BIT_SHIFT;
        vlmc_range_encode(encoder, bit ? 0 : ones,
                          bit ? ones : (1u << VLMC_RANGE_TOTAL_BITS) - ones);
        vlmc_mix_update(mix, bit);
    }
}

static uint8_t decode_token(vlmc_mix *mix, vlmc_range_decoder *decoder)
{
    uint32_t token = 0;
    for (int i = 7; i >= 0; i--) {
        const uint32_t ones = vlmc_mix_probability(mix) << BIT_SHIFT;
        const uint32_t bit = vlmc_range_decoder_get(decoder) < ones;
        vlmc_range_decoder_consume(decoder, bit ? 0 : ones,
                                   bit ? ones : (1u << VLMC_RANGE_TOTAL_BITS) - ones);
        vlmc_mix_update(mix, bit);
        token = token << 1 | bit;
    }
    return (uint8_t)token;
}

static void code_slab(vlmc_lockstep *ls, const vlmc_cut *c, const uint8_t *raw, uint32_t first,
                      uint32_t count, vlmc_range_encoder *encoder)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t t = first + i, active = vlmc_cut_active(c, t);
        for (uint32_t s = 0; s < active; s++) {
            const uint8_t token = raw[vlmc_cut_offset(c, s) + t];
            const int16_t *logits = ls->logits + ((size_t)s * count + i) * ALPHABET;
            uint32_t frequencies[ALPHABET];
            ls->kernels->frequencies(ALPHABET, logits, frequencies);
            vlmc_mix_begin(ls->mix, s, frequencies);
            encode_token(ls->mix, encoder, token);
        }
    }
}

// True when the group would clearly not fit: judged from coded bytes alone.
static bool is_hopeless(const vlmc_cut *c, uint32_t steps_done, const vlmc_range_encoder *encoder)
{
    if (encoder->overflow)
        return true;
    if ((uint64_t)steps_done * ABANDON_AFTER_DENOMINATOR <
        (uint64_t)vlmc_cut_length(c, 0) * ABANDON_AFTER_NUMERATOR)
        return false;
    // size / steps_done * steps > capacity * 5/4; all below 2^21 each.
    return (uint64_t)encoder->size * vlmc_cut_length(c, 0) * ABANDON_EXCESS_DENOMINATOR >
           (uint64_t)encoder->capacity * steps_done * ABANDON_EXCESS_NUMERATOR;
}

static vlmc_status get_geometry(const vlmc_token_coding *coding, vlmc_token_geometry *geometry,
                                vlmc_error *error)
{
    *geometry = (vlmc_token_geometry){.align_tokens = 1, .stream_tokens = VLMC_STREAM_BYTES};
    const int32_t result =
        coding->tokenizer->geometry(coding->params, coding->params_bytes, geometry);
    if (result != VLMC_PLUGIN_OK)
        return vlmc_fail(error, VLMC_ERROR_PLUGIN, "the tokenizer %s refuses its parameters",
                         coding->tokenizer->id);
    return VLMC_OK;
}

static vlmc_status tell(vlmc_lockstep_tick tick, void *user, uint32_t done, uint32_t n,
                        vlmc_error *error)
{
    if (tick && !tick(user, done < n ? done : n))
        return vlmc_fail(error, VLMC_ERROR_INTERRUPTED, "stopped on request");
    return VLMC_OK;
}

vlmc_status vlmc_lockstep_streams(const vlmc_token_coding *coding, uint32_t n, uint32_t *streams,
                                  vlmc_error *error)
{
    *streams = 1;
    if (!coding || !coding->tokenizer) {
        *streams = vlmc_group_streams(n);
        return VLMC_OK;
    }
    vlmc_token_geometry geometry;
    VLMC_TRY(get_geometry(coding, &geometry, error));
    *streams = vlmc_cut_streams(n, geometry.align_tokens, geometry.stream_tokens);
    return VLMC_OK;
}

// `streams` may come from an archive.
static vlmc_status make_cut(const vlmc_token_coding *coding, uint32_t n, uint32_t streams,
                            vlmc_cut *c, vlmc_error *error)
{
    vlmc_token_geometry geometry = {.align_tokens = 1};
    if (coding && coding->tokenizer)
        VLMC_TRY(get_geometry(coding, &geometry, error));
    if (!vlmc_cut_make(n, streams, geometry.align_tokens, c))
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "a group of %u tokens cannot have %u streams",
                         n, streams);
    return VLMC_OK;
}

vlmc_status vlmc_lockstep_encode(vlmc_lockstep *ls, const vlmc_token_coding *coding,
                                 const uint8_t *raw, uint32_t n, uint32_t streams, uint8_t *out,
                                 size_t capacity, size_t *size, vlmc_lockstep_tick tick, void *user,
                                 vlmc_error *error)
{
    *size = SIZE_MAX;
    vlmc_cut c;
    VLMC_TRY(make_cut(coding, n, streams, &c, error));
    const uint32_t steps = vlmc_cut_length(&c, 0);
    const uint32_t steps_per_slab = slab_steps(ls, streams);
    vlmc_range_encoder encoder;
    vlmc_range_encoder_start(&encoder, out, capacity);
    VLMC_TRY(start(ls, n, streams, error));
    for (uint32_t t = 0; t < steps;) {
        const uint32_t left = steps - t;
        const uint32_t count = left < steps_per_slab ? left : steps_per_slab;
        fill_slab(ls, &c, raw, t, count);
        VLMC_TRY(vlmc_engine_forward(ls->engine, count, ls->tokens, ls->rows, ls->logits, error));
        code_slab(ls, &c, raw, t, count, &encoder);
        t += count;
        if (is_hopeless(&c, t, &encoder))
            return VLMC_OK;
        VLMC_TRY(tell(tick, user, t * streams, n, error));
    }
    *size = vlmc_range_encoder_finish(&encoder);
    return VLMC_OK;
}

static void decode_step(vlmc_lockstep *ls, const vlmc_cut *c, uint8_t *raw, uint32_t t,
                        vlmc_range_decoder *decoder)
{
    uint32_t frequencies[ALPHABET];
    const uint32_t active = vlmc_cut_active(c, t);
    for (uint32_t s = 0; s < active; s++) {
        ls->kernels->frequencies(ALPHABET, ls->logits + (size_t)s * ALPHABET, frequencies);
        vlmc_mix_begin(ls->mix, s, frequencies);
        const uint8_t token = decode_token(ls->mix, decoder);
        raw[vlmc_cut_offset(c, s) + t] = token;
        vlmc_contexts_push(ls->contexts, s, token);
    }
}

vlmc_status vlmc_lockstep_decode(vlmc_lockstep *ls, const vlmc_token_coding *coding,
                                 const uint8_t *packed, size_t size, uint32_t streams, uint8_t *raw,
                                 uint32_t n, vlmc_lockstep_tick tick, void *user, vlmc_error *error)
{
    vlmc_cut c;
    VLMC_TRY(make_cut(coding, n, streams, &c, error));
    const uint32_t steps = vlmc_cut_length(&c, 0);
    const uint32_t n_contexts = ls->hp->n_contexts;
    vlmc_range_decoder decoder;
    vlmc_range_decoder_start(&decoder, packed, size);
    VLMC_TRY(start(ls, n, streams, error));
    for (uint32_t t = 0; t < steps; t++) {
        const uint32_t active = vlmc_cut_active(&c, t);
        for (uint32_t s = 0; s < streams; s++) {
            uint32_t *rows = ls->rows + (size_t)s * n_contexts;
            const uint32_t position = vlmc_cut_offset(&c, s) + t;
            ls->tokens[s] = t == 0 || s >= active ? (uint16_t)ls->hp->vocab : raw[position - 1];
            if (s < active)
                vlmc_contexts_rows(ls->contexts, s, rows);
            else
                memset(rows, 0, n_contexts * sizeof *rows);
        }
        VLMC_TRY(vlmc_engine_forward(ls->engine, 1, ls->tokens, ls->rows, ls->logits, error));
        decode_step(ls, &c, raw, t, &decoder);
        if (decoder.damaged)
            return vlmc_fail(error, VLMC_ERROR_DAMAGED,
                             "the packed bytes are not what an encoder writes");
        if (t % 16 == 15)
            VLMC_TRY(tell(tick, user, (t + 1) * streams, n, error));
    }
    return VLMC_OK;
}
