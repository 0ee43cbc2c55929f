// SPDX-License-Identifier: Apache-2.0
#include "database.h"

#include <stdlib.h>
#include <string.h>

// A BLOB column as a string. SQLite ends what it converts with a NUL; a BLOB it hands out
// raw, so it is copied. Paths of the catalog contain no NUL; one that was forged is cut there.
static char *blob_text(sqlite3_stmt *statement, int column)
{
    const void *bytes = sqlite3_column_blob(statement, column);
    const int size = sqlite3_column_bytes(statement, column);
    return bytes ? strndup(bytes, (size_t)size) : strdup("");
}

static const uint8_t *digest_or_null(sqlite3_stmt *statement, int column)
{
    const uint8_t *bytes = sqlite3_column_blob(statement, column);
    return sqlite3_column_bytes(statement, column) == 32 ? bytes : NULL;
}

static uint64_t number(sqlite3_stmt *statement, int column)
{
    const sqlite3_int64 value = sqlite3_column_int64(statement, column);
    return value < 0 ? 0 : (uint64_t)value;
}

static vlmc_status no_memory(vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_CATALOG, "not enough memory to read the catalog");
}

static vlmc_status visit_copy(sqlite3_stmt *s, vlmc_catalog_copy_fn visit, void *user,
                              vlmc_error *error)
{
    char *path = blob_text(s, 0);
    if (!path)
        return no_memory(error);
    const vlmc_catalog_copy copy = {
        .path = path,
        .created = sqlite3_column_int64(s, 1),
        .archive_bytes = number(s, 2),
        .content_bytes = number(s, 3),
        .n_entries = number(s, 4),
        .root_digest = digest_or_null(s, 5),
        .model_digest = digest_or_null(s, 6),
        .model_name = (const char *)sqlite3_column_text(s, 7),
    };
    vlmc_status status;
    if (!copy.root_digest)
        status = vlmc_fail(error, VLMC_ERROR_CATALOG, "the catalog has an archive without digest");
    else
        status = visit(user, &copy, error);
    free(path);
    return status;
}

vlmc_status vlmc_catalog_list(vlmc_catalog *catalog, vlmc_catalog_copy_fn visit, void *user,
                              vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    VLMC_TRY(vlmc_catalog_prepare(
        catalog,
        "SELECT copy.path, created, archive_bytes, content_bytes, n_entries, root_digest,"
        " model_digest, model_name FROM copy JOIN archive ON archive.id = archive_id"
        " ORDER BY copy.path",
        &s, error));
    vlmc_status status = VLMC_OK;
    int result = SQLITE_DONE;
    while (status == VLMC_OK && (result = sqlite3_step(s)) == SQLITE_ROW)
        status = visit_copy(s, visit, user, error);
    if (status == VLMC_OK && result != SQLITE_DONE)
        status = vlmc_catalog_fail(catalog, "read", error);
    sqlite3_finalize(s);
    return status;
}

static vlmc_status visit_hit(sqlite3_stmt *s, vlmc_catalog_hit_fn visit, void *user,
                             vlmc_error *error)
{
    char *archive = blob_text(s, 0);
    char *path = blob_text(s, 1);
    vlmc_status status;
    if (archive && path) {
        const uint64_t type = number(s, 2);
        const vlmc_catalog_hit hit = {
            .archive = archive,
            .path = path,
            .type = type > VLMC_ENTRY_SYMLINK ? VLMC_ENTRY_FILE : (vlmc_entry_type)type,
            .mode = (uint32_t)number(s, 3) & 07777,
            .mtime_seconds = sqlite3_column_int64(s, 4),
            .mtime_ns = (uint32_t)(number(s, 5) % 1000000000),
            .size_bytes = number(s, 6),
        };
        status = visit(user, &hit, error);
    } else {
        status = no_memory(error);
    }
    free(archive);
    free(path);
    return status;
}

vlmc_status vlmc_catalog_find(vlmc_catalog *catalog, const char *text, vlmc_catalog_hit_fn visit,
                              void *user, vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    VLMC_TRY(vlmc_catalog_prepare(
        catalog,
        "SELECT copy.path, entry.path, type, mode, mtime_seconds, mtime_ns, size_bytes"
        " FROM copy JOIN entry USING (archive_id) WHERE instr(entry.path, ?) > 0"
        " ORDER BY copy.path, entry.path",
        &s, error));
    // As a BLOB: then instr() compares bytes.
    sqlite3_bind_blob64(s, 1, text, strlen(text), SQLITE_STATIC);
    vlmc_status status = VLMC_OK;
    int result = SQLITE_DONE;
    while (status == VLMC_OK && (result = sqlite3_step(s)) == SQLITE_ROW)
        status = visit_hit(s, visit, user, error);
    if (status == VLMC_OK && result != SQLITE_DONE)
        status = vlmc_catalog_fail(catalog, "read", error);
    sqlite3_finalize(s);
    return status;
}

vlmc_status vlmc_catalog_check(vlmc_catalog *catalog, vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    int64_t broken;
    VLMC_TRY(vlmc_catalog_prepare(catalog, "PRAGMA integrity_check(1)", &s, error));
    vlmc_status status = VLMC_OK;
    const char *text = NULL;
    if (sqlite3_step(s) != SQLITE_ROW)
        status = vlmc_catalog_fail(catalog, "check", error);
    else if (!(text = (const char *)sqlite3_column_text(s, 0)) || strcmp(text, "ok") != 0)
        status = vlmc_fail(error, VLMC_ERROR_CATALOG,
                           "the catalog \"%s\" is damaged (%s); move it away and record the "
                           "archives again",
                           catalog->path, text ? text : "no detail");
    sqlite3_finalize(s);
    VLMC_TRY(status);
    VLMC_TRY(vlmc_catalog_number(catalog, "SELECT count(*) FROM pragma_foreign_key_check", &broken,
                                 error));
    if (broken)
        return vlmc_fail(error, VLMC_ERROR_CATALOG,
                         "the catalog \"%s\" has %lld rows that belong to no archive",
                         catalog->path, (long long)broken);
    return VLMC_OK;
}
