// SPDX-License-Identifier: Apache-2.0
// Looking for archives in a folder: those that are new, changed, moved or gone.
#include "scan.h"

#include "record.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct scan {
    vlmc_catalog *catalog;
    const vlmc_scan_params *params;
} scan;

static vlmc_status tell(const scan *scan, vlmc_scan_event event, const char *path,
                        const char *before, const vlmc_error *why, vlmc_error *error)
{
    const vlmc_scan_hit hit = {.event = event, .path = path, .before = before, .why = why};
    return scan->params->visit ? scan->params->visit(scan->params->user, &hit, error) : VLMC_OK;
}

// What the catalog knows of a path.
typedef struct known_copy {
    int64_t id; // 0: nothing
    int64_t archive;
    bool is_unchanged; // the file is as it was, and its archive was read by this version
} known_copy;

static vlmc_status look_up(vlmc_catalog *catalog, const vlmc_place *place, const char *path,
                           known_copy *known, vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    bool found;
    vlmc_file_state state;
    *known = (known_copy){0};
    VLMC_TRY(vlmc_place_find(catalog, place, &known->id, &known->archive, error));
    if (!known->id || !vlmc_place_look(path, &state))
        return VLMC_OK;
    VLMC_TRY(vlmc_catalog_prepare(
        catalog,
        "SELECT 1 FROM copy JOIN archive ON archive.id = archive_id WHERE copy.id = ?1"
        " AND file_bytes = ?2 AND file_mtime_ns = ?3 AND read_by = ?4",
        &s, error));
    sqlite3_bind_int64(s, 1, known->id);
    sqlite3_bind_int64(s, 2, state.bytes);
    sqlite3_bind_int64(s, 3, state.mtime_ns);
    sqlite3_bind_int64(s, 4, VLMC_CATALOG_VERSION);
    vlmc_status status = vlmc_catalog_step(catalog, s, &found, error);
    known->is_unchanged = status == VLMC_OK && found;
    sqlite3_finalize(s);
    return status;
}

static vlmc_status record_opened(const scan *scan, const vlmc_reader *reader,
                                 const vlmc_place *place, const char *path, vlmc_error *error)
{
    vlmc_placed placed = {0};
    const vlmc_record_params params = {
        .place = place,
        .path = path,
        .names = vlmc_reader_info(reader)->encrypted ? VLMC_CATALOG_WITHOUT_NAMES
                                                     : VLMC_CATALOG_WITH_NAMES,
        .again = scan->params->again,
    };
    vlmc_status status = vlmc_catalog_begin(scan->catalog, error);
    if (status == VLMC_OK)
        status = vlmc_catalog_end(
            scan->catalog, vlmc_record_archive(scan->catalog, reader, &params, &placed, error),
            error);
    vlmc_scan_event event = VLMC_SCAN_NEW;
    if (placed.moved_from)
        event = VLMC_SCAN_MOVED;
    else if (placed.replaced)
        event = VLMC_SCAN_REPLACED;
    else if (placed.was_there)
        event = VLMC_SCAN_KNOWN;
    if (status == VLMC_OK)
        status = tell(scan, event, path, placed.moved_from, NULL, error);
    free(placed.moved_from);
    return status;
}

static vlmc_status scan_changed(const scan *scan, const vlmc_place *place, const char *path,
                                vlmc_error *error)
{
    vlmc_reader *reader = NULL;
    vlmc_error why;
    // The index is all that is read, and of an encrypted archive what everybody may know.
    const vlmc_reader_params params = {.path = path, .may_be_locked = true};
    if (vlmc_reader_open_with(&params, &reader, &why) != VLMC_OK)
        return tell(scan, VLMC_SCAN_UNREADABLE, path, NULL, &why, error);
    vlmc_status status = record_opened(scan, reader, place, path, error);
    vlmc_reader_destroy(&reader);
    return status;
}

// Which of the files a pass is about.
typedef enum scan_pass {
    PASS_UNKNOWN, // those at paths that the catalog does not know
    PASS_KNOWN,   // the others
} scan_pass;

static vlmc_status scan_file(const scan *scan, const char *path, scan_pass pass, bool *done,
                             vlmc_error *error)
{
    vlmc_place place;
    known_copy known;
    VLMC_TRY(vlmc_catalog_check_stop(scan->catalog, error));
    if (vlmc_mounts_place(scan->catalog->mounts, path, &place, error) != VLMC_OK)
        return vlmc_catalog_no_memory(error);
    vlmc_status status = look_up(scan->catalog, &place, path, &known, error);
    const bool now = status == VLMC_OK && (pass == PASS_KNOWN || !known.id);
    if (now && known.is_unchanged && !scan->params->again) {
        status = vlmc_catalog_run_with(
            scan->catalog, "INSERT OR IGNORE INTO temp.scan_seen VALUES (?)", known.id, 0, error);
        if (status == VLMC_OK)
            status = tell(scan, VLMC_SCAN_KNOWN, path, NULL, NULL, error);
    } else if (now) {
        status = scan_changed(scan, &place, path, error);
    }
    *done = now;
    free(place.path);
    return status;
}

// First the paths that are new: what is elsewhere under its old name, another archive may have
// taken, and then it would be forgotten before it is found.
static vlmc_status scan_files(const scan *scan, const vlmc_scan_files *files, vlmc_error *error)
{
    bool *done = calloc(files->n + 1, sizeof *done);
    if (!done)
        return vlmc_catalog_no_memory(error);
    vlmc_status status = VLMC_OK;
    for (int pass = PASS_UNKNOWN; pass <= PASS_KNOWN; pass++)
        for (size_t i = 0; i < files->n && status == VLMC_OK; i++)
            if (!done[i])
                status = scan_file(scan, files->paths[i], (scan_pass)pass, &done[i], error);
    free(done);
    return status;
}

// ---- Copies that are gone ----

bool vlmc_scan_is_below(const char *path, const char *folder)
{
    const size_t size = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
    return strncmp(path, folder, size) == 0 && path[size] == '/';
}

static vlmc_status note_gone(void *user, sqlite3_stmt *s, vlmc_error *error)
{
    const scan *scan = user;
    vlmc_catalog_location location;
    VLMC_TRY(vlmc_place_column(scan->catalog, s, 0, &location, error));
    vlmc_status status = VLMC_OK;
    if (location.path && vlmc_scan_is_below(location.path, scan->params->folder) &&
        vlmc_place_is_gone(location.path)) {
        status = vlmc_catalog_run_with(scan->catalog, "INSERT INTO temp.scan_gone VALUES (?)",
                                       sqlite3_column_int64(s, VLMC_PLACE_N_COLUMNS), 0, error);
        if (status == VLMC_OK && !location.missing)
            status = tell(scan, VLMC_SCAN_MISSING, location.path, NULL, NULL, error);
    }
    vlmc_place_clear(&location);
    return status;
}

static vlmc_status find_gone(const scan *scan, vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    VLMC_TRY(vlmc_catalog_prepare(scan->catalog,
                                  "SELECT " VLMC_PLACE_COLUMNS ", copy.id FROM copy"
                                  " JOIN volume ON volume.id = volume_id"
                                  " ORDER BY volume.id, copy.path",
                                  &s, error));
    return vlmc_catalog_each(scan->catalog, s, note_gone, (void *)scan, error);
}

static vlmc_status mark(const scan *scan, vlmc_error *error)
{
    const int64_t now = time(NULL);
    VLMC_TRY(vlmc_catalog_run_with(
        scan->catalog,
        "UPDATE copy SET seen = ?, missing = 0 WHERE id IN (SELECT id FROM temp.scan_seen)", now, 0,
        error));
    return vlmc_catalog_run(
        scan->catalog, "UPDATE copy SET missing = 1 WHERE id IN (SELECT id FROM temp.scan_gone)",
        error);
}

static vlmc_status prepare(vlmc_catalog *catalog, vlmc_error *error)
{
    return vlmc_catalog_run(catalog,
                            "CREATE TABLE IF NOT EXISTS temp.scan_seen (id INTEGER PRIMARY KEY);"
                            "CREATE TABLE IF NOT EXISTS temp.scan_gone (id INTEGER PRIMARY KEY);"
                            "DELETE FROM temp.scan_seen; DELETE FROM temp.scan_gone",
                            error);
}

static vlmc_status scan_all(const scan *scan, const vlmc_scan_files *files, vlmc_error *error)
{
    VLMC_TRY(scan_files(scan, files, error));
    VLMC_TRY(find_gone(scan, error));
    VLMC_TRY(vlmc_catalog_begin(scan->catalog, error));
    return vlmc_catalog_end(scan->catalog, mark(scan, error), error);
}

vlmc_status vlmc_scan_known(vlmc_catalog *catalog, const vlmc_scan_params *params,
                            const vlmc_scan_files *files, vlmc_error *error)
{
    const scan scan = {.catalog = catalog, .params = params};
    VLMC_TRY(prepare(catalog, error));
    return scan_files(&scan, files, error);
}

static vlmc_status tell_failed(void *user, const char *path, const vlmc_error *why,
                               vlmc_error *error)
{
    return tell(user, VLMC_SCAN_NO_FOLDER, path, NULL, why, error);
}

vlmc_status vlmc_catalog_scan(vlmc_catalog *catalog, const vlmc_scan_params *params,
                              vlmc_error *error)
{
    vlmc_scan_files files = {.looked = params->looked, .user = params->user};
    scan scan = {.catalog = catalog, .params = params};
    VLMC_TRY(prepare(catalog, error));
    vlmc_status status = vlmc_scan_files_collect(catalog, &files, params->folder, params->all_files,
                                                 tell_failed, &scan, error);
    if (status == VLMC_OK)
        status = scan_all(&scan, &files, error);
    vlmc_scan_files_clear(&files);
    return status;
}
