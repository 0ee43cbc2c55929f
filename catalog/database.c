// SPDX-License-Identifier: Apache-2.0
// Opening the catalog, defensively: the file may come from anywhere.
#include "database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS 10000

vlmc_status vlmc_catalog_fail(vlmc_catalog *catalog, const char *what, vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_CATALOG, "cannot %s the catalog \"%s\": %s", what,
                     catalog->path,
                     catalog->database ? sqlite3_errmsg(catalog->database) : "out of memory");
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
        return vlmc_catalog_fail(catalog, "query", error);
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

vlmc_status vlmc_catalog_number(vlmc_catalog *catalog, const char *sql, int64_t *value,
                                vlmc_error *error)
{
    sqlite3_stmt *statement = NULL;
    *value = 0;
    VLMC_TRY(vlmc_catalog_prepare(catalog, sql, &statement, error));
    vlmc_status status = VLMC_OK;
    int result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        *value = sqlite3_column_int64(statement, 0);
    else if (result != SQLITE_DONE)
        status = vlmc_catalog_fail(catalog, "read", error);
    sqlite3_finalize(statement);
    return status;
}

// Makes the folders above `path`, and the file for its owner alone: paths tell a lot.
static vlmc_status make_file(const char *path, vlmc_error *error)
{
    char *copy = strdup(path);
    if (!copy)
        return vlmc_fail(error, VLMC_ERROR_CATALOG, "not enough memory for the catalog");
    vlmc_status status = VLMC_OK;
    for (char *p = copy + 1; *p && status == VLMC_OK; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        if (mkdir(copy, 0700) != 0 && errno != EEXIST)
            status = vlmc_fail_os(error, VLMC_ERROR_CATALOG, errno,
                                  "cannot make the folder \"%s\" for the catalog", copy);
        *p = '/';
    }
    free(copy);
    int fd = status == VLMC_OK ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (status == VLMC_OK && fd < 0)
        status =
            vlmc_fail_os(error, VLMC_ERROR_CATALOG, errno, "cannot open the catalog \"%s\"", path);
    if (fd >= 0)
        close(fd);
    return status;
}

static vlmc_status configure(vlmc_catalog *catalog, vlmc_error *error)
{
    sqlite3 *database = catalog->database;
    sqlite3_busy_timeout(database, BUSY_MS);
    sqlite3_extended_result_codes(database, 1);
    // A schema in the file may not call functions with side effects, nor be edited raw.
    if (sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) != SQLITE_OK ||
        sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL) != SQLITE_OK)
        return vlmc_catalog_fail(catalog, "open", error);
    // No WAL: SQLite 3.7.0 to 3.51.2 can damage a WAL file that two processes reset.
    return vlmc_catalog_run(catalog,
                            "PRAGMA foreign_keys = ON;"
                            "PRAGMA cell_size_check = ON;"
                            "PRAGMA mmap_size = 0;"
                            "PRAGMA journal_mode = DELETE;"
                            "PRAGMA synchronous = EXTRA;",
                            error);
}

vlmc_status vlmc_catalog_open(const char *path, bool create, vlmc_catalog **catalog_out,
                              vlmc_error *error)
{
    *catalog_out = NULL;
    if (create)
        VLMC_TRY(make_file(path, error));
    else if (access(path, F_OK) != 0)
        return vlmc_fail(error, VLMC_ERROR_CATALOG,
                         "there is no catalog at \"%s\"; \"vlmc create\" makes one", path);
    vlmc_catalog *catalog = calloc(1, sizeof *catalog);
    if (!catalog || !(catalog->path = strdup(path))) {
        free(catalog);
        return vlmc_fail(error, VLMC_ERROR_CATALOG, "not enough memory for the catalog");
    }
    vlmc_status status = VLMC_OK;
    if (sqlite3_open_v2(path, &catalog->database, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        status = vlmc_catalog_fail(catalog, "open", error);
    if (status == VLMC_OK)
        status = configure(catalog, error);
    if (status == VLMC_OK)
        status = vlmc_catalog_schema(catalog, error);
    if (status != VLMC_OK)
        vlmc_catalog_close(&catalog);
    *catalog_out = catalog;
    return status;
}

void vlmc_catalog_close(vlmc_catalog **catalog)
{
    if (*catalog) {
        sqlite3_close((*catalog)->database);
        free((*catalog)->path);
        free(*catalog);
    }
    *catalog = NULL;
}
