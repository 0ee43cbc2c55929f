// SPDX-License-Identifier: Apache-2.0
#include "trigram.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static vlmc_status damaged(const vlmc_catalog *catalog, const char *detail, vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_CATALOG,
                     "the catalog \"%s\" is damaged: %s; \"vlmc catalog rebuild DIR…\" makes it "
                     "again from the archives in the folders DIR",
                     catalog->path, detail);
}

vlmc_status vlmc_catalog_check_pages(vlmc_catalog *catalog, vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    bool found;
    VLMC_TRY(vlmc_catalog_prepare(catalog, "PRAGMA integrity_check(1)", &s, error));
    vlmc_status status = vlmc_catalog_step(catalog, s, &found, error);
    const char *text = status == VLMC_OK && found ? (const char *)sqlite3_column_text(s, 0) : NULL;
    if (status == VLMC_OK && (!text || strcmp(text, "ok") != 0)) {
        catalog->is_damaged = true;
        status = damaged(catalog, text ? text : "no detail", error);
    }
    sqlite3_finalize(s);
    return status;
}

// What must be 0, and what it means otherwise.
static const struct {
    const char *query;
    const char *fault;
} rules[] = {
    {"SELECT count(*) FROM pragma_foreign_key_check", "rows that belong to nothing"},
    {"SELECT count(*) FROM archive WHERE NOT EXISTS"
     " (SELECT 1 FROM copy WHERE archive_id = archive.id)",
     "archives without a copy"},
    {"SELECT count(*) FROM archive WHERE has_names AND n_entries !="
     " (SELECT count(*) FROM entry WHERE archive_id = archive.id)",
     "archives whose entries are not all there"},
    {"SELECT count(*) FROM path WHERE NOT EXISTS (SELECT 1 FROM entry WHERE path_id = path.id)",
     "paths without an entry"},
    {"SELECT count(*) FROM content WHERE NOT EXISTS"
     " (SELECT 1 FROM entry WHERE content_id = content.id)",
     "contents without an entry"},
};

// Does the index over paths lead to the path that is the row of `paths`?
static vlmc_status check_trigrams(vlmc_catalog *catalog, sqlite3_stmt *paths, sqlite3_stmt *lookup,
                                  bool *found, vlmc_error *error)
{
    char *match = NULL;
    const vlmc_literal path = {sqlite3_column_blob(paths, 1),
                               (size_t)sqlite3_column_bytes(paths, 1)};
    *found = true;
    VLMC_TRY(vlmc_trigram_match(&path, 1, &match, error));
    if (!match)
        return VLMC_OK; // too short to be in it
    vlmc_catalog_bind_text(lookup, 1, match);
    sqlite3_bind_int64(lookup, 2, sqlite3_column_int64(paths, 0));
    vlmc_status status = vlmc_catalog_step(catalog, lookup, found, error);
    sqlite3_reset(lookup);
    free(match);
    return status;
}

// Of paths that are spread over all, for the index cannot be compared as a whole.
static vlmc_status check_index(vlmc_catalog *catalog, vlmc_error *error)
{
    sqlite3_stmt *paths = NULL, *lookup = NULL;
    bool more = true, found = true;
    vlmc_status status = vlmc_catalog_prepare(
        catalog,
        "SELECT id, bytes FROM path WHERE id % (SELECT max(1, count(*) / 500) FROM path) = 0",
        &paths, error);
    if (status == VLMC_OK)
        status = vlmc_catalog_prepare(
            catalog, "SELECT 1 FROM path_trigram WHERE path_trigram MATCH ? AND rowid = ?", &lookup,
            error);
    while (status == VLMC_OK && found &&
           (status = vlmc_catalog_step(catalog, paths, &more, error)) == VLMC_OK && more)
        status = check_trigrams(catalog, paths, lookup, &found, error);
    sqlite3_finalize(paths);
    sqlite3_finalize(lookup);
    if (status == VLMC_OK && !found)
        return damaged(catalog, "its index does not lead to a path", error);
    return status;
}

vlmc_status vlmc_catalog_check(vlmc_catalog *catalog, vlmc_error *error)
{
    VLMC_TRY(vlmc_catalog_check_pages(catalog, error));
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        char detail[128];
        int64_t n;
        VLMC_TRY(vlmc_catalog_number(catalog, rules[i].query, &n, error));
        snprintf(detail, sizeof detail, "%" PRId64 " %s", n, rules[i].fault);
        if (n)
            return damaged(catalog, detail, error);
    }
    return check_index(catalog, error);
}
