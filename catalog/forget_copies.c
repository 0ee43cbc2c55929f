// SPDX-License-Identifier: Apache-2.0
// Taking copies out of the catalog, by what people call them.
#include "forget.h"

#include "digest_prefix.h"
#include "place.h"

#include <stdlib.h>
#include <string.h>

static vlmc_status forget_chosen(vlmc_catalog *catalog, uint64_t *n, vlmc_error *error)
{
    int64_t chosen;
    VLMC_TRY(vlmc_catalog_number(catalog, "SELECT count(*) FROM temp.chosen", &chosen, error));
    *n = (uint64_t)chosen;
    VLMC_TRY(vlmc_catalog_run(catalog, "DELETE FROM copy WHERE id IN (SELECT id FROM temp.chosen)",
                              error));
    for (;;) {
        int64_t archive;
        VLMC_TRY(vlmc_catalog_number(catalog,
                                     "SELECT id FROM archive WHERE NOT EXISTS"
                                     " (SELECT 1 FROM copy WHERE archive_id = archive.id) LIMIT 1",
                                     &archive, error));
        if (!archive)
            return VLMC_OK;
        VLMC_TRY(vlmc_forget_without_copy(catalog, archive, error));
    }
}

static vlmc_status choose_path(vlmc_catalog *catalog, const char *what, vlmc_error *error)
{
    vlmc_place place;
    int64_t copy, archive;
    if (vlmc_mounts_place(catalog->mounts, what, &place, error) != VLMC_OK)
        return vlmc_catalog_no_memory(error);
    vlmc_status status = vlmc_place_find(catalog, &place, &copy, &archive, error);
    free(place.path);
    if (status == VLMC_OK && copy)
        status =
            vlmc_catalog_run_with(catalog, "INSERT INTO temp.chosen VALUES (?)", copy, 0, error);
    return status;
}

// "[VOLUME] PATH", on a volume that is not here.
static vlmc_status choose_elsewhere(vlmc_catalog *catalog, const char *what, vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    bool found = true;
    const char *path = strstr(what, "] ");
    if (!path)
        return VLMC_OK;
    const size_t n_name = (size_t)(path - what) - 1;
    path += 2;
    VLMC_TRY(vlmc_catalog_prepare(catalog,
                                  "SELECT " VLMC_PLACE_COLUMNS ", copy.id FROM copy"
                                  " JOIN volume ON volume.id = volume_id WHERE copy.path = ?",
                                  &s, error));
    vlmc_catalog_bind_bytes(s, 1, path, strlen(path));
    vlmc_status status = VLMC_OK;
    while (status == VLMC_OK) {
        vlmc_catalog_location location = {0};
        status = vlmc_catalog_step(catalog, s, &found, error);
        if (status != VLMC_OK || !found)
            break;
        status = vlmc_place_column(catalog, s, 0, &location, error);
        if (status == VLMC_OK && !location.path && strlen(location.volume) == n_name &&
            memcmp(location.volume, what + 1, n_name) == 0)
            status = vlmc_catalog_run_with(catalog, "INSERT OR IGNORE INTO temp.chosen VALUES (?)",
                                           sqlite3_column_int64(s, VLMC_PLACE_N_COLUMNS), 0, error);
        vlmc_place_clear(&location);
    }
    sqlite3_finalize(s);
    return status;
}

static vlmc_status choose_digest(vlmc_catalog *catalog, const char *what, vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    uint8_t low[32], high[32];
    if (!vlmc_digest_prefix(what, low, high))
        return VLMC_OK;
    VLMC_TRY(vlmc_catalog_prepare(catalog,
                                  "INSERT OR IGNORE INTO temp.chosen SELECT copy.id FROM copy"
                                  " JOIN archive ON archive.id = archive_id"
                                  " WHERE root_digest BETWEEN ? AND ?",
                                  &s, error));
    vlmc_catalog_bind_bytes(s, 1, low, sizeof low);
    vlmc_catalog_bind_bytes(s, 2, high, sizeof high);
    vlmc_status status = vlmc_catalog_finish(catalog, s, error);
    sqlite3_finalize(s);
    return status;
}

static vlmc_status forget(vlmc_catalog *catalog, const char *what, uint64_t *n, vlmc_error *error)
{
    VLMC_TRY(vlmc_catalog_run(catalog, "CREATE TABLE temp.chosen (id INTEGER PRIMARY KEY)", error));
    if (!what) {
        VLMC_TRY(vlmc_catalog_run(
            catalog, "INSERT INTO temp.chosen SELECT id FROM copy WHERE missing", error));
    } else if (what[0] == '/') {
        VLMC_TRY(choose_path(catalog, what, error));
    } else if (what[0] == '[') {
        VLMC_TRY(choose_elsewhere(catalog, what, error));
    } else {
        VLMC_TRY(choose_digest(catalog, what, error));
    }
    VLMC_TRY(forget_chosen(catalog, n, error));
    return vlmc_catalog_run(catalog, "DROP TABLE temp.chosen", error);
}

static vlmc_status forget_in_transaction(vlmc_catalog *catalog, const char *what, uint64_t *n,
                                         vlmc_error *error)
{
    *n = 0;
    VLMC_TRY(vlmc_catalog_begin(catalog, error));
    return vlmc_catalog_end(catalog, forget(catalog, what, n, error), error);
}

vlmc_status vlmc_catalog_forget(vlmc_catalog *catalog, const char *what, uint64_t *n,
                                vlmc_error *error)
{
    return forget_in_transaction(catalog, what, n, error);
}

vlmc_status vlmc_catalog_forget_missing(vlmc_catalog *catalog, uint64_t *n, vlmc_error *error)
{
    return forget_in_transaction(catalog, NULL, n, error);
}
