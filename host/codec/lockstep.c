// SPDX-License-Identifier: Apache-2.0
#include "lockstep_state.h"

#include "model/fit.h"

#include <stdlib.h>
#include <string.h>

#define EFFORT_SHIFT 5u // above the mixer's memory, in the first byte of a group

static bool allocate_slab(const vlmc_lockstep *ls, size_t tokens, slab *slab)
{
    slab->count = 1;
    slab->symbols = calloc(tokens, sizeof *slab->symbols);
    slab->centres = calloc(tokens, sizeof *slab->centres);
    slab->values = calloc(tokens * (ls->n_values + 1), sizeof *slab->values);
    if (!slab->symbols || !slab->centres || !slab->values)
        return false;
    if (!ls->engine)
        return true;
    slab->before = calloc(tokens, sizeof *slab->before);
    slab->rows = calloc(tokens * (ls->hp->n_contexts + 1), sizeof *slab->rows);
    slab->logits = calloc(tokens * VLMC_ALPHABET, sizeof *slab->logits);
    return slab->before && slab->rows && slab->logits;
}

static void free_slab(slab *slab)
{
    free(slab->symbols);
    free(slab->centres);
    free(slab->values);
    free(slab->before);
    free(slab->rows);
    free(slab->logits);
}

static vlmc_status allocate(vlmc_lockstep *ls, vlmc_error *error)
{
    ls->slab_tokens = ls->max_steps == 1 ? VLMC_STREAMS_MAX : SLAB_TOKENS;
    bool ok = allocate_slab(ls, VLMC_STREAMS_MAX, &ls->ahead) &&
              allocate_slab(ls, VLMC_STREAMS_MAX, &ls->shadow_ahead);
    for (uint32_t i = 0; i < SLABS; i++)
        ok = ok && allocate_slab(ls, ls->slab_tokens, &ls->slabs[i]);
    if (ls->engine) {
        ls->contexts = vlmc_contexts_create(ls->hp->contexts, ls->hp->n_contexts, VLMC_STREAMS_MAX);
        ok = ok && ls->contexts;
    }
    if (!ok)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to run the model");
    return vlmc_symbol_coder_create(ls->engine != NULL, ls->tokenizer, &ls->settings,
                                    VLMC_STREAMS_MAX, ls->max_tokens, &ls->coder, error);
}

vlmc_status vlmc_lockstep_create(vlmc_engine *engine, const vlmc_tokenizer *tokenizer,
                                 const vlmc_mix_settings *settings, uint32_t max_steps,
                                 uint32_t max_tokens, vlmc_lockstep **lockstep, vlmc_error *error)
{
    *lockstep = NULL;
    VLMC_TRY(vlmc_tokenizer_check(tokenizer, error));
    if (engine)
        VLMC_TRY(vlmc_model_fits(engine->model, tokenizer, error));
    vlmc_lockstep *ls = calloc(1, sizeof *ls);
    if (!ls)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to run the model");
    ls->engine = engine;
    ls->tokenizer = tokenizer;
    ls->settings = *settings;
    ls->hp = engine ? &engine->model->hp : NULL;
    ls->n_values = tokenizer ? tokenizer->n_contexts : 0;
    ls->max_steps = max_steps < VLMC_SLAB_STEPS_MAX ? max_steps : VLMC_SLAB_STEPS_MAX;
    ls->max_tokens = max_tokens;
    const vlmc_status status = allocate(ls, error);
    if (status != VLMC_OK)
        vlmc_lockstep_destroy(&ls);
    *lockstep = ls;
    return status;
}

vlmc_status vlmc_lockstep_overlap(vlmc_lockstep *ls, vlmc_engine *second, vlmc_error *error)
{
    ls->by_turns = second->place != VLMC_ENGINE_DEVICE;
    for (uint32_t i = 0; i < HALVES; i++) {
        ls->halves[i] = (half){.lockstep = ls, .which = i};
        if (i == 0 || !ls->by_turns)
            VLMC_TRY(vlmc_background_create(&ls->halves[i].background, error));
        else
            ls->halves[1].background = ls->halves[0].background;
    }
    ls->second = second;
    return VLMC_OK;
}

void vlmc_lockstep_destroy(vlmc_lockstep **lockstep)
{
    vlmc_lockstep *ls = *lockstep;
    if (!ls)
        return;
    vlmc_background_destroy(&ls->background);
    vlmc_contexts_destroy(&ls->contexts);
    vlmc_symbol_coder_destroy(&ls->coder);
    vlmc_background_destroy(&ls->halves[0].background);
    if (!ls->by_turns)
        vlmc_background_destroy(&ls->halves[1].background);
    for (uint32_t i = 0; i < SLABS; i++)
        free_slab(&ls->slabs[i]);
    free_slab(&ls->ahead);
    free_slab(&ls->shadow_ahead);
    free(ls);
    *lockstep = NULL;
}

vlmc_status vlmc_lockstep_settings(const uint8_t *packed, size_t size, vlmc_mix_settings *settings,
                                   vlmc_error *error)
{
    const uint32_t byte = size > 0 ? packed[0] & ~VLMC_GROUP_X86 : UINT8_MAX;
    settings->effort = byte >> EFFORT_SHIFT;
    settings->memory = (byte & ((1u << EFFORT_SHIFT) - 1)) + VLMC_MIX_MEMORY_MIN;
    if (settings->effort <= VLMC_MIX_STRONG && settings->memory >= 2 * VLMC_MIX_MEMORY_MIN &&
        settings->memory <= VLMC_MIX_MEMORY_MIN + VLMC_MIX_MEMORY_MAX)
        return vlmc_fail(
            error, VLMC_ERROR_FORMAT,
            "a group was packed by an earlier vlmc, which coded otherwise; use that one");
    if (settings->effort > VLMC_MIX_STRONG || settings->memory > VLMC_MIX_MEMORY_MAX)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED,
                         "the packed bytes are not what an encoder writes");
    return VLMC_OK;
}

uint8_t vlmc_lockstep_settings_byte(const vlmc_mix_settings *settings)
{
    return (uint8_t)((uint32_t)settings->effort << EFFORT_SHIFT |
                     (settings->memory - VLMC_MIX_MEMORY_MIN));
}

vlmc_status vlmc_lockstep_streams(const vlmc_lockstep *ls, const vlmc_token_coding *coding,
                                  uint32_t n, uint32_t stream_tokens, uint32_t *streams,
                                  vlmc_error *error)
{
    vlmc_token_geometry geometry;
    VLMC_TRY(vlmc_token_geometry_of(coding, &geometry, error));
    if (coding && coding->tokenizer && !(coding->tokenizer->flags & VLMC_TOKENIZER_JOINS))
        stream_tokens = geometry.stream_tokens;
    // Without a device to keep busy, one stream learns most.
    *streams = ls->engine ? vlmc_cut_streams(n, geometry.align_tokens, stream_tokens) : 1;
    return VLMC_OK;
}

// ---- What is known before a symbol ----

// The engine's inputs for stream s. A stream that has ended gets a symbol and rows that exist;
// nothing of it is coded.
static void fill_inputs(vlmc_lockstep *ls, uint32_t s, bool first, bool active,
                        const uint32_t *values)
{
    const vlmc_hyperparameters *hp = ls->hp;
    uint32_t *rows = ls->ahead.rows + (size_t)s * hp->n_contexts;
    ls->ahead.before[s] = first || !active ? (uint16_t)hp->vocab : ls->last[s];
    if (!active) {
        memset(rows, 0, hp->n_contexts * sizeof *rows);
        return;
    }
    vlmc_contexts_rows(ls->contexts, s, rows);
    for (uint32_t i = 0; i < hp->n_contexts; i++)
        if (hp->contexts[i].kind == VLMC_CONTEXT_PLUGIN)
            rows[i] = values[hp->contexts[i].order];
}

vlmc_status vlmc_lockstep_look_ahead(vlmc_lockstep *ls, uint32_t half, uint32_t t, bool shadow,
                                     vlmc_error *error)
{
    if (t >= vlmc_cut_length(&ls->cut, 0))
        return VLMC_OK;
    const slab *ahead = shadow ? &ls->shadow_ahead : &ls->ahead;
    const vlmc_token_contexts *side = shadow ? &ls->shadow : &ls->side;
    const uint32_t active = vlmc_half_active(ls, half, t);
    for (uint32_t s = vlmc_half_first(ls, half); s < vlmc_half_end(ls, half); s++) {
        uint32_t *values = ahead->values + (size_t)s * ls->n_values, centre = 0;
        if (s < active)
            VLMC_TRY(vlmc_token_contexts_next(side, s, values, &centre, error));
        ahead->centres[s] = (uint8_t)centre;
        if (ls->engine && !shadow)
            fill_inputs(ls, s, t == 0, s < active, values);
    }
    return VLMC_OK;
}

static vlmc_status look_at_start(vlmc_lockstep *ls, bool shadow, vlmc_error *error)
{
    for (uint32_t half = 0; half < HALVES; half++)
        VLMC_TRY(vlmc_lockstep_look_ahead(ls, half, 0, shadow, error));
    return VLMC_OK;
}

void vlmc_lockstep_push(vlmc_lockstep *ls, uint32_t s, uint8_t token, uint8_t symbol)
{
    vlmc_token_contexts_push(&ls->side, s, token);
    if (ls->engine)
        vlmc_contexts_push(ls->contexts, s, symbol);
    ls->last[s] = symbol;
}

// ---- A group's begin and end ----

static vlmc_status reset_engines(vlmc_lockstep *ls, uint32_t streams, bool encoding,
                                 vlmc_error *error)
{
    if (!ls->engine)
        return VLMC_OK;
    if (!vlmc_lockstep_overlaps(ls, encoding))
        return vlmc_engine_reset(ls->engine, streams, error);
    VLMC_TRY(vlmc_engine_reset(ls->engine, ls->split, error));
    return vlmc_engine_reset(ls->second, streams - ls->split, error);
}

vlmc_status vlmc_lockstep_start(vlmc_lockstep *ls, const vlmc_token_coding *coding, uint32_t n,
                                uint32_t streams, bool shadow, vlmc_error *error)
{
    vlmc_token_geometry geometry;
    if ((coding ? coding->tokenizer : NULL) != ls->tokenizer)
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         "a lock step serves the tokenizer it was made for");
    VLMC_TRY(vlmc_token_geometry_of(coding, &geometry, error));
    if (!vlmc_cut_make(n, streams, geometry.align_tokens, &ls->cut))
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "a group of %u tokens cannot have %u streams",
                         (unsigned)n, (unsigned)streams);
    if (n > ls->max_tokens)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "a lock step serves the groups it was made for");
    // With nobody to wait for, all streams are one half.
    ls->split = ls->engine ? streams - streams / 2 : streams;
    vlmc_symbol_coder_reset(ls->coder, n, streams, vlmc_cut_length(&ls->cut, 0));
    VLMC_TRY(vlmc_token_contexts_open(coding, &ls->cut, &ls->side, error));
    if (shadow)
        VLMC_TRY(vlmc_token_contexts_open(coding, &ls->cut, &ls->shadow, error));
    if (ls->engine)
        vlmc_contexts_reset(ls->contexts);
    VLMC_TRY(look_at_start(ls, false, error));
    if (shadow)
        VLMC_TRY(look_at_start(ls, true, error));
    return reset_engines(ls, streams, shadow, error);
}

void vlmc_lockstep_stop(vlmc_lockstep *ls)
{
    vlmc_token_contexts_close(&ls->side);
    vlmc_token_contexts_close(&ls->shadow);
}

vlmc_status vlmc_lockstep_tell(const vlmc_lockstep *ls, vlmc_lockstep_tick tick, void *user,
                               uint32_t steps_done, vlmc_error *error)
{
    const uint64_t done = (uint64_t)steps_done * ls->cut.streams;
    const bool ended = steps_done >= vlmc_cut_length(&ls->cut, 0);
    if (tick && !tick(user, ended || done > ls->cut.n ? ls->cut.n : (uint32_t)done))
        return vlmc_fail(error, VLMC_ERROR_INTERRUPTED, "stopped on request");
    return VLMC_OK;
}
