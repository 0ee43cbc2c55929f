// SPDX-License-Identifier: Apache-2.0
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ATTEMPTS 100

static vlmc_status refuse(vlmc_error *error, int os_error, const char *what, const char *path,
                          const char *why)
{
    vlmc_fail(error, VLMC_ERROR_REFUSED, "%s\"%s\" %s", what, path, why);
    if (error)
        error->os_error = os_error;
    return VLMC_ERROR_REFUSED;
}

// Some file systems have no locks: then there is no telling, and no harm in a single user.
static bool lock(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

// Another process may have renamed or removed the file between its opening and its locking.
static bool still_there(const char *path, const struct stat *opened)
{
    struct stat now;
    return lstat(path, &now) == 0 && now.st_dev == opened->st_dev && now.st_ino == opened->st_ino;
}

// Somebody else could have put a file, or a link to one of the user's own, where this one goes.
// Where a file system knows no owners, files belong to whom the folder does.
static bool is_own(const char *path, const struct stat *st)
{
    struct stat above;
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    const bool known = folder && stat(folder, &above) == 0;
    free(folder);
    return S_ISREG(st->st_mode) && st->st_nlink <= 1 &&
           (st->st_uid == geteuid() ||
            (known && !(above.st_mode & S_ISVTX) && st->st_uid == above.st_uid));
}

vlmc_status vlmc_partial_open_own(const char *path, bool create, uint32_t mode, int *fd,
                                  vlmc_error *error)
{
    struct stat st;
    const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    *fd = create ? open(path, flags | O_CREAT | O_EXCL, (mode_t)mode) : -1;
    if (*fd >= 0)
        return VLMC_OK; // new
    if (!create || errno == EEXIST)
        *fd = open(path, flags);
    if (*fd < 0 || fstat(*fd, &st) != 0) {
        const int code = errno;
        if (*fd >= 0)
            close(*fd);
        return vlmc_fail_os(error, VLMC_ERROR_IO, code, "cannot write \"%s\"", path);
    }
    if (is_own(path, &st))
        return VLMC_OK;
    close(*fd);
    return refuse(error, EPERM, "", path,
                  "is in the way, and not a regular file of yours; remove it");
}

vlmc_status vlmc_partial_open(const char *path, bool create, int *fd, vlmc_error *error)
{
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        struct stat st;
        VLMC_TRY(vlmc_partial_open_own(path, create, 0666, fd, error));
        if (!lock(*fd)) {
            close(*fd);
            return refuse(error, EWOULDBLOCK, "another vlmc is writing ", path,
                          "(wait for it or stop it)");
        }
        if (fstat(*fd, &st) == 0 && still_there(path, &st))
            return VLMC_OK;
        close(*fd);
    }
    return vlmc_fail(error, VLMC_ERROR_IO, "\"%s\" comes and goes; try again", path);
}
