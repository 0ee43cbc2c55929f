// SPDX-License-Identifier: Apache-2.0
#include "archive.h"

#include "codec/group.h"
#include "format.h"
#include "index.h"
#include "output.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define INDEX_LEVEL 19
#define BIG_INDEX_LEVEL 9
#define BIG_INDEX_BYTES (4u << 20)

struct vlmc_writer {
    vlmc_engine_source source;
    vlmc_progress_fn progress;
    void *progress_user;
    vlmc_output *output;
    vlmc_group_packer *packer;
    vlmc_engine *engine;     // NULL until a group needs the model
    vlmc_lockstep *lockstep; // the same
    vlmc_model_identity model;
    vlmc_index_builder index;
    uint8_t *pending; // (VLMC_GROUP_BYTES_MAX) content of the next group
    uint32_t pending_bytes;
    vlmc_content_kind pending_kind; // of its first file that is not neutral
    bool broken;                    // what was written is not a prefix of an archive any more
};

static vlmc_status start(vlmc_writer *w, const vlmc_writer_params *params, vlmc_error *error)
{
    VLMC_TRY(vlmc_group_packer_create(&w->packer, error));
    w->pending = malloc(VLMC_GROUP_BYTES_MAX);
    if (!w->pending)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
    VLMC_TRY(vlmc_output_create(params->path, params->fd, params->replace, &w->output, error));
    uint8_t header[VLMC_HEADER_BYTES];
    vlmc_format_write_header(header);
    return vlmc_output_write(w->output, header, sizeof header, error);
}

vlmc_status vlmc_writer_create(const vlmc_writer_params *params, vlmc_writer **writer,
                               vlmc_error *error)
{
    *writer = NULL;
    vlmc_writer *w = calloc(1, sizeof *w);
    if (!w)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
    w->source = params->engine;
    w->progress = params->progress;
    w->progress_user = params->progress_user;
    const vlmc_status status = start(w, params, error);
    if (status != VLMC_OK)
        vlmc_writer_destroy(&w);
    *writer = w;
    return status;
}

void vlmc_writer_destroy(vlmc_writer **writer)
{
    vlmc_writer *w = *writer;
    if (!w)
        return;
    vlmc_output_destroy(&w->output);
    vlmc_lockstep_destroy(&w->lockstep);
    vlmc_engine_destroy(&w->engine);
    vlmc_group_packer_destroy(&w->packer);
    vlmc_index_builder_destroy(&w->index);
    free(w->pending);
    free(w);
    *writer = NULL;
}

static bool tell_progress(const vlmc_writer *w, uint64_t bytes)
{
    return !w->progress || w->progress(w->progress_user, bytes, vlmc_output_size(w->output));
}

static bool group_tick(void *user, uint32_t raw_done)
{
    const vlmc_writer *w = user;
    return tell_progress(w, w->index.content_bytes + raw_done);
}

// A record's number, hashes and header; then its payload.
static vlmc_status write_record(vlmc_writer *w, vlmc_record *record, const void *raw,
                                const void *packed, vlmc_error *error)
{
    uint8_t header[VLMC_RECORD_BYTES];
    record->number = w->index.n_records;
    record->raw_hash = vlmc_format_hash(raw, record->raw_bytes);
    record->packed_hash = vlmc_format_hash(packed, record->packed_bytes);
    vlmc_format_write_record(record, header);
    VLMC_TRY(vlmc_output_write(w->output, header, sizeof header, error));
    return vlmc_output_write(w->output, packed, record->packed_bytes, error);
}

static vlmc_status open_model(vlmc_writer *w, vlmc_error *error)
{
    if (w->lockstep)
        return VLMC_OK;
    VLMC_TRY(w->source.open(w->source.user, NULL, VLMC_STREAMS_MAX, VLMC_SLAB_STEPS_MAX, &w->engine,
                            error));
    const vlmc_model *model = w->engine->model;
    w->model.numerics = (uint16_t)model->hp.numerics;
    memcpy(w->model.digest, model->digest, VLMC_DIGEST_BYTES);
    memcpy(w->model.name, model->name, sizeof w->model.name);
    w->model.name[sizeof w->model.name - 1] = '\0';
    return vlmc_lockstep_create(w->engine, NULL, VLMC_SLAB_STEPS_MAX, &w->lockstep, error);
}

// Names the model before the first group that needs it.
static vlmc_status write_model(vlmc_writer *w, vlmc_error *error)
{
    if (w->model.present)
        return VLMC_OK;
    uint8_t bytes[VLMC_MODEL_IDENTITY_BYTES_MAX];
    const uint32_t size = vlmc_format_write_model(&w->model, bytes);
    vlmc_record record = {.type = VLMC_RECORD_MODEL, .raw_bytes = size, .packed_bytes = size};
    VLMC_TRY(write_record(w, &record, bytes, bytes, error));
    w->model.present = true;
    return vlmc_index_add_record(&w->index, &record, error);
}

static vlmc_status pack_model(vlmc_writer *w, vlmc_packed_group *packed, vlmc_error *error)
{
    VLMC_TRY(open_model(w, error));
    const uint32_t cost = w->model.present ? 0 : VLMC_RECORD_BYTES + VLMC_MODEL_IDENTITY_BYTES_MAX;
    return vlmc_group_pack_model(w->packer, w->lockstep, NULL, w->pending, w->pending_bytes, cost, packed,
                                 group_tick, w, error);
}

// True when the engine failed with its device and another may do the group again.
static bool try_again(vlmc_writer *w, vlmc_status status, const vlmc_error *error)
{
    if (status != VLMC_ERROR_DEVICE || !w->engine)
        return false;
    vlmc_lockstep_destroy(&w->lockstep);
    vlmc_engine_destroy(&w->engine);
    return w->source.lost && w->source.lost(w->source.user, error);
}

static vlmc_status pack_group(vlmc_writer *w, vlmc_packed_group *packed, vlmc_error *error)
{
    VLMC_TRY(vlmc_group_pack(w->packer, w->pending, w->pending_bytes, packed, error));
    if (!packed->try_model || !w->source.open)
        return VLMC_OK;
    vlmc_error detail = {0};
    vlmc_status status;
    do
        status = pack_model(w, packed, &detail);
    while (try_again(w, status, &detail));
    if (status != VLMC_OK && error)
        *error = detail;
    return status;
}

static vlmc_status write_group(vlmc_writer *w, vlmc_error *error)
{
    if (w->pending_bytes == 0)
        return VLMC_OK;
    vlmc_packed_group packed;
    VLMC_TRY(pack_group(w, &packed, error));
    if (packed.method == VLMC_GROUP_MODEL)
        VLMC_TRY(write_model(w, error));
    vlmc_record record = {
        .type = VLMC_RECORD_GROUP,
        .method = (uint8_t)packed.method,
        .streams = (uint8_t)packed.streams,
        .raw_bytes = w->pending_bytes,
        .packed_bytes = packed.size,
    };
    VLMC_TRY(write_record(w, &record, w->pending, packed.bytes, error));
    VLMC_TRY(vlmc_index_add_record(&w->index, &record, error));
    w->pending_bytes = 0;
    w->pending_kind = VLMC_CONTENT_NEUTRAL;
    if (!tell_progress(w, w->index.content_bytes))
        return vlmc_fail(error, VLMC_ERROR_INTERRUPTED, "stopped on request");
    return VLMC_OK;
}

static vlmc_status check_entry(const vlmc_entry *entry, bool has_content, vlmc_error *error)
{
    const size_t link = entry->link ? strlen(entry->link) : 0;
    if (!entry->path || !vlmc_path_valid(entry->path))
        return vlmc_fail(error, VLMC_ERROR_REFUSED,
                         "an archive cannot hold the path \"%s\"; paths are relative and have no "
                         "\"..\" part",
                         entry->path ? entry->path : "");
    if (link > VLMC_PATH_BYTES_MAX || (link != 0) != (entry->type == VLMC_ENTRY_SYMLINK))
        return vlmc_fail(error, VLMC_ERROR_REFUSED, "an archive cannot hold the link target of %s",
                         entry->path);
    if (entry->type > VLMC_ENTRY_SYMLINK || entry->mode > 07777 || entry->mtime_ns >= 1000000000u ||
        has_content != (entry->type == VLMC_ENTRY_FILE))
        return vlmc_fail(error, VLMC_ERROR_USAGE, "%s has a type, mode or time that cannot be",
                         entry->path);
    return VLMC_OK;
}

// Pending content from *begin on is a file, or as much of it as there is room for. Where it is
// unlike what lies before it, that becomes a group and the file starts the next one: packed
// photographs beside text would spoil the model's adaptation and cost its time.
static vlmc_status cut_before(vlmc_writer *w, uint32_t *begin, vlmc_error *error)
{
    const uint32_t bytes = w->pending_bytes - *begin;
    vlmc_content_kind kind;
    VLMC_TRY(vlmc_group_kind(w->packer, w->pending + *begin, bytes, &kind, error));
    if (kind == VLMC_CONTENT_NEUTRAL)
        return VLMC_OK;
    if (w->pending_kind != VLMC_CONTENT_NEUTRAL && w->pending_kind != kind && *begin > 0) {
        w->pending_bytes = *begin;
        VLMC_TRY(write_group(w, error));
        memmove(w->pending, w->pending + *begin, bytes);
        w->pending_bytes = bytes;
        *begin = 0;
    }
    w->pending_kind = kind;
    return VLMC_OK;
}

// Drains `read` into groups. *refused is set when `read` failed and not the archive.
static vlmc_status add_content(vlmc_writer *w, vlmc_read_fn read, void *user, vlmc_entry *entry,
                               bool *refused, vlmc_error *error)
{
    crypto_hash_sha256_state hash;
    crypto_hash_sha256_init(&hash);
    uint32_t begin = w->pending_bytes;
    for (;;) {
        if (w->pending_bytes == VLMC_GROUP_BYTES_MAX)
            VLMC_TRY(cut_before(w, &begin, error));
        if (w->pending_bytes == VLMC_GROUP_BYTES_MAX) {
            VLMC_TRY(write_group(w, error));
            begin = 0;
        }
        uint8_t *at = w->pending + w->pending_bytes;
        const size_t room = VLMC_GROUP_BYTES_MAX - w->pending_bytes;
        size_t got = 0;
        const vlmc_status status = read(user, at, room, &got, error);
        if (status != VLMC_OK) {
            *refused = true;
            return status;
        }
        if (got > room)
            return vlmc_fail(error, VLMC_ERROR_USAGE, "more content than there was room for");
        if (got == 0)
            break;
        crypto_hash_sha256_update(&hash, at, got);
        w->pending_bytes += (uint32_t)got;
        entry->size_bytes += got;
    }
    crypto_hash_sha256_final(&hash, entry->sha256);
    return cut_before(w, &begin, error);
}

static uint64_t content_position(const vlmc_writer *w)
{
    return w->index.content_bytes + w->pending_bytes;
}

vlmc_status vlmc_writer_add(vlmc_writer *w, const vlmc_entry *entry, vlmc_read_fn read, void *user,
                            vlmc_error *error)
{
    if (w->broken)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "the archive has failed and takes no more files");
    VLMC_TRY(check_entry(entry, read != NULL, error));
    vlmc_entry added = *entry;
    added.size_bytes = 0;
    added.offset_bytes = read ? content_position(w) : 0;
    bool refused = false;
    vlmc_status status = VLMC_OK;
    if (read)
        status = add_content(w, read, user, &added, &refused, error);
    // What a failed read has left in the pending group is forgotten; what is already
    // written stays as content of no entry.
    if (refused && added.offset_bytes >= w->index.content_bytes)
        w->pending_bytes = (uint32_t)(added.offset_bytes - w->index.content_bytes);
    else if (refused)
        w->pending_bytes = 0;
    if (status == VLMC_OK)
        status = vlmc_index_add_entry(&w->index, &added, error);
    w->broken = status != VLMC_OK && !refused;
    return status;
}

// The payload of the index record: zstd when that is smaller and within the reader's limits.
static vlmc_status pack_index(const uint8_t *raw, uint32_t size, uint8_t **packed,
                              vlmc_record *record, vlmc_error *error)
{
    const size_t capacity = ZSTD_compressBound(size);
    *packed = malloc(capacity);
    if (!*packed)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the archive's index");
    const size_t result = ZSTD_compress(*packed, capacity, raw, size,
                                        size > BIG_INDEX_BYTES ? BIG_INDEX_LEVEL : INDEX_LEVEL);
    if (ZSTD_isError(result))
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "zstd failed: %s", ZSTD_getErrorName(result));
    const bool smaller =
        result < size && size <= VLMC_INDEX_SLACK_BYTES + (uint64_t)VLMC_INDEX_RATIO_MAX * result;
    record->method = smaller ? VLMC_GROUP_ZSTD : VLMC_GROUP_STORED;
    record->packed_bytes = smaller ? (uint32_t)result : size;
    return VLMC_OK;
}

static vlmc_status write_end(vlmc_writer *w, uint8_t *raw, uint32_t size, uint8_t **packed,
                             vlmc_error *error)
{
    vlmc_record record = {.type = VLMC_RECORD_INDEX, .raw_bytes = size};
    VLMC_TRY(pack_index(raw, size, packed, &record, error));
    vlmc_footer footer = {
        .index_offset = vlmc_output_size(w->output),
        .index_packed_bytes = record.packed_bytes,
    };
    crypto_hash_sha256(footer.root_digest, raw, size);
    const uint8_t *payload = record.method == VLMC_GROUP_STORED ? raw : *packed;
    VLMC_TRY(write_record(w, &record, raw, payload, error));
    uint8_t bytes[VLMC_FOOTER_BYTES];
    vlmc_format_write_footer(&footer, bytes);
    return vlmc_output_write(w->output, bytes, sizeof bytes, error);
}

static vlmc_status finish(vlmc_writer *w, uint64_t *archive_bytes, vlmc_error *error)
{
    VLMC_TRY(write_group(w, error));
    uint8_t *raw = NULL, *packed = NULL;
    uint32_t size;
    vlmc_status status = vlmc_index_build(&w->index, &w->model, &raw, &size, error);
    if (status == VLMC_OK)
        status = write_end(w, raw, size, &packed, error);
    free(packed);
    free(raw);
    VLMC_TRY(status);
    *archive_bytes = vlmc_output_size(w->output);
    return vlmc_output_commit(w->output, error);
}

vlmc_status vlmc_writer_finish(vlmc_writer *w, uint64_t *archive_bytes, vlmc_error *error)
{
    if (w->broken)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "the archive has failed and cannot be finished");
    w->broken = true; // one finish only
    return finish(w, archive_bytes, error);
}
