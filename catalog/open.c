// SPDX-License-Identifier: Apache-2.0
// Opening the catalog, defensively: the file may come from anywhere.
#include "database.h"
#include "find.h"
#include "trigram.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS 10000
#define STOP_STEPS 20000 // of SQLite's machine between two looks at `stop`, about a millisecond

bool vlmc_catalog_wal_is_safe(int version)
{
    // Up to 3.51.2, two connections that reset a write-ahead log could damage it; two branches
    // got the repair as well.
    return version >= 3051003 || (version >= 3050007 && version < 3051000) ||
           (version >= 3044006 && version < 3045000);
}

// Makes the folders above `path`, and the file for its owner alone: paths tell a lot.
static vlmc_status make_file(const char *path, vlmc_error *error)
{
    char *copy = strdup(path);
    if (!copy)
        return vlmc_catalog_no_memory(error);
    vlmc_status status = VLMC_OK;
    for (char *p = copy + 1; *p && status == VLMC_OK; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        if (mkdir(copy, 0700) != 0 && errno != EEXIST)
            status = vlmc_fail_os(error, VLMC_ERROR_CATALOG, errno,
                                  "cannot make the folder \"%s\" for the catalog (set "
                                  "VLMC_CATALOG to another file)",
                                  copy);
        *p = '/';
    }
    free(copy);
    if (status != VLMC_OK)
        return status;
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    else if (errno != EACCES && errno != EROFS) // it may be there to be read
        return vlmc_fail_os(error, VLMC_ERROR_CATALOG, errno, "cannot open the catalog \"%s\"",
                            path);
    return VLMC_OK;
}

static vlmc_status refuse_network(const vlmc_catalog *catalog, vlmc_error *error)
{
    char *folder = strdup(catalog->path);
    if (!folder)
        return vlmc_catalog_no_memory(error);
    // A file that is not there yet lies where its folder does; so do missing folders.
    char *resolved = realpath(folder, NULL);
    for (char *slash; !resolved && (slash = strrchr(folder, '/')) && slash != folder;) {
        *slash = 0;
        resolved = realpath(folder, NULL);
    }
    if (!resolved)
        resolved = realpath(folder[0] == '/' ? "/" : ".", NULL);
    const vlmc_mount *mount = resolved ? vlmc_mounts_of(catalog->mounts, resolved) : NULL;
    free(folder);
    free(resolved);
    if (mount && mount->is_network)
        return vlmc_fail(error, VLMC_ERROR_CATALOG,
                         "the catalog \"%s\" is on a network drive (%s), whose locks cannot be "
                         "trusted; set VLMC_CATALOG to a file on a disk of this machine",
                         catalog->path, mount->filesystem);
    return VLMC_OK;
}

static int look_at_stop(void *user)
{
    const vlmc_catalog *catalog = user;
    return catalog->stop(catalog->stop_user);
}

static vlmc_status set_journal(vlmc_catalog *catalog, vlmc_error *error)
{
    if (sqlite3_db_readonly(catalog->database, "main") == 1)
        return VLMC_OK;
    return vlmc_catalog_run(catalog,
                            vlmc_catalog_wal_is_safe(sqlite3_libversion_number())
                                ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = EXTRA;"
                                : "PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA;",
                            error);
}

static vlmc_status configure(vlmc_catalog *catalog, vlmc_error *error)
{
    // A schema in the file may not call functions with side effects, act on its own, or be edited
    // raw.
    static const struct {
        int option;
        int value;
    } settings[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
        {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
    };
    sqlite3 *database = catalog->database;
    sqlite3_busy_timeout(database, (int)catalog->busy_ms);
    sqlite3_extended_result_codes(database, 1);
    if (catalog->stop)
        sqlite3_progress_handler(database, STOP_STEPS, look_at_stop, catalog);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (sqlite3_db_config(database, settings[i].option, settings[i].value, NULL) != SQLITE_OK)
            return vlmc_catalog_fail(catalog, "open", error);
    VLMC_TRY(vlmc_trigram_install(catalog, error));
    VLMC_TRY(vlmc_find_install(catalog, error));
    VLMC_TRY(vlmc_catalog_run(catalog,
                              "PRAGMA foreign_keys = ON;"
                              "PRAGMA cell_size_check = ON;"
                              "PRAGMA mmap_size = 0;"
                              "PRAGMA temp_store = MEMORY;"
                              // Grows when needed; a large archive is recorded without blocking
                              // readers before its end.
                              "PRAGMA cache_size = -131072;",
                              error));
    return set_journal(catalog, error);
}

static vlmc_status open_database(vlmc_catalog *catalog, bool create, vlmc_error *error)
{
    VLMC_TRY(refuse_network(catalog, error));
    if (create)
        VLMC_TRY(make_file(catalog->path, error));
    else if (access(catalog->path, F_OK) != 0)
        return vlmc_fail(error, VLMC_ERROR_CATALOG,
                         "there is no catalog at \"%s\"; \"vlmc create\" makes one, \"vlmc catalog "
                         "scan DIR\" as well",
                         catalog->path);
    if (sqlite3_open_v2(catalog->path, &catalog->database, SQLITE_OPEN_READWRITE, NULL) !=
        SQLITE_OK)
        return vlmc_catalog_fail(catalog, "open", error);
    VLMC_TRY(configure(catalog, error));
    return vlmc_catalog_schema(catalog, error);
}

vlmc_status vlmc_catalog_open(const vlmc_catalog_params *params, vlmc_catalog **catalog,
                              vlmc_error *error)
{
    bool damaged;
    return vlmc_catalog_open_checked(params, catalog, &damaged, error);
}

vlmc_status vlmc_catalog_open_checked(const vlmc_catalog_params *params, vlmc_catalog **catalog_out,
                                      bool *damaged, vlmc_error *error)
{
    vlmc_catalog *catalog = calloc(1, sizeof *catalog);
    *catalog_out = catalog;
    *damaged = false;
    if (!catalog)
        return vlmc_catalog_no_memory(error);
    catalog->busy_ms = params->busy_ms ? params->busy_ms : BUSY_MS;
    catalog->stop = params->stop;
    catalog->stop_user = params->user;
    catalog->path = strdup(params->path);
    vlmc_status status = catalog->path ? VLMC_OK : vlmc_catalog_no_memory(error);
    if (status == VLMC_OK &&
        vlmc_mounts_read(params->system ? params->system : "", &catalog->mounts, error) != VLMC_OK)
        status = vlmc_catalog_no_memory(error);
    if (status == VLMC_OK)
        status = open_database(catalog, params->create, error);
    if (status != VLMC_OK) {
        *damaged = catalog->is_damaged;
        vlmc_catalog_close(catalog_out);
    }
    return status;
}

void vlmc_catalog_close(vlmc_catalog **catalog)
{
    if (*catalog) {
        sqlite3_close((*catalog)->database);
        vlmc_mounts_destroy(&(*catalog)->mounts);
        free((*catalog)->path);
        free((*catalog)->backup);
        free(*catalog);
    }
    *catalog = NULL;
}

const char *vlmc_catalog_backup_made(const vlmc_catalog *catalog)
{
    return catalog->backup;
}
