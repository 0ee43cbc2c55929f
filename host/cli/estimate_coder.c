// SPDX-License-Identifier: Apache-2.0
#include "estimate_coder.h"

#include "archive/coders.h"
#include "estimate_media.h"
#include "interrupt.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PIECE_TOKENS (16u << 10)

// Short streams keep a device busy, as the many of a whole group do.
#define STREAM_TOKENS 4096u

struct estimate_coder {
    const vlmc_engine_source *source;
    bool waits; // an engine is another device than the CPU
    vlmc_coders *coders;
    uint8_t *out; // (out_capacity)
    size_t out_capacity;
};

// ---- Engines: the source's, looked at ----

static vlmc_status choose(void *user, const vlmc_tokenizer *tokenizer, const vlmc_model **model,
                          vlmc_error *error)
{
    const estimate_coder *c = user;
    return c->source->choose(c->source->user, tokenizer, model, error);
}

static vlmc_status open_engine(void *user, const vlmc_model *model, uint32_t max_streams,
                               uint32_t max_steps, vlmc_engine **engine, vlmc_error *error)
{
    estimate_coder *c = user;
    VLMC_TRY(c->source->open(c->source->user, model, max_streams, max_steps, engine, error));
    c->waits = strcmp((*engine)->api->name, "cpu") != 0;
    return VLMC_OK;
}

static bool lost(void *user, const vlmc_error *error)
{
    const estimate_coder *c = user;
    return c->source->lost && c->source->lost(c->source->user, error);
}

vlmc_status estimate_coder_create(const vlmc_engine_source *source, const estimate_sample *sample,
                                  estimate_coder **coder, vlmc_error *error)
{
    estimate_coder *c = *coder = calloc(1, sizeof *c);
    if (!c)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for an estimate");
    c->source = source;
    for (uint32_t k = 0; k < sample->n_kinds; k++)
        for (uint32_t i = 0; i < sample->kinds[k].n_slices; i++)
            if (sample->kinds[k].slices[i].n > c->out_capacity)
                c->out_capacity = sample->kinds[k].slices[i].n;
    c->out_capacity += c->out_capacity / 4 + 1024;
    c->out = malloc(c->out_capacity);
    const vlmc_engine_source looked_at = {
        .choose = choose,
        .open = open_engine,
        .user = c,
        .lost = lost,
    };
    vlmc_status status =
        c->out ? vlmc_coders_create(&looked_at, VLMC_SLAB_STEPS_MAX, &c->coders, error)
               : vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for an estimate");
    if (status != VLMC_OK)
        estimate_coder_destroy(coder);
    return status;
}

void estimate_coder_destroy(estimate_coder **coder)
{
    estimate_coder *c = *coder;
    if (!c)
        return;
    vlmc_coders_destroy(&c->coders);
    free(c->out);
    free(c);
    *coder = NULL;
}

// ---- Coding ----

// This thread takes part in all that the CPU's threads do, and waits for other devices.
static double now(const estimate_coder *c, const vlmc_model *model)
{
    struct timespec t;
    clock_gettime(model && c->waits ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool go_on(void *unused, uint32_t done)
{
    (void)unused;
    (void)done;
    return cli_interrupt_signal() == 0;
}

static vlmc_status code(estimate_coder *c, const vlmc_tokenizer *tokenizer,
                        const estimate_slice *slice, const vlmc_mix_settings *settings,
                        const vlmc_model *model, estimate_measure *m, vlmc_error *error)
{
    const vlmc_token_coding tokens = {
        .tokenizer = tokenizer,
        .params = slice->params,
        .params_bytes = slice->params_bytes,
        .first_token = slice->first_token,
    };
    const vlmc_token_coding *coding = tokenizer ? &tokens : NULL;
    vlmc_status status;
    size_t size = slice->n;
    double start = 0;
    do {
        vlmc_lockstep *lockstep;
        uint32_t streams;
        status = vlmc_coders_get(c->coders, model, tokenizer, settings, slice->n, &lockstep, error);
        start = now(c, model);
        if (status == VLMC_OK)
            status =
                vlmc_lockstep_streams(lockstep, coding, slice->n, STREAM_TOKENS, &streams, error);
        if (status == VLMC_OK)
            status = vlmc_lockstep_encode(lockstep, coding, slice->tokens, slice->n, streams,
                                          c->out, c->out_capacity, &size, go_on, NULL, error);
    } while (vlmc_coders_retry(c->coders, status, error));
    if (status == VLMC_ERROR_PLUGIN) { // it would be stored
        size = slice->n;
        status = VLMC_OK;
    }
    VLMC_TRY(status);
    // Long segments count for more.
    const double weight =
        slice->segment_tokens > slice->n ? (double)slice->segment_tokens / (double)slice->n : 1;
    m->tokens += weight * slice->n;
    m->bytes += weight * (size > slice->n ? (double)slice->n : (double)size);
    m->seconds += weight * (now(c, model) - start);
    return VLMC_OK;
}

vlmc_status estimate_code(estimate_coder *c, const estimate_kind *kind, uint32_t wanted,
                          const vlmc_mix_settings *settings, const vlmc_model *model,
                          estimate_measure *m, vlmc_error *error)
{
    const vlmc_tokenizer *tokenizer = kind->as_bytes ? NULL : kind->tokenizer;
    *m = (estimate_measure){0};
    for (uint32_t i = 0; i < kind->n_slices; i++) {
        estimate_slice slice = kind->slices[i];
        if (wanted >= slice.n || !kind->joins) {
            slice.n = wanted < slice.n ? wanted : slice.n;
            VLMC_TRY(code(c, tokenizer, &slice, settings, model, m, error));
            continue;
        }
        uint8_t *thin = malloc(wanted);
        if (!thin)
            return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for an estimate");
        slice.n = (uint32_t)estimate_thin(slice.tokens, slice.n, PIECE_TOKENS, thin, wanted);
        slice.tokens = thin;
        slice.segment_tokens = 0; // all of them count the same
        const vlmc_status status = code(c, tokenizer, &slice, settings, model, m, error);
        free(thin);
        VLMC_TRY(status);
    }
    return VLMC_OK;
}
