// SPDX-License-Identifier: Apache-2.0
// Inside the catalog: the handle, and SQLite's results as vlmc_status.
#ifndef VLMC_CATALOG_DATABASE_H
#define VLMC_CATALOG_DATABASE_H

#include "catalog.h"

#include <sqlite3.h>

struct vlmc_catalog {
    sqlite3 *database;
    char *path;
};

// VLMC_ERROR_CATALOG with SQLite's sentence.
vlmc_status vlmc_catalog_fail(vlmc_catalog *catalog, const char *what, vlmc_error *error);

// Runs statements that return nothing.
vlmc_status vlmc_catalog_run(vlmc_catalog *catalog, const char *sql, vlmc_error *error);

vlmc_status vlmc_catalog_prepare(vlmc_catalog *catalog, const char *sql, sqlite3_stmt **statement,
                                 vlmc_error *error);

// Steps a statement that returns no row, and resets it for the next use.
vlmc_status vlmc_catalog_finish(vlmc_catalog *catalog, sqlite3_stmt *statement, vlmc_error *error);

// First column of the first row of a query, 0 without one.
vlmc_status vlmc_catalog_number(vlmc_catalog *catalog, const char *sql, int64_t *value,
                                vlmc_error *error);

// Makes the tables of an empty file, checks the version of any other.
vlmc_status vlmc_catalog_schema(vlmc_catalog *catalog, vlmc_error *error);

#endif
