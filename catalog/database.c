// SPDX-License-Identifier: Apache-2.0
// SQLite's results as vlmc_status.
#include "database.h"

#include <stdlib.h>
#include <string.h>

vlmc_status vlmc_catalog_no_memory(vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_CATALOG, "not enough memory for the catalog");
}

vlmc_status vlmc_catalog_check_stop(const vlmc_catalog *catalog, vlmc_error *error)
{
    if (catalog->stop && catalog->stop(catalog->stop_user))
        return vlmc_fail(error, VLMC_ERROR_INTERRUPTED, "stopped before the end");
    return VLMC_OK;
}

vlmc_status vlmc_catalog_fail(vlmc_catalog *catalog, const char *what, vlmc_error *error)
{
    const int code = catalog->database ? sqlite3_errcode(catalog->database) & 0xff : SQLITE_NOMEM;
    const char *detail =
        catalog->database ? sqlite3_errmsg(catalog->database) : sqlite3_errstr(SQLITE_NOMEM);
    const char *path = catalog->path;
    switch (code) {
    case SQLITE_INTERRUPT:
        if (vlmc_catalog_check_stop(catalog, error) != VLMC_OK)
            return VLMC_ERROR_INTERRUPTED;
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return vlmc_fail(error, VLMC_ERROR_CATALOG,
                         "cannot %s the catalog \"%s\": another program has it locked for more "
                         "than %.3g seconds; try again, or later \"vlmc catalog scan DIR\"",
                         what, path, catalog->busy_ms / 1000.0);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        catalog->is_damaged = true;
        return vlmc_fail(error, VLMC_ERROR_CATALOG,
                         "the catalog \"%s\" is damaged (%s); \"vlmc catalog rebuild DIR…\" makes "
                         "it again from the archives in the folders DIR",
                         path, detail);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return vlmc_fail(error, VLMC_ERROR_CATALOG,
                         "cannot %s the catalog \"%s\", for it is read-only; make the file and its "
                         "folder writable, or set VLMC_CATALOG to another file",
                         what, path);
    case SQLITE_FULL:
        return vlmc_fail(error, VLMC_ERROR_CATALOG,
                         "cannot %s the catalog \"%s\": its disk is full; make room, then \"vlmc "
                         "catalog scan DIR\" records what is missing",
                         what, path);
    default:
        break;
    }
    return vlmc_fail(error, VLMC_ERROR_CATALOG, "cannot %s the catalog \"%s\": %s", what, path,
                     detail);
}

vlmc_status vlmc_catalog_run(vlmc_catalog *catalog, const char *sql, vlmc_error *error)
{
    if (sqlite3_exec(catalog->database, sql, NULL, NULL, NULL) != SQLITE_OK)
        return vlmc_catalog_fail(catalog, "use", error);
    return VLMC_OK;
}

vlmc_status vlmc_catalog_prepare(vlmc_catalog *catalog, const char *sql, sqlite3_stmt **statement,
                                 vlmc_error *error)
{
    if (sqlite3_prepare_v2(catalog->database, sql, -1, statement, NULL) != SQLITE_OK)
        return vlmc_catalog_fail(catalog, "read", error);
    return VLMC_OK;
}

vlmc_status vlmc_catalog_finish(vlmc_catalog *catalog, sqlite3_stmt *statement, vlmc_error *error)
{
    vlmc_status status = VLMC_OK;
    if (sqlite3_step(statement) != SQLITE_DONE)
        status = vlmc_catalog_fail(catalog, "write", error);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return status;
}

vlmc_status vlmc_catalog_run_with(vlmc_catalog *catalog, const char *sql, int64_t first,
                                  int64_t second, vlmc_error *error)
{
    sqlite3_stmt *statement = NULL;
    VLMC_TRY(vlmc_catalog_prepare(catalog, sql, &statement, error));
    const int n = sqlite3_bind_parameter_count(statement);
    if (n > 0)
        sqlite3_bind_int64(statement, 1, first);
    if (n > 1)
        sqlite3_bind_int64(statement, 2, second);
    vlmc_status status = vlmc_catalog_finish(catalog, statement, error);
    sqlite3_finalize(statement);
    return status;
}

vlmc_status vlmc_catalog_step(vlmc_catalog *catalog, sqlite3_stmt *statement, bool *found,
                              vlmc_error *error)
{
    const int result = sqlite3_step(statement);
    *found = result == SQLITE_ROW;
    if (result != SQLITE_ROW && result != SQLITE_DONE)
        return vlmc_catalog_fail(catalog, "read", error);
    return VLMC_OK;
}

vlmc_status vlmc_catalog_number(vlmc_catalog *catalog, const char *sql, int64_t *value,
                                vlmc_error *error)
{
    sqlite3_stmt *statement = NULL;
    bool found;
    *value = 0;
    VLMC_TRY(vlmc_catalog_prepare(catalog, sql, &statement, error));
    vlmc_status status = vlmc_catalog_step(catalog, statement, &found, error);
    if (status == VLMC_OK && found)
        *value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return status;
}

vlmc_status vlmc_catalog_each(vlmc_catalog *catalog, sqlite3_stmt *statement,
                              vlmc_catalog_row_fn row, void *user, vlmc_error *error)
{
    bool found = true;
    vlmc_status status = VLMC_OK;
    while (status == VLMC_OK && found) {
        status = vlmc_catalog_step(catalog, statement, &found, error);
        if (status == VLMC_OK && found)
            status = row(user, statement, error);
    }
    sqlite3_finalize(statement);
    return status;
}

vlmc_status vlmc_catalog_begin(vlmc_catalog *catalog, vlmc_error *error)
{
    if (sqlite3_exec(catalog->database, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
        return vlmc_catalog_fail(catalog, "write", error);
    return VLMC_OK;
}

vlmc_status vlmc_catalog_end(vlmc_catalog *catalog, vlmc_status status, vlmc_error *error)
{
    if (status == VLMC_OK &&
        sqlite3_exec(catalog->database, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        status = vlmc_catalog_fail(catalog, "write", error);
    if (status != VLMC_OK)
        sqlite3_exec(catalog->database, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

void vlmc_catalog_bind_bytes(sqlite3_stmt *statement, int column, const void *bytes, size_t size)
{
    sqlite3_bind_blob64(statement, column, bytes, size, SQLITE_STATIC);
}

void vlmc_catalog_bind_text(sqlite3_stmt *statement, int column, const char *text)
{
    sqlite3_bind_text(statement, column, text, -1, SQLITE_STATIC);
}

void vlmc_catalog_bind_number(sqlite3_stmt *statement, int column, uint64_t value)
{
    sqlite3_bind_int64(statement, column, (sqlite3_int64)(value > INT64_MAX ? INT64_MAX : value));
}

char *vlmc_catalog_column_path(sqlite3_stmt *statement, int column)
{
    // SQLite hands out a BLOB without a final NUL.
    const void *bytes = sqlite3_column_blob(statement, column);
    const int size = sqlite3_column_bytes(statement, column);
    return bytes ? strndup(bytes, (size_t)size) : strdup("");
}

uint64_t vlmc_catalog_column_number(sqlite3_stmt *statement, int column)
{
    const sqlite3_int64 value = sqlite3_column_int64(statement, column);
    return value < 0 ? 0 : (uint64_t)value;
}

const uint8_t *vlmc_catalog_column_digest(sqlite3_stmt *statement, int column)
{
    const uint8_t *bytes = sqlite3_column_blob(statement, column);
    return sqlite3_column_bytes(statement, column) == 32 ? bytes : NULL;
}
