// SPDX-License-Identifier: Apache-2.0
#include "database.h"

#include <inttypes.h>
#include <stdio.h>
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
    return VLMC_OK;
}
