// SPDX-License-Identifier: Apache-2.0
// libarchive writes: it makes missing folders, refuses to go through symlinks, knows how the system
// keeps attributes, and puts folders' modes and times off to the end.
#include "restore.h"

#include "archive/index.h"
#include "restore_entry.h"

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

#define NOT_WRITTEN UINT32_MAX

struct restore {
    restore_options options;
    cli *cli;
    vlmc_reader *reader;
    struct archive *disk;
    struct archive_entry *entry; // reused
    uint32_t *written;           // (n_entries) of a file: the entry that holds its content on disk
};

static bool open_disk(restore *r)
{
    r->disk = archive_write_disk_new();
    r->entry = archive_entry_new();
    if (!r->disk || !r->entry)
        return false;
    if (!r->options.numeric_owner)
        archive_write_disk_set_standard_lookup(r->disk);
    return archive_write_disk_set_options(
               r->disk, ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_ACL |
                            ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
                            ARCHIVE_EXTRACT_SECURE_NODOTDOT |
                            ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS | ARCHIVE_EXTRACT_SAFE_WRITES |
                            (r->options.same_owner ? ARCHIVE_EXTRACT_OWNER : 0)) == ARCHIVE_OK;
}

vlmc_status restore_create(const restore_options *options, cli *cli, vlmc_reader *reader,
                           restore **restore_out, vlmc_error *error)
{
    const size_t n = vlmc_reader_info(reader)->n_entries;
    restore *r = calloc(1, sizeof *r);
    *restore_out = NULL;
    if (r) {
        r->options = *options;
        r->cli = cli;
        r->reader = reader;
        r->written = malloc((n ? n : 1) * sizeof *r->written);
    }
    if (!r || !r->written || !open_disk(r)) {
        restore_destroy(&r);
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to extract");
    }
    memset(r->written, 0xFF, n * sizeof *r->written);
    *restore_out = r;
    return VLMC_OK;
}

void restore_destroy(restore **restore_in)
{
    restore *r = *restore_in;
    if (r) {
        archive_entry_free(r->entry);
        archive_write_free(r->disk);
        free(r->written);
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

// What libarchive makes of a step: what it only warns of costs attributes, and no content.
static vlmc_status disk_result(const restore *r, int result, const char *path, vlmc_error *error)
{
    if (result == ARCHIVE_OK)
        return VLMC_OK;
    if (result < ARCHIVE_WARN)
        return disk_error(r, path, error);
    const char *text = archive_error_string(r->disk);
    cli_warn(r->cli, "\"%s\" is extracted without all of its attributes: %s", path,
             text ? text : "unknown");
    return VLMC_OK;
}

// ---- The place ----

// Is what exists the same as far as can be seen without its content?
static bool looks_same(const vlmc_entry *entry, const struct stat *st)
{
    if (entry->type == VLMC_ENTRY_SYMLINK) {
        char target[4096];
        const ssize_t n = S_ISLNK(st->st_mode) ? readlink(entry->path, target, sizeof target) : -1;
        return n >= 0 && (size_t)n == strlen(entry->link) &&
               memcmp(target, entry->link, (size_t)n) == 0;
    }
    return S_ISREG(st->st_mode) && (uint64_t)st->st_size == entry->size_bytes &&
           st->st_mtim.tv_sec == entry->mtime_seconds &&
           st->st_mtim.tv_nsec == (long)entry->mtime_ns;
}

static bool is_newer(const struct stat *st, const vlmc_entry *entry)
{
    return st->st_mtim.tv_sec > entry->mtime_seconds ||
           (st->st_mtim.tv_sec == entry->mtime_seconds &&
            st->st_mtim.tv_nsec >= (long)entry->mtime_ns);
}

vlmc_status restore_check_place(const restore_options *options, const vlmc_entry *entry, bool *skip,
                                vlmc_error *error)
{
    struct stat st;
    *skip = false;
    if (!vlmc_path_valid(entry->path))
        return vlmc_fail(error, VLMC_ERROR_REFUSED,
                         "\"%s\" leads out of the folder and is not extracted", entry->path);
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
    if (options->overwrite == RESTORE_OVERWRITE_NEVER)
        return vlmc_fail(error, VLMC_ERROR_EXISTS,
                         "\"%s\" exists; use --overwrite always, newer or different to replace it",
                         entry->path);
    *skip = (options->overwrite == RESTORE_OVERWRITE_NEWER && is_newer(&st, entry)) ||
            (options->overwrite == RESTORE_OVERWRITE_DIFFERENT && looks_same(entry, &st));
    return VLMC_OK;
}

// ---- Writing ----

static vlmc_status write_header(restore *r, const vlmc_entry *entry, const char *path,
                                vlmc_error *error)
{
    VLMC_TRY(restore_fill_entry(r->entry, entry, path, &r->options, error));
    return disk_result(r, archive_write_header(r->disk, r->entry), entry->path, error);
}

static vlmc_status write_simple(restore *r, const vlmc_entry *entry, vlmc_error *error)
{
    VLMC_TRY(write_header(r, entry, entry->path, error));
    return disk_result(r, archive_write_finish_entry(r->disk), entry->path, error);
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
    uint64_t at; // in the file
} file_sink;

static vlmc_status write_content(void *user, const void *bytes, size_t size, vlmc_error *error)
{
    file_sink *sink = user;
    if (size > sink->entry->size_bytes - sink->at) // libarchive takes no more than was declared
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "\"%s\" is longer than its index says",
                         sink->entry->path);
    if (archive_write_data_block(sink->restore->disk, bytes, size, (la_int64_t)sink->at) < 0)
        return disk_error(sink->restore, sink->entry->path, error);
    sink->at += size;
    return VLMC_OK;
}

// Nothing is written to a hole.
static vlmc_status skip_hole(void *user, uint64_t bytes, vlmc_error *error)
{
    (void)error;
    ((file_sink *)user)->at += bytes;
    return VLMC_OK;
}

static vlmc_status give_name(const restore *r, const char *temporary, const char *path,
                             vlmc_error *error)
{
    int result;
    if (r->options.overwrite == RESTORE_OVERWRITE_NEVER) {
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

// The content of entry `index` under the name of `entry`, which may be another one of the file.
static vlmc_status write_file(restore *r, uint32_t index, const vlmc_entry *entry,
                              const char *temporary, vlmc_error *error)
{
    file_sink sink = {.restore = r, .entry = entry};
    VLMC_TRY(write_header(r, entry, temporary, error));
    vlmc_status status =
        vlmc_reader_read_sparse(r->reader, index, write_content, skip_hole, &sink, error);
    vlmc_error late;
    const vlmc_status end = disk_result(r, archive_write_finish_entry(r->disk), entry->path, &late);
    if (status == VLMC_OK && end != VLMC_OK) {
        status = end;
        *error = late;
    }
    return status;
}

// Another name of a file that is on disk. *linked: the file system has taken it.
static vlmc_status write_link(restore *r, const vlmc_entry *entry, const char *file,
                              const char *temporary, bool *linked, vlmc_error *error)
{
    archive_entry_clear(r->entry);
    archive_entry_copy_pathname(r->entry, temporary);
    archive_entry_set_filetype(r->entry, AE_IFREG);
    archive_entry_copy_hardlink(r->entry, file);
    const int result = archive_write_header(r->disk, r->entry);
    const int os_error = archive_errno(r->disk);
    *linked = result == ARCHIVE_OK;
    if (result == ARCHIVE_OK || os_error == EPERM || os_error == EMLINK || os_error == EXDEV ||
        os_error == ENOTSUP)
        return *linked ? disk_result(r, archive_write_finish_entry(r->disk), entry->path, error)
                       : VLMC_OK;
    return disk_error(r, entry->path, error);
}

// A file, or another name of one.
static vlmc_status write_named(restore *r, uint32_t index, const vlmc_entry *entry,
                               const char *temporary, vlmc_error *error)
{
    const uint32_t file = entry->type == VLMC_ENTRY_HARD_LINK ? entry->target : index;
    vlmc_entry named = *vlmc_reader_entry(r->reader, file);
    bool linked = false;
    named.path = entry->path;
    if (r->written[file] != NOT_WRITTEN)
        VLMC_TRY(write_link(r, entry, vlmc_reader_entry(r->reader, r->written[file])->path,
                            temporary, &linked, error));
    if (!linked)
        VLMC_TRY(write_file(r, file, &named, temporary, error));
    VLMC_TRY(give_name(r, temporary, entry->path, error));
    if (!linked)
        r->written[file] = index;
    return VLMC_OK;
}

static vlmc_status write_content_entry(restore *r, uint32_t index, const vlmc_entry *entry,
                                       vlmc_error *error)
{
    char *temporary = temporary_name(entry->path);
    if (!temporary)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to extract");
    const vlmc_status status = write_named(r, index, entry, temporary, error);
    // After a failure; and a rename onto another name of the same file does nothing.
    if (status != VLMC_OK || entry->type == VLMC_ENTRY_HARD_LINK)
        unlink(temporary);
    free(temporary);
    return status;
}

vlmc_status restore_entry(restore *r, uint32_t index, bool *skipped, vlmc_error *error)
{
    const vlmc_entry *entry = vlmc_reader_entry(r->reader, index);
    VLMC_TRY(restore_check_place(&r->options, entry, skipped, error));
    if (*skipped)
        return VLMC_OK;
    if (entry->type == VLMC_ENTRY_FILE || entry->type == VLMC_ENTRY_HARD_LINK)
        return write_content_entry(r, index, entry, error);
    VLMC_TRY(write_simple(r, entry, error));
    r->written[index] = index;
    return VLMC_OK;
}

// Folders that were there before have their times from libarchive at once, and lose them to what is
// written below.
static void set_folder_times(const restore *r)
{
    const uint32_t n = vlmc_reader_info(r->reader)->n_entries;
    for (uint32_t i = 0; i < n; i++) {
        const vlmc_entry *entry = vlmc_reader_entry(r->reader, i);
        const struct timespec times[2] = {
            {.tv_nsec = UTIME_OMIT},
            {.tv_sec = entry->mtime_seconds, .tv_nsec = (long)entry->mtime_ns},
        };
        if (entry->type == VLMC_ENTRY_FOLDER && r->written[i] != NOT_WRITTEN)
            utimensat(AT_FDCWD, entry->path, times, AT_SYMLINK_NOFOLLOW);
    }
}

vlmc_status restore_finish(restore *r, vlmc_error *error)
{
    VLMC_TRY(disk_result(r, archive_write_close(r->disk), "folders", error));
    set_folder_times(r);
    return VLMC_OK;
}
