// SPDX-License-Identifier: Apache-2.0
#include "trust.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// A folder's or a file's own owner and mode.
static vlmc_status check_own(const char *path, const struct stat *info, vlmc_error *error)
{
    const char *what = S_ISDIR(info->st_mode) ? "folder" : "file";
    if (info->st_uid != 0 && info->st_uid != geteuid())
        return vlmc_fail(error, VLMC_ERROR_REFUSED,
                         "no plugin is loaded from the %s \"%s\": it belongs to neither root nor "
                         "you",
                         what, path);
    if (info->st_mode & (S_IWGRP | S_IWOTH))
        return vlmc_fail(error, VLMC_ERROR_REFUSED,
                         "no plugin is loaded from the %s \"%s\": others can write it; \"chmod "
                         "go-w\" takes that away",
                         what, path);
    return VLMC_OK;
}

// Who can write a folder above can put another one in the place of the one below, except
// where a sticky bit forbids it. `path` is real and absolute; it is cut short and restored.
static vlmc_status check_above(char *path, vlmc_error *error)
{
    vlmc_status status = VLMC_OK;
    for (char *slash = strrchr(path, '/'); slash && status == VLMC_OK;) {
        struct stat info;
        *slash = 0;
        const char *above = *path ? path : "/";
        if (stat(above, &info) < 0)
            status = vlmc_fail_os(error, VLMC_ERROR_REFUSED, errno,
                                  "cannot look at the folder "
                                  "\"%s\" above a plugin",
                                  above);
        else if (info.st_mode & S_IWOTH && !(info.st_mode & S_ISVTX))
            status = vlmc_fail(error, VLMC_ERROR_REFUSED,
                               "no plugin is loaded from below the folder \"%s\": everybody can "
                               "write it",
                               above);
        char *next = strrchr(path, '/');
        *slash = '/';
        slash = next;
    }
    return status;
}

vlmc_status vlmc_trust_folder(const char *folder, char real[PATH_MAX], bool *exists,
                              vlmc_error *error)
{
    struct stat info;
    *exists = false;
    if (!realpath(folder, real))
        return errno == ENOENT || errno == ENOTDIR
                   ? VLMC_OK
                   : vlmc_fail_os(error, VLMC_ERROR_REFUSED, errno,
                                  "cannot look for plugins in \"%s\"", folder);
    if (stat(real, &info) < 0)
        return vlmc_fail_os(error, VLMC_ERROR_REFUSED, errno, "cannot look for plugins in \"%s\"",
                            real);
    if (!S_ISDIR(info.st_mode))
        return vlmc_fail(error, VLMC_ERROR_REFUSED,
                         "plugins are looked for in folders, and \"%s\" is none", folder);
    VLMC_TRY(check_own(real, &info, error));
    VLMC_TRY(check_above(real, error));
    *exists = true;
    return VLMC_OK;
}

vlmc_status vlmc_trust_file(const char *file, char real[PATH_MAX], vlmc_error *error)
{
    struct stat info;
    char folder[PATH_MAX];
    bool exists;
    if (!realpath(file, real) || stat(real, &info) < 0)
        return vlmc_fail_os(error, VLMC_ERROR_REFUSED, errno, "cannot load the plugin \"%s\"",
                            file);
    if (!S_ISREG(info.st_mode))
        return vlmc_fail(error, VLMC_ERROR_REFUSED,
                         "cannot load the plugin \"%s\": it is not a regular file", file);
    VLMC_TRY(check_own(real, &info, error));
    memcpy(folder, real, strlen(real) + 1);
    char *slash = strrchr(folder, '/');
    slash[slash == folder ? 1 : 0] = 0;
    char real_folder[PATH_MAX];
    return vlmc_trust_folder(folder, real_folder, &exists, error);
}
