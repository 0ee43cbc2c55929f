// SPDX-License-Identifier: Apache-2.0
#include "packer.h"

#include "codec/level.h"
#include "group_job.h"
#include "shared_source.h"
#include "util/places.h"
#include "util/work_queue.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

// What a list of segments costs in the index, about.
#define SEGMENT_COST_BYTES 16u

// How often progress is told while groups are waited for.
#define TICK_MS 50u

// What expected groups may have together in tokens, and how many they may be.
#define EXPECTED_BYTES_MAX ((uint64_t)256 << 20)
#define EXPECTED_MAX 1024u

// Whose a group is.
typedef enum flight_kind {
    FLIGHT_JOINED,   // a sequence's
    FLIGHT_SEGMENT,  // the segment's that is being packed
    FLIGHT_EXPECTED, // one's that will come
    FLIGHT_DROPPED,  // nobody's any more
} flight_kind;

// A group between its tokens and its record.
typedef struct flight {
    vlmc_group_job job;
    uint8_t *owned; // tokens and parameters
    flight_kind kind;
    vlmc_place place; // of an expected one's segment
    uint32_t number;  // of the tokenizer of a joined one
    uint64_t bytes;   // of files, that it stands for
    bool back;        // it is not with the queue any more
    bool withdrawn;   // nor was it packed
    atomic_bool stop; // its job's
    vlmc_journal_entry entry;
    bool recalled; // its result is that of an earlier run
} flight;

// A segment of tokens in groups, which are written when all are packed and worth it.
typedef struct segment {
    const vlmc_token_coding *coding;
    const uint8_t *tokens;
    size_t n;
    size_t n_bytes;
    uint32_t align;
    uint32_t n_groups;
    uint64_t limit;          // what the groups must stay below to be worth it
    flight **groups;         // (n_groups) the first so many are given
    uint32_t n_given;        // groups that have a flight
    uint32_t n_packed;       // that are counted
    uint64_t size;           // what those take
    const vlmc_model *known; // its record is counted in `size`
} segment;

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
    // (n_models + n_workers + 1) First those for groups with a model, or all where there are no
    // more of others, which whoever has one takes; then each thread's own for the others, the last
    // one this thread's. NULL: not made.
    vlmc_group_worker **workers;
    vlmc_places *models; // of the first
    uint32_t n_models;
    uint32_t n_workers;
    flight **flights; // (n_flights of n_workers + 1) with the queue, oldest first
    uint32_t n_flights;
    segment *segment; // that is being packed; NULL: none
    // Groups of segments that will come, with the queue or back from it.
    vlmc_packer_ahead_fn ahead; // finds them; NULL: nobody does
    void *ahead_user;
    flight *expected[EXPECTED_MAX]; // (n_expected) in the order of their places
    uint32_t n_expected;
    uint64_t expected_bytes; // their tokens
    vlmc_place place;        // of what is being added
    bool stopping;           // groups in work are being finished, and no more
    const char *path;        // of the current file
    bool told;               // it has had its notice
    uint64_t done;           // bytes of files in groups that are written
    uint64_t before;         // of the current segment, in groups that are packed and not written
    uint64_t shown;          // most that progress has been told
    uint64_t beside_bytes;   // for a second thread of each worker
    uint32_t limit;          // tokens of a group
    vlmc_level level;
};

// ---- Threads ----

static void run_with(vlmc_packer *p, vlmc_group_worker **worker, vlmc_group_job *job)
{
    job->status = *worker ? VLMC_OK
                          : vlmc_group_worker_create(&p->shared.source, &p->level, p->beside_bytes,
                                                     worker, &job->error);
    if (job->status == VLMC_OK)
        vlmc_group_worker_run(*worker, job);
}

static void run(void *user, uint32_t thread, void *item)
{
    vlmc_packer *p = user;
    flight *f = item;
    if (f->recalled || atomic_load(&f->stop))
        return;
    if (!f->job.model && (p->n_models < p->n_workers || thread == p->n_workers)) {
        run_with(p, &p->workers[p->n_models + thread], &f->job);
        return;
    }
    const uint32_t place = vlmc_places_take(p->models);
    run_with(p, &p->workers[place], &f->job);
    vlmc_places_free(p->models, place);
}

static vlmc_status no_memory(vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
}

static vlmc_status start(vlmc_packer *p, vlmc_error *error)
{
    p->workers = calloc(p->n_models + p->n_workers + 1, sizeof(vlmc_group_worker *));
    p->flights = calloc(p->n_workers + 1, sizeof(flight *));
    if (!p->workers || !p->flights)
        return no_memory(error);
    VLMC_TRY(vlmc_places_create(p->n_models, &p->models, error));
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
    p->n_models = params->models_at_once ? params->models_at_once : p->n_workers;
    const vlmc_status status = start(p, error);
    if (status != VLMC_OK)
        vlmc_packer_destroy(packer);
    return status;
}

static void free_flight(flight *f)
{
    vlmc_group_job_free_results(&f->job);
    free(f->owned);
    free(f);
}

// Nobody needs it any more; it is freed when it is back.
static void drop(flight *f)
{
    f->kind = FLIGHT_DROPPED;
    atomic_store(&f->stop, true);
    if (f->back)
        free_flight(f);
}

static void stop_all(const vlmc_packer *p)
{
    for (uint32_t i = 0; i < p->n_flights; i++)
        atomic_store(&p->flights[i]->stop, true);
}

void vlmc_packer_destroy(vlmc_packer **packer)
{
    vlmc_packer *p = *packer;
    if (!p)
        return;
    for (uint32_t i = 0; i < p->n_expected; i++)
        drop(p->expected[i]);
    stop_all(p);
    vlmc_work_queue_destroy(&p->queue);
    for (uint32_t i = 0; i < p->n_flights; i++)
        free_flight(p->flights[i]);
    for (uint32_t i = 0; p->workers && i <= p->n_models + p->n_workers; i++)
        vlmc_group_worker_destroy(&p->workers[i]);
    vlmc_places_destroy(&p->models);
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

// Bytes that groups in work are through with, and those of expected ones that are done.
static uint64_t in_work(const vlmc_packer *p)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < p->n_expected; i++) {
        const flight *f = p->expected[i];
        sum += f->back && !f->withdrawn ? f->bytes : 0;
    }
    for (uint32_t i = 0; i < p->n_flights; i++) {
        const flight *f = p->flights[i];
        if (f->kind == FLIGHT_DROPPED)
            continue;
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
    f->job.stop = &f->stop;
    VLMC_TRY(choose(p, &f->job, error));
    VLMC_TRY(recall(p, f, error));
    VLMC_TRY(vlmc_work_queue_give(p->queue, f, error));
    p->flights[p->n_flights++] = f;
    return VLMC_OK;
}

// What a group's model costs now that its turn has come.
static uint32_t cost_of(const vlmc_packer *p, const flight *f)
{
    if (!f->job.chose || (f->kind == FLIGHT_SEGMENT && f->job.model == p->segment->known))
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

// Whether a sequence's group is with the queue.
static bool has_joined(const vlmc_packer *p)
{
    for (uint32_t i = 0; i < p->n_flights; i++)
        if (p->flights[i]->kind == FLIGHT_JOINED)
            return true;
    return false;
}

// The segment's next group is back, and all before it is written.
static vlmc_status count_packed(vlmc_packer *p, segment *s, vlmc_error *error)
{
    flight *f = s->groups[s->n_packed];
    if (p->recall && s->n_packed == 0)
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
    return p->recall && !f->recalled && (s->n_groups > 1 || p->stopping)
               ? vlmc_recall_keep(p->recall, &f->entry, packed->bytes, error)
               : VLMC_OK;
}

// Counts what of the segment is back, in order.
static vlmc_status count_all_packed(vlmc_packer *p, vlmc_error *error)
{
    segment *s = p->segment;
    while (s && s->n_packed < s->n_given && s->groups[s->n_packed]->back &&
           !s->groups[s->n_packed]->withdrawn && !has_joined(p))
        VLMC_TRY(count_packed(p, s, error));
    return VLMC_OK;
}

// Takes the oldest group back if it is done, or is within `wait_ms`; *taken says so.
static vlmc_status take_back(vlmc_packer *p, uint32_t wait_ms, bool *taken, vlmc_error *error)
{
    flight *f = vlmc_work_queue_take(p->queue, wait_ms);
    *taken = f != NULL;
    if (!f)
        return VLMC_OK;
    memmove(p->flights, p->flights + 1, --p->n_flights * sizeof *p->flights);
    f->back = true;
    vlmc_status status = VLMC_OK;
    if (f->kind == FLIGHT_JOINED)
        status = write_joined(p, f, error);
    if (f->kind == FLIGHT_JOINED || f->kind == FLIGHT_DROPPED)
        free_flight(f); // others have somebody who keeps them
    return status;
}

// Takes back what nobody has begun, and forgets it.
static void withdraw(vlmc_packer *p)
{
    for (flight *f; (f = vlmc_work_queue_withdraw(p->queue)) != NULL; p->n_flights--) {
        f->back = f->withdrawn = true;
        if (f->kind == FLIGHT_JOINED || f->kind == FLIGHT_DROPPED)
            free_flight(f);
    }
}

// Results of expected groups, for a run that goes on from here.
static vlmc_status keep_expected(vlmc_packer *p, vlmc_error *error)
{
    for (uint32_t i = 0; i < p->n_expected; i++) {
        flight *f = p->expected[i];
        if (!f->withdrawn && !f->recalled && f->job.status == VLMC_OK)
            VLMC_TRY(vlmc_recall_keep(p->recall, &f->entry, decide(p, f)->bytes, error));
    }
    return VLMC_OK;
}

// The user wants to stop. Groups in work are finished where their results will be found again.
static vlmc_status interrupted(vlmc_packer *p, vlmc_error *error)
{
    p->stopping = true;
    withdraw(p);
    if (!p->recall)
        stop_all(p);
    while (p->recall && p->n_flights > 0) {
        bool taken;
        VLMC_TRY(take_back(p, TICK_MS, &taken, error));
        VLMC_TRY(count_all_packed(p, error));
        show(p);
    }
    if (p->recall)
        VLMC_TRY(keep_expected(p, error));
    return vlmc_fail(error, VLMC_ERROR_INTERRUPTED, "stopped on request");
}

// Takes back what is done, and waits until there is room for another group.
static vlmc_status wait_for_room(vlmc_packer *p, vlmc_error *error)
{
    for (bool taken = true; p->n_flights > 0 && (taken || p->n_flights > p->n_workers);) {
        VLMC_TRY(take_back(p, p->n_flights > p->n_workers ? TICK_MS : 0, &taken, error));
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
    while (has_joined(p)) {
        bool taken;
        VLMC_TRY(take_back(p, TICK_MS, &taken, error));
        if (!show(p))
            return interrupted(p, error);
    }
    return VLMC_OK;
}

uint64_t vlmc_packer_tokens(const vlmc_packer *p, uint32_t number)
{
    uint64_t tokens = vlmc_records_tokens(p->records, number);
    for (uint32_t i = 0; i < p->n_flights; i++)
        if (p->flights[i]->kind == FLIGHT_JOINED && p->flights[i]->number == number)
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

// A group with its own copy of what the caller will use again.
static vlmc_status make_flight(flight_kind kind, const vlmc_token_coding *coding,
                               const uint8_t *tokens, uint32_t n, uint64_t bytes, flight **made,
                               vlmc_error *error)
{
    const uint32_t params_bytes = coding ? coding->params_bytes : 0;
    flight *f = *made = calloc(1, sizeof *f);
    if (f)
        f->owned = malloc((size_t)n + params_bytes);
    if (!f || !f->owned) {
        free(f);
        return no_memory(error);
    }
    f->kind = kind;
    f->bytes = bytes;
    memcpy(f->owned, tokens, n);
    f->job.tokens = f->owned;
    f->job.n = n;
    if (!coding)
        return VLMC_OK;
    f->job.has_coding = true;
    f->job.coding = *coding;
    if (params_bytes)
        memcpy(f->owned + n, coding->params, params_bytes);
    f->job.coding.params = f->owned + n;
    return VLMC_OK;
}

vlmc_status vlmc_packer_group(vlmc_packer *p, const vlmc_token_coding *coding, uint32_t number,
                              const uint8_t *tokens, uint32_t n, uint64_t bytes, vlmc_error *error)
{
    flight *f;
    VLMC_TRY(wait_for_room(p, error));
    VLMC_TRY(make_flight(FLIGHT_JOINED, coding, tokens, n, bytes, &f, error));
    f->number = number;
    const vlmc_status status = give(p, f, error);
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

// How the tokens of a segment are cut into groups.
static vlmc_status begin_segment(const vlmc_packer *p, segment *s, vlmc_error *error)
{
    vlmc_token_geometry geometry;
    if (vlmc_plugin_geometry(s->coding->tokenizer, s->coding->params, s->coding->params_bytes,
                             &geometry, error) != VLMC_OK)
        return VLMC_ERROR_PLUGIN;
    s->align = geometry.align_tokens;
    s->n_groups = (uint32_t)vlmc_cut_groups(s->n, s->align, p->limit);
    return VLMC_OK;
}

// A group of a segment: tokens // (n) of `coding`, that stand for `bytes` bytes.
typedef struct group {
    vlmc_token_coding coding;
    const uint8_t *tokens;
    uint32_t n;
    uint64_t bytes;
} group;

static group group_of(const vlmc_packer *p, const segment *s, uint32_t g)
{
    const uint64_t first = vlmc_cut_group_offset(s->n, s->align, p->limit, g);
    const uint64_t end = vlmc_cut_group_offset(s->n, s->align, p->limit, g + 1);
    group group = {
        .coding = *s->coding,
        .tokens = s->tokens + first,
        .n = (uint32_t)(end - first),
        .bytes = (uint64_t)s->n_bytes * (end - first) / s->n, // < 2^26 * 2^26
    };
    group.coding.first_token = first;
    return group;
}

static vlmc_status give_group(vlmc_packer *p, const group *group, flight_kind kind, flight **given,
                              vlmc_error *error)
{
    VLMC_TRY(
        make_flight(kind, &group->coding, group->tokens, group->n, group->bytes, given, error));
    const vlmc_status status = give(p, *given, error);
    if (status != VLMC_OK)
        free_flight(*given);
    return status;
}

// ---- Expected groups ----

void vlmc_packer_set_ahead(vlmc_packer *p, vlmc_packer_ahead_fn ahead, void *user)
{
    p->ahead = ahead;
    p->ahead_user = user;
}

bool vlmc_place_before(vlmc_place a, vlmc_place b)
{
    return a.file < b.file || (a.file == b.file && a.offset < b.offset);
}

// Forgets an expected group without dropping it.
static void remove_expected(vlmc_packer *p, uint32_t i)
{
    p->expected_bytes -= p->expected[i]->job.n;
    p->n_expected--;
    memmove(p->expected + i, p->expected + i + 1, (p->n_expected - i) * sizeof *p->expected);
}

void vlmc_packer_reach(vlmc_packer *p, vlmc_place place)
{
    p->place = place;
    while (p->n_expected > 0 && vlmc_place_before(p->expected[0]->place, place)) {
        flight *f = p->expected[0];
        remove_expected(p, 0);
        drop(f);
    }
}

vlmc_place vlmc_packer_reached(const vlmc_packer *p)
{
    return p->place;
}

static bool has_room(const vlmc_packer *p)
{
    return p->n_flights <= p->n_workers && p->n_expected < EXPECTED_MAX &&
           p->expected_bytes < EXPECTED_BYTES_MAX;
}

bool vlmc_packer_expect(vlmc_packer *p, vlmc_place place, const vlmc_token_coding *coding,
                        const uint8_t *tokens, size_t n, size_t n_bytes, uint32_t *next_group)
{
    segment s = {.coding = coding, .tokens = tokens, .n = n, .n_bytes = n_bytes};
    vlmc_error unused;
    if (begin_segment(p, &s, &unused) != VLMC_OK)
        return false;
    while (has_room(p) && *next_group < s.n_groups) {
        const group group = group_of(p, &s, *next_group);
        flight *f;
        if (give_group(p, &group, FLIGHT_EXPECTED, &f, &unused) != VLMC_OK)
            return false;
        f->place = place;
        p->expected[p->n_expected++] = f;
        p->expected_bytes += f->job.n;
        ++*next_group;
    }
    return *next_group < s.n_groups;
}

static bool same_coding(const vlmc_token_coding *a, const vlmc_token_coding *b)
{
    return a->tokenizer == b->tokenizer && a->first_token == b->first_token &&
           a->params_bytes == b->params_bytes &&
           (a->params_bytes == 0 || memcmp(a->params, b->params, a->params_bytes) == 0);
}

// Takes the expected group that is the same as this one; NULL: there is none.
static flight *take_expected(vlmc_packer *p, const group *group)
{
    for (uint32_t i = 0; i < p->n_expected; i++) {
        flight *f = p->expected[i];
        if (f->job.n == group->n && same_coding(&f->job.coding, &group->coding) &&
            memcmp(f->job.tokens, group->tokens, group->n) == 0) {
            remove_expected(p, i);
            f->kind = FLIGHT_SEGMENT;
            return f;
        }
    }
    return NULL;
}

// ---- The segment that is being packed ----

// Its next group: an expected one, or a new one if there is room. *given: there was one.
static vlmc_status give_next(vlmc_packer *p, segment *s, bool *given, vlmc_error *error)
{
    const group group = group_of(p, s, s->n_given);
    flight *f = take_expected(p, &group);
    if (!f && p->n_flights <= p->n_workers)
        VLMC_TRY(give_group(p, &group, FLIGHT_SEGMENT, &f, error));
    *given = f != NULL;
    if (f)
        s->groups[s->n_given++] = f;
    return VLMC_OK;
}

// s->size: what the groups take, or the limit or more when they are not worth it.
static vlmc_status pack_groups(vlmc_packer *p, segment *s, vlmc_error *error)
{
    while (s->n_packed < s->n_groups && s->size < s->limit) {
        bool taken;
        for (bool given = true; given && s->n_given < s->n_groups;)
            VLMC_TRY(give_next(p, s, &given, error));
        // Threads that would have nothing to do get what comes later.
        const bool looked = p->ahead && has_room(p) && p->ahead(p->ahead_user);
        VLMC_TRY(take_back(p, looked ? 0 : TICK_MS, &taken, error));
        VLMC_TRY(count_all_packed(p, error));
        if (!show(p) && s->n_packed < s->n_groups)
            return interrupted(p, error);
    }
    return VLMC_OK;
}

static vlmc_status write_groups(vlmc_packer *p, segment *s, uint32_t *number, vlmc_error *error)
{
    VLMC_TRY(vlmc_packer_tokenizer(p, s->coding, number, error));
    for (uint32_t g = 0; g < s->n_groups; g++) {
        const flight *f = s->groups[g];
        const vlmc_group_result *result = f->entry.with_model ? &f->job.with : &f->job.alone;
        VLMC_TRY(write_group(p, f, &result->packed, *number, f->job.coding.first_token, error));
    }
    return p->recall ? vlmc_recall_end_kept(p->recall, error) : VLMC_OK;
}

// A segment that was not worth it is not tried again by a run that has to begin again.
static vlmc_status keep_rejected(vlmc_packer *p, const segment *s, vlmc_error *error)
{
    const flight *first = s->groups[0];
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
    *number = 0;
    VLMC_TRY(begin_segment(p, &s, error));
    VLMC_TRY(plain_size(p, bytes, n_bytes, &s.limit, error));
    s.size = (uint64_t)vlmc_records_tokenizer_cost(p->records, coding) + SEGMENT_COST_BYTES;
    p->segment = &s;
    const vlmc_status status = pack_segment(p, &s, number, error);
    p->segment = NULL;
    for (uint32_t g = 0; g < s.n_given; g++)
        drop(s.groups[g]);
    free(s.groups);
    p->before = 0;
    VLMC_TRY(status);
    return vlmc_packer_done(p, *number ? n_bytes : 0, error);
}
