// SPDX-License-Identifier: Apache-2.0
#include "place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

bool vlmc_place_look(const char *path, vlmc_file_state *state)
{
    struct stat st;
    *state = (vlmc_file_state){0};
    if (stat(path, &st) != 0)
        return false;
    state->bytes = st.st_size;
    if (__builtin_mul_overflow((int64_t)st.st_mtim.tv_sec, 1000000000, &state->mtime_ns) ||
        __builtin_add_overflow(state->mtime_ns, (int64_t)st.st_mtim.tv_nsec, &state->mtime_ns))
        state->mtime_ns = st.st_mtim.tv_sec < 0 ? INT64_MIN : INT64_MAX;
    return true;
}

vlmc_status vlmc_place_volume(vlmc_catalog *catalog, const vlmc_place *place, int64_t now,
                              int64_t *id, vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    bool found;
    VLMC_TRY(vlmc_catalog_prepare(
        catalog,
        "INSERT INTO volume (identity, label, filesystem, point, seen) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (identity) DO UPDATE SET label = excluded.label, filesystem ="
        " excluded.filesystem, point = excluded.point, seen = excluded.seen RETURNING id",
        &s, error));
    vlmc_catalog_bind_text(s, 1, place->identity);
    vlmc_catalog_bind_text(s, 2, place->label);
    vlmc_catalog_bind_text(s, 3, place->filesystem);
    vlmc_catalog_bind_text(s, 4, place->point);
    sqlite3_bind_int64(s, 5, now);
    vlmc_status status = vlmc_catalog_step(catalog, s, &found, error);
    if (status == VLMC_OK)
        *id = sqlite3_column_int64(s, 0);
    // The insertion ends with the statement's last step.
    if (status == VLMC_OK)
        status = vlmc_catalog_step(catalog, s, &found, error);
    sqlite3_finalize(s);
    return status;
}

vlmc_status vlmc_place_find(vlmc_catalog *catalog, const vlmc_place *place, int64_t *copy,
                            int64_t *archive, vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    bool found;
    *copy = *archive = 0;
    VLMC_TRY(vlmc_catalog_prepare(catalog,
                                  "SELECT copy.id, archive_id FROM copy JOIN volume ON volume.id ="
                                  " volume_id WHERE identity = ? AND path = ?",
                                  &s, error));
    vlmc_catalog_bind_text(s, 1, place->identity);
    vlmc_catalog_bind_bytes(s, 2, place->path, strlen(place->path));
    vlmc_status status = vlmc_catalog_step(catalog, s, &found, error);
    if (status == VLMC_OK && found) {
        *copy = sqlite3_column_int64(s, 0);
        *archive = sqlite3_column_int64(s, 1);
    }
    sqlite3_finalize(s);
    return status;
}

bool vlmc_place_is_gone(const char *path)
{
    struct stat st;
    return lstat(path, &st) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

// Has the copy that was at `path`, in the state `was`, become the file in the state `now`? Its name
// may have been given to another file since.
static bool has_moved(const char *path, const vlmc_file_state *was, const vlmc_file_state *now)
{
    vlmc_file_state there;
    if (vlmc_place_is_gone(path))
        return true;
    return was->bytes == now->bytes && was->mtime_ns == now->mtime_ns &&
           vlmc_place_look(path, &there) &&
           (there.bytes != was->bytes || there.mtime_ns != was->mtime_ns);
}

// Another copy of the archive whose volume is here, but not its file: placed->copy, else 0.
static vlmc_status find_moved(vlmc_catalog *catalog, int64_t archive, const vlmc_file_state *now,
                              vlmc_placed *placed, vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    bool found = true;
    VLMC_TRY(vlmc_catalog_prepare(catalog,
                                  "SELECT " VLMC_PLACE_COLUMNS ", copy.id, file_bytes,"
                                  " file_mtime_ns FROM copy JOIN volume ON volume.id = volume_id"
                                  " WHERE archive_id = ? ORDER BY copy.id",
                                  &s, error));
    sqlite3_bind_int64(s, 1, archive);
    vlmc_status status = VLMC_OK;
    while (status == VLMC_OK && !placed->copy) {
        vlmc_catalog_location location = {0};
        status = vlmc_catalog_step(catalog, s, &found, error);
        if (status != VLMC_OK || !found)
            break;
        const vlmc_file_state was = {
            .bytes = sqlite3_column_int64(s, VLMC_PLACE_N_COLUMNS + 1),
            .mtime_ns = sqlite3_column_int64(s, VLMC_PLACE_N_COLUMNS + 2),
        };
        status = vlmc_place_column(catalog, s, 0, &location, error);
        if (status == VLMC_OK && location.path && has_moved(location.path, &was, now)) {
            placed->copy = sqlite3_column_int64(s, VLMC_PLACE_N_COLUMNS);
            placed->moved_from = strdup(location.path);
            if (!placed->moved_from)
                status = vlmc_catalog_no_memory(error);
        }
        vlmc_place_clear(&location);
    }
    sqlite3_finalize(s);
    return status;
}

// What was found out of a file holds as long as the file does.
static vlmc_status update_copy(vlmc_catalog *catalog, int64_t copy, int64_t volume,
                               const vlmc_place *place, const vlmc_file_state *state, int64_t now,
                               vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    VLMC_TRY(vlmc_catalog_prepare(
        catalog,
        "UPDATE copy SET volume_id = ?2, path = ?3, file_bytes = ?4, file_mtime_ns = ?5, seen = ?6,"
        " missing = 0,"
        " verified = iif(file_bytes = ?4 AND file_mtime_ns = ?5, verified, NULL),"
        " damaged = iif(file_bytes = ?4 AND file_mtime_ns = ?5, damaged, 0) WHERE id = ?1",
        &s, error));
    sqlite3_bind_int64(s, 1, copy);
    sqlite3_bind_int64(s, 2, volume);
    vlmc_catalog_bind_bytes(s, 3, place->path, strlen(place->path));
    sqlite3_bind_int64(s, 4, state->bytes);
    sqlite3_bind_int64(s, 5, state->mtime_ns);
    sqlite3_bind_int64(s, 6, now);
    vlmc_status status = vlmc_catalog_finish(catalog, s, error);
    sqlite3_finalize(s);
    return status;
}

static vlmc_status insert_copy(vlmc_catalog *catalog, int64_t archive, int64_t volume,
                               const vlmc_place *place, const vlmc_file_state *state, int64_t now,
                               int64_t *copy, vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    VLMC_TRY(vlmc_catalog_prepare(catalog,
                                  "INSERT INTO copy (archive_id, volume_id, path, file_bytes, "
                                  "file_mtime_ns, first_seen, seen)"
                                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
                                  &s, error));
    sqlite3_bind_int64(s, 1, archive);
    sqlite3_bind_int64(s, 2, volume);
    vlmc_catalog_bind_bytes(s, 3, place->path, strlen(place->path));
    sqlite3_bind_int64(s, 4, state->bytes);
    sqlite3_bind_int64(s, 5, state->mtime_ns);
    sqlite3_bind_int64(s, 6, now);
    vlmc_status status = vlmc_catalog_finish(catalog, s, error);
    sqlite3_finalize(s);
    *copy = sqlite3_last_insert_rowid(catalog->database);
    return status;
}

vlmc_status vlmc_place_copy(vlmc_catalog *catalog, int64_t archive, const vlmc_place *place,
                            const vlmc_file_state *state, vlmc_placed *placed, vlmc_error *error)
{
    const int64_t now = time(NULL);
    int64_t volume, known;
    *placed = (vlmc_placed){0};
    VLMC_TRY(vlmc_place_volume(catalog, place, now, &volume, error));
    VLMC_TRY(vlmc_place_find(catalog, place, &placed->copy, &known, error));
    placed->was_there = placed->copy != 0;
    if (placed->copy && known != archive) {
        VLMC_TRY(vlmc_catalog_run_with(catalog, "DELETE FROM copy WHERE id = ?", placed->copy, 0,
                                       error));
        placed->replaced = known;
        placed->copy = 0;
    }
    if (!placed->copy)
        VLMC_TRY(find_moved(catalog, archive, state, placed, error));
    if (placed->moved_from)
        VLMC_TRY(vlmc_catalog_run_with(catalog,
                                       "INSERT INTO move (copy_id, at, volume_id, path)"
                                       " SELECT id, ?2, volume_id, path FROM copy WHERE id = ?1",
                                       placed->copy, now, error));
    if (placed->copy)
        return update_copy(catalog, placed->copy, volume, place, state, now, error);
    return insert_copy(catalog, archive, volume, place, state, now, &placed->copy, error);
}

// A UUID says more alone than with its kind before it.
static const char *volume_name(const char *given, const char *label, const char *identity)
{
    if (given)
        return given;
    if (label && *label)
        return label;
    return strncmp(identity, "uuid:", 5) == 0 ? identity + 5 : identity;
}

vlmc_status vlmc_place_column(vlmc_catalog *catalog, sqlite3_stmt *s, int column,
                              vlmc_catalog_location *location, vlmc_error *error)
{
    const char *identity = (const char *)sqlite3_column_text(s, column);
    const char *given = (const char *)sqlite3_column_text(s, column + 1);
    const char *label = (const char *)sqlite3_column_text(s, column + 2);
    char *here = NULL, *path = vlmc_catalog_column_path(s, column + 3);
    *location = (vlmc_catalog_location){.missing = sqlite3_column_int64(s, column + 4) != 0};
    if (!identity || !path ||
        vlmc_mounts_locate(catalog->mounts, identity, path, &here, error) != VLMC_OK) {
        free(path);
        return vlmc_catalog_no_memory(error);
    }
    location->path = here;
    location->volume_path = path;
    location->volume = volume_name(given, label, identity);
    return VLMC_OK;
}

void vlmc_place_clear(vlmc_catalog_location *location)
{
    free((char *)location->path);
    free((char *)location->volume_path);
    *location = (vlmc_catalog_location){0};
}
