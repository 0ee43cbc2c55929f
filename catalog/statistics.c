// SPDX-License-Identifier: Apache-2.0
// What all archives together hold.
#include "database.h"

#include <stdlib.h>

vlmc_status vlmc_catalog_count(vlmc_catalog *catalog, vlmc_catalog_stats *stats, vlmc_error *error)
{
    const struct {
        const char *query;
        uint64_t *value;
    } counts[] = {
        {"SELECT count(*) FROM archive", &stats->n_archives},
        {"SELECT count(*) FROM copy", &stats->n_copies},
        {"SELECT count(*) FROM copy WHERE missing", &stats->n_missing},
        {"SELECT count(*) FROM copy WHERE damaged", &stats->n_damaged},
        {"SELECT count(*) FROM copy WHERE verified IS NULL", &stats->n_unverified},
        {"SELECT count(*) FROM archive WHERE NOT has_names", &stats->n_without_names},
        {"SELECT count(*) FROM volume", &stats->n_volumes},
        {"SELECT count(*) FROM entry", &stats->n_entries},
        {"SELECT count(*) FROM path", &stats->n_paths},
        {"SELECT count(*) FROM content", &stats->n_contents},
        {"SELECT count(*) FROM model", &stats->n_models},
        {"SELECT count(*) FROM plugin", &stats->n_plugins},
        // As floating point: what was forged cannot overflow it.
        {"SELECT CAST(total(content_bytes) AS INTEGER) FROM archive", &stats->content_bytes},
        {"SELECT CAST(total(size_bytes) AS INTEGER) FROM content", &stats->unique_bytes},
        {"SELECT CAST(total(file_bytes) AS INTEGER) FROM copy WHERE NOT missing",
         &stats->file_bytes},
        {"SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
         &stats->catalog_bytes},
    };
    *stats = (vlmc_catalog_stats){0};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        int64_t value;
        VLMC_TRY(vlmc_catalog_number(catalog, counts[i].query, &value, error));
        *counts[i].value = value < 0 ? 0 : (uint64_t)value;
    }
    return VLMC_OK;
}

typedef struct content_visit {
    vlmc_catalog_content_fn visit;
    void *user;
} content_visit;

static vlmc_status visit_content(void *user, sqlite3_stmt *s, vlmc_error *error)
{
    const content_visit *v = user;
    vlmc_catalog_content content = {
        .sha256 = vlmc_catalog_column_digest(s, 0),
        .size_bytes = vlmc_catalog_column_number(s, 1),
        .n_archives = vlmc_catalog_column_number(s, 2),
        .n_entries = vlmc_catalog_column_number(s, 3),
    };
    char *path = vlmc_catalog_column_path(s, 4);
    if (!path || !content.sha256) {
        free(path);
        return vlmc_catalog_no_memory(error);
    }
    if (__builtin_mul_overflow(content.size_bytes, content.n_archives - 1, &content.extra_bytes))
        content.extra_bytes = UINT64_MAX;
    content.path = path;
    vlmc_status status = v->visit(v->user, &content, error);
    free(path);
    return status;
}

vlmc_status vlmc_catalog_duplicates(vlmc_catalog *catalog, uint64_t limit,
                                    vlmc_catalog_content_fn visit, void *user, vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    content_visit v = {.visit = visit, .user = user};
    // The contents are counted by their index alone; only those that win are looked up further.
    VLMC_TRY(vlmc_catalog_prepare(
        catalog,
        "WITH counted AS MATERIALIZED (SELECT content_id, count(DISTINCT archive_id) AS archives,"
        " count(*) AS entries FROM entry WHERE content_id IS NOT NULL GROUP BY content_id"
        " HAVING archives > 1),"
        " top AS MATERIALIZED (SELECT sha256, size_bytes, archives, entries, content_id FROM "
        "counted"
        " JOIN content ON content.id = content_id WHERE size_bytes > 0"
        " ORDER BY 1.0 * size_bytes * (archives - 1) DESC, sha256 LIMIT ?)"
        " SELECT sha256, size_bytes, archives, entries, (SELECT min(bytes) FROM entry"
        " JOIN path ON path.id = path_id WHERE entry.content_id = top.content_id) FROM top"
        " ORDER BY 1.0 * size_bytes * (archives - 1) DESC, sha256",
        &s, error));
    vlmc_catalog_bind_number(s, 1, limit);
    return vlmc_catalog_each(catalog, s, visit_content, &v, error);
}

typedef struct model_visit {
    vlmc_catalog_model_fn visit;
    void *user;
} model_visit;

static vlmc_status visit_model(void *user, sqlite3_stmt *s, vlmc_error *error)
{
    const model_visit *v = user;
    const vlmc_catalog_model model = {
        .digest = vlmc_catalog_column_digest(s, 0),
        .name = (const char *)sqlite3_column_text(s, 1),
        .n_archives = vlmc_catalog_column_number(s, 2),
        .content_bytes = vlmc_catalog_column_number(s, 3),
    };
    if (!model.digest || !model.name)
        return vlmc_catalog_no_memory(error);
    return v->visit(v->user, &model, error);
}

vlmc_status vlmc_catalog_models(vlmc_catalog *catalog, vlmc_catalog_model_fn visit, void *user,
                                vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    model_visit v = {.visit = visit, .user = user};
    VLMC_TRY(vlmc_catalog_prepare(
        catalog,
        "SELECT digest, name, count(*), CAST(total(content_bytes) AS INTEGER) FROM model"
        " JOIN archive_model ON model_id = model.id JOIN archive ON archive.id = archive_id"
        " GROUP BY model.id ORDER BY name, digest",
        &s, error));
    return vlmc_catalog_each(catalog, s, visit_model, &v, error);
}
