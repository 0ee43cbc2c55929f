// SPDX-License-Identifier: Apache-2.0
#include "record.h"

#include "forget.h"
#include "place.h"
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

static vlmc_status insert_archive(vlmc_catalog *catalog, const vlmc_archive_info *info,
                                  int64_t created, bool has_names, int64_t *id, vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    VLMC_TRY(vlmc_catalog_prepare(
        catalog,
        "INSERT INTO archive (root_digest, format, numerics, content_bytes, n_entries, created,"
        " has_names, read_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        &s, error));
    vlmc_catalog_bind_bytes(s, 1, info->root_digest, sizeof info->root_digest);
    sqlite3_bind_int64(s, 2, info->format_version);
    sqlite3_bind_int64(s, 3, info->numerics_version);
    vlmc_catalog_bind_number(s, 4, info->content_bytes);
    sqlite3_bind_int64(s, 5, info->n_entries);
    sqlite3_bind_int64(s, 6, created);
    sqlite3_bind_int64(s, 7, has_names);
    sqlite3_bind_int64(s, 8, VLMC_CATALOG_VERSION);
    vlmc_status status = vlmc_catalog_finish(catalog, s, error);
    sqlite3_finalize(s);
    *id = sqlite3_last_insert_rowid(catalog->database);
    return status;
}

// The archive's row and what it holds, read anew where the catalog knows less than it could.
static vlmc_status record_content(vlmc_catalog *catalog, const vlmc_reader *reader, int64_t created,
                                  vlmc_catalog_names names, int64_t *id, vlmc_error *error)
{
    const vlmc_archive_info *info = vlmc_reader_info(reader);
    known_archive known;
    VLMC_TRY(find_archive(catalog, info->root_digest, &known, error));
    const bool with_names = names == VLMC_CATALOG_WITH_NAMES || known.has_names;
    if (!known.id) {
        VLMC_TRY(insert_archive(catalog, info, created, with_names, id, error));
        return vlmc_record_entries(catalog, reader, *id, with_names, error);
    }
    *id = known.id;
    VLMC_TRY(vlmc_catalog_run_with(catalog,
                                   "UPDATE archive SET created = min(created, ?2) WHERE id = ?1",
                                   *id, created, error));
    if (known.is_current && with_names == known.has_names)
        return VLMC_OK;
    VLMC_TRY(vlmc_forget_entries(catalog, *id, error));
    VLMC_TRY(vlmc_record_entries(catalog, reader, *id, with_names, error));
    VLMC_TRY(vlmc_catalog_run_with(catalog, "UPDATE archive SET has_names = ?2 WHERE id = ?1", *id,
                                   with_names, error));
    return vlmc_catalog_run_with(catalog, "UPDATE archive SET read_by = ?2 WHERE id = ?1", *id,
                                 VLMC_CATALOG_VERSION, error);
}

vlmc_status vlmc_record_archive(vlmc_catalog *catalog, const vlmc_reader *reader,
                                const vlmc_place *place, const char *path, vlmc_catalog_names names,
                                int64_t *copy, vlmc_error *error)
{
    vlmc_file_state state;
    int64_t archive, replaced;
    int64_t created = time(NULL);
    if (vlmc_place_look(path, &state))
        created = state.mtime_ns / 1000000000;
    else
        state.bytes = (int64_t)vlmc_reader_info(reader)->archive_bytes;
    VLMC_TRY(record_content(catalog, reader, created, names, &archive, error));
    VLMC_TRY(vlmc_place_copy(catalog, archive, place, &state, copy, &replaced, error));
    return vlmc_forget_without_copy(catalog, replaced, error);
}

vlmc_status vlmc_catalog_record(vlmc_catalog *catalog, const vlmc_reader *reader, const char *path,
                                vlmc_catalog_names names, vlmc_error *error)
{
    vlmc_place place;
    int64_t copy;
    if (vlmc_mounts_place(catalog->mounts, path, &place, error) != VLMC_OK)
        return vlmc_catalog_no_memory(error);
    vlmc_status status = vlmc_catalog_begin(catalog, error);
    if (status == VLMC_OK)
        status = vlmc_catalog_end(
            catalog, vlmc_record_archive(catalog, reader, &place, path, names, &copy, error),
            error);
    free(place.path);
    return status;
}
