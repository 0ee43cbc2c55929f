// SPDX-License-Identifier: Apache-2.0
// Copies, as lists.
#include "place.h"

typedef struct copy_visit {
    vlmc_catalog *catalog;
    vlmc_catalog_copy_fn visit;
    void *user;
} copy_visit;

#define COPY_COLUMNS                                                                               \
    VLMC_PLACE_COLUMNS ", archive.created, copy.seen, copy.verified, copy.file_bytes,"             \
                       " archive.content_bytes, archive.n_entries, archive.has_names,"             \
                       " copy.damaged, archive.root_digest, model.digest, model.name,"             \
                       " archive.encrypted"
#define COPY_TABLES                                                                                \
    " FROM copy JOIN archive ON archive.id = copy.archive_id"                                      \
    " JOIN volume ON volume.id = copy.volume_id"                                                   \
    " LEFT JOIN archive_model ON archive_model.archive_id = archive.id AND number = 1"             \
    " LEFT JOIN model ON model.id = archive_model.model_id"

static vlmc_status visit_copy(void *user, sqlite3_stmt *s, vlmc_error *error)
{
    copy_visit *v = user;
    enum { first = VLMC_PLACE_N_COLUMNS };
    vlmc_catalog_copy copy = {
        .created = sqlite3_column_int64(s, first),
        .seen = sqlite3_column_int64(s, first + 1),
        .verified = sqlite3_column_int64(s, first + 2),
        .file_bytes = vlmc_catalog_column_number(s, first + 3),
        .content_bytes = vlmc_catalog_column_number(s, first + 4),
        .n_entries = vlmc_catalog_column_number(s, first + 5),
        .has_names = sqlite3_column_int64(s, first + 6) != 0,
        .is_damaged = sqlite3_column_int64(s, first + 7) != 0,
        .root_digest = vlmc_catalog_column_digest(s, first + 8),
        .model_digest = vlmc_catalog_column_digest(s, first + 9),
        .model_name = (const char *)sqlite3_column_text(s, first + 10),
    };
    copy.is_encrypted = sqlite3_column_int64(s, first + 11) != 0;
    if (!copy.root_digest)
        return vlmc_fail(error, VLMC_ERROR_CATALOG,
                         "the catalog \"%s\" has an archive without digest; \"vlmc catalog rebuild "
                         "DIR…\" makes it again from the archives in the folders DIR",
                         v->catalog->path);
    VLMC_TRY(vlmc_place_column(v->catalog, s, 0, &copy.location, error));
    vlmc_status status = v->visit(v->user, &copy, error);
    vlmc_place_clear(&copy.location);
    return status;
}

vlmc_status vlmc_catalog_list(vlmc_catalog *catalog, vlmc_catalog_copy_fn visit, void *user,
                              vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    copy_visit v = {.catalog = catalog, .visit = visit, .user = user};
    VLMC_TRY(vlmc_catalog_prepare(
        catalog, "SELECT " COPY_COLUMNS COPY_TABLES " ORDER BY volume.id, copy.path", &s, error));
    return vlmc_catalog_each(catalog, s, visit_copy, &v, error);
}

vlmc_status vlmc_catalog_due(vlmc_catalog *catalog, int64_t before, vlmc_catalog_copy_fn visit,
                             void *user, vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    copy_visit v = {.catalog = catalog, .visit = visit, .user = user};
    VLMC_TRY(vlmc_catalog_prepare(
        catalog,
        "SELECT " COPY_COLUMNS COPY_TABLES
        " WHERE copy.missing = 0 AND (copy.verified IS NULL OR copy.verified < ?)"
        " ORDER BY copy.verified IS NOT NULL, copy.verified, copy.first_seen, copy.id",
        &s, error));
    sqlite3_bind_int64(s, 1, before);
    return vlmc_catalog_each(catalog, s, visit_copy, &v, error);
}

vlmc_status vlmc_catalog_list_of_model(vlmc_catalog *catalog, const uint8_t *digest,
                                       vlmc_catalog_copy_fn visit, void *user, vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    copy_visit v = {.catalog = catalog, .visit = visit, .user = user};
    VLMC_TRY(vlmc_catalog_prepare(
        catalog,
        "SELECT " COPY_COLUMNS COPY_TABLES " WHERE archive.id IN (SELECT archive_id FROM"
        " archive_model JOIN model ON model.id = model_id WHERE digest = ?)"
        " ORDER BY volume.id, copy.path",
        &s, error));
    vlmc_catalog_bind_bytes(s, 1, digest, 32);
    return vlmc_catalog_each(catalog, s, visit_copy, &v, error);
}
