// SPDX-License-Identifier: Apache-2.0
// Entries by path and by content.
#include "find.h"

#include "digest_prefix.h"
#include "pattern.h"
#include "place.h"

#include <stdlib.h>
#include <string.h>

#define POINTER_TYPE "vlmc_pattern"

// vlmc_path_matches(BLOB, pattern)
static void matches_function(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    bool failed = false;
    vlmc_pattern *pattern = sqlite3_value_pointer(values[1], POINTER_TYPE);
    const void *path = sqlite3_value_blob(values[0]);
    const size_t size = (size_t)sqlite3_value_bytes(values[0]);
    const bool matches = pattern && path && vlmc_pattern_matches(pattern, path, size, &failed);
    if (failed)
        sqlite3_result_error_nomem(context);
    else
        sqlite3_result_int(context, matches);
}

vlmc_status vlmc_find_install(vlmc_catalog *catalog, vlmc_error *error)
{
    if (sqlite3_create_function(catalog->database, "vlmc_path_matches", 2,
                                SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL, matches_function, NULL,
                                NULL) != SQLITE_OK)
        return vlmc_catalog_fail(catalog, "open", error);
    return VLMC_OK;
}

// CROSS JOIN keeps the order: from few candidates to their entries.
#define HIT_COLUMNS                                                                                \
    "SELECT path.bytes, entry.type, entry.mode, entry.mtime_seconds, entry.mtime_ns,"              \
    " content.size_bytes, content.sha256, " VLMC_PLACE_COLUMNS " FROM "
#define HIT_BY_PATH                                                                                \
    " CROSS JOIN entry ON entry.path_id = path.id"                                                 \
    " LEFT JOIN content ON content.id = entry.content_id" HIT_COPIES
#define HIT_COPIES                                                                                 \
    " CROSS JOIN copy ON copy.archive_id = entry.archive_id"                                       \
    " CROSS JOIN volume ON volume.id = copy.volume_id"
#define HIT_ORDER " ORDER BY volume.id, copy.path, path.bytes, entry.position"

typedef struct hit_visit {
    vlmc_catalog *catalog;
    vlmc_catalog_hit_fn visit;
    void *user;
} hit_visit;

static vlmc_status visit_hit(void *user, sqlite3_stmt *s, vlmc_error *error)
{
    const hit_visit *v = user;
    vlmc_catalog_hit hit = {
        .type = (vlmc_entry_type)sqlite3_column_int(s, 1),
        .mode = (uint32_t)vlmc_catalog_column_number(s, 2) & 07777,
        .mtime_seconds = sqlite3_column_int64(s, 3),
        .mtime_ns = (uint32_t)(vlmc_catalog_column_number(s, 4) % 1000000000),
        .size_bytes = vlmc_catalog_column_number(s, 5),
        .sha256 = vlmc_catalog_column_digest(s, 6),
    };
    char *path = vlmc_catalog_column_path(s, 0);
    hit.path = path;
    vlmc_status status = path ? VLMC_OK : vlmc_catalog_no_memory(error);
    if (status == VLMC_OK)
        status = vlmc_place_column(v->catalog, s, 7, &hit.archive, error);
    if (status == VLMC_OK)
        status = v->visit(v->user, &hit, error);
    vlmc_place_clear(&hit.archive);
    free(path);
    return status;
}

static vlmc_status find_matching(vlmc_catalog *catalog, vlmc_pattern *pattern, hit_visit *v,
                                 vlmc_error *error)
{
    char *match = NULL;
    sqlite3_stmt *s = NULL;
    VLMC_TRY(vlmc_trigram_match(pattern->literals, pattern->n_literals, &match, error));
    const char *query =
        match ? HIT_COLUMNS
            "path_trigram CROSS JOIN path ON path.id = path_trigram.rowid" HIT_BY_PATH
            " WHERE path_trigram MATCH ?2"
            " AND vlmc_path_matches(path.bytes, ?1)" HIT_ORDER
              : HIT_COLUMNS "path" HIT_BY_PATH " WHERE vlmc_path_matches(path.bytes, ?1)" HIT_ORDER;
    vlmc_status status = vlmc_catalog_prepare(catalog, query, &s, error);
    if (status == VLMC_OK) {
        sqlite3_bind_pointer(s, 1, pattern, POINTER_TYPE, NULL);
        if (match)
            vlmc_catalog_bind_text(s, 2, match);
        status = vlmc_catalog_each(catalog, s, visit_hit, v, error);
    }
    free(match);
    return status;
}

static vlmc_status find_pattern(vlmc_catalog *catalog, const vlmc_find_params *params, hit_visit *v,
                                vlmc_error *error)
{
    vlmc_pattern pattern;
    VLMC_TRY(vlmc_pattern_create(params, &pattern, error));
    vlmc_status status = find_matching(catalog, &pattern, v, error);
    vlmc_pattern_destroy(&pattern);
    return status;
}

static vlmc_status find_exact(vlmc_catalog *catalog, const char *path, hit_visit *v,
                              vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    VLMC_TRY(vlmc_catalog_prepare(
        catalog, HIT_COLUMNS "path" HIT_BY_PATH " WHERE path.bytes = ?1" HIT_ORDER, &s, error));
    vlmc_catalog_bind_bytes(s, 1, path, strlen(path));
    return vlmc_catalog_each(catalog, s, visit_hit, v, error);
}

static vlmc_status find_content(vlmc_catalog *catalog, const char *digits, hit_visit *v,
                                vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    uint8_t low[32], high[32];
    if (!vlmc_digest_prefix(digits, low, high))
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         "\"%s\" is not the start of a SHA-256: it has 8 to 64 digits 0-9, a-f",
                         digits);
    VLMC_TRY(vlmc_catalog_prepare(catalog,
                                  HIT_COLUMNS
                                  "content CROSS JOIN entry ON entry.content_id = content.id"
                                  " CROSS JOIN path ON path.id = entry.path_id" HIT_COPIES
                                  " WHERE content.sha256 BETWEEN ?1 AND ?2" HIT_ORDER,
                                  &s, error));
    vlmc_catalog_bind_bytes(s, 1, low, sizeof low);
    vlmc_catalog_bind_bytes(s, 2, high, sizeof high);
    return vlmc_catalog_each(catalog, s, visit_hit, v, error);
}

vlmc_status vlmc_catalog_find(vlmc_catalog *catalog, const vlmc_find_params *params,
                              vlmc_catalog_hit_fn visit, void *user, vlmc_error *error)
{
    hit_visit v = {.catalog = catalog, .visit = visit, .user = user};
    switch (params->kind) {
    case VLMC_FIND_EXACT:
        return find_exact(catalog, params->pattern, &v, error);
    case VLMC_FIND_HASH:
        return find_content(catalog, params->pattern, &v, error);
    default:
        return find_pattern(catalog, params, &v, error);
    }
}
