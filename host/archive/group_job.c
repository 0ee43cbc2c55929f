// SPDX-License-Identifier: Apache-2.0
#include "group_job.h"

#include "coders.h"
#include "util/background.h"

#include <stdlib.h>
#include <string.h>

// Smaller results are not worth a model at extraction.
#define MODEL_BYTES_MIN 128u

// Beside a group without a model, one with it has its number.
#define MODEL_TAG_BYTES 3u

// Pieces of a group, spread evenly, from which its model is judged.
#define SAMPLE_PIECES 4u
#define SAMPLE_PIECE_TOKENS 8192u

// What codes groups with a mixer, one at a time.
typedef struct coding_tools {
    vlmc_group_packer *packer;
    vlmc_coders *coders;
    const vlmc_lockstep *lockstep; // that is at work
} coding_tools;

struct vlmc_group_worker {
    const vlmc_engine_source *source;
    vlmc_level level;
    uint64_t beside_bytes;
    coding_tools tools;
    vlmc_group_job *job; // that is in work

    // The mixer alone, where both are tried.
    coding_tools alone;          // `coders` are `second` or those of `tools`
    vlmc_background *background; // a thread for it; NULL: there is none
    vlmc_coders *second;         // of that thread
    vlmc_packed_group packed;    // what it makes of the job
    vlmc_status status;
    vlmc_error error;
    atomic_size_t size; // of its result; SIZE_MAX: not known yet
    bool beaten;        // the transformer has more than that already
};

vlmc_status vlmc_group_worker_create(const vlmc_engine_source *source, const vlmc_level *level,
                                     uint64_t beside_bytes, vlmc_group_worker **worker,
                                     vlmc_error *error)
{
    vlmc_group_worker *w = *worker = calloc(1, sizeof *w);
    if (!w)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
    w->source = source;
    w->level = *level;
    w->beside_bytes = beside_bytes;
    vlmc_status status = vlmc_group_packer_create(source->open != NULL, &w->tools.packer, error);
    if (status == VLMC_OK)
        status = vlmc_group_packer_create(source->open != NULL, &w->alone.packer, error);
    if (status == VLMC_OK)
        status = vlmc_coders_create(source, VLMC_SLAB_STEPS_MAX, &w->tools.coders, error);
    if (status != VLMC_OK)
        vlmc_group_worker_destroy(worker);
    return status;
}

void vlmc_group_worker_destroy(vlmc_group_worker **worker)
{
    vlmc_group_worker *w = *worker;
    if (!w)
        return;
    vlmc_background_destroy(&w->background);
    vlmc_coders_destroy(&w->second);
    vlmc_coders_destroy(&w->tools.coders);
    vlmc_group_packer_destroy(&w->alone.packer);
    vlmc_group_packer_destroy(&w->tools.packer);
    free(w);
    *worker = NULL;
}

void vlmc_group_job_free_results(vlmc_group_job *job)
{
    free(job->alone.owned);
    free(job->with.owned);
    job->alone = job->with = (vlmc_group_result){0};
}

static bool tick_quietly(void *user, uint32_t tokens_done)
{
    const vlmc_group_worker *w = user;
    (void)tokens_done;
    return !atomic_load_explicit(w->job->stop, memory_order_relaxed);
}

static bool tick(void *user, uint32_t tokens_done)
{
    const vlmc_group_worker *w = user;
    atomic_store_explicit(&w->job->done, tokens_done, memory_order_relaxed);
    return tick_quietly(user, tokens_done);
}

// Whenever it is seen that the mixer alone needs less than what is coded so far, the outcome is the
// same.
static bool tick_against_alone(void *user, uint32_t tokens_done)
{
    vlmc_group_worker *w = user;
    w->beaten = vlmc_lockstep_coded(w->tools.lockstep) > atomic_load(&w->size);
    return !w->beaten && tick(user, tokens_done);
}

static const vlmc_token_coding *coding_of(const vlmc_group_job *job)
{
    return job->has_coding ? &job->coding : NULL;
}

// What a result of a model costs besides its bytes.
static uint32_t tag_of(const vlmc_group_job *job, const vlmc_model *model)
{
    return job->has_coding || !model ? MODEL_TAG_BYTES : 0;
}

// Replaces *packed where the mixer, with `model` unless that is NULL, makes less of these tokens.
static vlmc_status pack_with(vlmc_group_worker *w, coding_tools *tools, const vlmc_model *model,
                             const uint8_t *tokens, uint32_t n, vlmc_packed_group *packed,
                             vlmc_lockstep_tick tick, vlmc_error *error)
{
    const vlmc_token_coding *coding = coding_of(w->job);
    vlmc_error detail = {0};
    vlmc_status status;
    do {
        vlmc_lockstep *lockstep;
        status = vlmc_coders_get(tools->coders, model, coding ? coding->tokenizer : NULL,
                                 &w->level.mix, n, &lockstep, &detail);
        tools->lockstep = lockstep;
        if (status == VLMC_OK)
            status = vlmc_group_pack_model(tools->packer, lockstep, coding, tokens, n,
                                           w->level.stream_tokens, tag_of(w->job, model), packed,
                                           tick, w, &detail);
    } while (vlmc_coders_retry(tools->coders, status, &detail));
    if (status != VLMC_OK)
        *error = detail;
    return status;
}

// What `model` makes of some tokens, or with NULL the mixer alone: *size.
static vlmc_status try_sample(vlmc_group_worker *w, const vlmc_model *model, const uint8_t *tokens,
                              uint32_t n, uint32_t *size, vlmc_error *error)
{
    vlmc_packed_group packed = {.method = VLMC_GROUP_STORED, .bytes = tokens, .size = n};
    coding_tools *tools = model ? &w->tools : &w->alone;
    VLMC_TRY(pack_with(w, tools, model, tokens, n, &packed, tick_quietly, error));
    *size = packed.size;
    return VLMC_OK;
}

// What a sample says of the model and the mixer alone.
typedef struct promise {
    bool with;    // the model may be better
    bool without; // the mixer alone may be
} promise;

// Plain bytes and text may be anything from a novel to machine code, and neither of the two is best
// for all. Judged from the tokens themselves, so that it is the same everywhere.
static vlmc_status judge_sample(vlmc_group_worker *w, promise *promising, vlmc_error *error)
{
    uint8_t pieces[SAMPLE_PIECES * SAMPLE_PIECE_TOKENS];
    const uint8_t *tokens = w->job->tokens;
    uint32_t n = w->job->n, with = 0, without = 0;
    if (n > sizeof pieces) {
        const uint32_t apart = (n - SAMPLE_PIECE_TOKENS) / (SAMPLE_PIECES - 1);
        for (uint32_t i = 0; i < SAMPLE_PIECES; i++)
            memcpy(pieces + i * SAMPLE_PIECE_TOKENS, tokens + i * apart, SAMPLE_PIECE_TOKENS);
        tokens = pieces;
        n = sizeof pieces;
    }
    VLMC_TRY(try_sample(w, NULL, tokens, n, &without, error));
    VLMC_TRY(try_sample(w, w->job->model, tokens, n, &with, error));
    // Context models catch up where much repeats, but not so much.
    const uint32_t a_little_more = without + without / 16, two_thirds = without - without / 3;
    promising->with = with < a_little_more;
    promising->without = with > two_thirds;
    return VLMC_OK;
}

vlmc_status vlmc_group_result_own(vlmc_group_result *result, const vlmc_packed_group *packed,
                                  vlmc_error *error)
{
    result->packed = *packed;
    if (packed->method == VLMC_GROUP_STORED)
        return VLMC_OK;
    result->owned = malloc(packed->size ? packed->size : 1);
    if (!result->owned) {
        result->packed.bytes = NULL;
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
    }
    memcpy(result->owned, packed->bytes, packed->size);
    result->packed.bytes = result->owned;
    return VLMC_OK;
}

// ---- With the transformer and without ----

static void pack_alone(void *user)
{
    vlmc_group_worker *w = user;
    const vlmc_group_job *job = w->job;
    w->status =
        pack_with(w, &w->alone, NULL, job->tokens, job->n, &w->packed, tick_quietly, &w->error);
    atomic_store(&w->size, w->packed.size);
}

// A second thread, where there is memory for the mixer that it needs. False: there is none.
static bool have_second_thread(vlmc_group_worker *w)
{
    vlmc_error unused;
    return vlmc_coders_mixer_bytes(&w->level.mix, w->job->n) <= w->beside_bytes &&
           (w->second ||
            vlmc_coders_create(NULL, VLMC_SLAB_STEPS_MAX, &w->second, &unused) == VLMC_OK) &&
           (w->background || vlmc_background_create(&w->background, &unused) == VLMC_OK);
}

// Both at once where there is a second thread, else one after the other; the results are the same.
static vlmc_status pack_both(vlmc_group_worker *w, bool at_once, vlmc_packed_group *alone,
                             vlmc_packed_group *with, vlmc_error *error)
{
    const vlmc_group_job *job = w->job;
    w->packed = *alone;
    w->beaten = false;
    atomic_store(&w->size, SIZE_MAX);
    if (at_once)
        vlmc_background_start(w->background, pack_alone, w);
    else
        pack_alone(w);
    vlmc_status status =
        pack_with(w, &w->tools, job->model, job->tokens, job->n, with, tick_against_alone, error);
    if (at_once)
        vlmc_background_wait(w->background);
    if (w->beaten)
        status = VLMC_OK;
    *alone = w->packed;
    if (w->status != VLMC_OK || with->size + tag_of(job, job->model) >= alone->size)
        *with = *alone;
    if (w->status == VLMC_OK)
        return status;
    *error = w->error;
    return w->status;
}

// *alone: without the transformer; *with: the best, the same unless the transformer's is smaller.
static vlmc_status pack_models(vlmc_group_worker *w, vlmc_packed_group *alone,
                               vlmc_packed_group *with, vlmc_error *error)
{
    vlmc_group_job *job = w->job;
    const bool joins = !job->has_coding || job->coding.tokenizer->flags & VLMC_TOKENIZER_JOINS;
    if (w->level.models) {
        job->chose = true;
        *error = job->choice_error;
        VLMC_TRY(job->choice);
    }
    // Context models that read everything in one stream learn more of what repeats than beside a
    // transformer in many: where there is no telling, both are tried.
    promise promising = {.with = job->model != NULL, .without = !job->model};
    const bool at_once = joins && job->model && have_second_thread(w);
    w->alone.coders = at_once ? w->second : w->tools.coders;
    if (joins && job->model)
        VLMC_TRY(judge_sample(w, &promising, error));
    if (promising.with && promising.without)
        return pack_both(w, at_once, alone, with, error);
    if (promising.without)
        VLMC_TRY(pack_with(w, &w->alone, NULL, job->tokens, job->n, alone, tick, error));
    *with = *alone;
    if (promising.with)
        return pack_with(w, &w->tools, job->model, job->tokens, job->n, with, tick, error);
    return VLMC_OK;
}

static vlmc_status pack(vlmc_group_worker *w, vlmc_error *error)
{
    vlmc_group_job *job = w->job;
    vlmc_packed_group alone, with;
    VLMC_TRY(vlmc_group_pack(w->tools.packer, job->tokens, job->n, &alone, error));
    with = alone;
    // Pixels and samples that look like noise to zstd are none to their contexts.
    const bool try_model = job->has_coding ? alone.size > MODEL_BYTES_MIN : alone.try_model;
    vlmc_status status = VLMC_OK;
    if (try_model && w->source->open)
        status = pack_models(w, &alone, &with, error);
    if (status != VLMC_OK && status != VLMC_ERROR_PLUGIN)
        return status;
    vlmc_error detail;
    if (vlmc_group_result_own(&job->alone, &alone, &detail) != VLMC_OK ||
        (with.size < alone.size && vlmc_group_result_own(&job->with, &with, &detail) != VLMC_OK)) {
        *error = detail;
        return VLMC_ERROR_MEMORY;
    }
    return status;
}

void vlmc_group_worker_run(vlmc_group_worker *w, vlmc_group_job *job)
{
    w->job = job;
    job->chose = false;
    job->status = pack(w, &job->error);
    w->job = NULL;
}
