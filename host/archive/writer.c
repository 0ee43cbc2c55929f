// SPDX-License-Identifier: Apache-2.0
#include "archive.h"

#include "codec/cut.h"
#include "index.h"
#include "intake.h"
#include "output.h"
#include "packer.h"
#include "pending.h"
#include "records.h"

#include <stdlib.h>
#include <string.h>

struct vlmc_writer {
    vlmc_output *output;
    vlmc_records *records;
    vlmc_packer *packer;
    vlmc_pending *pending;
    vlmc_intake *intake;
    bool broken; // what was written is not a prefix of an archive any more
};

static vlmc_status start(vlmc_writer *w, const vlmc_writer_params *params, vlmc_error *error)
{
    VLMC_TRY(vlmc_output_create(params->path, params->fd, params->replace, &w->output, error));
    VLMC_TRY(vlmc_records_create(w->output, &w->records, error));
    VLMC_TRY(vlmc_packer_create(params, w->output, w->records, &w->packer, error));
    VLMC_TRY(vlmc_pending_create(w->packer, w->records, &w->pending, error));
    return vlmc_intake_create(&params->plugins, w->packer, w->records, w->pending, &w->intake,
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
    vlmc_writer *w = calloc(1, sizeof *w);
    if (!w)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
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
    vlmc_intake_destroy(&w->intake);
    vlmc_pending_destroy(&w->pending);
    vlmc_packer_destroy(&w->packer);
    vlmc_records_destroy(&w->records);
    vlmc_output_destroy(&w->output);
    free(w);
    *writer = NULL;
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

static vlmc_status add(vlmc_writer *w, const vlmc_entry *entry, vlmc_read_fn read, void *user,
                       bool *refused, vlmc_error *error)
{
    vlmc_entry added = *entry;
    vlmc_intake_result result = {0};
    *refused = false;
    added.size_bytes = 0;
    if (read) {
        vlmc_pending_begin_file(w->pending);
        VLMC_TRY(vlmc_intake_file(w->intake, entry->path, read, user, &result, refused, error));
        added.size_bytes = result.size_bytes;
        memcpy(added.sha256, result.sha256, sizeof added.sha256);
    }
    return vlmc_index_add_entry(vlmc_records_index(w->records), &added, result.segments,
                                result.n_segments, error);
}

vlmc_status vlmc_writer_add(vlmc_writer *w, const vlmc_entry *entry, vlmc_read_fn read, void *user,
                            vlmc_error *error)
{
    if (w->broken)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "the archive has failed and takes no more files");
    VLMC_TRY(check_entry(entry, read != NULL, error));
    bool refused;
    const vlmc_status status = add(w, entry, read, user, &refused, error);
    if (refused)
        vlmc_pending_forget_file(w->pending);
    w->broken = status != VLMC_OK && !refused;
    return status;
}

static vlmc_status finish(vlmc_writer *w, uint64_t *archive_bytes, vlmc_error *error)
{
    VLMC_TRY(vlmc_pending_finish(w->pending, error));
    VLMC_TRY(vlmc_records_finish(w->records, error));
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
