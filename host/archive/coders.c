// SPDX-License-Identifier: Apache-2.0
#include "coders.h"

#include <stdlib.h>

// A mixer takes tens of MB: plain bytes and text with a model and without.
#define LOCKSTEPS_MAX 4u
#define MODELS_TYPICAL 32u

// Lock steps are made for groups of this size at least, so that small ones do not grow step by
// step; what a mixer does not use of it costs address space only.
#define LOCKSTEP_TOKENS_MIN VLMC_GROUP_BYTES_DEFAULT

// Fewer streams are decoded as fast on one thread: a step of a processor's engine takes little
// longer for two streams than for one.
#define HALVES_STREAMS_MIN 4u

typedef struct engine_slot {
    vlmc_engine *engine; // NULL: free
    vlmc_engine *second; // of a decoder by halves; NULL: none was needed, or it could not be had
    bool asked;          // for the second
    uint64_t used;       // time of the last use
} engine_slot;

typedef struct lockstep_slot {
    vlmc_lockstep *lockstep; // NULL: free
    const vlmc_model *model;
    const vlmc_tokenizer *tokenizer;
    vlmc_mix_settings settings;
    uint32_t max_tokens; // of a group
    bool by_halves;
    uint64_t used;
} lockstep_slot;

struct vlmc_coders {
    vlmc_engine_source source;
    uint32_t max_steps;
    uint64_t now; // counts uses
    engine_slot engines[VLMC_ENGINES_MAX];
    lockstep_slot locksteps[LOCKSTEPS_MAX];
    const vlmc_model *current; // of the last lock step
    lockstep_slot *last;       // it; NULL: there is none
};

vlmc_status vlmc_coders_create(const vlmc_engine_source *source, uint32_t max_steps,
                               vlmc_coders **coders, vlmc_error *error)
{
    vlmc_coders *c = *coders = calloc(1, sizeof *c);
    if (!c)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to run a model");
    if (source)
        c->source = *source;
    c->max_steps = max_steps;
    return VLMC_OK;
}

// A lock step borrows its engine.
static void destroy_engine(vlmc_coders *c, engine_slot *slot)
{
    for (uint32_t i = 0; i < LOCKSTEPS_MAX && slot->engine; i++)
        if (c->locksteps[i].model == slot->engine->model)
            vlmc_lockstep_destroy(&c->locksteps[i].lockstep);
    vlmc_engine_destroy(&slot->engine);
    vlmc_engine_destroy(&slot->second);
    slot->asked = false;
}

void vlmc_coders_destroy(vlmc_coders **coders)
{
    vlmc_coders *c = *coders;
    if (!c)
        return;
    for (uint32_t i = 0; i < LOCKSTEPS_MAX; i++)
        vlmc_lockstep_destroy(&c->locksteps[i].lockstep);
    for (uint32_t i = 0; i < VLMC_ENGINES_MAX; i++)
        destroy_engine(c, &c->engines[i]);
    free(c);
    *coders = NULL;
}

static vlmc_status get_engine(vlmc_coders *c, const vlmc_model *model, engine_slot **engine,
                              vlmc_error *error)
{
    engine_slot *oldest = &c->engines[0];
    for (uint32_t i = 0; i < VLMC_ENGINES_MAX; i++) {
        engine_slot *slot = &c->engines[i];
        if (slot->engine && slot->engine->model == model) {
            slot->used = c->now;
            *engine = slot;
            return VLMC_OK;
        }
        if (!slot->engine || (oldest->engine && slot->used < oldest->used))
            oldest = slot;
    }
    destroy_engine(c, oldest);
    VLMC_TRY(c->source.open(c->source.user, model, VLMC_STREAMS_MAX, c->max_steps, &oldest->engine,
                            error));
    oldest->used = c->now;
    *engine = oldest;
    return VLMC_OK;
}

// The slot of a lock step of these, or the one to be given up for it.
static lockstep_slot *find_lockstep(vlmc_coders *c, const vlmc_model *model,
                                    const vlmc_tokenizer *tokenizer)
{
    lockstep_slot *oldest = &c->locksteps[0];
    for (uint32_t i = 0; i < LOCKSTEPS_MAX; i++) {
        lockstep_slot *slot = &c->locksteps[i];
        if (slot->lockstep && slot->model == model && slot->tokenizer == tokenizer)
            return slot;
        if (!slot->lockstep || (oldest->lockstep && slot->used < oldest->used))
            oldest = slot;
    }
    return oldest;
}

// The least power of two that holds a group of n tokens.
static uint32_t lockstep_tokens(uint32_t n)
{
    uint32_t tokens = LOCKSTEP_TOKENS_MIN;
    while (tokens < n && tokens < VLMC_GROUP_BYTES_MAX)
        tokens *= 2;
    return tokens;
}

uint64_t vlmc_coders_mixer_bytes(const vlmc_mix_settings *settings, uint32_t n_tokens)
{
    const uint64_t most = (uint64_t)VLMC_MIX_LINE_BYTES << settings->memory;
    const uint64_t needed =
        (uint64_t)VLMC_MIX_LINE_BYTES * MODELS_TYPICAL * lockstep_tokens(n_tokens);
    return needed < most ? needed : most;
}

// Mixers may take GiB each: the others are given up where they would be too much together.
static void make_way(vlmc_coders *c, const vlmc_mix_settings *settings, uint32_t n_tokens)
{
    uint64_t bytes = vlmc_coders_mixer_bytes(settings, n_tokens);
    for (uint32_t i = 0; i < LOCKSTEPS_MAX; i++)
        if (c->locksteps[i].lockstep)
            bytes += vlmc_coders_mixer_bytes(&c->locksteps[i].settings, c->locksteps[i].max_tokens);
    for (uint32_t i = 0; i < LOCKSTEPS_MAX && bytes > VLMC_CODERS_BYTES_MAX; i++)
        vlmc_lockstep_destroy(&c->locksteps[i].lockstep);
}

vlmc_status vlmc_coders_get(vlmc_coders *c, const vlmc_model *model,
                            const vlmc_tokenizer *tokenizer, const vlmc_mix_settings *settings,
                            uint32_t n_tokens, vlmc_lockstep **lockstep, vlmc_error *error)
{
    engine_slot none = {0}, *engine = &none;
    c->now++;
    c->current = model;
    c->last = NULL;
    *lockstep = NULL;
    if (model)
        VLMC_TRY(get_engine(c, model, &engine, error));
    lockstep_slot *slot = find_lockstep(c, model, tokenizer);
    if (!slot->lockstep || slot->model != model || slot->tokenizer != tokenizer ||
        slot->settings.effort != settings->effort || slot->settings.memory != settings->memory ||
        slot->max_tokens < n_tokens) {
        vlmc_lockstep_destroy(&slot->lockstep);
        make_way(c, settings, n_tokens);
        *slot = (lockstep_slot){
            .model = model,
            .tokenizer = tokenizer,
            .settings = *settings,
            .max_tokens = lockstep_tokens(n_tokens),
        };
        VLMC_TRY(vlmc_lockstep_create(engine->engine, tokenizer, settings, c->max_steps,
                                      slot->max_tokens, &slot->lockstep, error));
    }
    slot->used = c->now;
    c->last = slot;
    *lockstep = slot->lockstep;
    return VLMC_OK;
}

static void open_second(vlmc_coders *c, engine_slot *slot)
{
    const vlmc_engine_api *api = slot->engine->api;
    vlmc_error unused;
    slot->asked = true;
    if (api->sibling) {
        (void)api->sibling(slot->engine, &slot->second, &unused);
        return;
    }
    // Where a device has no room for two there is none, or one on the processor, which is no help.
    if (c->source.open(c->source.user, slot->engine->model, VLMC_STREAMS_MAX, c->max_steps,
                       &slot->second, &unused) == VLMC_OK &&
        slot->second->api != api)
        vlmc_engine_destroy(&slot->second);
}

void vlmc_coders_by_halves(vlmc_coders *c, uint32_t streams)
{
    engine_slot *engine;
    vlmc_error unused;
    if (streams < 2 || !c->last || !c->last->model || c->last->by_halves ||
        get_engine(c, c->last->model, &engine, &unused) != VLMC_OK ||
        engine->engine->place == VLMC_ENGINE_CALLER)
        return;
    if (engine->engine->api->sibling && streams < HALVES_STREAMS_MIN)
        return;
    if (!engine->asked)
        open_second(c, engine);
    if (!engine->second)
        return;
    c->last->by_halves = true; // or not, where there is no thread for it: the tokens are the same
    (void)vlmc_lockstep_overlap(c->last->lockstep, engine->second, &unused);
}

bool vlmc_coders_retry(vlmc_coders *c, vlmc_status status, const vlmc_error *error)
{
    if (status != VLMC_ERROR_DEVICE)
        return false;
    for (uint32_t i = 0; i < VLMC_ENGINES_MAX; i++)
        if (c->engines[i].engine && c->engines[i].engine->model == c->current) {
            destroy_engine(c, &c->engines[i]);
            return c->source.lost && c->source.lost(c->source.user, error);
        }
    return false;
}
