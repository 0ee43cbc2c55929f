// SPDX-License-Identifier: Apache-2.0
#include "lockstep.h"

#include "model/fit.h"
#include "symbol_coder.h"
#include "util/background.h"
#include "x86.h"

#include <stdlib.h>
#include <string.h>

#define ALPHABET 256u
#define EFFORT_SHIFT 5u // above the mixer's memory, in the first byte of a group
#define SLAB_STEPS_MIN 32u
#define SLAB_TOKENS 4096u // streams * steps of a slab, about

// Share of the steps after which a hopeless group is given up, and by how much the
// projected size must miss the capacity: adaptation makes later steps cheaper.
#define ABANDON_STREAMS_MIN 16u
#define ABANDON_AFTER_NUMERATOR 1u
#define ABANDON_AFTER_DENOMINATOR 8u
#define ABANDON_EXCESS_NUMERATOR 3u
#define ABANDON_EXCESS_DENOMINATOR 2u

// Some steps of all streams, on their way through engine and mixer.
typedef struct slab {
    uint32_t first, count; // steps
    // By stream, for the engine:
    uint16_t *before; // (streams, steps) the symbol before
    uint32_t *rows;   // (streams, steps, n_contexts)
    int16_t *logits;  // (streams, steps, 256)
    // By step:
    uint32_t *values; // (steps, streams, n_values)
    uint8_t *symbols; // (steps, streams)
    uint8_t *centres; // (steps, streams)
} slab;

#define HALVES 2u

// The engine's work on the next step of half the streams.
typedef struct half {
    vlmc_background *background; // runs it; NULL until there is one
    struct vlmc_lockstep *lockstep;
    uint32_t which;
    vlmc_status status;
    vlmc_error error;
} half;

#define SLABS 2u // an encoder's: the engine works on one while the other is coded

struct vlmc_lockstep {
    vlmc_engine *engine;             // NULL: the mixer alone
    const vlmc_tokenizer *tokenizer; // NULL: plain bytes
    const vlmc_hyperparameters *hp;  // of the engine
    vlmc_mix_settings settings;
    vlmc_contexts *contexts; // over symbols, for the engine
    vlmc_symbol_coder *coder;
    uint32_t max_steps;
    uint32_t n_values;   // side contexts of the tokenizer
    uint32_t max_tokens; // of a group
    size_t slab_tokens;  // what a slab holds
    slab slabs[SLABS];   // of an encoder
    slab ahead;          // one step: what is known of the next symbol of each stream

    // Of an encoder with an engine, which runs there; NULL until there is one:
    vlmc_background *background;
    const slab *forwarded;
    vlmc_status forward_status;
    vlmc_error forward_error;

    // Of a decoder beside a device: a half each works on, while the other half is decoded.
    vlmc_engine *second; // NULL: there is none
    half halves[HALVES];

    // Of a group:
    vlmc_cut cut;
    uint32_t split; // streams of the first half
    vlmc_token_contexts side;
    vlmc_token_contexts shadow; // encoder: the same again, walked as a decoder does
    uint8_t last[VLMC_STREAMS_MAX];
    slab shadow_ahead; // what the shadow's walk says in place of `ahead`
};

static uint32_t slab_steps(const vlmc_lockstep *ls, uint32_t streams)
{
    uint32_t steps = SLAB_TOKENS / streams;
    if (steps < SLAB_STEPS_MIN)
        steps = SLAB_STEPS_MIN;
    return steps < ls->max_steps ? steps : ls->max_steps;
}

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
    slab->logits = calloc(tokens * ALPHABET, sizeof *slab->logits);
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
    for (uint32_t i = 0; i < HALVES; i++) {
        ls->halves[i] = (half){.lockstep = ls, .which = i};
        VLMC_TRY(vlmc_background_create(&ls->halves[i].background, error));
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
    for (uint32_t i = 0; i < HALVES; i++)
        vlmc_background_destroy(&ls->halves[i].background);
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

static uint8_t settings_byte(const vlmc_mix_settings *settings)
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

// The streams of a half.
static uint32_t half_first(const vlmc_lockstep *ls, uint32_t half)
{
    return half == 0 ? 0 : ls->split;
}

static uint32_t half_end(const vlmc_lockstep *ls, uint32_t half)
{
    return half == 0 ? ls->split : ls->cut.streams;
}

// Those of a half that have a symbol at step t end there.
static uint32_t half_active(const vlmc_lockstep *ls, uint32_t half, uint32_t t)
{
    const uint32_t active = vlmc_cut_active(&ls->cut, t), end = half_end(ls, half);
    return active < end ? active : end;
}

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

// Contexts of a half at step t, before the other half's symbols of step t - 1 are known: so that a
// device can be at this half while that one is decoded. Of the shadow, or of everything.
static vlmc_status look_ahead(vlmc_lockstep *ls, uint32_t half, uint32_t t, bool shadow,
                              vlmc_error *error)
{
    if (t >= vlmc_cut_length(&ls->cut, 0))
        return VLMC_OK;
    const slab *ahead = shadow ? &ls->shadow_ahead : &ls->ahead;
    const vlmc_token_contexts *side = shadow ? &ls->shadow : &ls->side;
    const uint32_t active = half_active(ls, half, t);
    for (uint32_t s = half_first(ls, half); s < half_end(ls, half); s++) {
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
        VLMC_TRY(look_ahead(ls, half, 0, shadow, error));
    return VLMC_OK;
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

// ---- A group's begin and end ----

// An encoder has all symbols and needs no halves.
static bool overlaps(const vlmc_lockstep *ls, bool encoding)
{
    return ls->second && !encoding && ls->split < ls->cut.streams;
}

static vlmc_status reset_engines(vlmc_lockstep *ls, uint32_t streams, bool encoding,
                                 vlmc_error *error)
{
    if (!ls->engine)
        return VLMC_OK;
    if (!overlaps(ls, encoding))
        return vlmc_engine_reset(ls->engine, streams, error);
    VLMC_TRY(vlmc_engine_reset(ls->engine, ls->split, error));
    return vlmc_engine_reset(ls->second, streams - ls->split, error);
}

// `streams` may come from an archive.
static vlmc_status start(vlmc_lockstep *ls, const vlmc_token_coding *coding, uint32_t n,
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

static void stop(vlmc_lockstep *ls)
{
    vlmc_token_contexts_close(&ls->side);
    vlmc_token_contexts_close(&ls->shadow);
}

static void push(vlmc_lockstep *ls, uint32_t s, uint8_t token, uint8_t symbol)
{
    vlmc_token_contexts_push(&ls->side, s, token);
    if (ls->engine)
        vlmc_contexts_push(ls->contexts, s, symbol);
    ls->last[s] = symbol;
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
            for (uint32_t s = half_first(ls, half); s < half_active(ls, half, t); s++) {
                const size_t at = (size_t)i * ls->cut.streams + s;
                const uint8_t token = tokens[vlmc_cut_offset(&ls->cut, s) + t];
                if (ls->tokenizer && token >= ls->tokenizer->alphabet)
                    return vlmc_fail(error, VLMC_ERROR_PLUGIN,
                                     "the tokenizer %s made a token outside of its alphabet",
                                     ls->tokenizer->id);
                slab->symbols[at] =
                    centred ? vlmc_symbol_of_token(token, slab->centres[at]) : token;
                push(ls, s, token, slab->symbols[at]);
            }
            VLMC_TRY(look_ahead(ls, half, t + 1, false, error));
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
        for (uint32_t s = half_first(ls, half); s < half_active(ls, half, t); s++)
            vlmc_token_contexts_push(&ls->shadow, s, tokens[vlmc_cut_offset(&ls->cut, s) + t]);
        VLMC_TRY(look_ahead(ls, half, t + 1, true, error));
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
                ls->engine ? slab->logits + ((size_t)s * slab->count + i) * ALPHABET : NULL;
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

// `done` steps of every stream, in tokens; those that have ended count no further.
static vlmc_status tell(const vlmc_lockstep *ls, vlmc_lockstep_tick tick, void *user,
                        uint32_t steps_done, vlmc_error *error)
{
    const uint64_t done = (uint64_t)steps_done * ls->cut.streams;
    const bool ended = steps_done >= vlmc_cut_length(&ls->cut, 0);
    if (tick && !tick(user, ended || done > ls->cut.n ? ls->cut.n : (uint32_t)done))
        return vlmc_fail(error, VLMC_ERROR_INTERRUPTED, "stopped on request");
    return VLMC_OK;
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
        VLMC_TRY(tell(ls, tick, user, done, error));
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

vlmc_status vlmc_lockstep_encode(vlmc_lockstep *ls, const vlmc_token_coding *coding,
                                 const uint8_t *tokens, uint32_t n, uint32_t streams, uint8_t *out,
                                 size_t capacity, size_t *size, vlmc_lockstep_tick tick, void *user,
                                 vlmc_error *error)
{
    *size = SIZE_MAX;
    vlmc_range_encoder encoder;
    if (capacity == 0)
        return VLMC_OK;
    out[0] = settings_byte(&ls->settings);
    vlmc_range_encoder_start(&encoder, out + 1, capacity - 1);
    vlmc_status status = start(ls, coding, n, streams, true, error);
    if (status == VLMC_OK)
        status = encode(ls, tokens, &encoder, size, tick, user, error);
    *size += *size != SIZE_MAX;
    stop(ls);
    return status;
}

static void half_forward(void *context)
{
    half *half = context;
    vlmc_lockstep *ls = half->lockstep;
    const slab *ahead = &ls->ahead;
    const size_t first = half_first(ls, half->which);
    half->status = vlmc_engine_forward(
        half->which == 0 ? ls->engine : ls->second, 1, ahead->before + first,
        ahead->rows + first * ls->hp->n_contexts, ahead->logits + first * ALPHABET, &half->error);
}

// Beside a device the next step of a half begins as soon as its contexts are known.
static void half_start(vlmc_lockstep *ls, uint32_t which)
{
    if (overlaps(ls, false))
        vlmc_background_start(ls->halves[which].background, half_forward, &ls->halves[which]);
}

static vlmc_status half_wait(vlmc_lockstep *ls, uint32_t which, vlmc_error *error)
{
    half *half = &ls->halves[which];
    if (!overlaps(ls, false))
        return VLMC_OK;
    vlmc_background_wait(half->background);
    if (half->status != VLMC_OK)
        *error = half->error;
    return half->status;
}

static vlmc_status decode_half(vlmc_lockstep *ls, uint8_t *tokens, uint32_t half, uint32_t t,
                               vlmc_range_decoder *decoder, vlmc_error *error)
{
    const slab *ahead = &ls->ahead;
    const bool centred = vlmc_tokenizer_centred(ls->tokenizer);
    for (uint32_t s = half_first(ls, half); s < half_active(ls, half, t); s++) {
        const int16_t *logits = ls->engine ? ahead->logits + (size_t)s * ALPHABET : NULL;
        const uint8_t symbol = vlmc_symbol_decode(ls->coder, s, logits, decoder);
        const uint8_t token = centred ? vlmc_token_of_symbol(symbol, ahead->centres[s]) : symbol;
        if (ls->tokenizer && token >= ls->tokenizer->alphabet)
            decoder->damaged = true;
        if (decoder->damaged)
            return vlmc_fail(error, VLMC_ERROR_DAMAGED,
                             "the packed bytes are not what an encoder writes");
        tokens[vlmc_cut_offset(&ls->cut, s) + t] = token;
        push(ls, s, token, symbol);
    }
    return look_ahead(ls, half, t + 1, false, error);
}

static vlmc_status decode_step(vlmc_lockstep *ls, uint8_t *tokens, uint32_t t,
                               vlmc_range_decoder *decoder, vlmc_error *error)
{
    const bool last = t + 1 == vlmc_cut_length(&ls->cut, 0);
    const slab *ahead = &ls->ahead;
    if (ls->engine && !overlaps(ls, false))
        VLMC_TRY(
            vlmc_engine_forward(ls->engine, 1, ahead->before, ahead->rows, ahead->logits, error));
    for (uint32_t s = 0; s < vlmc_cut_active(&ls->cut, t); s++)
        vlmc_symbol_prepare(ls->coder, s, ahead->values + (size_t)s * ls->n_values);
    for (uint32_t which = 0; which < HALVES; which++) {
        VLMC_TRY(half_wait(ls, which, error));
        VLMC_TRY(decode_half(ls, tokens, which, t, decoder, error));
        if (!last)
            half_start(ls, which);
    }
    return VLMC_OK;
}

static vlmc_status decode_steps(vlmc_lockstep *ls, uint8_t *tokens, vlmc_range_decoder *decoder,
                                vlmc_lockstep_tick tick, void *user, vlmc_error *error)
{
    const uint32_t steps = vlmc_cut_length(&ls->cut, 0);
    for (uint32_t which = 0; which < HALVES; which++)
        half_start(ls, which);
    for (uint32_t t = 0; t < steps; t++) {
        VLMC_TRY(decode_step(ls, tokens, t, decoder, error));
        if (t % 16 == 15)
            VLMC_TRY(tell(ls, tick, user, t + 1, error));
    }
    return VLMC_OK;
}

static vlmc_status decode(vlmc_lockstep *ls, uint8_t *tokens, vlmc_range_decoder *decoder,
                          vlmc_lockstep_tick tick, void *user, vlmc_error *error)
{
    const vlmc_status status = decode_steps(ls, tokens, decoder, tick, user, error);
    for (uint32_t which = 0; which < HALVES && overlaps(ls, false); which++)
        vlmc_background_wait(ls->halves[which].background); // whatever ended it, they rest
    return status;
}

vlmc_status vlmc_lockstep_decode(vlmc_lockstep *ls, const vlmc_token_coding *coding,
                                 const uint8_t *packed, size_t size, uint32_t streams,
                                 uint8_t *tokens, uint32_t n, vlmc_lockstep_tick tick, void *user,
                                 vlmc_error *error)
{
    vlmc_range_decoder decoder;
    if (size == 0 || (packed[0] & ~VLMC_GROUP_X86) != settings_byte(&ls->settings) ||
        (packed[0] & VLMC_GROUP_X86 && ls->tokenizer))
        return vlmc_fail(error, VLMC_ERROR_DAMAGED,
                         "the packed bytes are not what an encoder writes");
    vlmc_range_decoder_start(&decoder, packed + 1, size - 1);
    vlmc_status status = start(ls, coding, n, streams, false, error);
    if (status == VLMC_OK)
        status = decode(ls, tokens, &decoder, tick, user, error);
    if (status == VLMC_OK && packed[0] & VLMC_GROUP_X86)
        vlmc_x86_to_distances(tokens, n);
    stop(ls);
    return status;
}
