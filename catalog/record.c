// SPDX-License-Identifier: Apache-2.0
#include "record.h"

#include "forget.h"
#include "record_entries.h"

#include <stdlib.h>
#include <time.h>

// What the catalog knows of an archive; id 0: nothing.
typedef struct known_archive {
    int64_t id;
    bool has_names;
    bool is_current; // read by this version of the catalog
} known_archive;

static vlmc_status find_archive(vlmc_catalog *catalog, const uint8_t *root_digest,
                                known_archive *known, vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    bool found;
    *known = (known_archive){0};
    VLMC_TRY(vlmc_catalog_prepare(
        catalog, "SELECT id, has_names, read_by FROM archive WHERE root_digest = ?", &s, error));
    vlmc_catalog_bind_bytes(s, 1, root_digest, 32);
    vlmc_status status = vlmc_catalog_step(catalog, s, &found, error);
    if (status == VLMC_OK && found) {
        known->id = sqlite3_column_int64(s, 0);
        known->has_names = sqlite3_column_int64(s, 1) != 0;
        known->is_current = sqlite3_column_int64(s, 2) == VLMC_CATALOG_VERSION;
    }
    sqlite3_finalize(s);
    return status;
}

// What the catalog may say of an archive. Of an encrypted one whose names it may not know, it says
// no more than the file tells everybody.
typedef struct archive_facts {
    const vlmc_archive_info *info;
    int64_t created;
    bool has_names;
    bool is_secret;
} archive_facts;

static vlmc_status insert_archive(vlmc_catalog *catalog, const archive_facts *facts, int64_t *id,
                                  vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    VLMC_TRY(vlmc_catalog_prepare(
        catalog,
        "INSERT INTO archive (root_digest, created, format, numerics, content_bytes, n_entries,"
        " encrypted, has_names, read_by) VALUES (?1, ?2, 0, 0, 0, 0, 0, 0, 0)",
        &s, error));
    vlmc_catalog_bind_bytes(s, 1, facts->info->root_digest, sizeof facts->info->root_digest);
    sqlite3_bind_int64(s, 2, facts->created);
    vlmc_status status = vlmc_catalog_finish(catalog, s, error);
    sqlite3_finalize(s);
    *id = sqlite3_last_insert_rowid(catalog->database);
    return status;
}

static vlmc_status update_archive(vlmc_catalog *catalog, const archive_facts *facts, int64_t id,
                                  vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    const vlmc_archive_info *info = facts->info;
    VLMC_TRY(vlmc_catalog_prepare(
        catalog,
        "UPDATE archive SET format = ?2, numerics = ?3, content_bytes = ?4, n_entries = ?5,"
        " encrypted = ?6, has_names = ?7, read_by = ?8 WHERE id = ?1",
        &s, error));
    sqlite3_bind_int64(s, 1, id);
    sqlite3_bind_int64(s, 2, info->format_version);
    sqlite3_bind_int64(s, 3, facts->is_secret ? 0 : info->numerics_version);
    vlmc_catalog_bind_number(s, 4, facts->is_secret ? 0 : info->content_bytes);
    sqlite3_bind_int64(s, 5, facts->is_secret ? 0 : info->n_entries);
    sqlite3_bind_int64(s, 6, info->encrypted);
    sqlite3_bind_int64(s, 7, facts->has_names);
    sqlite3_bind_int64(s, 8, VLMC_CATALOG_VERSION);
    vlmc_status status = vlmc_catalog_finish(catalog, s, error);
    sqlite3_finalize(s);
    return status;
}

// The archive's row and what it holds, read anew where the catalog knows less than it could.
static vlmc_status record_content(vlmc_catalog *catalog, const vlmc_reader *reader, int64_t created,
                                  const vlmc_record_params *params, int64_t *id, vlmc_error *error)
{
    const vlmc_archive_info *info = vlmc_reader_info(reader);
    known_archive known;
    VLMC_TRY(find_archive(catalog, info->root_digest, &known, error));
    archive_facts facts = {.info = info, .created = created};
    facts.has_names = params->names == VLMC_CATALOG_WITH_NAMES && !info->locked;
    *id = known.id;
    if (!known.id)
        VLMC_TRY(insert_archive(catalog, &facts, id, error));
    VLMC_TRY(vlmc_catalog_run_with(catalog,
                                   "UPDATE archive SET created = min(created, ?2) WHERE id = ?1",
                                   *id, created, error));
    // Names that it has learned stay, and cannot be learned from what is locked.
    if (known.has_names && info->locked)
        return VLMC_OK;
    facts.has_names = facts.has_names || known.has_names;
    facts.is_secret = info->encrypted && !facts.has_names;
    if (known.id && known.is_current && facts.has_names == known.has_names && !params->again)
        return VLMC_OK;
    if (known.id)
        VLMC_TRY(vlmc_forget_entries(catalog, *id, error));
    VLMC_TRY(update_archive(catalog, &facts, *id, error));
    if (facts.is_secret)
        return VLMC_OK;
    return vlmc_record_entries(catalog, reader, *id, facts.has_names, error);
}

vlmc_status vlmc_record_archive(vlmc_catalog *catalog, const vlmc_reader *reader,
                                const vlmc_record_params *params, vlmc_placed *placed,
                                vlmc_error *error)
{
    vlmc_file_state state;
    int64_t archive;
    int64_t created = time(NULL);
    *placed = (vlmc_placed){0};
    if (vlmc_place_look(params->path, &state))
        created = state.mtime_ns / 1000000000;
    else
        state.bytes = (int64_t)vlmc_reader_info(reader)->archive_bytes;
    VLMC_TRY(record_content(catalog, reader, created, params, &archive, error));
    VLMC_TRY(vlmc_place_copy(catalog, archive, params->place, &state, placed, error));
    return vlmc_forget_without_copy(catalog, placed->replaced, error);
}

vlmc_status vlmc_catalog_record(vlmc_catalog *catalog, const vlmc_reader *reader, const char *path,
                                vlmc_catalog_names names, vlmc_error *error)
{
    vlmc_place place;
    vlmc_placed placed = {0};
    if (vlmc_mounts_place(catalog->mounts, path, &place, error) != VLMC_OK)
        return vlmc_catalog_no_memory(error);
    const vlmc_record_params params = {.place = &place, .path = path, .names = names};
    vlmc_status status = vlmc_catalog_begin(catalog, error);
    if (status == VLMC_OK)
        status = vlmc_catalog_end(
            catalog, vlmc_record_archive(catalog, reader, &params, &placed, error), error);
    free(placed.moved_from);
    free(place.path);
    return status;
}
