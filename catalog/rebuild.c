// SPDX-License-Identifier: Apache-2.0
// The catalog, made again from the archives.
#include "place.h"
#include "salvage.h"
#include "scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ASIDE_MAX 100

typedef struct rebuild {
    vlmc_catalog *catalog;
    const vlmc_rebuild_params *params;
    vlmc_scan_files known; // copies that are here, but in none of the folders
} rebuild;

static vlmc_scan_params scan_params(const rebuild *r, const char *folder)
{
    return (vlmc_scan_params){
        .folder = folder,
        .all_files = r->params->all_files,
        .again = true,
        .visit = r->params->visit,
        .looked = r->params->looked,
        .user = r->params->user,
    };
}

static vlmc_status scan_folders(const rebuild *r, vlmc_error *error)
{
    for (size_t i = 0; i < r->params->n_folders; i++) {
        const vlmc_scan_params params = scan_params(r, r->params->folders[i]);
        VLMC_TRY(vlmc_catalog_scan(r->catalog, &params, error));
    }
    return VLMC_OK;
}

static bool is_in_folders(const rebuild *r, const char *path)
{
    for (size_t i = 0; i < r->params->n_folders; i++)
        if (vlmc_scan_is_below(path, r->params->folders[i]))
            return true;
    return false;
}

static vlmc_status note_known(void *user, sqlite3_stmt *s, vlmc_error *error)
{
    rebuild *r = user;
    vlmc_catalog_location location;
    vlmc_status status = VLMC_OK;
    VLMC_TRY(vlmc_place_column(r->catalog, s, 0, &location, error));
    if (location.path && vlmc_place_is_gone(location.path))
        status = vlmc_catalog_run_with(r->catalog, "INSERT INTO temp.rebuild_gone VALUES (?)",
                                       sqlite3_column_int64(s, VLMC_PLACE_N_COLUMNS), 0, error);
    else if (location.path && !is_in_folders(r, location.path))
        status = vlmc_scan_files_add(&r->known, location.path, error);
    vlmc_place_clear(&location);
    return status;
}

// Reads what is known outside the folders; marks what is gone.
static vlmc_status scan_known(rebuild *r, vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    const vlmc_scan_params params = scan_params(r, NULL);
    VLMC_TRY(vlmc_catalog_run(r->catalog, "CREATE TABLE temp.rebuild_gone (id INTEGER PRIMARY KEY)",
                              error));
    VLMC_TRY(vlmc_catalog_prepare(r->catalog,
                                  "SELECT " VLMC_PLACE_COLUMNS ", copy.id FROM copy"
                                  " JOIN volume ON volume.id = volume_id",
                                  &s, error));
    VLMC_TRY(vlmc_catalog_each(r->catalog, s, note_known, r, error));
    VLMC_TRY(vlmc_scan_known(r->catalog, &params, &r->known, error));
    return vlmc_catalog_run(
        r->catalog, "UPDATE copy SET missing = 1 WHERE id IN (SELECT id FROM temp.rebuild_gone)",
        error);
}

// What no archive has, whatever brought it here, and the index over paths from the start: it cannot
// give up what it does not have.
static const char clean[] =
    "DELETE FROM entry WHERE NOT EXISTS (SELECT 1 FROM archive WHERE id = archive_id);"
    "DELETE FROM path WHERE NOT EXISTS (SELECT 1 FROM entry WHERE path_id = path.id);"
    "DELETE FROM content WHERE NOT EXISTS (SELECT 1 FROM entry WHERE content_id = content.id);"
    "INSERT INTO path_trigram (path_trigram) VALUES ('delete-all');"
    "INSERT INTO path_trigram (rowid, text) SELECT id, vlmc_trigram_text(bytes) FROM path;";

static const char clean_volumes[] =
    "DELETE FROM volume WHERE name IS NULL"
    " AND NOT EXISTS (SELECT 1 FROM copy WHERE volume_id = volume.id)"
    " AND NOT EXISTS (SELECT 1 FROM move WHERE volume_id = volume.id);";

static vlmc_status rebuild_in_place(rebuild *r, vlmc_error *error)
{
    uint64_t n;
    VLMC_TRY(vlmc_catalog_begin(r->catalog, error));
    VLMC_TRY(vlmc_catalog_end(r->catalog, vlmc_catalog_run(r->catalog, clean, error), error));
    VLMC_TRY(scan_folders(r, error));
    VLMC_TRY(scan_known(r, error));
    VLMC_TRY(vlmc_catalog_forget_missing(r->catalog, &n, error));
    return vlmc_catalog_run(r->catalog, clean_volumes, error);
}

static vlmc_status put_aside(const char *path, char **aside, vlmc_error *error)
{
    static const char *const parts[] = {"-journal", "-wal", "-shm", ""};
    char number[16] = "";
    for (int i = 2; i <= ASIDE_MAX; i++) {
        free(*aside);
        if (asprintf(aside, "%s.damaged%s", path, number) < 0) {
            *aside = NULL;
            return vlmc_catalog_no_memory(error);
        }
        if (access(*aside, F_OK) != 0)
            break;
        snprintf(number, sizeof number, ".%d", i);
    }
    // The file itself last: without its journal it would be taken for whole.
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char *from = NULL, *to = NULL;
        int code = asprintf(&from, "%s%s", path, parts[i]) < 0 ? ENOMEM : 0;
        if (!code && asprintf(&to, "%s%s", *aside, parts[i]) < 0)
            code = ENOMEM;
        if (!code && rename(from, to) != 0 && !(*parts[i] && errno == ENOENT))
            code = errno;
        free(from);
        free(to);
        if (code)
            return vlmc_fail_os(error, VLMC_ERROR_CATALOG, code,
                                "cannot put the damaged catalog \"%s\" aside", path);
    }
    return VLMC_OK;
}

static vlmc_status start_anew(const vlmc_catalog_params *params, rebuild *r, char **aside,
                              vlmc_error *error)
{
    if (r->params->n_folders == 0)
        return vlmc_fail(error, VLMC_ERROR_CATALOG,
                         "the catalog \"%s\" is damaged and cannot say where archives are; name "
                         "the folders that hold them: \"vlmc catalog rebuild DIR…\"",
                         params->path);
    VLMC_TRY(put_aside(params->path, aside, error));
    VLMC_TRY(vlmc_catalog_open(params, &r->catalog, error));
    VLMC_TRY(scan_folders(r, error));
    vlmc_salvage(r->catalog, *aside);
    return VLMC_OK;
}

vlmc_status vlmc_catalog_rebuild(const vlmc_catalog_params *params,
                                 const vlmc_rebuild_params *rebuild_params, char **aside,
                                 vlmc_error *error)
{
    vlmc_catalog_params created = *params;
    rebuild r = {.params = rebuild_params};
    bool damaged;
    *aside = NULL;
    created.create = true;
    vlmc_status status = vlmc_catalog_open_checked(&created, &r.catalog, &damaged, error);
    if (status == VLMC_OK) {
        status = vlmc_catalog_check_pages(r.catalog, error);
        damaged = r.catalog->is_damaged;
        if (damaged)
            vlmc_catalog_close(&r.catalog);
    }
    if (damaged)
        status = start_anew(&created, &r, aside, error);
    else if (status == VLMC_OK)
        status = rebuild_in_place(&r, error);
    vlmc_scan_files_clear(&r.known);
    vlmc_catalog_close(&r.catalog);
    return status;
}
