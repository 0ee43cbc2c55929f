// SPDX-License-Identifier: Apache-2.0
#include "reader_ahead.h"

#include "codec/lockstep.h"
#include "reader.h"
#include "shared_source.h"
#include "util/room.h"
#include "util/work_queue.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

// How often progress is told while a group is waited for.
#define TICK_MS 50u

// A group on its way. It fails in silence: whoever needs it decodes it again, and finds the reason.
typedef struct ahead_job {
    uint32_t group;
    uint32_t n; // tokens
    uint32_t streams;
    const vlmc_model *model;
    bool has_coding;
    vlmc_token_coding coding;
    vlmc_mix_settings settings;
    uint8_t *packed; // (size) and behind it the coding's parameters
    size_t size;
    uint64_t raw_hash;
    uint8_t *tokens; // (n) when it is done; NULL: it has failed
    atomic_uint done;
    const atomic_bool *stop;
} ahead_job;

struct vlmc_reader_ahead {
    vlmc_reader *reader;
    vlmc_shared_source shared; // the reader's, for several threads
    vlmc_work_queue *queue;
    vlmc_coders **coders; // (n_workers) NULL: not made
    uint32_t n_workers;
    uint64_t memory_bytes;
    uint32_t *plan; // (capacity), of which the first `begun` are decoded, in work or given up
    size_t plan_bytes;
    uint32_t n_planned;
    uint32_t begun;
    uint32_t *places; // (n_groups) of each group in the plan, from 1; 0: it is not there
    ahead_job **jobs; // (n_jobs of n_workers + 1) with the queue, oldest first
    uint32_t n_jobs;
    atomic_bool stop;
};

static bool tick(void *user, uint32_t done)
{
    ahead_job *job = user;
    atomic_store_explicit(&job->done, done, memory_order_relaxed);
    return !atomic_load_explicit(job->stop, memory_order_relaxed);
}

static vlmc_status decode(vlmc_reader_ahead *a, uint32_t worker, ahead_job *job)
{
    vlmc_error unused;
    vlmc_lockstep *lockstep;
    const vlmc_token_coding *coding = job->has_coding ? &job->coding : NULL;
    if (!a->coders[worker])
        VLMC_TRY(vlmc_coders_create(&a->shared.source, 1, &a->coders[worker], &unused));
    VLMC_TRY(vlmc_coders_get(a->coders[worker], job->model, coding ? coding->tokenizer : NULL,
                             &job->settings, job->n, &lockstep, &unused));
    vlmc_coders_by_halves(a->coders[worker], job->streams);
    VLMC_TRY(vlmc_lockstep_decode(lockstep, coding, job->packed, job->size, job->streams,
                                  job->tokens, job->n, tick, job, &unused));
    return vlmc_format_hash(job->tokens, job->n) == job->raw_hash ? VLMC_OK : VLMC_ERROR_DAMAGED;
}

static void run(void *user, uint32_t worker, void *item)
{
    ahead_job *job = item;
    job->tokens = malloc(job->n);
    if (job->tokens && decode(user, worker, job) == VLMC_OK)
        return;
    free(job->tokens);
    job->tokens = NULL;
}

static void free_job(ahead_job *job)
{
    if (!job)
        return;
    free(job->packed);
    free(job->tokens);
    free(job);
}

vlmc_status vlmc_reader_ahead_create(vlmc_reader *reader, uint32_t groups_at_once,
                                     uint64_t memory_bytes, vlmc_reader_ahead **ahead,
                                     vlmc_error *error)
{
    vlmc_reader_ahead *a = *ahead = calloc(1, sizeof *a);
    if (!a)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to read %s", reader->path);
    a->reader = reader;
    a->n_workers = groups_at_once;
    a->memory_bytes = memory_bytes;
    vlmc_shared_source_init(&a->shared, &reader->source);
    a->coders = calloc(groups_at_once, sizeof(vlmc_coders *));
    a->jobs = calloc(groups_at_once + 1, sizeof(ahead_job *));
    a->places = calloc((size_t)reader->index.n_groups + 1, sizeof *a->places);
    const vlmc_status status =
        a->coders && a->jobs && a->places
            ? vlmc_work_queue_create(groups_at_once, groups_at_once + 1, run, a, &a->queue, error)
            : vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to read %s", reader->path);
    if (status != VLMC_OK)
        vlmc_reader_ahead_destroy(ahead);
    return status;
}

void vlmc_reader_ahead_destroy(vlmc_reader_ahead **ahead)
{
    vlmc_reader_ahead *a = *ahead;
    if (!a)
        return;
    a->stop = true;
    vlmc_work_queue_destroy(&a->queue);
    for (uint32_t i = 0; i < a->n_jobs; i++)
        free_job(a->jobs[i]);
    for (uint32_t i = 0; a->coders && i < a->n_workers; i++)
        vlmc_coders_destroy(&a->coders[i]);
    vlmc_shared_source_destroy(&a->shared);
    free(a->coders);
    free(a->jobs);
    free(a->places);
    free(a->plan);
    free(a);
    *ahead = NULL;
}

vlmc_status vlmc_reader_ahead_add(vlmc_reader_ahead *a, uint32_t group, vlmc_error *error)
{
    if (a->places[group])
        return VLMC_OK;
    uint8_t *plan = (uint8_t *)a->plan;
    if (!vlmc_make_room(&plan, &a->plan_bytes, ((size_t)a->n_planned + 1) * sizeof *a->plan))
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to read %s", a->reader->path);
    a->plan = (uint32_t *)plan;
    a->plan[a->n_planned++] = group;
    a->places[group] = a->n_planned;
    return VLMC_OK;
}

// ---- Beginning ----

// What the threads need of a group; NULL: it cannot be had, or is no work.
static ahead_job *prepare(vlmc_reader_ahead *a, uint32_t group)
{
    vlmc_reader *r = a->reader;
    const vlmc_group_info *info = &r->index.groups[group];
    vlmc_reader_group_parts parts;
    vlmc_error unused;
    if (info->method != VLMC_GROUP_MODEL ||
        vlmc_reader_group_open(r, group, &parts, &unused) != VLMC_OK)
        return NULL;
    ahead_job *job = calloc(1, sizeof *job);
    const uint32_t params_bytes = parts.coding.params_bytes;
    if (job)
        job->packed = malloc(parts.size + params_bytes + 1);
    if (!job || !job->packed ||
        vlmc_lockstep_settings(parts.packed, parts.size, &job->settings, &unused) != VLMC_OK) {
        free_job(job);
        return NULL;
    }
    job->group = group;
    job->n = info->raw_bytes;
    job->streams = info->streams;
    job->model = parts.model;
    job->has_coding = info->tokenizer != 0;
    job->coding = parts.coding;
    job->size = parts.size;
    job->raw_hash = parts.raw_hash;
    job->stop = &a->stop;
    memcpy(job->packed, parts.packed, parts.size);
    if (params_bytes)
        memcpy(job->packed + parts.size, parts.coding.params, params_bytes);
    job->coding.params = job->packed + parts.size;
    return job;
}

// Mixers of so many groups are in use, each of this size at most.
static bool has_room(const vlmc_reader_ahead *a, const ahead_job *job)
{
    const uint64_t mixer_bytes = (uint64_t)VLMC_MIX_LINE_BYTES << job->settings.memory;
    return a->n_jobs == 0 || (a->n_jobs + 1) * mixer_bytes <= a->memory_bytes;
}

static void begin_more(vlmc_reader_ahead *a)
{
    vlmc_error unused;
    while (a->n_jobs <= a->n_workers && a->begun < a->n_planned) {
        const uint32_t group = a->plan[a->begun];
        ahead_job *job = vlmc_reader_cache_has(&a->reader->cache, group) ? NULL : prepare(a, group);
        if (job && !has_room(a, job)) { // later, when others are done
            free_job(job);
            return;
        }
        a->begun++;
        if (job && vlmc_work_queue_give(a->queue, job, &unused) == VLMC_OK)
            a->jobs[a->n_jobs++] = job;
        else
            free_job(job);
    }
}

// ---- Ending ----

static const ahead_job *find_job(const vlmc_reader_ahead *a, uint32_t group)
{
    for (uint32_t i = 0; i < a->n_jobs; i++)
        if (a->jobs[i]->group == group)
            return a->jobs[i];
    return NULL;
}

// Puts the result where the reader looks for it.
static void keep(vlmc_reader *r, const ahead_job *job)
{
    vlmc_kept_group *kept = job->tokens ? vlmc_reader_cache_place(&r->cache, job->n) : NULL;
    if (!kept)
        return;
    memcpy(kept->tokens, job->tokens, job->n);
    vlmc_reader_cache_keep(&r->cache, kept, job->group, true);
    r->packed_done += VLMC_RECORD_BYTES + r->index.groups[job->group].packed_bytes;
}

// Its turn is still to come.
static bool is_to_come(const vlmc_reader_ahead *a, uint32_t group)
{
    return a->places[group] > a->begun;
}

vlmc_status vlmc_reader_ahead_need(vlmc_reader_ahead *a, uint32_t group, vlmc_error *error)
{
    vlmc_reader *r = a->reader;
    if (is_to_come(a, group)) // nobody needs those before it any more
        a->begun = a->places[group] - 1;
    for (;;) {
        begin_more(a);
        const ahead_job *wanted = find_job(a, group);
        if (!wanted && !(is_to_come(a, group) && a->n_jobs > 0))
            return VLMC_OK;
        ahead_job *job = vlmc_work_queue_take(a->queue, TICK_MS);
        if (job) {
            memmove(a->jobs, a->jobs + 1, --a->n_jobs * sizeof *a->jobs);
            keep(r, job);
            free_job(job);
            continue;
        }
        const uint64_t done =
            wanted ? atomic_load_explicit(&wanted->done, memory_order_relaxed) : 0;
        if (!vlmc_reader_tell(r, done < r->tokens_ahead ? done : r->tokens_ahead))
            return vlmc_fail(error, VLMC_ERROR_INTERRUPTED, "stopped on request");
    }
}
