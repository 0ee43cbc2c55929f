// SPDX-License-Identifier: Apache-2.0
// libarchive knows how each system keeps access control lists and extended attributes.
#include "metadata.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOLES_MAX (1u << 20) // of a file: those behind them are data

struct metadata {
    struct archive *disk;
    struct archive_entry *entry;
    char *acl_access;
    char *acl_default;
    vlmc_xattr *xattrs; // (xattrs_capacity)
    size_t xattrs_capacity;
    vlmc_hole *holes; // (holes_capacity)
    size_t holes_capacity;
};

static vlmc_status no_memory(vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for what files have");
}

vlmc_status metadata_create(metadata **out, vlmc_error *error)
{
    metadata *m = *out = calloc(1, sizeof *m);
    if (m) {
        m->disk = archive_read_disk_new();
        m->entry = archive_entry_new();
    }
    if (!m || !m->disk || !m->entry) {
        metadata_destroy(out);
        return no_memory(error);
    }
    archive_read_disk_set_standard_lookup(m->disk);
    archive_read_disk_set_symlink_physical(m->disk);
    archive_read_disk_set_behavior(m->disk,
                                   ARCHIVE_READDISK_NO_FFLAGS | ARCHIVE_READDISK_NO_SPARSE);
    return VLMC_OK;
}

static void forget(metadata *m)
{
    free(m->acl_access);
    free(m->acl_default);
    m->acl_access = m->acl_default = NULL;
}

void metadata_destroy(metadata **in)
{
    metadata *m = *in;
    if (m) {
        forget(m);
        archive_entry_free(m->entry);
        archive_read_free(m->disk);
        free(m->xattrs);
        free(m->holes);
    }
    free(m);
    *in = NULL;
}

// ---- Attributes ----

// *text is NULL without a list beside the mode.
static vlmc_status take_acl(metadata *m, int type, char **text, vlmc_error *error)
{
    if (archive_entry_acl_count(m->entry, type) == 0)
        return VLMC_OK;
    *text = archive_entry_acl_to_text(m->entry, NULL, type | ARCHIVE_ENTRY_ACL_STYLE_EXTRA_ID);
    return *text ? VLMC_OK : no_memory(error);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const vlmc_xattr *)a)->name, ((const vlmc_xattr *)b)->name);
}

// What the system keeps for itself, such as the lists that were read already, is left out.
static vlmc_status take_xattrs(metadata *m, vlmc_attributes *a, vlmc_error *error)
{
    const char *name;
    const void *value;
    size_t size, n = (size_t)archive_entry_xattr_reset(m->entry);
    if (n > m->xattrs_capacity) {
        vlmc_xattr *grown = realloc(m->xattrs, n * sizeof *grown);
        if (!grown)
            return no_memory(error);
        m->xattrs = grown;
        m->xattrs_capacity = n;
    }
    while (a->n_xattrs < n &&
           archive_entry_xattr_next(m->entry, &name, &value, &size) == ARCHIVE_OK)
        if (name && strncmp(name, "system.", 7) != 0 && size <= VLMC_XATTR_BYTES_MAX)
            m->xattrs[a->n_xattrs++] =
                (vlmc_xattr){.name = name, .value = value, .size = (uint32_t)size};
    if (a->n_xattrs)
        qsort(m->xattrs, a->n_xattrs, sizeof *m->xattrs, by_name);
    a->xattrs = m->xattrs;
    return VLMC_OK;
}

vlmc_status metadata_read(metadata *m, const char *path, int fd, const struct stat *st,
                          vlmc_attributes *a, vlmc_error *error)
{
    *a = (vlmc_attributes){
        .has_owner = true,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .user = archive_read_disk_uname(m->disk, st->st_uid),
        .group = archive_read_disk_gname(m->disk, st->st_gid),
    };
    forget(m);
    archive_entry_clear(m->entry);
    archive_entry_copy_pathname(m->entry, path);
    archive_entry_copy_sourcepath(m->entry, path);
    const int result = archive_read_disk_entry_from_file(m->disk, m->entry, fd, st);
    if (result >= ARCHIVE_WARN) {
        VLMC_TRY(take_acl(m, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, &m->acl_access, error));
        VLMC_TRY(take_acl(m, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, &m->acl_default, error));
        VLMC_TRY(take_xattrs(m, a, error));
        a->acl_access = m->acl_access;
        a->acl_default = m->acl_default;
    }
    if (result == ARCHIVE_OK)
        return VLMC_OK;
    const char *text = archive_error_string(m->disk);
    return vlmc_fail(error, VLMC_ERROR_IO, "attributes of \"%s\" cannot be read: %s", path,
                     text ? text : "unknown");
}

// ---- Holes ----

static vlmc_status add_hole(metadata *m, uint32_t n, uint64_t begin, uint64_t end,
                            vlmc_error *error)
{
    if (n == m->holes_capacity) {
        const size_t capacity = 2 * m->holes_capacity + 16;
        vlmc_hole *grown = realloc(m->holes, capacity * sizeof *grown);
        if (!grown)
            return no_memory(error);
        m->holes = grown;
        m->holes_capacity = capacity;
    }
    m->holes[n] = (vlmc_hole){.offset = begin, .bytes = end - begin};
    return VLMC_OK;
}

// Data of a file that changes may be anywhere: what does not make sense ends the search, and is
// taken for data.
static vlmc_status find_holes(metadata *m, int fd, uint64_t size, uint32_t *n, vlmc_error *error)
{
    uint64_t at = 0;
    while (at < size && *n < HOLES_MAX) {
        off_t begin = lseek(fd, (off_t)at, SEEK_HOLE);
        if (begin < (off_t)at || (uint64_t)begin >= size)
            break;
        off_t end = lseek(fd, begin, SEEK_DATA);
        if (end < 0 && errno == ENXIO)
            end = (off_t)size;
        if (end <= begin)
            break;
        at = (uint64_t)end < size ? (uint64_t)end : size;
        VLMC_TRY(add_hole(m, (*n)++, (uint64_t)begin, at, error));
    }
    return VLMC_OK;
}

vlmc_status metadata_holes(metadata *m, int fd, const struct stat *st, const vlmc_hole **holes,
                           uint32_t *n, vlmc_error *error)
{
    *n = 0;
    *holes = NULL;
    // A file that takes the room of its size has none worth keeping.
    if (st->st_size <= 0 || st->st_blocks >= (st->st_size + 511) / 512)
        return VLMC_OK;
    VLMC_TRY(find_holes(m, fd, (uint64_t)st->st_size, n, error));
    *holes = m->holes;
    if (lseek(fd, 0, SEEK_SET) != 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read");
    return VLMC_OK;
}
