// SPDX-License-Identifier: Apache-2.0
#include "packer.h"

#include "codec/level.h"
#include "group_job.h"
#include "shared_source.h"
#include "util/work_queue.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

// What a list of segments costs in the index, about.
#define SEGMENT_COST_BYTES 16u

// How often progress is told while groups are waited for.
#define TICK_MS 50u

typedef struct segment segment;

// A group between its tokens and its record.
typedef struct flight {
    vlmc_group_job job;
    uint8_t *owned;   // tokens and parameters of a group that is no segment's
    uint32_t number;  // of its tokenizer
    uint64_t bytes;   // of files, that it stands for
    segment *segment; // that it is of, NULL: none
    vlmc_journal_entry entry;
    bool recalled; // its result is that of an earlier run
} flight;

// Groups of a segment, which are written when all are packed and worth it.
struct segment {
    const vlmc_token_coding *coding;
    const uint8_t *tokens;
    size_t n;
    size_t n_bytes;
    uint32_t align;
    uint64_t limit; // what the groups must stay below to be worth it
    flight *groups; // (n_groups)
    uint32_t n_groups;
    uint32_t n_packed;       // that have come back
    uint64_t size;           // what those take
    const vlmc_model *known; // its record is counted in `size`
};

struct vlmc_packer {
    vlmc_engine_source source; // the writer's
    vlmc_shared_source shared; // the same for several threads
    vlmc_writer_plugins plugins;
    vlmc_progress_fn progress;
    void *progress_user;
    vlmc_output *output;
    vlmc_records *records;
    vlmc_recall *recall;       // NULL: nothing is taken over
    vlmc_group_packer *groups; // of this thread
    vlmc_work_queue *queue;
    vlmc_group_worker **workers; // (n_workers + 1) the last is this thread's; NULL: not made
    uint32_t n_workers;
    flight **flights; // (n_flights of n_workers + 1) with the queue, oldest first
    uint32_t n_flights;
    atomic_bool stop;         // of all that is with the queue
    atomic_bool segment_stop; // of the segment's groups
    const char *path;         // of the current file
    bool told;                // it has had its notice
    uint64_t done;            // bytes of files in groups that are written
    uint64_t before;          // of the current segment, in groups that are packed and not written
    uint64_t shown;           // most that progress has been told
    uint64_t beside_bytes;    // for a second thread of each worker
    uint32_t limit;           // tokens of a group
    vlmc_level level;
};

// ---- Threads ----

static void run(void *user, uint32_t worker, void *item)
{
    vlmc_packer *p = user;
    flight *f = item;
    if (f->recalled)
        return;
    f->job.status = p->workers[worker]
                        ? VLMC_OK
                        : vlmc_group_worker_create(&p->shared.source, &p->level, p->beside_bytes,
                                                   &p->workers[worker], &f->job.error);
    if (f->job.status == VLMC_OK)
        vlmc_group_worker_run(p->workers[worker], &f->job);
}

static vlmc_status no_memory(vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
}

static vlmc_status start(vlmc_packer *p, vlmc_error *error)
{
    p->workers = calloc(p->n_workers + 1, sizeof(vlmc_group_worker *));
    p->flights = calloc(p->n_workers + 1, sizeof(flight *));
    if (!p->workers || !p->flights)
        return no_memory(error);
    // One more than there are threads: the next one is at hand when a thread is free.
    VLMC_TRY(vlmc_work_queue_create(p->n_workers, p->n_workers + 1, run, p, &p->queue, error));
    return vlmc_group_packer_create(p->source.open != NULL, &p->groups, error);
}

vlmc_status vlmc_packer_create(const vlmc_writer_params *params, vlmc_output *output,
                               vlmc_records *records, vlmc_recall *recall, vlmc_packer **packer,
                               vlmc_error *error)
{
    vlmc_packer *p = *packer = calloc(1, sizeof *p);
    if (!p)
        return no_memory(error);
    p->source = params->engine;
    vlmc_shared_source_init(&p->shared, &p->source);
    p->plugins = params->plugins;
    p->level = *params->level;
    p->limit = params->group_bytes ? params->group_bytes : VLMC_GROUP_BYTES_DEFAULT;
    p->progress = params->progress;
    p->progress_user = params->progress_user;
    p->output = output;
    p->records = records;
    p->recall = recall;
    p->beside_bytes = params->beside_bytes;
    p->n_workers = params->groups_at_once ? params->groups_at_once : 1;
    const vlmc_status status = start(p, error);
    if (status != VLMC_OK)
        vlmc_packer_destroy(packer);
    return status;
}

static void free_flight(flight *f)
{
    vlmc_group_job_free_results(&f->job);
    if (f->segment)
        return; // one of the segment's
    free(f->owned);
    free(f);
}

void vlmc_packer_destroy(vlmc_packer **packer)
{
    vlmc_packer *p = *packer;
    if (!p)
        return;
    p->stop = p->segment_stop = true;
    vlmc_work_queue_destroy(&p->queue);
    for (uint32_t i = 0; i < p->n_flights; i++)
        free_flight(p->flights[i]);
    for (uint32_t i = 0; p->workers && i <= p->n_workers; i++)
        vlmc_group_worker_destroy(&p->workers[i]);
    vlmc_group_packer_destroy(&p->groups);
    vlmc_shared_source_destroy(&p->shared);
    free(p->workers);
    free(p->flights);
    free(p);
    *packer = NULL;
}

// ---- Notices and progress ----

void vlmc_packer_begin_file(vlmc_packer *p, const char *path)
{
    p->path = path;
    p->told = false;
}

void vlmc_packer_notice(vlmc_packer *p, const char *text)
{
    if (!p->told && p->plugins.notice)
        p->plugins.notice(p->plugins.user, p->path, text);
    p->told = true;
}

// Bytes that groups in work are through with.
static uint64_t in_work(const vlmc_packer *p)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < p->n_flights; i++) {
        const flight *f = p->flights[i];
        const uint64_t done = atomic_load_explicit(&f->job.done, memory_order_relaxed);
        const uint64_t each = f->bytes / f->job.n, rest = f->bytes % f->job.n;
        // Tokens of a group are at most 2^26, which the rest is below.
        sum += each * done + rest * done / f->job.n;
    }
    return sum;
}

// What is packed twice, as tokens and then as bytes, is shown once. False: stop.
static bool show(vlmc_packer *p)
{
    const uint64_t done = p->done + p->before + in_work(p);
    if (done > p->shown)
        p->shown = done;
    return !p->progress || p->progress(p->progress_user, p->shown, vlmc_output_size(p->output));
}

bool vlmc_packer_tick(vlmc_packer *p)
{
    return show(p);
}

uint32_t vlmc_packer_limit(const vlmc_packer *p)
{
    return p->limit;
}

vlmc_status vlmc_packer_kind(vlmc_packer *p, const uint8_t *bytes, uint32_t n,
                             vlmc_content_kind *kind, vlmc_error *error)
{
    return vlmc_group_kind(p->groups, bytes, n, kind, error);
}

// ---- Results of earlier runs ----

// Makes a result of an earlier run the flight's, if that has made the same choice.
static vlmc_status recall(vlmc_packer *p, flight *f, vlmc_error *error)
{
    static const uint8_t none[VLMC_DIGEST_BYTES];
    vlmc_group_job *job = &f->job;
    const vlmc_token_coding *coding = job->has_coding ? &job->coding : NULL;
    if (!p->recall)
        return VLMC_OK;
    vlmc_recall_key(p->recall, coding, job->tokens, job->n, f->entry.key);
    const vlmc_journal_entry *entry = vlmc_recall_find(p->recall, f->entry.key);
    if (!entry || (entry->chose && (job->choice != VLMC_OK || !p->level.models ||
                                    memcmp(entry->model, job->model ? job->model->digest : none,
                                           sizeof entry->model) != 0)))
        return VLMC_OK;
    vlmc_packed_group packed;
    if ((entry->with_model && !job->model) ||
        !vlmc_recall_take(p->recall, entry, job->tokens, job->n, &packed))
        return VLMC_OK;
    f->recalled = true;
    f->entry = *entry;
    job->chose = entry->chose;
    job->status = VLMC_OK;
    return vlmc_group_result_own(entry->with_model ? &job->with : &job->alone, &packed, error);
}

// ---- In turn ----

static vlmc_status choose(vlmc_packer *p, vlmc_group_job *job, vlmc_error *error)
{
    vlmc_content_kind kind = VLMC_CONTENT_NEUTRAL;
    if (!p->source.open || !p->level.models)
        return VLMC_OK;
    if (!job->has_coding)
        VLMC_TRY(vlmc_group_kind(p->groups, job->tokens, job->n, &kind, error));
    if (kind != VLMC_CONTENT_INCOMPRESSIBLE) // a model is not loaded for what will be stored
        job->choice =
            p->source.choose(p->source.user, job->has_coding ? job->coding.tokenizer : NULL,
                             &job->model, &job->choice_error);
    return VLMC_OK;
}

// The queue has room. Where this fails the flight is still the caller's.
static vlmc_status give(vlmc_packer *p, flight *f, vlmc_error *error)
{
    f->job.stop = f->segment ? &p->segment_stop : &p->stop;
    VLMC_TRY(choose(p, &f->job, error));
    VLMC_TRY(recall(p, f, error));
    VLMC_TRY(vlmc_work_queue_give(p->queue, f, error));
    p->flights[p->n_flights++] = f;
    return VLMC_OK;
}

// What a group's model costs now that its turn has come.
static uint32_t cost_of(const vlmc_packer *p, const flight *f)
{
    if (!f->job.chose || (f->segment && f->job.model == f->segment->known))
        return 0;
    return vlmc_records_model_cost(p->records, f->job.model);
}

// The result that it is, and *entry for the journal.
static const vlmc_packed_group *decide(const vlmc_packer *p, flight *f)
{
    const vlmc_group_job *job = &f->job;
    const uint32_t cost = cost_of(p, f);
    if (f->recalled)
        return f->entry.with_model ? &job->with.packed : &job->alone.packed;
    const bool with = job->with.packed.bytes && cost != UINT32_MAX &&
                      job->with.packed.size + (uint64_t)cost < job->alone.packed.size;
    const vlmc_packed_group *packed = with ? &job->with.packed : &job->alone.packed;
    f->entry.method = (uint8_t)packed->method;
    f->entry.streams = (uint8_t)packed->streams;
    f->entry.size = packed->size;
    f->entry.chose = job->chose;
    f->entry.with_model = with;
    f->entry.model_cost = cost;
    if (job->chose && job->model)
        memcpy(f->entry.model, job->model->digest, sizeof f->entry.model);
    return packed;
}

// A recalled result holds only where the model costs what it cost then.
static vlmc_status settle(vlmc_packer *p, flight *f, vlmc_error *error)
{
    if (f->recalled && f->job.chose && f->entry.model_cost != cost_of(p, f)) {
        vlmc_group_job_free_results(&f->job);
        f->recalled = false;
        run(p, p->n_workers, f);
    }
    if (f->job.status != VLMC_OK && f->job.status != VLMC_ERROR_PLUGIN) {
        if (error)
            *error = f->job.error;
        return f->job.status;
    }
    return VLMC_OK;
}

// Writes a packed group, and remembers it for a run that has to begin again.
static vlmc_status write_group(vlmc_packer *p, const flight *f, const vlmc_packed_group *packed,
                               uint32_t number, uint64_t first_token, vlmc_error *error)
{
    VLMC_TRY(vlmc_records_group(p->records, packed, f->entry.with_model ? f->job.model : NULL,
                                number, first_token, f->job.tokens, f->job.n, error));
    // The journal does not know of a plugin's failure, of which the user is to be told each time.
    return p->recall && f->job.status == VLMC_OK
               ? vlmc_recall_written(p->recall, &f->entry, packed->bytes,
                                     vlmc_records_last_offset(p->records), error)
               : VLMC_OK;
}

static vlmc_status write_joined(vlmc_packer *p, flight *f, vlmc_error *error)
{
    VLMC_TRY(settle(p, f, error));
    if (f->job.status == VLMC_ERROR_PLUGIN) // the tokens are sound: without its contexts, then
        vlmc_packer_notice(p, f->job.error.text);
    VLMC_TRY(write_group(p, f, decide(p, f), f->number, 0, error));
    p->done += f->bytes;
    return VLMC_OK;
}

// A group of a segment has come back.
static vlmc_status count_packed(vlmc_packer *p, flight *f, vlmc_error *error)
{
    segment *s = f->segment;
    if (p->recall && s->n_packed == 0) // all before it is written
        vlmc_recall_begin_kept(p->recall);
    VLMC_TRY(settle(p, f, error));
    if (f->job.status != VLMC_OK) { // these bytes are to be plain ones
        if (error)
            *error = f->job.error;
        return f->job.status;
    }
    const vlmc_packed_group *packed = decide(p, f);
    if (packed->method == VLMC_GROUP_MODEL) {
        const vlmc_model *model = f->entry.with_model ? f->job.model : NULL;
        s->size += model == s->known ? 0 : vlmc_records_model_cost(p->records, model);
        s->known = model;
    }
    s->size += VLMC_RECORD_BYTES + VLMC_GROUP_TAG_BYTES_MAX + packed->size;
    s->n_packed++;
    p->before += f->bytes;
    return p->recall && !f->recalled && s->n_groups > 1
               ? vlmc_recall_keep(p->recall, &f->entry, packed->bytes, error)
               : VLMC_OK;
}

// Takes the oldest group back if it is done, or is within `wait_ms`; *taken says so.
static vlmc_status take_back(vlmc_packer *p, uint32_t wait_ms, bool *taken, vlmc_error *error)
{
    flight *f = vlmc_work_queue_take(p->queue, wait_ms);
    *taken = f != NULL;
    if (!f)
        return VLMC_OK;
    memmove(p->flights, p->flights + 1, --p->n_flights * sizeof *p->flights);
    if (f->segment)
        return count_packed(p, f, error); // results stay with the segment
    const vlmc_status status = write_joined(p, f, error);
    free_flight(f);
    return status;
}

// Takes back what nobody has begun, and forgets it.
static void withdraw(vlmc_packer *p)
{
    for (flight *f; (f = vlmc_work_queue_withdraw(p->queue)) != NULL; p->n_flights--)
        free_flight(f);
}

// The user wants to stop. Groups in work are finished where their results will be found again.
static vlmc_status interrupted(vlmc_packer *p, vlmc_error *error)
{
    withdraw(p);
    if (!p->recall)
        p->stop = p->segment_stop = true;
    while (p->recall && p->n_flights > 0) {
        bool taken;
        VLMC_TRY(take_back(p, TICK_MS, &taken, error));
        show(p);
    }
    return vlmc_fail(error, VLMC_ERROR_INTERRUPTED, "stopped on request");
}

// Takes back what is done, and waits until at most `most` groups are with the queue.
static vlmc_status wait_for(vlmc_packer *p, uint32_t most, vlmc_error *error)
{
    for (bool taken = true; p->n_flights > 0 && (taken || p->n_flights > most);) {
        VLMC_TRY(take_back(p, p->n_flights > most ? TICK_MS : 0, &taken, error));
        if (!show(p))
            return interrupted(p, error);
    }
    return VLMC_OK;
}

vlmc_status vlmc_packer_done(vlmc_packer *p, uint64_t bytes, vlmc_error *error)
{
    p->done += bytes;
    return show(p) ? VLMC_OK : interrupted(p, error);
}

vlmc_status vlmc_packer_finish(vlmc_packer *p, vlmc_error *error)
{
    return wait_for(p, 0, error);
}

uint64_t vlmc_packer_tokens(const vlmc_packer *p, uint32_t number)
{
    uint64_t tokens = vlmc_records_tokens(p->records, number);
    for (uint32_t i = 0; i < p->n_flights; i++)
        if (!p->flights[i]->segment && p->flights[i]->number == number)
            tokens += p->flights[i]->job.n;
    return tokens;
}

vlmc_status vlmc_packer_tokenizer(vlmc_packer *p, const vlmc_token_coding *coding, uint32_t *number,
                                  vlmc_error *error)
{
    if (vlmc_records_tokenizer_cost(p->records, coding) != 0)
        VLMC_TRY(vlmc_packer_finish(p, error)); // its record comes behind those of all before it
    return vlmc_records_tokenizer(p->records, coding, number, error);
}

// ---- Groups of sequences ----

// The flight's own copy of what the caller will use again.
static vlmc_status own_tokens(flight *f, const vlmc_token_coding *coding, const uint8_t *tokens,
                              vlmc_error *error)
{
    const uint32_t params_bytes = coding ? coding->params_bytes : 0;
    f->owned = malloc((size_t)f->job.n + params_bytes);
    if (!f->owned)
        return no_memory(error);
    memcpy(f->owned, tokens, f->job.n);
    f->job.tokens = f->owned;
    if (!coding)
        return VLMC_OK;
    f->job.has_coding = true;
    f->job.coding = *coding;
    if (params_bytes)
        memcpy(f->owned + f->job.n, coding->params, params_bytes);
    f->job.coding.params = f->owned + f->job.n;
    return VLMC_OK;
}

vlmc_status vlmc_packer_group(vlmc_packer *p, const vlmc_token_coding *coding, uint32_t number,
                              const uint8_t *tokens, uint32_t n, uint64_t bytes, vlmc_error *error)
{
    VLMC_TRY(wait_for(p, p->n_workers, error));
    flight *f = calloc(1, sizeof *f);
    if (!f)
        return no_memory(error);
    f->number = number;
    f->bytes = bytes;
    f->job.n = n;
    vlmc_status status = own_tokens(f, coding, tokens, error);
    if (status == VLMC_OK)
        status = give(p, f, error);
    if (status != VLMC_OK)
        free_flight(f);
    VLMC_TRY(status);
    return vlmc_packer_done(p, 0, error);
}

// ---- Segments ----

// What the bytes take without the tokenizer, by zstd or stored, in groups of their own.
static vlmc_status plain_size(vlmc_packer *p, const uint8_t *bytes, size_t n, uint64_t *size,
                              vlmc_error *error)
{
    *size = 0;
    for (size_t at = 0; at < n;) {
        const size_t left = n - at;
        const uint32_t piece = left < p->limit ? (uint32_t)left : p->limit;
        vlmc_packed_group packed;
        VLMC_TRY(vlmc_group_pack(p->groups, bytes + at, piece, &packed, error));
        *size += VLMC_RECORD_BYTES + packed.size;
        at += piece;
        VLMC_TRY(vlmc_packer_done(p, 0, error));
    }
    return VLMC_OK;
}

static void prepare(const vlmc_packer *p, segment *s, uint32_t g)
{
    flight *f = &s->groups[g];
    const uint64_t first = vlmc_cut_group_offset(s->n, s->align, p->limit, g);
    const uint64_t end = vlmc_cut_group_offset(s->n, s->align, p->limit, g + 1);
    f->segment = s;
    f->job.has_coding = true;
    f->job.coding = *s->coding;
    f->job.coding.first_token = first;
    f->job.tokens = s->tokens + first;
    f->job.n = (uint32_t)(end - first);
    f->bytes = (uint64_t)s->n_bytes * f->job.n / s->n; // < 2^26 * 2^26
}

// s->size: what the groups take, or the limit or more when they are not worth it.
static vlmc_status pack_groups(vlmc_packer *p, segment *s, vlmc_error *error)
{
    uint32_t given = 0;
    while (s->n_packed < s->n_groups && s->size < s->limit) {
        bool taken;
        while (given < s->n_groups && p->n_flights <= p->n_workers) {
            prepare(p, s, given);
            VLMC_TRY(give(p, &s->groups[given], error));
            given++;
        }
        VLMC_TRY(take_back(p, TICK_MS, &taken, error));
        if (!show(p) && s->n_packed < s->n_groups)
            return interrupted(p, error);
    }
    return VLMC_OK;
}

// Nothing of the segment is with the queue any more.
static void abandon(vlmc_packer *p)
{
    p->segment_stop = true;
    while (p->n_flights > 0 && p->flights[p->n_flights - 1]->segment) {
        if (vlmc_work_queue_withdraw(p->queue)) {
            p->n_flights--;
            continue;
        }
        flight *f = vlmc_work_queue_take(p->queue, TICK_MS);
        if (!f)
            continue;
        memmove(p->flights, p->flights + 1, --p->n_flights * sizeof *p->flights);
        if (!f->segment) // the archive has failed
            free_flight(f);
    }
    p->segment_stop = false;
}

static vlmc_status write_groups(vlmc_packer *p, segment *s, uint32_t *number, vlmc_error *error)
{
    VLMC_TRY(vlmc_packer_tokenizer(p, s->coding, number, error));
    for (uint32_t g = 0; g < s->n_groups; g++) {
        const flight *f = &s->groups[g];
        const vlmc_group_result *result = f->entry.with_model ? &f->job.with : &f->job.alone;
        VLMC_TRY(write_group(p, f, &result->packed, *number, f->job.coding.first_token, error));
    }
    return p->recall ? vlmc_recall_end_kept(p->recall, error) : VLMC_OK;
}

// A segment that was not worth it is not tried again by a run that has to begin again.
static vlmc_status keep_rejected(vlmc_packer *p, const segment *s, vlmc_error *error)
{
    const flight *first = &s->groups[0];
    if (!p->recall || s->n_groups > 1 || s->n_packed == 0 || first->recalled)
        return VLMC_OK; // nothing new, or kept already
    return vlmc_recall_keep(
        p->recall, &first->entry,
        (first->entry.with_model ? &first->job.with : &first->job.alone)->packed.bytes, error);
}

static vlmc_status pack_segment(vlmc_packer *p, segment *s, uint32_t *number, vlmc_error *error)
{
    s->groups = calloc(s->n_groups, sizeof *s->groups);
    if (!s->groups)
        return no_memory(error);
    VLMC_TRY(pack_groups(p, s, error));
    return s->size < s->limit ? write_groups(p, s, number, error) : keep_rejected(p, s, error);
}

vlmc_status vlmc_packer_segment(vlmc_packer *p, const vlmc_token_coding *coding,
                                const uint8_t *tokens, size_t n, const uint8_t *bytes,
                                size_t n_bytes, uint32_t *number, vlmc_error *error)
{
    segment s = {.coding = coding, .tokens = tokens, .n = n, .n_bytes = n_bytes};
    vlmc_token_geometry geometry;
    *number = 0;
    if (vlmc_plugin_geometry(coding->tokenizer, coding->params, coding->params_bytes, &geometry,
                             error) != VLMC_OK)
        return VLMC_ERROR_PLUGIN;
    VLMC_TRY(plain_size(p, bytes, n_bytes, &s.limit, error));
    s.align = geometry.align_tokens;
    s.n_groups = (uint32_t)vlmc_cut_groups(n, s.align, p->limit);
    s.size = (uint64_t)vlmc_records_tokenizer_cost(p->records, coding) + SEGMENT_COST_BYTES;
    const vlmc_status status = pack_segment(p, &s, number, error);
    abandon(p);
    for (uint32_t g = 0; s.groups && g < s.n_groups; g++)
        vlmc_group_job_free_results(&s.groups[g].job);
    free(s.groups);
    p->before = 0;
    VLMC_TRY(status);
    return vlmc_packer_done(p, *number ? n_bytes : 0, error);
}
