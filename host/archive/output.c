// SPDX-License-Identifier: Apache-2.0
// GNU: renameat2, to give a name only when it is free.
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h> // renameat2
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define ATTEMPTS 100
#define SUFFIX ".tmp-XXXXXX"
#define COMPARE_BYTES 16384
#define NAME_BYTES_KEPT 200 // of a final name that may be as long as names can be

struct vlmc_output {
    char *path;      // final name, NULL for a descriptor
    char *temporary; // its name until then; NULL when there is none (any more)
    bool replace;
    bool partial; // `temporary` stays
    bool named;   // and its name is on disk
    int fd;
    uint64_t size;
    uint64_t there; // bytes that a partial file has; those beyond `size` are from an earlier run
};

static const char *shown(const vlmc_output *output)
{
    return output->path ? output->path : "the output";
}

static vlmc_status exists(const char *path, vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_EXISTS,
                     "%s exists; choose another name or permit replacing it", path);
}

static vlmc_status check_target(const char *path, bool replace, vlmc_error *error)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return VLMC_OK;
    if (!replace)
        return exists(path, error);
    if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
        return vlmc_fail(error, VLMC_ERROR_REFUSED,
                         "%s is not a regular file and is not replaced; choose another name", path);
    return VLMC_OK;
}

// Like mkostemp, but with the permissions of an ordinary new file: 0666 without the umask.
static int open_temporary(char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    char *suffix = name + strlen(name) - 6;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        uint8_t random[6];
        if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
            return -1;
        for (size_t i = 0; i < sizeof random; i++)
            suffix[i] = letters[random[i] % (sizeof letters - 1)];
        int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

static vlmc_status no_memory(const char *path, vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write %s", path);
}

static vlmc_status open_unused(vlmc_output *o, const char *path, vlmc_error *error)
{
    const char *slash = strrchr(path, '/');
    const size_t folder = slash ? (size_t)(slash + 1 - path) : 0;
    const size_t kept = folder + strnlen(path + folder, NAME_BYTES_KEPT);
    char *name = malloc(kept + sizeof SUFFIX);
    if (!name)
        return no_memory(path, error);
    memcpy(name, path, kept);
    memcpy(name + kept, SUFFIX, sizeof SUFFIX);
    o->fd = open_temporary(name);
    if (o->fd < 0) {
        const int code = errno;
        free(name);
        return vlmc_fail_os(error, VLMC_ERROR_IO, code, "cannot create %s", path);
    }
    o->temporary = name;
    return VLMC_OK;
}

static vlmc_status open_partial(vlmc_output *o, const char *partial, vlmc_error *error)
{
    struct stat st;
    o->partial = true;
    o->temporary = strdup(partial);
    if (!o->temporary)
        return no_memory(o->path, error);
    VLMC_TRY(vlmc_partial_open(partial, true, &o->fd, error));
    if (fstat(o->fd, &st) != 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot write \"%s\"", partial);
    o->there = (uint64_t)st.st_size;
    return VLMC_OK;
}

static vlmc_status open_output(vlmc_output *o, const vlmc_output_params *params, vlmc_error *error)
{
    VLMC_TRY(check_target(params->path, params->replace, error));
    o->path = strdup(params->path);
    if (!o->path)
        return no_memory(params->path, error);
    return params->partial ? open_partial(o, params->partial, error)
                           : open_unused(o, params->path, error);
}

vlmc_status vlmc_output_create(const vlmc_output_params *params, vlmc_output **output,
                               vlmc_error *error)
{
    *output = NULL;
    vlmc_output *o = calloc(1, sizeof *o);
    if (!o)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
    o->fd = params->path ? -1 : params->fd;
    o->replace = params->replace;
    vlmc_status status = params->path ? open_output(o, params, error) : VLMC_OK;
    if (status != VLMC_OK)
        vlmc_output_destroy(&o);
    *output = o;
    return status;
}

// ---- What an earlier run has written ----

bool vlmc_output_read(const vlmc_output *o, uint64_t offset, void *bytes, size_t size)
{
    uint8_t *at = bytes;
    if (!o->partial || offset > o->there || size > o->there - offset)
        return false;
    while (size > 0) {
        const ssize_t got = pread(o->fd, at, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        size -= (size_t)got;
        offset += (uint64_t)got;
    }
    return true;
}

// From here on the file has nothing.
static vlmc_status cut(vlmc_output *o, vlmc_error *error)
{
    o->there = o->size;
    if (ftruncate(o->fd, (off_t)o->size) != 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot write %s", o->path);
    return VLMC_OK;
}

// How many of the bytes are there already; they count as written. When not all are, nothing of
// the earlier run is left.
static vlmc_status pass_same(vlmc_output *o, const uint8_t *bytes, size_t size, size_t *same,
                             vlmc_error *error)
{
    uint8_t old[COMPARE_BYTES];
    bool differs = false;
    *same = 0;
    while (!differs && *same < size && o->size < o->there) {
        const uint64_t left = o->there - o->size;
        size_t n = size - *same < sizeof old ? size - *same : sizeof old, k = 0;
        if (n > left)
            n = (size_t)left;
        if (vlmc_output_read(o, o->size, old, n))
            while (k < n && old[k] == bytes[*same + k])
                k++;
        differs = k < n;
        *same += k;
        o->size += k;
    }
    return *same < size ? cut(o, error) : VLMC_OK;
}

vlmc_status vlmc_output_write(vlmc_output *output, const void *bytes, size_t size,
                              vlmc_error *error)
{
    const uint8_t *at = bytes;
    if (output->size < output->there) {
        size_t same;
        VLMC_TRY(pass_same(output, at, size, &same, error));
        at += same;
        size -= same;
    }
    while (size > 0) {
        const ssize_t written = output->path ? pwrite(output->fd, at, size, (off_t)output->size)
                                             : write(output->fd, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot write %s", shown(output));
        at += written;
        size -= (size_t)written;
        output->size += (uint64_t)written;
        output->there = output->size;
    }
    return VLMC_OK;
}

uint64_t vlmc_output_size(const vlmc_output *output)
{
    return output->size;
}

int vlmc_output_fd(const vlmc_output *output)
{
    return output->fd;
}

// Pipes and some file systems cannot sync: that is no failure.
static int sync_fd(int fd)
{
    if (fsync(fd) == 0 || errno == EINVAL || errno == EROFS || errno == ENOTSUP)
        return 0;
    return errno;
}

static int sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!folder)
        return ENOMEM;
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (fd < 0)
        return errno == EACCES ? 0 : errno; // a folder that one may write to but not read
    const int code = sync_fd(fd);
    close(fd);
    return code;
}

// Names the file; where the file system has no RENAME_NOREPLACE, link() refuses as well.
static int give_name(const vlmc_output *o)
{
    if (o->replace)
        return rename(o->temporary, o->path) == 0 ? 0 : errno;
    if (renameat2(AT_FDCWD, o->temporary, AT_FDCWD, o->path, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    if (link(o->temporary, o->path) != 0)
        return errno;
    unlink(o->temporary);
    return 0;
}

vlmc_status vlmc_output_end(vlmc_output *o, vlmc_error *error)
{
    return o->size < o->there ? cut(o, error) : VLMC_OK;
}

vlmc_status vlmc_output_sync(vlmc_output *o, vlmc_error *error)
{
    if (fdatasync(o->fd) != 0 && errno != EINVAL && errno != EROFS && errno != ENOTSUP)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot write %s", shown(o));
    const int code = o->named || !o->path ? 0 : sync_folder(o->path);
    if (code)
        return vlmc_fail_os(error, VLMC_ERROR_IO, code, "cannot sync the folder of %s", o->path);
    o->named = true;
    return VLMC_OK;
}

// Closes the file, names it and syncs the folder. `lock` is open until the name is there, so that
// nobody takes a finished archive for a partial file.
static vlmc_status close_and_name(vlmc_output *o, vlmc_error *error)
{
    const int fd = o->fd;
    o->fd = -1;
    if (close(fd) != 0) // network file systems report a full disk here
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot write %s", o->path);
    int code = give_name(o);
    if (code == EEXIST)
        return exists(o->path, error);
    if (code)
        return vlmc_fail_os(error, VLMC_ERROR_IO, code, "cannot name %s", o->path);
    free(o->temporary);
    o->temporary = NULL;
    code = sync_folder(o->path);
    if (code)
        return vlmc_fail_os(error, VLMC_ERROR_IO, code, "cannot sync the folder of %s", o->path);
    return VLMC_OK;
}

vlmc_status vlmc_output_commit(vlmc_output *o, vlmc_error *error)
{
    const int code = sync_fd(o->fd);
    if (code)
        return vlmc_fail_os(error, VLMC_ERROR_IO, code, "cannot write %s", shown(o));
    if (!o->path)
        return VLMC_OK;
    VLMC_TRY(check_target(o->path, o->replace, error));
    const int lock = o->partial ? fcntl(o->fd, F_DUPFD_CLOEXEC, 3) : -1;
    const vlmc_status status = close_and_name(o, error);
    if (lock >= 0)
        close(lock);
    return status;
}

void vlmc_output_destroy(vlmc_output **output)
{
    vlmc_output *o = *output;
    if (!o)
        return;
    if (o->path && o->fd >= 0)
        close(o->fd);
    if (o->temporary && !o->partial)
        unlink(o->temporary);
    free(o->temporary);
    free(o->path);
    free(o);
    *output = NULL;
}
