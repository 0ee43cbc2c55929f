// SPDX-License-Identifier: Apache-2.0
#include "packer.h"

#include "codec/group.h"
#include "codec/level.h"
#include "coders.h"

#include <stdlib.h>
#include <string.h>

// Smaller results are not worth a model at extraction.
#define MODEL_BYTES_MIN 128u

// Beside a group without a model, one with it has its number.
#define MODEL_TAG_BYTES 3u

// Pieces of a group, spread evenly, from which its model is judged.
#define SAMPLE_PIECES 4u
#define SAMPLE_PIECE_TOKENS 8192u

// What a list of segments costs in the index, about.
#define SEGMENT_COST_BYTES 16u

struct vlmc_packer {
    vlmc_engine_source source;
    vlmc_writer_plugins plugins;
    vlmc_progress_fn progress;
    void *progress_user;
    vlmc_output *output;
    vlmc_records *records;
    vlmc_recall *recall; // NULL: nothing is taken over
    vlmc_group_packer *groups;
    vlmc_coders *coders;
    const char *path; // of the current file
    bool told;        // it has had its notice
    uint64_t done;    // bytes of files in groups that are written
    uint64_t shown;   // most that progress has been told
    uint32_t limit;   // tokens of a group
    vlmc_level level;
    bool in_sample;       // progress does not count it
    uint64_t group_bytes; // of files, that the group in work stands for
    uint32_t group_tokens;
    uint64_t before; // of the current segment, in groups that are packed and not written
};

// The model that was chosen for a group.
typedef struct choice {
    bool made;
    const vlmc_model *model; // NULL: none
    uint32_t cost;           // of its MODEL record
} choice;

// A group that is not written yet.
typedef struct packed_group {
    vlmc_packed_group packed;
    const vlmc_model *model; // of the MODEL method
    vlmc_journal_entry entry;
    bool recalled;
    uint64_t first_token;
    uint32_t n;
    size_t at; // of its bytes in the segment's buffer
} packed_group;

typedef struct packed_segment {
    packed_group *groups; // (n_groups)
    uint32_t n_groups;
    uint8_t *bytes; // (capacity)
    size_t size;
    size_t capacity;
} packed_segment;

vlmc_status vlmc_packer_create(const vlmc_writer_params *params, vlmc_output *output,
                               vlmc_records *records, vlmc_recall *recall, vlmc_packer **packer,
                               vlmc_error *error)
{
    vlmc_packer *p = *packer = calloc(1, sizeof *p);
    if (!p)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
    p->source = params->engine;
    p->plugins = params->plugins;
    p->level = *vlmc_level_of(params->level);
    p->limit = params->group_bytes ? params->group_bytes : VLMC_GROUP_BYTES_DEFAULT;
    p->progress = params->progress;
    p->progress_user = params->progress_user;
    p->output = output;
    p->records = records;
    p->recall = recall;
    vlmc_status status = vlmc_group_packer_create(p->source.open != NULL, &p->groups, error);
    if (status == VLMC_OK)
        status = vlmc_coders_create(&p->source, VLMC_SLAB_STEPS_MAX, &p->coders, error);
    if (status != VLMC_OK)
        vlmc_packer_destroy(packer);
    return status;
}

void vlmc_packer_destroy(vlmc_packer **packer)
{
    vlmc_packer *p = *packer;
    if (!p)
        return;
    vlmc_coders_destroy(&p->coders);
    vlmc_group_packer_destroy(&p->groups);
    free(p);
    *packer = NULL;
}

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

// What is packed twice, as tokens and then as bytes, is shown once.
static bool show(vlmc_packer *p, uint64_t bytes)
{
    if (bytes > p->shown)
        p->shown = bytes;
    return !p->progress || p->progress(p->progress_user, p->shown, vlmc_output_size(p->output));
}

bool vlmc_packer_tick(vlmc_packer *p, uint64_t bytes)
{
    return show(p, p->done + bytes);
}

vlmc_status vlmc_packer_done(vlmc_packer *p, uint64_t bytes, vlmc_error *error)
{
    p->done += bytes;
    if (!show(p, p->done))
        return vlmc_fail(error, VLMC_ERROR_INTERRUPTED, "stopped on request");
    return VLMC_OK;
}

// A group whose result will be found again is finished before the stop.
static bool group_tick(void *user, uint32_t tokens_done)
{
    vlmc_packer *p = user;
    const uint64_t each = p->group_bytes / p->group_tokens, rest = p->group_bytes % p->group_tokens;
    // Tokens of a group are at most 2^26, which the rest is below.
    const uint64_t done = each * tokens_done + rest * tokens_done / p->group_tokens;
    const bool wanted = vlmc_packer_tick(p, p->before + (p->in_sample ? 0 : done));
    return wanted || p->recall;
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

// `fixed`: what the model costs once; UINT32_MAX: it cannot be used.
static vlmc_status pack_with(vlmc_packer *p, const vlmc_model *model,
                             const vlmc_token_coding *coding, const uint8_t *tokens, uint32_t n,
                             uint32_t fixed, vlmc_packed_group *packed, vlmc_error *error)
{
    const uint32_t tag = coding || !model ? MODEL_TAG_BYTES : 0;
    vlmc_error detail = {0};
    vlmc_status status;
    if (fixed == UINT32_MAX)
        return VLMC_OK;
    do {
        vlmc_lockstep *lockstep;
        status = vlmc_coders_get(p->coders, model, coding ? coding->tokenizer : NULL, &p->level.mix,
                                 n, &lockstep, &detail);
        if (status == VLMC_OK)
            status = vlmc_group_pack_model(p->groups, lockstep, coding, tokens, n,
                                           p->level.stream_tokens, fixed + tag, packed, group_tick,
                                           p, &detail);
    } while (vlmc_coders_retry(p->coders, status, &detail));
    if (status != VLMC_OK && error)
        *error = detail;
    return status;
}

// What `model` makes of some tokens, or with NULL the mixer alone: *size.
static vlmc_status try_sample(vlmc_packer *p, const vlmc_model *model,
                              const vlmc_token_coding *coding, const uint8_t *tokens, uint32_t n,
                              uint32_t *size, vlmc_error *error)
{
    vlmc_packed_group packed = {.method = VLMC_GROUP_STORED, .bytes = tokens, .size = n};
    VLMC_TRY(pack_with(p, model, coding, tokens, n, 0, &packed, error));
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
static vlmc_status judge_sample(vlmc_packer *p, const vlmc_model *model,
                                const vlmc_token_coding *coding, const uint8_t *tokens, uint32_t n,
                                promise *promising, vlmc_error *error)
{
    uint8_t pieces[SAMPLE_PIECES * SAMPLE_PIECE_TOKENS];
    uint32_t with = 0, without = 0;
    if (n > sizeof pieces) {
        const uint32_t apart = (n - SAMPLE_PIECE_TOKENS) / (SAMPLE_PIECES - 1);
        for (uint32_t i = 0; i < SAMPLE_PIECES; i++)
            memcpy(pieces + i * SAMPLE_PIECE_TOKENS, tokens + i * apart, SAMPLE_PIECE_TOKENS);
        tokens = pieces;
        n = sizeof pieces;
    }
    p->in_sample = true;
    vlmc_status status = try_sample(p, NULL, coding, tokens, n, &without, error);
    if (status == VLMC_OK)
        status = try_sample(p, model, coding, tokens, n, &with, error);
    p->in_sample = false;
    // Context models catch up where much repeats, but not so much.
    const uint32_t a_little_more = without + without / 16, two_thirds = without - without / 3;
    promising->with = with < a_little_more;
    promising->without = with > two_thirds;
    return status;
}

// `known`: a model whose record is as good as written.
static vlmc_status choose(vlmc_packer *p, const vlmc_token_coding *coding, const vlmc_model *known,
                          choice *choice, vlmc_error *error)
{
    choice->made = true;
    VLMC_TRY(
        p->source.choose(p->source.user, coding ? coding->tokenizer : NULL, &choice->model, error));
    choice->cost = choice->model == known ? 0 : vlmc_records_model_cost(p->records, choice->model);
    return VLMC_OK;
}

// What a group becomes depends on its tokens, on what the packer was made with, and on the choice.
static vlmc_status pack_anew(vlmc_packer *p, const vlmc_token_coding *coding, const uint8_t *tokens,
                             uint32_t n, const vlmc_model *known, packed_group *group,
                             choice *chosen, vlmc_error *error)
{
    vlmc_packed_group *packed = &group->packed;
    const bool joins = !coding || coding->tokenizer->flags & VLMC_TOKENIZER_JOINS;
    group->model = NULL;
    VLMC_TRY(vlmc_group_pack(p->groups, tokens, n, packed, error));
    // Pixels and samples that look like noise to zstd are none to their contexts.
    const bool try_model = coding ? packed->size > MODEL_BYTES_MIN : packed->try_model;
    if (!try_model || !p->source.open)
        return VLMC_OK;
    if (p->level.models)
        VLMC_TRY(choose(p, coding, known, chosen, error));
    // Context models that read everything in one stream learn more of what repeats than beside a
    // transformer in many: where there is no telling, both are tried.
    promise promising = {.with = chosen->model != NULL, .without = !chosen->model};
    if (joins && chosen->model) // before the mixer's result waits in a buffer that samples use
        VLMC_TRY(judge_sample(p, chosen->model, coding, tokens, n, &promising, error));
    if (promising.without)
        VLMC_TRY(pack_with(p, NULL, coding, tokens, n, 0, packed, error));
    if (!promising.with)
        return VLMC_OK;
    const uint32_t before = packed->size;
    VLMC_TRY(pack_with(p, chosen->model, coding, tokens, n, chosen->cost, packed, error));
    if (packed->size < before)
        group->model = chosen->model;
    return VLMC_OK;
}

static void fill_entry(packed_group *group, const choice *chosen)
{
    vlmc_journal_entry *entry = &group->entry;
    entry->method = (uint8_t)group->packed.method;
    entry->streams = (uint8_t)group->packed.streams;
    entry->size = group->packed.size;
    entry->chose = chosen->made;
    entry->with_model = group->model != NULL;
    entry->model_cost = chosen->cost;
    if (chosen->model)
        memcpy(entry->model, chosen->model->digest, sizeof entry->model);
}

// Takes the result of an earlier run over, if that would have made the same choice.
static vlmc_status recall(vlmc_packer *p, const vlmc_token_coding *coding, const uint8_t *tokens,
                          uint32_t n, const vlmc_model *known, packed_group *group,
                          vlmc_error *error)
{
    static const uint8_t none[VLMC_DIGEST_BYTES];
    const vlmc_journal_entry *entry = vlmc_recall_find(p->recall, group->entry.key);
    choice chosen = {0};
    if (!entry)
        return VLMC_OK;
    if (entry->chose) {
        if (!p->source.open || !p->level.models)
            return VLMC_OK;
        VLMC_TRY(choose(p, coding, known, &chosen, error));
        if (memcmp(entry->model, chosen.model ? chosen.model->digest : none, sizeof entry->model) !=
                0 ||
            entry->model_cost != chosen.cost)
            return VLMC_OK;
    }
    if (entry->with_model && !chosen.model)
        return VLMC_OK;
    group->model = entry->with_model ? chosen.model : NULL;
    group->recalled = vlmc_recall_take(p->recall, entry, tokens, n, &group->packed);
    if (group->recalled)
        group->entry = *entry;
    return VLMC_OK;
}

static vlmc_status pack(vlmc_packer *p, const vlmc_token_coding *coding, const uint8_t *tokens,
                        uint32_t n, const vlmc_model *known, packed_group *group, vlmc_error *error)
{
    choice chosen = {0};
    group->recalled = false;
    group->entry = (vlmc_journal_entry){0};
    if (p->recall) {
        vlmc_recall_key(p->recall, coding, tokens, n, group->entry.key);
        VLMC_TRY(recall(p, coding, tokens, n, known, group, error));
        if (group->recalled)
            return VLMC_OK;
    }
    VLMC_TRY(pack_anew(p, coding, tokens, n, known, group, &chosen, error));
    fill_entry(group, &chosen);
    return VLMC_OK;
}

// Writes a packed group, and remembers it for a run that has to begin again.
static vlmc_status write_group(vlmc_packer *p, const packed_group *group, uint32_t number,
                               const uint8_t *tokens, uint32_t n, vlmc_error *error)
{
    const vlmc_packed_group *packed = &group->packed;
    VLMC_TRY(vlmc_records_group(p->records, packed, group->model, number, group->first_token,
                                tokens, n, error));
    return p->recall ? vlmc_recall_written(p->recall, &group->entry, packed->bytes,
                                           vlmc_records_last_offset(p->records), error)
                     : VLMC_OK;
}

vlmc_status vlmc_packer_group(vlmc_packer *p, const vlmc_token_coding *coding, uint32_t number,
                              const uint8_t *tokens, uint32_t n, uint64_t bytes, vlmc_error *error)
{
    packed_group group = {0};
    vlmc_error detail = {0};
    p->group_bytes = bytes;
    p->group_tokens = n;
    p->before = 0;
    vlmc_status status = pack(p, coding, tokens, n, NULL, &group, &detail);
    const bool unsound = status == VLMC_ERROR_PLUGIN;
    if (unsound) { // the tokens are sound: zstd or stored, then
        vlmc_packer_notice(p, detail.text);
        status = VLMC_OK;
    }
    if (status != VLMC_OK && error)
        *error = detail;
    VLMC_TRY(status);
    if (unsound)
        VLMC_TRY(vlmc_records_group(p->records, &group.packed, group.model, number, 0, tokens, n,
                                    error));
    else
        VLMC_TRY(write_group(p, &group, number, tokens, n, error));
    return vlmc_packer_done(p, bytes, error);
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

// Keeps a packed group's bytes, unless they are the tokens themselves.
static vlmc_status keep(packed_segment *s, packed_group *group, vlmc_error *error)
{
    const vlmc_packed_group *packed = &group->packed;
    if (packed->method == VLMC_GROUP_STORED)
        return VLMC_OK;
    if (s->capacity - s->size < packed->size) {
        const size_t capacity = 2 * s->capacity + packed->size + 65536;
        uint8_t *grown = realloc(s->bytes, capacity);
        if (!grown)
            return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
        s->bytes = grown;
        s->capacity = capacity;
    }
    group->at = s->size;
    memcpy(s->bytes + s->size, packed->bytes, packed->size);
    s->size += packed->size;
    return VLMC_OK;
}

typedef struct segment_job {
    const vlmc_token_coding *coding;
    const uint8_t *tokens;
    size_t n;
    size_t n_bytes;
    uint32_t align;
    uint64_t limit; // what the groups must stay below to be worth it
} segment_job;

// *size: what the groups take, or the limit or more when they are not worth it.
static vlmc_status pack_groups(vlmc_packer *p, const segment_job *job, packed_segment *s,
                               uint64_t *size, vlmc_error *error)
{
    const vlmc_model *known = NULL;
    p->before = 0;
    for (uint32_t g = 0; g < s->n_groups && *size < job->limit; g++) {
        packed_group *group = &s->groups[g];
        vlmc_token_coding coding = *job->coding;
        group->first_token = vlmc_cut_group_offset(job->n, job->align, p->limit, g);
        group->n = (uint32_t)(vlmc_cut_group_offset(job->n, job->align, p->limit, g + 1) -
                              group->first_token);
        coding.first_token = group->first_token;
        p->group_tokens = group->n;
        p->group_bytes = (uint64_t)job->n_bytes * group->n / job->n; // < 2^26 * 2^26
        VLMC_TRY(pack(p, &coding, job->tokens + group->first_token, group->n, known, group, error));
        VLMC_TRY(keep(s, group, error));
        if (p->recall && !group->recalled && s->n_groups > 1)
            VLMC_TRY(vlmc_recall_keep(p->recall, &group->entry, group->packed.bytes, error));
        if (group->packed.method == VLMC_GROUP_MODEL) {
            *size += group->model == known ? 0 : vlmc_records_model_cost(p->records, group->model);
            known = group->model;
        }
        *size += VLMC_RECORD_BYTES + VLMC_GROUP_TAG_BYTES_MAX + group->packed.size;
        p->before += p->group_bytes;
        VLMC_TRY(vlmc_packer_tick(p, p->before)
                     ? VLMC_OK
                     : vlmc_fail(error, VLMC_ERROR_INTERRUPTED, "stopped on request"));
    }
    return VLMC_OK;
}

static vlmc_status write_groups(vlmc_packer *p, const segment_job *job, const packed_segment *s,
                                uint32_t *number, vlmc_error *error)
{
    VLMC_TRY(vlmc_records_tokenizer(p->records, job->coding, number, error));
    for (uint32_t g = 0; g < s->n_groups; g++) {
        const packed_group *group = &s->groups[g];
        const uint8_t *tokens = job->tokens + group->first_token;
        packed_group written = *group;
        if (written.packed.method != VLMC_GROUP_STORED)
            written.packed.bytes = s->bytes + group->at;
        VLMC_TRY(write_group(p, &written, *number, tokens, group->n, error));
    }
    if (p->recall)
        VLMC_TRY(vlmc_recall_end_kept(p->recall, error));
    return vlmc_packer_done(p, job->n_bytes, error);
}

// A segment that was not worth it is not tried again by a run that has to begin again.
static vlmc_status keep_rejected(vlmc_packer *p, const packed_segment *s, vlmc_error *error)
{
    const packed_group *first = &s->groups[0];
    if (!p->recall || s->n_groups > 1 || first->n == 0 || first->recalled)
        return VLMC_OK; // nothing new, or kept already
    return vlmc_recall_keep(p->recall, &first->entry, s->bytes + first->at, error);
}

vlmc_status vlmc_packer_segment(vlmc_packer *p, const vlmc_token_coding *coding,
                                const uint8_t *tokens, size_t n, const uint8_t *bytes,
                                size_t n_bytes, uint32_t *number, vlmc_error *error)
{
    segment_job job = {.coding = coding, .tokens = tokens, .n = n, .n_bytes = n_bytes};
    packed_segment s = {0};
    vlmc_token_geometry geometry;
    const uint32_t cost = vlmc_records_tokenizer_cost(p->records, coding);
    *number = 0;
    if (vlmc_plugin_geometry(coding->tokenizer, coding->params, coding->params_bytes, &geometry,
                             error) != VLMC_OK)
        return VLMC_ERROR_PLUGIN;
    VLMC_TRY(plain_size(p, bytes, n_bytes, &job.limit, error));
    job.align = geometry.align_tokens;
    s.n_groups = (uint32_t)vlmc_cut_groups(n, job.align, p->limit);
    s.groups = calloc(s.n_groups, sizeof *s.groups);
    if (!s.groups)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
    uint64_t size = (uint64_t)cost + SEGMENT_COST_BYTES;
    if (p->recall)
        vlmc_recall_begin_kept(p->recall);
    vlmc_status status = pack_groups(p, &job, &s, &size, error);
    if (status == VLMC_OK && size < job.limit)
        status = write_groups(p, &job, &s, number, error);
    else if (status == VLMC_OK)
        status = keep_rejected(p, &s, error);
    free(s.groups);
    free(s.bytes);
    return status;
}
