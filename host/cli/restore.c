// SPDX-License-Identifier: Apache-2.0
// libarchive writes: it makes missing folders, refuses to go through symlinks and puts
// folders' modes and times off to the end.
#include "restore.h"

#include "archive/index.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct restore {
    struct archive *disk;
    struct archive_entry *entry; // reused
    restore_overwrite overwrite;
};

vlmc_status restore_create(restore_overwrite overwrite, restore **restore_out, vlmc_error *error)
{
    restore *r = calloc(1, sizeof *r);
    *restore_out = NULL;
    if (r) {
        r->disk = archive_write_disk_new();
        r->entry = archive_entry_new();
        r->overwrite = overwrite;
    }
    if (!r || !r->disk || !r->entry) {
        restore_destroy(&r);
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to extract");
    }
    archive_write_disk_set_options(
        r->disk, ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
                     ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS |
                     ARCHIVE_EXTRACT_SAFE_WRITES);
    *restore_out = r;
    return VLMC_OK;
}

void restore_destroy(restore **restore_in)
{
    restore *r = *restore_in;
    if (r) {
        archive_entry_free(r->entry);
        archive_write_free(r->disk);
        free(r);
    }
    *restore_in = NULL;
}

static vlmc_status disk_error(const restore *r, const char *path, vlmc_error *error)
{
    int os_error = archive_errno(r->disk);
    const char *text = archive_error_string(r->disk);
    // libarchive has a number of its own for what it refuses to do.
    if (os_error <= 0) {
        return vlmc_fail(error, VLMC_ERROR_REFUSED, "cannot extract \"%s\": %s", path,
                         text ? text : "refused");
    }
    return vlmc_fail_os(error, VLMC_ERROR_IO, os_error, "cannot extract \"%s\"", path);
}

// Set-user-id, set-group-id and, for files, sticky bits are not restored.
static void fill_entry(restore *r, const vlmc_entry *entry, const char *path)
{
    struct archive_entry *e = archive_entry_clear(r->entry);
    const bool folder = entry->type == VLMC_ENTRY_FOLDER;
    archive_entry_set_pathname(e, path);
    archive_entry_set_filetype(e, folder                              ? AE_IFDIR
                                  : entry->type == VLMC_ENTRY_SYMLINK ? AE_IFLNK
                                                                      : AE_IFREG);
    archive_entry_set_perm(e, entry->mode & (folder ? 01777u : 0777u));
    archive_entry_set_mtime(e, entry->mtime_seconds, (long)entry->mtime_ns);
    if (entry->type == VLMC_ENTRY_FILE)
        archive_entry_set_size(e, (la_int64_t)entry->size_bytes);
    if (entry->type == VLMC_ENTRY_SYMLINK)
        archive_entry_set_symlink(e, entry->link);
}

// What the overwrite policy says of an entry's place. *skip: leave it alone, no error.
static vlmc_status check_place(const restore *r, const vlmc_entry *entry, bool *skip,
                               vlmc_error *error)
{
    struct stat st;
    *skip = false;
    if (lstat(entry->path, &st) != 0)
        return VLMC_OK;
    const bool folder = entry->type == VLMC_ENTRY_FOLDER;
    if (folder && S_ISDIR(st.st_mode))
        return VLMC_OK;
    if (folder || S_ISDIR(st.st_mode))
        return vlmc_fail(error, VLMC_ERROR_EXISTS,
                         "\"%s\" is a %s here and a %s in the archive; move it away first",
                         entry->path, S_ISDIR(st.st_mode) ? "folder" : "file",
                         folder ? "folder" : "file");
    if (r->overwrite == RESTORE_OVERWRITE_NEVER)
        return vlmc_fail(error, VLMC_ERROR_EXISTS,
                         "\"%s\" exists; use --overwrite always or newer to replace it",
                         entry->path);
    *skip =
        r->overwrite == RESTORE_OVERWRITE_NEWER &&
        (st.st_mtim.tv_sec > entry->mtime_seconds || (st.st_mtim.tv_sec == entry->mtime_seconds &&
                                                      st.st_mtim.tv_nsec >= (long)entry->mtime_ns));
    return VLMC_OK;
}

static vlmc_status write_header(restore *r, const vlmc_entry *entry, const char *path,
                                vlmc_error *error)
{
    fill_entry(r, entry, path);
    if (archive_write_header(r->disk, r->entry) != ARCHIVE_OK)
        return disk_error(r, entry->path, error);
    return VLMC_OK;
}

static vlmc_status write_simple(restore *r, const vlmc_entry *entry, vlmc_error *error)
{
    VLMC_TRY(write_header(r, entry, entry->path, error));
    if (archive_write_finish_entry(r->disk) != ARCHIVE_OK)
        return disk_error(r, entry->path, error);
    return VLMC_OK;
}

// A name in the entry's own folder that nobody uses: rename within a folder is atomic.
static char *temporary_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    int folder_size = slash ? (int)(slash - path + 1) : 0;
    char *name = NULL;
    if (asprintf(&name, "%.*s.vlmc-%08x%08x.part", folder_size, path, randombytes_random(),
                 randombytes_random()) < 0)
        return NULL;
    return name;
}

typedef struct file_sink {
    restore *restore;
    const vlmc_entry *entry;
} file_sink;

static vlmc_status write_content(void *user, const void *bytes, size_t size, vlmc_error *error)
{
    file_sink *sink = user;
    const char *p = bytes;
    while (size) {
        la_ssize_t n = archive_write_data(sink->restore->disk, p, size);
        if (n < 0)
            return disk_error(sink->restore, sink->entry->path, error);
        if (n == 0) // libarchive takes no more than the declared size
            return vlmc_fail(error, VLMC_ERROR_DAMAGED, "\"%s\" is longer than its index says",
                             sink->entry->path);
        p += n;
        size -= (size_t)n;
    }
    return VLMC_OK;
}

static vlmc_status give_name(const restore *r, const char *temporary, const char *path,
                             vlmc_error *error)
{
    int result;
    if (r->overwrite == RESTORE_OVERWRITE_NEVER) {
        result = renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE);
        struct stat st;
        // File systems without NOREPLACE: a look just before has to do.
        if (result != 0 && (errno == EINVAL || errno == ENOSYS) && lstat(path, &st) != 0)
            result = rename(temporary, path);
    } else {
        result = rename(temporary, path);
    }
    if (result == 0)
        return VLMC_OK;
    return vlmc_fail_os(error, errno == EEXIST ? VLMC_ERROR_EXISTS : VLMC_ERROR_IO, errno,
                        "cannot extract \"%s\"", path);
}

static vlmc_status write_file(restore *r, vlmc_reader *reader, uint32_t index,
                              const vlmc_entry *entry, vlmc_error *error)
{
    char *temporary = temporary_name(entry->path);
    if (!temporary)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to extract");
    vlmc_status status = write_header(r, entry, temporary, error);
    if (status == VLMC_OK) {
        file_sink sink = {.restore = r, .entry = entry};
        status = vlmc_reader_read(reader, index, write_content, &sink, error);
        if (archive_write_finish_entry(r->disk) != ARCHIVE_OK && status == VLMC_OK)
            status = disk_error(r, entry->path, error);
        if (status == VLMC_OK)
            status = give_name(r, temporary, entry->path, error);
        if (status != VLMC_OK)
            unlink(temporary);
    }
    free(temporary);
    return status;
}

vlmc_status restore_entry(restore *r, vlmc_reader *reader, uint32_t index, bool *skipped,
                          vlmc_error *error)
{
    const vlmc_entry *entry = vlmc_reader_entry(reader, index);
    *skipped = false;
    if (!vlmc_path_valid(entry->path))
        return vlmc_fail(error, VLMC_ERROR_REFUSED,
                         "\"%s\" leads out of the folder and is not extracted", entry->path);
    VLMC_TRY(check_place(r, entry, skipped, error));
    if (*skipped)
        return VLMC_OK;
    if (entry->type == VLMC_ENTRY_FILE)
        return write_file(r, reader, index, entry, error);
    return write_simple(r, entry, error);
}

vlmc_status restore_finish(restore *r, vlmc_error *error)
{
    if (archive_write_close(r->disk) != ARCHIVE_OK)
        return disk_error(r, "folders", error);
    return VLMC_OK;
}
