// SPDX-License-Identifier: Apache-2.0
#include "state_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES_MAX (4u << 20)
#define NEW ".new-"
#define ATTEMPTS 100

vlmc_status state_folder(const cli *cli, const char *name, char folder[PATH_MAX], vlmc_error *error)
{
    const cli_environment *env = &cli->env;
    const int used =
        env->state_home ? snprintf(folder, PATH_MAX, "%s/vlmc/%s", env->state_home, name)
        : env->home     ? snprintf(folder, PATH_MAX, "%s/.local/state/vlmc/%s", env->home, name)
                        : -1;
    if (used < 0 || used >= PATH_MAX - 40)
        return vlmc_fail(error, VLMC_ERROR_IO,
                         "there is no place for records; set HOME or XDG_STATE_HOME");
    return VLMC_OK;
}

// The folder itself is for the user alone; those above are made as others make them.
static vlmc_status make_folder(char *folder, vlmc_error *error)
{
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(folder, 0777);
        *slash = '/';
    }
    if (mkdir(folder, 0700) == 0 || errno == EEXIST)
        return VLMC_OK;
    return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot make the folder \"%s\"", folder);
}

static bool write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        const ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

static bool sync_folder(const char *folder)
{
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const bool synced = fsync(fd) == 0 || errno == EINVAL;
    close(fd);
    return synced;
}

// A new file under a name of its own, locked as long as somebody writes it.
static int open_new(const char *folder, char name[PATH_MAX + 16])
{
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        struct stat st;
        snprintf(name, PATH_MAX + 16, "%s/" NEW "XXXXXX", folder);
        const int fd = mkostemp(name, O_CLOEXEC);
        if (fd < 0)
            return -1;
        // Before it was locked it may have been taken for one that was left.
        if ((flock(fd, LOCK_EX) != 0 && errno != ENOLCK) || fstat(fd, &st) != 0 || st.st_nlink > 0)
            return fd;
        close(fd);
    }
    errno = EAGAIN;
    return -1;
}

// Another name first, so that nobody ever sees half a file.
static bool write_file(const char *folder, const char *path, const char *text, size_t size)
{
    char name[PATH_MAX + 16];
    const int fd = open_new(folder, name);
    if (fd < 0)
        return false;
    const bool written = write_all(fd, text, size) && fsync(fd) == 0 && rename(name, path) == 0;
    const int code = errno;
    if (!written)
        unlink(name);
    close(fd);
    errno = code;
    return written && sync_folder(folder);
}

void state_folder_clean(const char *folder)
{
    DIR *dir = opendir(folder);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        if (strncmp(entry->d_name, NEW, sizeof NEW - 1) != 0)
            continue;
        const int fd =
            openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
            unlinkat(dirfd(dir), entry->d_name, 0);
        if (fd >= 0)
            close(fd);
    }
    if (dir)
        closedir(dir);
}

vlmc_status state_file_save(const char *path, json_t *value, vlmc_error *error)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    VLMC_TRY(make_folder(folder, error));
    state_folder_clean(folder);
    char *text = json_dumps(value, JSON_INDENT(2));
    if (!text)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for \"%s\"", path);
    const bool written = write_file(folder, path, text, strlen(text));
    const int code = errno;
    free(text);
    return written ? VLMC_OK
                   : vlmc_fail_os(error, VLMC_ERROR_IO, code, "cannot write \"%s\"", path);
}

// A record says what to read and where to write: only the user's own is believed.
static const char *distrust(const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return "it is not a regular file";
    if (st->st_uid != geteuid() || st->st_mode & (S_IWGRP | S_IWOTH))
        return "others can write it";
    return st->st_size > BYTES_MAX ? "it is too long" : NULL;
}

bool state_file_load(const char *path, json_t **value, const char **why)
{
    struct stat st;
    json_error_t detail;
    *value = NULL;
    *why = NULL;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        *why = errno == ENOENT ? NULL : "it cannot be opened";
        return errno == ENOENT;
    }
    *why = fstat(fd, &st) == 0 ? distrust(&st) : "it cannot be read";
    json_t *loaded = *why ? NULL : json_loadfd(fd, JSON_REJECT_DUPLICATES, &detail);
    close(fd);
    if (!*why && !json_is_object(loaded))
        *why = "it is damaged";
    if (*why) {
        json_decref(loaded);
        return false;
    }
    *value = loaded;
    return true;
}
