// SPDX-License-Identifier: Apache-2.0
#include "database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int sync_path(const char *path, int flags)
{
    const int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0)
        return errno;
    const int code = fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP ? 0 : errno;
    close(fd);
    return code;
}

// The backup itself and its name in the folder.
static vlmc_status make_durable(const char *path, vlmc_error *error)
{
    char *folder = strdup(path);
    if (!folder)
        return vlmc_catalog_no_memory(error);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder ? 1 : 0] = 0;
    int code = sync_path(path, O_RDONLY);
    if (!code)
        code = sync_path(slash ? folder : ".", O_RDONLY | O_DIRECTORY);
    free(folder);
    if (code)
        return vlmc_fail_os(error, VLMC_ERROR_CATALOG, code, "cannot write the backup \"%s\"",
                            path);
    return VLMC_OK;
}

vlmc_status vlmc_catalog_backup(vlmc_catalog *catalog, const char *path, vlmc_error *error)
{
    // Made first, so that nothing is overwritten and only its owner reads it. SQLite takes an empty
    // file for none.
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return vlmc_fail(error, VLMC_ERROR_EXISTS, "\"%s\" exists; choose another name", path);
    if (fd < 0)
        return vlmc_fail_os(error, VLMC_ERROR_CATALOG, errno, "cannot make the backup \"%s\"",
                            path);
    close(fd);
    sqlite3_stmt *s = NULL;
    vlmc_status status = vlmc_catalog_prepare(catalog, "VACUUM INTO ?", &s, error);
    if (status == VLMC_OK) {
        vlmc_catalog_bind_text(s, 1, path);
        status = vlmc_catalog_finish(catalog, s, error);
    }
    sqlite3_finalize(s);
    if (status == VLMC_OK)
        status = make_durable(path, error);
    if (status != VLMC_OK)
        unlink(path);
    return status;
}
