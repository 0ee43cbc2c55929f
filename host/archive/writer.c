// SPDX-License-Identifier: Apache-2.0
#include "archive.h"

#include "codec/cut.h"
#include "dedup.h"
#include "file_table.h"
#include "holes.h"
#include "index.h"
#include "intake.h"
#include "output.h"
#include "packer.h"
#include "pending.h"
#include "recall.h"
#include "records.h"
#include "recovery/recovery.h"
#include "writer_ahead.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES (256u << 10)

struct vlmc_writer {
    uint32_t recovery_percent; // 0: no recovery data
    vlmc_output *output;
    vlmc_records *records;
    vlmc_recall *recall; // NULL: what is interrupted is lost
    char *journal;       // name of its file
    vlmc_packer *packer;
    vlmc_pending *pending;
    vlmc_dedup *dedup;
    vlmc_file_table *files;
    vlmc_intake *intake;
    vlmc_writer_ahead *ahead; // NULL: nobody looks ahead
    uint8_t *buffer;          // (READ_BYTES) for files that are read twice
    vlmc_buffer holes;        // of the current file
    bool broken;              // what was written is not a prefix of an archive any more
};

static vlmc_status start(vlmc_writer *w, const vlmc_writer_params *params, vlmc_error *error)
{
    const vlmc_output_params output = {
        .path = params->path,
        .fd = params->fd,
        .replace = params->replace,
        .partial = params->partial,
    };
    VLMC_TRY(vlmc_output_create(&output, &w->output, error));
    if (params->partial) {
        w->journal = strdup(params->journal);
        if (!w->journal)
            return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
        VLMC_TRY(vlmc_recall_create(params, w->output, &w->recall, error));
    }
    VLMC_TRY(vlmc_records_create(w->output, params->seal, &w->records, error));
    VLMC_TRY(vlmc_packer_create(params, w->output, w->records, w->recall, &w->packer, error));
    VLMC_TRY(vlmc_pending_create(w->packer, &w->pending, error));
    VLMC_TRY(vlmc_dedup_create(&w->dedup, error));
    VLMC_TRY(vlmc_file_table_create(&w->files, error));
    if (params->coming.worker && params->groups_at_once > 1)
        VLMC_TRY(vlmc_writer_ahead_create(&params->coming, w->packer, w->records, w->files,
                                          &w->ahead, error));
    w->recovery_percent = params->recovery_percent;
    w->buffer = malloc(READ_BYTES);
    if (!w->buffer)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
    return vlmc_intake_create(params, w->packer, w->records, w->pending, w->dedup, &w->intake,
                              error);
}

vlmc_status vlmc_writer_create(const vlmc_writer_params *params, vlmc_writer **writer,
                               vlmc_error *error)
{
    *writer = NULL;
    if (params->group_bytes && (params->group_bytes < VLMC_GROUP_BYTES_LEAST ||
                                params->group_bytes > VLMC_GROUP_BYTES_MAX))
        return vlmc_fail(error, VLMC_ERROR_USAGE, "groups have %u to %u bytes, not %u",
                         VLMC_GROUP_BYTES_LEAST, VLMC_GROUP_BYTES_MAX, params->group_bytes);
    if (params->recovery_percent && !params->path)
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         "recovery data need an archive that can be read again; write to a file");
    vlmc_writer *w = calloc(1, sizeof *w);
    if (!w)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
    vlmc_writer_params known = *params;
    if (!known.level)
        known.level = vlmc_level_of(VLMC_LEVEL_DEFAULT);
    const vlmc_status status = start(w, &known, error);
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
    vlmc_writer_ahead_destroy(&w->ahead);
    vlmc_intake_destroy(&w->intake);
    vlmc_file_table_destroy(&w->files);
    vlmc_dedup_destroy(&w->dedup);
    free(w->buffer);
    vlmc_buffer_free(&w->holes);
    vlmc_pending_destroy(&w->pending);
    vlmc_packer_destroy(&w->packer);
    vlmc_records_destroy(&w->records);
    vlmc_recall_destroy(&w->recall);
    vlmc_output_destroy(&w->output);
    free(w->journal);
    free(w);
    *writer = NULL;
}

// NULL, or why the entry's type does not go with the rest of it.
static const char *type_problem(const vlmc_writer *w, const vlmc_entry *entry, bool has_content)
{
    if (entry->type > VLMC_ENTRY_HARD_LINK || has_content != (entry->type == VLMC_ENTRY_FILE))
        return "a type";
    if (entry->mode > 07777 || entry->mtime_ns >= 1000000000u)
        return "a mode or time";
    return entry->type == VLMC_ENTRY_HARD_LINK && entry->target >= vlmc_writer_n_entries(w)
               ? "a target"
               : NULL;
}

static vlmc_status check_entry(const vlmc_writer *w, const vlmc_entry *entry, bool has_content,
                               vlmc_error *error)
{
    const bool symlink = entry->type == VLMC_ENTRY_SYMLINK;
    const size_t link = symlink && entry->link ? strlen(entry->link) : 0;
    if (!entry->path || !vlmc_path_valid(entry->path))
        return vlmc_fail(error, VLMC_ERROR_REFUSED,
                         "an archive cannot hold the path \"%s\"; paths are relative and have no "
                         "\"..\" part",
                         entry->path ? entry->path : "");
    if (link > VLMC_PATH_BYTES_MAX || (link != 0) != symlink)
        return vlmc_fail(error, VLMC_ERROR_REFUSED, "an archive cannot hold the link target of %s",
                         entry->path);
    const char *problem = vlmc_attributes_problem(entry->attributes);
    if (problem)
        return vlmc_fail(error, VLMC_ERROR_REFUSED, "an archive cannot hold %s, as %s has it",
                         problem, entry->path);
    problem = type_problem(w, entry, has_content);
    if (problem)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "%s has %s that cannot be", entry->path, problem);
    return VLMC_OK;
}

// The holes of a file as the index will have them; *holes points into w->holes, or is NULL.
static vlmc_status encode_holes(vlmc_writer *w, const vlmc_entry *entry,
                                const vlmc_content_source *content, const uint8_t **holes,
                                uint64_t *hole_bytes, vlmc_error *error)
{
    *holes = NULL;
    *hole_bytes = 0;
    if (content->n_holes == 0)
        return VLMC_OK;
    if (content->n_holes > VLMC_HOLES_MAX ||
        !vlmc_holes_valid(content->holes, content->n_holes, content->size_bytes, hole_bytes))
        return vlmc_fail(error, VLMC_ERROR_USAGE, "%s has holes that cannot be", entry->path);
    w->holes.size = 0;
    if (!vlmc_holes_encode(content->holes, content->n_holes, &w->holes))
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
    *holes = w->holes.bytes;
    return VLMC_OK;
}

// ---- Files that are there already ----

// Reads all of it. *refused: it cannot be read.
static vlmc_status hash_file(vlmc_writer *w, const vlmc_content_source *content, uint8_t sha256[32],
                             uint64_t *size_bytes, bool *refused, vlmc_error *error)
{
    crypto_hash_sha256_state hash;
    crypto_hash_sha256_init(&hash);
    *size_bytes = 0;
    for (size_t got = 1; got > 0;) {
        vlmc_status status = content->read(content->user, w->buffer, READ_BYTES, &got, error);
        *refused = status != VLMC_OK;
        VLMC_TRY(status);
        crypto_hash_sha256_update(&hash, w->buffer, got);
        *size_bytes += got;
        VLMC_TRY(vlmc_packer_done(w->packer, 0, error));
    }
    crypto_hash_sha256_final(&hash, sha256);
    return VLMC_OK;
}

// Adds the file if the archive has its content. It is looked at only where the size says that this
// may be, so that few files are read twice.
static vlmc_status add_known(vlmc_writer *w, const vlmc_entry *entry,
                             const vlmc_content_source *content, bool *known, bool *refused,
                             vlmc_error *error)
{
    vlmc_index_builder *index = vlmc_records_index(w->records);
    vlmc_index_place earlier;
    vlmc_entry added = *entry;
    *known = false;
    // Sparse files have their data's parts looked for, and no more: holes are the file's own.
    if (!content->rewind || content->n_holes ||
        !vlmc_file_table_has_size(w->files, content->size_bytes))
        return VLMC_OK;
    VLMC_TRY(hash_file(w, content, added.sha256, &added.size_bytes, refused, error));
    *known = vlmc_file_table_find(w->files, index, added.size_bytes, added.sha256, &earlier);
    if (*known) {
        VLMC_TRY(vlmc_index_repeat_entry(index, &added, earlier, error));
        return vlmc_packer_done(w->packer, added.size_bytes, error);
    }
    const vlmc_status status = content->rewind(content->user, error);
    *refused = status != VLMC_OK;
    return status;
}

// ---- Adding ----

// Adds an entry with the content that the intake made of a file, and remembers it.
static vlmc_status add_new(vlmc_writer *w, vlmc_entry *added, const vlmc_index_content *content,
                           vlmc_error *error)
{
    vlmc_index_builder *index = vlmc_records_index(w->records);
    vlmc_index_place place, earlier;
    VLMC_TRY(vlmc_index_add_entry(index, added, content, &place, error));
    if (added->size_bytes == 0 || content->holes ||
        vlmc_file_table_find(w->files, index, added->size_bytes, added->sha256, &earlier))
        return VLMC_OK;
    return vlmc_file_table_add(w->files, added->size_bytes, added->sha256, place, error);
}

static vlmc_status add_file(vlmc_writer *w, const vlmc_entry *entry,
                            const vlmc_content_source *content, bool *refused, vlmc_error *error)
{
    vlmc_entry added = *entry;
    vlmc_intake_result result;
    bool known;
    const uint8_t *holes;
    uint64_t hole_bytes;
    VLMC_TRY(add_known(w, entry, content, &known, refused, error));
    if (known)
        return VLMC_OK;
    VLMC_TRY(encode_holes(w, entry, content, &holes, &hole_bytes, error));
    VLMC_TRY(vlmc_intake_file(w->intake, entry->path, holes, content->read, content->user, &result,
                              refused, error));
    if (holes && result.data_bytes != content->size_bytes - hole_bytes) {
        *refused = true;
        return vlmc_fail(error, VLMC_ERROR_IO, "the holes of %s changed while it was read",
                         entry->path);
    }
    added.size_bytes = result.size_bytes;
    memcpy(added.sha256, result.sha256, sizeof added.sha256);
    return add_new(w, &added,
                   &(vlmc_index_content){.segments = result.segments,
                                         .n_segments = result.n_segments,
                                         .holes = holes,
                                         .holes_bytes = holes ? (uint32_t)w->holes.size : 0},
                   error);
}

static vlmc_status add(vlmc_writer *w, const vlmc_entry *entry, const vlmc_content_source *content,
                       vlmc_error *error)
{
    if (w->broken)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "the archive has failed and takes no more files");
    VLMC_TRY(check_entry(w, entry, content != NULL, error));
    bool refused = false;
    vlmc_status status;
    if (content) {
        vlmc_pending_begin_file(w->pending);
        vlmc_dedup_begin_file(w->dedup);
        vlmc_packer_reach(w->packer, (vlmc_place){.file = content->number});
        status = add_file(w, entry, content, &refused, error);
    } else {
        status = vlmc_index_add_entry(vlmc_records_index(w->records), entry, NULL, NULL, error);
    }
    if (refused) {
        vlmc_pending_forget_file(w->pending);
        vlmc_dedup_forget_file(w->dedup);
    }
    w->broken = status != VLMC_OK && !refused;
    return status;
}

uint32_t vlmc_writer_n_entries(const vlmc_writer *w)
{
    return vlmc_records_index(w->records)->n_entries;
}

vlmc_status vlmc_writer_add(vlmc_writer *w, const vlmc_entry *entry, vlmc_read_fn read, void *user,
                            vlmc_error *error)
{
    const vlmc_content_source content = {.read = read, .user = user};
    return add(w, entry, read ? &content : NULL, error);
}

vlmc_status vlmc_writer_add_file(vlmc_writer *w, const vlmc_entry *entry,
                                 const vlmc_content_source *content, vlmc_error *error)
{
    return add(w, entry, content, error);
}

// While recovery data are written, which can take a while.
static bool still_wanted(void *user, uint64_t bytes_done, uint64_t packed_bytes)
{
    const vlmc_writer *w = user;
    (void)bytes_done;
    (void)packed_bytes;
    return vlmc_packer_done(w->packer, 0, NULL) == VLMC_OK;
}

static vlmc_status finish(vlmc_writer *w, uint64_t *archive_bytes, vlmc_error *error)
{
    VLMC_TRY(vlmc_pending_finish(w->pending, error));
    VLMC_TRY(vlmc_records_finish(w->records, error));
    VLMC_TRY(vlmc_output_end(w->output, error));
    *archive_bytes = vlmc_output_size(w->output);
    vlmc_recovery_progress progress = {.tell = still_wanted, .user = w};
    if (w->recovery_percent)
        VLMC_TRY(vlmc_recovery_protect(vlmc_output_fd(w->output), *archive_bytes,
                                       w->recovery_percent, &progress, archive_bytes, error));
    VLMC_TRY(vlmc_output_commit(w->output, error));
    if (w->journal)
        unlink(w->journal); // of use to nobody; one that stays is harmless
    return VLMC_OK;
}

vlmc_writer_progress vlmc_writer_state(const vlmc_writer *w)
{
    return (vlmc_writer_progress){
        .kept = w->recall ? vlmc_recall_count(w->recall) : 0,
        .taken = w->recall ? vlmc_recall_taken(w->recall) : 0,
    };
}

vlmc_status vlmc_writer_finish(vlmc_writer *w, uint64_t *archive_bytes, vlmc_error *error)
{
    if (w->broken)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "the archive has failed and cannot be finished");
    w->broken = true; // one finish only
    return finish(w, archive_bytes, error);
}
