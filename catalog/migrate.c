// SPDX-License-Identifier: Apache-2.0
// From older versions of the schema to this one.
#include "place.h"
#include "schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKUPS_MAX 100

static vlmc_status make_backup(vlmc_catalog *catalog, int64_t version, vlmc_error *error)
{
    vlmc_status status = VLMC_ERROR_EXISTS;
    for (int i = 1; i <= BACKUPS_MAX && status == VLMC_ERROR_EXISTS; i++) {
        char number[16] = "";
        if (i > 1)
            snprintf(number, sizeof number, ".%d", i);
        free(catalog->backup);
        if (asprintf(&catalog->backup, "%s.version%" PRId64 "%s", catalog->path, version, number) <
            0) {
            catalog->backup = NULL;
            return vlmc_catalog_no_memory(error);
        }
        status = vlmc_catalog_backup(catalog, catalog->backup, error);
    }
    if (status != VLMC_OK) {
        free(catalog->backup);
        catalog->backup = NULL;
        if (error)
            error->status = VLMC_ERROR_CATALOG;
    }
    return status == VLMC_OK ? VLMC_OK : VLMC_ERROR_CATALOG;
}

static vlmc_status check_references(vlmc_catalog *catalog, vlmc_error *error)
{
    int64_t broken;
    VLMC_TRY(vlmc_catalog_number(catalog, "SELECT count(*) FROM pragma_foreign_key_check", &broken,
                                 error));
    if (broken)
        return vlmc_fail(error, VLMC_ERROR_CATALOG,
                         "the catalog \"%s\" cannot be brought to version %d, for %" PRId64
                         " of its rows belong to nothing; \"vlmc catalog rebuild DIR…\" makes it "
                         "again from the archives in the folders DIR",
                         catalog->path, VLMC_CATALOG_VERSION, broken);
    return VLMC_OK;
}

// Another process may have done it since the first look: look again, locked.
static vlmc_status migrate_locked(vlmc_catalog *catalog, vlmc_error *error)
{
    int64_t version;
    VLMC_TRY(vlmc_catalog_number(catalog, "PRAGMA user_version", &version, error));
    if (version == VLMC_CATALOG_VERSION)
        return VLMC_OK;
    VLMC_TRY(vlmc_schema_from_version_1(catalog, error));
    return check_references(catalog, error);
}

vlmc_status vlmc_schema_migrate(vlmc_catalog *catalog, int64_t version, vlmc_error *error)
{
    if (sqlite3_db_readonly(catalog->database, "main") == 1)
        return vlmc_fail(error, VLMC_ERROR_CATALOG,
                         "the catalog \"%s\" is of version %" PRId64
                         " and read-only, so it cannot be brought to version %d; make the file "
                         "and its folder writable, or set VLMC_CATALOG to a copy",
                         catalog->path, version, VLMC_CATALOG_VERSION);
    VLMC_TRY(make_backup(catalog, version, error));
    // Tables change places: their references are checked at the end. No effect in a transaction.
    VLMC_TRY(vlmc_catalog_run(catalog, "PRAGMA foreign_keys = OFF", error));
    vlmc_status status = vlmc_catalog_begin(catalog, error);
    if (status == VLMC_OK)
        status = vlmc_catalog_end(catalog, migrate_locked(catalog, error), error);
    VLMC_TRY(status);
    return vlmc_catalog_run(catalog, "PRAGMA foreign_keys = ON", error);
}

// ---- From version 1: absolute paths, one model, everything else in the rows of entries ----

static vlmc_status move_copy(void *user, sqlite3_stmt *s, vlmc_error *error)
{
    vlmc_catalog *catalog = user;
    char *path = vlmc_catalog_column_path(s, 2);
    vlmc_place place = {0};
    vlmc_status status = path ? VLMC_OK : vlmc_catalog_no_memory(error);
    if (status == VLMC_OK)
        status = vlmc_mounts_place(catalog->mounts, path, &place, error);
    int64_t volume = 0;
    if (status == VLMC_OK)
        status = vlmc_place_volume(catalog, &place, sqlite3_column_int64(s, 3), &volume, error);
    sqlite3_stmt *insert = NULL;
    if (status == VLMC_OK)
        status = vlmc_catalog_prepare(
            catalog,
            "INSERT INTO copy (id, archive_id, volume_id, path, file_bytes, file_mtime_ns,"
            " first_seen, seen) VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?6)",
            &insert, error);
    if (status == VLMC_OK) {
        sqlite3_bind_int64(insert, 1, sqlite3_column_int64(s, 0));
        sqlite3_bind_int64(insert, 2, sqlite3_column_int64(s, 1));
        sqlite3_bind_int64(insert, 3, volume);
        vlmc_catalog_bind_bytes(insert, 4, place.path, strlen(place.path));
        sqlite3_bind_int64(insert, 5, sqlite3_column_int64(s, 4));
        sqlite3_bind_int64(insert, 6, sqlite3_column_int64(s, 3));
        status = vlmc_catalog_finish(catalog, insert, error);
    }
    sqlite3_finalize(insert);
    free(place.path);
    free(path);
    return status;
}

vlmc_status vlmc_schema_from_version_1(vlmc_catalog *catalog, vlmc_error *error)
{
    sqlite3_stmt *copies = NULL;
    VLMC_TRY(vlmc_catalog_run(catalog,
                              "DROP INDEX copy_archive;"
                              "ALTER TABLE archive RENAME TO archive_1;"
                              "ALTER TABLE copy RENAME TO copy_1;"
                              "ALTER TABLE entry RENAME TO entry_1;",
                              error));
    VLMC_TRY(vlmc_schema_create(catalog, error));
    // What version 1 did not ask an archive for is learned when it is next seen: read_by.
    VLMC_TRY(vlmc_catalog_run(
        catalog,
        "INSERT INTO archive (id, root_digest, format, numerics, content_bytes, n_entries, created,"
        " has_names, read_by) SELECT id, root_digest, format, numerics, content_bytes, n_entries,"
        " created, 1, 1 FROM archive_1;"
        "INSERT INTO model (digest, name) SELECT model_digest, ifnull(max(model_name), '')"
        " FROM archive_1 WHERE model_digest IS NOT NULL GROUP BY model_digest;"
        "INSERT INTO archive_model (archive_id, number, model_id) SELECT archive_1.id, 1, model.id"
        " FROM archive_1 JOIN model ON model.digest = model_digest;"
        "INSERT INTO path (bytes) SELECT DISTINCT path FROM entry_1 ORDER BY path;"
        "INSERT INTO path_trigram (rowid, text) SELECT id, vlmc_trigram_text(bytes) FROM path;"
        "INSERT INTO content (sha256, size_bytes) SELECT sha256, max(size_bytes) FROM entry_1"
        " WHERE sha256 IS NOT NULL GROUP BY sha256;"
        "INSERT INTO entry SELECT archive_id, position, path.id, type, mode, mtime_seconds,"
        " mtime_ns, content.id, NULL, packed_bytes FROM entry_1"
        " JOIN path ON path.bytes = entry_1.path"
        " LEFT JOIN content ON content.sha256 = entry_1.sha256;",
        error));
    VLMC_TRY(
        vlmc_catalog_prepare(catalog,
                             "SELECT copy_1.id, archive_id, path, seen, archive_bytes FROM copy_1"
                             " JOIN archive_1 ON archive_1.id = archive_id",
                             &copies, error));
    VLMC_TRY(vlmc_catalog_each(catalog, copies, move_copy, catalog, error));
    return vlmc_catalog_run(catalog, "DROP TABLE entry_1; DROP TABLE copy_1; DROP TABLE archive_1",
                            error);
}
