// SPDX-License-Identifier: Apache-2.0
#include "scan_files.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".vlmc"

// docs/format.md, "Header"
static const uint8_t magic[8] = {0x89, 'V', 'L', 'M', 'C', '\r', '\n', 0x1a};

static bool begins_as_archive(const char *path)
{
    uint8_t bytes[sizeof magic];
    // Not waiting for what became a pipe in the meantime.
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    const bool is_archive = read(fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes &&
                            memcmp(bytes, magic, sizeof bytes) == 0;
    close(fd);
    return is_archive;
}

static bool is_candidate(const FTSENT *file, bool all_files)
{
    const size_t suffix = sizeof SUFFIX - 1;
    if (file->fts_namelen > suffix &&
        strcmp(file->fts_name + file->fts_namelen - suffix, SUFFIX) == 0)
        return true;
    return all_files && begins_as_archive(file->fts_path);
}

static vlmc_status no_memory(vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the list of archives");
}

vlmc_status vlmc_scan_files_add(vlmc_scan_files *files, const char *path, vlmc_error *error)
{
    if (files->n == files->capacity) {
        const size_t capacity = files->capacity ? 2 * files->capacity : 64;
        char **more = reallocarray(files->paths, capacity, sizeof *more);
        if (!more)
            return no_memory(error);
        files->paths = more;
        files->capacity = capacity;
    }
    files->paths[files->n] = strdup(path);
    if (!files->paths[files->n])
        return no_memory(error);
    files->n++;
    return VLMC_OK;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static vlmc_status visit(vlmc_scan_files *files, const FTSENT *file, bool all_files,
                         vlmc_scan_failed_fn failed, void *user, vlmc_error *error)
{
    vlmc_error why;
    switch (file->fts_info) {
    case FTS_F:
        files->n_seen++;
        files->seen_bytes += (uint64_t)file->fts_statp->st_size;
        if (files->looked)
            files->looked(files->user, files->n_seen, files->seen_bytes);
        return is_candidate(file, all_files) ? vlmc_scan_files_add(files, file->fts_path, error)
                                             : VLMC_OK;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        vlmc_fail_os(&why, VLMC_ERROR_IO, file->fts_errno, "cannot look into \"%s\"",
                     file->fts_path);
        return failed(user, file->fts_path, &why, error);
    default:
        return VLMC_OK;
    }
}

vlmc_status vlmc_scan_files_collect(const vlmc_catalog *catalog, vlmc_scan_files *files,
                                    const char *folder, bool all_files, vlmc_scan_failed_fn failed,
                                    void *user, vlmc_error *error)
{
    char *root = strdup(folder);
    char *const roots[] = {root, NULL};
    FTS *tree = root ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name) : NULL;
    vlmc_status status = tree ? VLMC_OK : no_memory(error);
    while (status == VLMC_OK && (status = vlmc_catalog_check_stop(catalog, error)) == VLMC_OK) {
        errno = 0;
        const FTSENT *file = fts_read(tree);
        if (file)
            status = visit(files, file, all_files, failed, user, error);
        else if (errno)
            status =
                vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot look through \"%s\"", folder);
        else
            break;
    }
    if (tree)
        fts_close(tree);
    free(root);
    return status;
}

void vlmc_scan_files_clear(vlmc_scan_files *files)
{
    for (size_t i = 0; i < files->n; i++)
        free(files->paths[i]);
    free(files->paths);
    *files = (vlmc_scan_files){0};
}
