// SPDX-License-Identifier: Apache-2.0
// Inside the catalog: the handle, and SQLite's results as vlmc_status.
#ifndef VLMC_CATALOG_DATABASE_H
#define VLMC_CATALOG_DATABASE_H

#include "catalog.h"
#include "volume.h"

#include <sqlite3.h>

struct vlmc_catalog {
    sqlite3 *database;
    char *path;
    char *backup; // that a migration made, or NULL
    vlmc_mounts *mounts;
    uint32_t busy_ms;
    bool is_damaged; // SQLite said so
    bool (*stop)(void *user);
    void *stop_user;
};

// The sentence for SQLite's last failure: what could not be done, and how to mend it.
vlmc_status vlmc_catalog_fail(vlmc_catalog *catalog, const char *what, vlmc_error *error);
vlmc_status vlmc_catalog_no_memory(vlmc_error *error);

// VLMC_ERROR_INTERRUPTED once `stop` has said so; for loops that ask SQLite little.
vlmc_status vlmc_catalog_check_stop(const vlmc_catalog *catalog, vlmc_error *error);

// Runs statements that return nothing.
vlmc_status vlmc_catalog_run(vlmc_catalog *catalog, const char *sql, vlmc_error *error);

vlmc_status vlmc_catalog_prepare(vlmc_catalog *catalog, const char *sql, sqlite3_stmt **statement,
                                 vlmc_error *error);

// Steps a statement that returns no row, and resets it for the next use.
vlmc_status vlmc_catalog_finish(vlmc_catalog *catalog, sqlite3_stmt *statement, vlmc_error *error);

// The same once for a statement whose first parameters are these numbers.
vlmc_status vlmc_catalog_run_with(vlmc_catalog *catalog, const char *sql, int64_t first,
                                  int64_t second, vlmc_error *error);

// Steps to a row, or not: *found. Not reset, so that the row can be read.
vlmc_status vlmc_catalog_step(vlmc_catalog *catalog, sqlite3_stmt *statement, bool *found,
                              vlmc_error *error);

// First column of the first row of a query, 0 without one.
vlmc_status vlmc_catalog_number(vlmc_catalog *catalog, const char *sql, int64_t *value,
                                vlmc_error *error);

// Calls `row` for each row, and finalizes the statement.
typedef vlmc_status (*vlmc_catalog_row_fn)(void *user, sqlite3_stmt *statement, vlmc_error *error);
vlmc_status vlmc_catalog_each(vlmc_catalog *catalog, sqlite3_stmt *statement,
                              vlmc_catalog_row_fn row, void *user, vlmc_error *error);

// A transaction that may write, and its end: COMMIT, or ROLLBACK when `status` is a failure.
vlmc_status vlmc_catalog_begin(vlmc_catalog *catalog, vlmc_error *error);
vlmc_status vlmc_catalog_end(vlmc_catalog *catalog, vlmc_status status, vlmc_error *error);

void vlmc_catalog_bind_bytes(sqlite3_stmt *statement, int column, const void *bytes, size_t size);
void vlmc_catalog_bind_text(sqlite3_stmt *statement, int column, const char *text); // may be NULL
void vlmc_catalog_bind_number(sqlite3_stmt *statement, int column, uint64_t value);

// A BLOB column as a string, to be freed; NULL without memory. Paths contain no NUL; one that was
// forged is cut there.
char *vlmc_catalog_column_path(sqlite3_stmt *statement, int column);
// A column that cannot be negative, unless it was forged.
uint64_t vlmc_catalog_column_number(sqlite3_stmt *statement, int column);
// 32 bytes, or NULL.
const uint8_t *vlmc_catalog_column_digest(sqlite3_stmt *statement, int column);

// True for versions of SQLite whose write-ahead log is safe with several connections.
bool vlmc_catalog_wal_is_safe(int sqlite_version);

// As vlmc_catalog_open. On failure *damaged says whether the file is beyond use, so that it may be
// put aside for a new one.
vlmc_status vlmc_catalog_open_checked(const vlmc_catalog_params *params, vlmc_catalog **catalog,
                                      bool *damaged, vlmc_error *error);

// SQLite's integrity check.
vlmc_status vlmc_catalog_check_pages(vlmc_catalog *catalog, vlmc_error *error);

// Makes the tables of an empty file, brings older versions to this one, refuses newer ones.
vlmc_status vlmc_catalog_schema(vlmc_catalog *catalog, vlmc_error *error);

#endif
