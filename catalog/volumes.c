// SPDX-License-Identifier: Apache-2.0
// The volumes that the catalog knows, and their names.
#include "place.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct volume_visit {
    vlmc_catalog *catalog;
    vlmc_catalog_volume_fn visit;
    void *user;
} volume_visit;

static const char *text_column(sqlite3_stmt *s, int column)
{
    return (const char *)sqlite3_column_text(s, column);
}

static vlmc_status visit_volume(void *user, sqlite3_stmt *s, vlmc_error *error)
{
    const volume_visit *v = user;
    vlmc_catalog_volume volume = {
        .identity = text_column(s, 0),
        .name = text_column(s, 1),
        .label = text_column(s, 2),
        .filesystem = text_column(s, 3),
        .point = text_column(s, 4),
        .seen = sqlite3_column_int64(s, 5),
        .n_copies = vlmc_catalog_column_number(s, 6),
    };
    const vlmc_mounts *mounts = v->catalog->mounts;
    if (!volume.identity)
        return vlmc_catalog_no_memory(error);
    volume.is_online = strcmp(volume.identity, mounts->host) == 0;
    for (size_t i = 0; i < mounts->n && !volume.is_online; i++) {
        const vlmc_mount *mount = &mounts->mounts[i];
        volume.is_online = mount->identity && strcmp(mount->identity, volume.identity) == 0;
        if (volume.is_online)
            volume.point = mount->point;
    }
    return v->visit(v->user, &volume, error);
}

vlmc_status vlmc_catalog_volumes(vlmc_catalog *catalog, vlmc_catalog_volume_fn visit, void *user,
                                 vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    volume_visit v = {.catalog = catalog, .visit = visit, .user = user};
    VLMC_TRY(vlmc_catalog_prepare(
        catalog,
        "SELECT identity, name, label, filesystem, point, seen,"
        " (SELECT count(*) FROM copy WHERE volume_id = volume.id) FROM volume ORDER BY id",
        &s, error));
    return vlmc_catalog_each(catalog, s, visit_volume, &v, error);
}

// Volumes that are called `which`: the only one is *id.
static vlmc_status find_volume(vlmc_catalog *catalog, const char *which, int64_t *id,
                               vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    bool found = true;
    int n = 0;
    VLMC_TRY(vlmc_catalog_prepare(catalog,
                                  "SELECT id FROM volume WHERE name = ?1 OR label = ?1 OR"
                                  " identity = ?1 OR identity = 'uuid:' || ?1"
                                  " ORDER BY name IS NOT ?1", // a given name goes first
                                  &s, error));
    vlmc_catalog_bind_text(s, 1, which);
    vlmc_status status = VLMC_OK;
    while (status == VLMC_OK &&
           (status = vlmc_catalog_step(catalog, s, &found, error)) == VLMC_OK && found)
        if (n++ == 0)
            *id = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    if (status == VLMC_OK && n != 1)
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         n ? "%d volumes are called \"%s\"; say which by its UUID (\"vlmc catalog "
                             "volumes\")"
                           : "%d volumes are called \"%s\"; \"vlmc catalog volumes\" lists them",
                         n, which);
    return status;
}

static vlmc_status place_of(vlmc_catalog *catalog, const char *path, int64_t *id, vlmc_error *error)
{
    vlmc_place place;
    if (vlmc_mounts_place(catalog->mounts, path, &place, error) != VLMC_OK)
        return vlmc_catalog_no_memory(error);
    vlmc_status status = vlmc_place_volume(catalog, &place, time(NULL), id, error);
    free(place.path);
    return status;
}

static vlmc_status name_volume(vlmc_catalog *catalog, const char *which, const char *name,
                               vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    int64_t id = 0, taken;
    VLMC_TRY(which[0] == '/' ? place_of(catalog, which, &id, error)
                             : find_volume(catalog, which, &id, error));
    VLMC_TRY(vlmc_catalog_prepare(catalog, "UPDATE OR IGNORE volume SET name = ?2 WHERE id = ?1",
                                  &s, error));
    sqlite3_bind_int64(s, 1, id);
    vlmc_catalog_bind_text(s, 2, name);
    vlmc_status status = vlmc_catalog_finish(catalog, s, error);
    taken = sqlite3_changes(catalog->database) == 0;
    sqlite3_finalize(s);
    if (status == VLMC_OK && taken)
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         "another volume is called \"%s\"; choose another name", name);
    return status;
}

vlmc_status vlmc_catalog_name_volume(vlmc_catalog *catalog, const char *which, const char *name,
                                     vlmc_error *error)
{
    if (!*name || *name == '/')
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         "\"%s\" is no name for a volume: it has at least one character, and no / "
                         "at its start",
                         name);
    VLMC_TRY(vlmc_catalog_begin(catalog, error));
    return vlmc_catalog_end(catalog, name_volume(catalog, which, name, error), error);
}
