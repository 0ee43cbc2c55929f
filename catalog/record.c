// SPDX-License-Identifier: Apache-2.0
#include "database.h"

#include <string.h>
#include <time.h>

static void bind_bytes(sqlite3_stmt *statement, int column, const void *bytes, size_t size)
{
    sqlite3_bind_blob64(statement, column, bytes, size, SQLITE_STATIC);
}

static void bind_number(sqlite3_stmt *statement, int column, uint64_t value)
{
    sqlite3_bind_int64(statement, column, (sqlite3_int64)(value > INT64_MAX ? INT64_MAX : value));
}

static vlmc_status insert_archive(vlmc_catalog *catalog, const vlmc_archive_info *info,
                                  int64_t created, bool *fresh, vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    VLMC_TRY(vlmc_catalog_prepare(
        catalog,
        "INSERT INTO archive (root_digest, format, numerics, archive_bytes, content_bytes,"
        " n_entries, model_digest, model_name, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (root_digest) DO NOTHING",
        &s, error));
    bind_bytes(s, 1, info->root_digest, sizeof info->root_digest);
    bind_number(s, 2, info->format_version);
    bind_number(s, 3, info->numerics_version);
    bind_number(s, 4, info->archive_bytes);
    bind_number(s, 5, info->content_bytes);
    bind_number(s, 6, info->n_entries);
    if (info->has_model) {
        bind_bytes(s, 7, info->model_digest, sizeof info->model_digest);
        sqlite3_bind_text(s, 8, info->model_name, -1, SQLITE_STATIC);
    }
    sqlite3_bind_int64(s, 9, created);
    vlmc_status status = vlmc_catalog_finish(catalog, s, error);
    sqlite3_finalize(s);
    *fresh = status == VLMC_OK && sqlite3_changes(catalog->database) > 0;
    return status;
}

static vlmc_status find_archive(vlmc_catalog *catalog, const vlmc_archive_info *info, int64_t *id,
                                vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    VLMC_TRY(
        vlmc_catalog_prepare(catalog, "SELECT id FROM archive WHERE root_digest = ?", &s, error));
    bind_bytes(s, 1, info->root_digest, sizeof info->root_digest);
    vlmc_status status = VLMC_OK;
    if (sqlite3_step(s) == SQLITE_ROW)
        *id = sqlite3_column_int64(s, 0);
    else
        status = vlmc_catalog_fail(catalog, "read", error);
    sqlite3_finalize(s);
    return status;
}

static vlmc_status insert_entries(vlmc_catalog *catalog, const vlmc_reader *reader, int64_t id,
                                  vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    VLMC_TRY(vlmc_catalog_prepare(
        catalog,
        "INSERT INTO entry (archive_id, position, path, type, mode, mtime_seconds, mtime_ns,"
        " size_bytes, packed_bytes, sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &s, error));
    vlmc_status status = VLMC_OK;
    const uint32_t n = vlmc_reader_info(reader)->n_entries;
    for (uint32_t i = 0; i < n && status == VLMC_OK; i++) {
        const vlmc_entry *entry = vlmc_reader_entry(reader, i);
        sqlite3_bind_int64(s, 1, id);
        sqlite3_bind_int64(s, 2, i);
        bind_bytes(s, 3, entry->path, strlen(entry->path));
        sqlite3_bind_int64(s, 4, (sqlite3_int64)entry->type);
        sqlite3_bind_int64(s, 5, entry->mode);
        sqlite3_bind_int64(s, 6, entry->mtime_seconds);
        sqlite3_bind_int64(s, 7, entry->mtime_ns);
        bind_number(s, 8, entry->size_bytes);
        bind_number(s, 9, vlmc_reader_packed_bytes(reader, i));
        if (entry->type == VLMC_ENTRY_FILE)
            bind_bytes(s, 10, entry->sha256, sizeof entry->sha256);
        status = vlmc_catalog_finish(catalog, s, error);
    }
    sqlite3_finalize(s);
    return status;
}

static vlmc_status place_copy(vlmc_catalog *catalog, int64_t id, const char *path,
                              vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    VLMC_TRY(vlmc_catalog_prepare(catalog,
                                  "INSERT INTO copy (archive_id, path, seen) VALUES (?, ?, ?)"
                                  " ON CONFLICT (path) DO UPDATE"
                                  " SET archive_id = excluded.archive_id, seen = excluded.seen",
                                  &s, error));
    sqlite3_bind_int64(s, 1, id);
    bind_bytes(s, 2, path, strlen(path));
    sqlite3_bind_int64(s, 3, time(NULL));
    vlmc_status status = vlmc_catalog_finish(catalog, s, error);
    sqlite3_finalize(s);
    return status;
}

static vlmc_status record(vlmc_catalog *catalog, const vlmc_reader *reader, const char *path,
                          int64_t created, vlmc_error *error)
{
    const vlmc_archive_info *info = vlmc_reader_info(reader);
    bool fresh = false;
    int64_t id = 0;
    VLMC_TRY(insert_archive(catalog, info, created, &fresh, error));
    VLMC_TRY(find_archive(catalog, info, &id, error));
    if (fresh)
        VLMC_TRY(insert_entries(catalog, reader, id, error));
    VLMC_TRY(place_copy(catalog, id, path, error));
    return vlmc_catalog_run(
        catalog, "DELETE FROM archive WHERE id NOT IN (SELECT archive_id FROM copy)", error);
}

vlmc_status vlmc_catalog_record(vlmc_catalog *catalog, const vlmc_reader *reader, const char *path,
                                int64_t created, vlmc_error *error)
{
    VLMC_TRY(vlmc_catalog_run(catalog, "BEGIN IMMEDIATE", error));
    vlmc_status status = record(catalog, reader, path, created, error);
    if (status == VLMC_OK)
        status = vlmc_catalog_run(catalog, "COMMIT", error);
    if (status != VLMC_OK)
        vlmc_catalog_run(catalog, "ROLLBACK", NULL);
    return status;
}
