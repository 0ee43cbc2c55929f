// SPDX-License-Identifier: Apache-2.0
#include "lockstep_state.h"

#include <string.h>

#define SLAB_STEPS_MIN 32u

// Share of the steps after which a hopeless group is given up, and by how much the
// projected size must miss the capacity: adaptation makes later steps cheaper.
#define ABANDON_STREAMS_MIN 16u
#define ABANDON_AFTER_NUMERATOR 1u
#define ABANDON_AFTER_DENOMINATOR 8u
#define ABANDON_EXCESS_NUMERATOR 3u
#define ABANDON_EXCESS_DENOMINATOR 2u

static uint32_t slab_steps(const vlmc_lockstep *ls, uint32_t streams)
{
    uint32_t steps = SLAB_TOKENS / streams;
    if (steps < SLAB_STEPS_MIN)
        steps = SLAB_STEPS_MIN;
    return steps < ls->max_steps ? steps : ls->max_steps;
}

// What was looked at becomes the slab's step i.
static void take_ahead(const vlmc_lockstep *ls, slab *slab, uint32_t i)
{
    const uint32_t streams = ls->cut.streams;
    const size_t at = (size_t)i * streams;
    memcpy(slab->values + at * ls->n_values, ls->ahead.values,
           (size_t)streams * ls->n_values * sizeof *slab->values);
    memcpy(slab->centres + at, ls->ahead.centres, streams);
    if (!ls->engine)
        return;
    const uint32_t n = ls->hp->n_contexts;
    for (uint32_t s = 0; s < streams; s++) {
        const size_t to = (size_t)s * slab->count + i;
        slab->before[to] = ls->ahead.before[s];
        memcpy(slab->rows + to * n, ls->ahead.rows + (size_t)s * n, n * sizeof *slab->rows);
    }
}

// Contexts and symbols of all steps of the slab, all state advanced past them.
static vlmc_status fill_slab(vlmc_lockstep *ls, const uint8_t *tokens, slab *slab,
                             vlmc_error *error)
{
    const bool centred = vlmc_tokenizer_centred(ls->tokenizer);
    for (uint32_t i = 0; i < slab->count; i++) {
        const uint32_t t = slab->first + i;
        take_ahead(ls, slab, i);
        for (uint32_t half = 0; half < HALVES; half++) {
            for (uint32_t s = vlmc_half_first(ls, half); s < vlmc_half_active(ls, half, t); s++) {
                const size_t at = (size_t)i * ls->cut.streams + s;
                const uint8_t token = tokens[vlmc_cut_offset(&ls->cut, s) + t];
                if (ls->tokenizer && token >= ls->tokenizer->alphabet)
                    return vlmc_fail(error, VLMC_ERROR_PLUGIN,
                                     "the tokenizer %s made a token outside of its alphabet",
                                     ls->tokenizer->id);
                slab->symbols[at] =
                    centred ? vlmc_symbol_of_token(token, slab->centres[at]) : token;
                vlmc_lockstep_push(ls, s, token, slab->symbols[at]);
            }
            VLMC_TRY(vlmc_lockstep_look_ahead(ls, half, t + 1, false, error));
        }
    }
    return VLMC_OK;
}

// Walks the shadow over a step and compares: what a tokenizer tells must depend on nothing but the
// tokens before, or no decoder would follow.
static vlmc_status check_step(vlmc_lockstep *ls, const uint8_t *tokens, const slab *slab,
                              uint32_t i, vlmc_error *error)
{
    if (!ls->tokenizer)
        return VLMC_OK;
    const uint32_t t = slab->first + i, active = vlmc_cut_active(&ls->cut, t);
    const size_t at = (size_t)i * ls->cut.streams;
    if (memcmp(ls->shadow_ahead.centres, slab->centres + at, active) != 0 ||
        memcmp(ls->shadow_ahead.values, slab->values + at * ls->n_values,
               (size_t)active * ls->n_values * sizeof *slab->values) != 0)
        return vlmc_fail(error, VLMC_ERROR_PLUGIN,
                         "the tokenizer %s computed two different contexts for one token",
                         ls->tokenizer->id);
    for (uint32_t half = 0; half < HALVES; half++) {
        for (uint32_t s = vlmc_half_first(ls, half); s < vlmc_half_active(ls, half, t); s++)
            vlmc_token_contexts_push(&ls->shadow, s, tokens[vlmc_cut_offset(&ls->cut, s) + t]);
        VLMC_TRY(vlmc_lockstep_look_ahead(ls, half, t + 1, true, error));
    }
    return VLMC_OK;
}

static vlmc_status code_slab(vlmc_lockstep *ls, const uint8_t *tokens, const slab *slab,
                             vlmc_range_encoder *encoder, vlmc_error *error)
{
    for (uint32_t i = 0; i < slab->count; i++) {
        const uint32_t active = vlmc_cut_active(&ls->cut, slab->first + i);
        const size_t at = (size_t)i * ls->cut.streams;
        VLMC_TRY(check_step(ls, tokens, slab, i, error));
        for (uint32_t s = 0; s < active; s++)
            vlmc_symbol_prepare(ls->coder, s, slab->values + (at + s) * ls->n_values);
        for (uint32_t s = 0; s < active; s++) {
            const int16_t *logits =
                ls->engine ? slab->logits + ((size_t)s * slab->count + i) * VLMC_ALPHABET : NULL;
            vlmc_symbol_encode(ls->coder, s, logits, slab->symbols[at + s], encoder);
        }
    }
    return VLMC_OK;
}

// True when the group would clearly not fit: judged from coded bytes alone. Many streams have seen
// the group everywhere; what few have seen says nothing about the rest.
static bool is_hopeless(uint32_t streams, uint32_t steps_done, uint32_t steps,
                        const vlmc_range_encoder *encoder)
{
    if (encoder->overflow)
        return true;
    if (streams < ABANDON_STREAMS_MIN || (uint64_t)steps_done * ABANDON_AFTER_DENOMINATOR <
                                             (uint64_t)steps * ABANDON_AFTER_NUMERATOR)
        return false;
    // size / steps_done * steps > capacity * 3/2; both below 2^27, the product below 2^57.
    return (uint64_t)encoder->size * steps * ABANDON_EXCESS_DENOMINATOR >
           (uint64_t)encoder->capacity * steps_done * ABANDON_EXCESS_NUMERATOR;
}

// ---- The engine beside the mixer ----

static void forward(void *context)
{
    vlmc_lockstep *ls = context;
    const slab *slab = ls->forwarded;
    ls->forward_status = vlmc_engine_forward(ls->engine, slab->count, slab->before, slab->rows,
                                             slab->logits, &ls->forward_error);
}

static void forward_start(vlmc_lockstep *ls, const slab *slab)
{
    ls->forward_status = VLMC_OK;
    ls->forwarded = slab;
    if (ls->engine)
        vlmc_background_start(ls->background, forward, ls);
}

static vlmc_status forward_wait(vlmc_lockstep *ls, vlmc_error *error)
{
    if (ls->engine)
        vlmc_background_wait(ls->background);
    if (ls->forward_status != VLMC_OK && error)
        *error = ls->forward_error;
    return ls->forward_status;
}

// The slab behind another, or the first one. False at the end of the group.
static bool next_slab(const vlmc_lockstep *ls, const slab *before, slab *slab)
{
    const uint32_t steps = vlmc_cut_length(&ls->cut, 0);
    const uint32_t most = slab_steps(ls, ls->cut.streams);
    slab->first = before ? before->first + before->count : 0;
    slab->count = steps - slab->first < most ? steps - slab->first : most;
    return slab->count > 0;
}

// While one slab is coded, the engine is at the next.
static vlmc_status encode_slabs(vlmc_lockstep *ls, const uint8_t *tokens,
                                vlmc_range_encoder *encoder, size_t *size, vlmc_lockstep_tick tick,
                                void *user, vlmc_error *error)
{
    const uint32_t steps = vlmc_cut_length(&ls->cut, 0);
    slab *now = &ls->slabs[0], *next = &ls->slabs[1];
    next_slab(ls, NULL, now);
    VLMC_TRY(fill_slab(ls, tokens, now, error));
    forward_start(ls, now);
    for (bool more = true; more;) {
        more = next_slab(ls, now, next);
        if (more)
            VLMC_TRY(fill_slab(ls, tokens, next, error));
        VLMC_TRY(forward_wait(ls, error));
        if (more)
            forward_start(ls, next);
        VLMC_TRY(code_slab(ls, tokens, now, encoder, error));
        const uint32_t done = now->first + now->count;
        if (is_hopeless(ls->cut.streams, done, steps, encoder))
            return VLMC_OK;
        ls->coded = encoder->size;
        VLMC_TRY(vlmc_lockstep_tell(ls, tick, user, done, error));
        slab *const coded = now;
        now = next;
        next = coded;
    }
    *size = vlmc_range_encoder_finish(encoder);
    return VLMC_OK;
}

static vlmc_status encode(vlmc_lockstep *ls, const uint8_t *tokens, vlmc_range_encoder *encoder,
                          size_t *size, vlmc_lockstep_tick tick, void *user, vlmc_error *error)
{
    if (ls->engine && !ls->background)
        VLMC_TRY(vlmc_background_create(&ls->background, error));
    const vlmc_status status = encode_slabs(ls, tokens, encoder, size, tick, user, error);
    forward_wait(ls, NULL); // whatever ended it, the engine rests
    return status;
}

size_t vlmc_lockstep_coded(const vlmc_lockstep *ls)
{
    return ls->coded;
}

vlmc_status vlmc_lockstep_encode(vlmc_lockstep *ls, const vlmc_token_coding *coding,
                                 const uint8_t *tokens, uint32_t n, uint32_t streams, uint8_t *out,
                                 size_t capacity, size_t *size, vlmc_lockstep_tick tick, void *user,
                                 vlmc_error *error)
{
    *size = SIZE_MAX;
    ls->coded = 0;
    vlmc_range_encoder encoder;
    if (capacity == 0)
        return VLMC_OK;
    out[0] = vlmc_lockstep_settings_byte(&ls->settings);
    vlmc_range_encoder_start(&encoder, out + 1, capacity - 1);
    vlmc_status status = vlmc_lockstep_start(ls, coding, n, streams, true, error);
    if (status == VLMC_OK)
        status = encode(ls, tokens, &encoder, size, tick, user, error);
    *size += *size != SIZE_MAX;
    vlmc_lockstep_stop(ls);
    return status;
}
