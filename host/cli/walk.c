// SPDX-License-Identifier: Apache-2.0
// libarchive walks: it bounds open descriptors on deep trees and reports each folder that
// it cannot read.
#include "walk.h"

#include "interrupt.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static vlmc_status no_memory(vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the list of files");
}

vlmc_status walk_stored_path(const char *path, char **stored, vlmc_error *error)
{
    char *out = malloc(strlen(path) + 1);
    *stored = NULL;
    if (!out)
        return no_memory(error);
    size_t used = 0;
    for (const char *p = path; *p;) {
        size_t size = strcspn(p, "/");
        if (size == 2 && p[0] == '.' && p[1] == '.') {
            free(out);
            return vlmc_fail(error, VLMC_ERROR_REFUSED,
                             "\"%s\" contains \"..\", which an archive cannot hold; change to "
                             "that folder first",
                             path);
        }
        if (size > 0 && !(size == 1 && p[0] == '.')) {
            if (used)
                out[used++] = '/';
            memcpy(out + used, p, size);
            used += size;
        }
        p += size;
        p += *p == '/';
    }
    out[used] = 0;
    *stored = out;
    return VLMC_OK;
}

static void item_destroy(walk_item *item)
{
    free(item->disk);
    free(item->stored);
    free(item->link);
}

void walk_destroy(walk *walk)
{
    for (size_t i = 0; i < walk->n_items; i++)
        item_destroy(&walk->items[i]);
    free(walk->items);
    hard_links_destroy(&walk->links);
    walk->items = NULL;
    walk->n_items = walk->capacity = 0;
}

static vlmc_status append(walk *walk, const walk_item *item, vlmc_error *error)
{
    if (walk->n_items == walk->capacity) {
        size_t capacity = walk->capacity ? 2 * walk->capacity : 64;
        walk_item *items = realloc(walk->items, capacity * sizeof *items);
        if (!items)
            return no_memory(error);
        walk->items = items;
        walk->capacity = capacity;
    }
    walk->items[walk->n_items++] = *item;
    return VLMC_OK;
}

static const char *special_name(unsigned type)
{
    switch (type) {
    case AE_IFSOCK:
        return "a socket";
    case AE_IFIFO:
        return "a pipe";
    case AE_IFCHR:
    case AE_IFBLK:
        return "a device";
    default:
        return "a special file";
    }
}

// ---- The filter ----

bool walk_exclude(walk_filter *filter, const char *pattern)
{
    const char **grown = realloc(filter->patterns, (filter->n_patterns + 1) * sizeof *grown);
    if (!grown)
        return false;
    filter->patterns = grown;
    filter->patterns[filter->n_patterns++] = pattern;
    return true;
}

void walk_filter_destroy(walk_filter *filter)
{
    free(filter->patterns);
    *filter = (walk_filter){0};
}

static bool is_excluded(const walk *walk, const char *stored)
{
    const char *slash = strrchr(stored, '/'), *name = slash ? slash + 1 : stored;
    for (size_t i = 0; walk->filter && i < walk->filter->n_patterns; i++) {
        const char *pattern = walk->filter->patterns[i];
        if (fnmatch(pattern, stored, 0) == 0 ||
            (!strchr(pattern, '/') && fnmatch(pattern, name, 0) == 0))
            return true;
    }
    return false;
}

// ---- Entries ----

void walk_keep_out(walk *walk, uint64_t device, uint64_t inode)
{
    if (walk->n_kept_out < WALK_KEPT_OUT_MAX) {
        walk->kept_out[walk->n_kept_out].device = device;
        walk->kept_out[walk->n_kept_out++].inode = inode;
    }
}

static bool is_output(const walk *walk, struct archive_entry *entry)
{
    for (size_t i = 0; i < walk->n_kept_out; i++)
        if ((uint64_t)archive_entry_dev(entry) == walk->kept_out[i].device &&
            (uint64_t)archive_entry_ino64(entry) == walk->kept_out[i].inode)
            return true;
    return false;
}

// Fills everything but the strings; false when the entry is not for an archive.
static bool fill_item(walk *walk, cli *cli, struct archive_entry *entry, walk_item *item)
{
    const char *disk = archive_entry_pathname(entry);
    unsigned type = archive_entry_filetype(entry);
    if (is_output(walk, entry)) {
        cli_notice(cli, "left out the archive itself, %s", disk);
        return false;
    }
    if (type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK) {
        cli_warn(cli, "left out %s, which is %s", disk, special_name(type));
        walk->skipped++;
        return false;
    }
    *item = (walk_item){
        .type = type == AE_IFREG   ? VLMC_ENTRY_FILE
                : type == AE_IFDIR ? VLMC_ENTRY_FOLDER
                                   : VLMC_ENTRY_SYMLINK,
        .size_bytes = type == AE_IFREG ? (uint64_t)archive_entry_size(entry) : 0,
    };
    return true;
}

// The content of a file with several names is packed once.
static vlmc_status count_once(walk *walk, struct archive_entry *entry, walk_item *item,
                              vlmc_error *error)
{
    const uint64_t device = (uint64_t)archive_entry_dev(entry);
    const uint64_t inode = (uint64_t)archive_entry_ino64(entry);
    uint32_t unused;
    if (item->type != VLMC_ENTRY_FILE || archive_entry_nlink(entry) < 2)
        return VLMC_OK;
    if (!hard_links_find(&walk->links, device, inode, &unused))
        return hard_links_add(&walk->links, device, inode, 0, error);
    item->size_bytes = 0;
    return VLMC_OK;
}

static void count(walk *walk, const walk_item *item)
{
    if (item->type != VLMC_ENTRY_FILE)
        return;
    walk->n_files++;
    walk->content_bytes += item->size_bytes;
    cli_job_found(&walk->looking, walk->n_files, walk->content_bytes);
}

// *descend: what is below is wanted as well.
static vlmc_status add_entry(walk *walk, cli *cli, struct archive_entry *entry, bool *descend,
                             vlmc_error *error)
{
    walk_item item;
    char *stored;
    const char *disk = archive_entry_pathname(entry);
    VLMC_TRY(walk_stored_path(disk, &stored, error));
    *descend = !is_excluded(walk, stored);
    // The current folder itself has no name to store.
    if (!*stored || !*descend || !fill_item(walk, cli, entry, &item)) {
        free(stored);
        return VLMC_OK;
    }
    item.stored = stored;
    vlmc_status status = count_once(walk, entry, &item, error);
    if (*disk == '/' && !walk->told_absolute) {
        cli_notice(cli, "stored without the leading \"/\": %s", disk);
        walk->told_absolute = true;
    }
    item.disk = strdup(disk);
    if (item.type == VLMC_ENTRY_SYMLINK) {
        const char *target = archive_entry_symlink(entry);
        item.link = strdup(target ? target : "");
    }
    if (!item.disk || (item.type == VLMC_ENTRY_SYMLINK && !item.link))
        status = no_memory(error);
    else if (status == VLMC_OK)
        status = append(walk, &item, error);
    if (status != VLMC_OK)
        item_destroy(&item);
    else
        count(walk, &item);
    return status;
}

static vlmc_status walk_tree(walk *walk, cli *cli, struct archive *disk, vlmc_error *error)
{
    struct archive_entry *entry = archive_entry_new();
    vlmc_status status = entry ? VLMC_OK : no_memory(error);
    while (status == VLMC_OK) {
        int result = archive_read_next_header2(disk, entry);
        if (result == ARCHIVE_EOF)
            break;
        if (result == ARCHIVE_FATAL) {
            status = vlmc_fail(error, VLMC_ERROR_IO, "cannot walk the disk: %s",
                               archive_error_string(disk));
            break;
        }
        if (result != ARCHIVE_OK) {
            cli_warn(cli, "left out what cannot be read: %s", archive_error_string(disk));
            walk->skipped++;
            if (result < ARCHIVE_WARN)
                continue;
        }
        status = cli_interrupt_check(error);
        bool descend = true;
        if (status == VLMC_OK)
            status = add_entry(walk, cli, entry, &descend, error);
        if (status == VLMC_OK && descend && archive_read_disk_can_descend(disk))
            archive_read_disk_descend(disk);
    }
    archive_entry_free(entry);
    return status;
}

vlmc_status walk_add(walk *walk, cli *cli, const char *path, vlmc_error *error)
{
    struct stat st;
    char *stored;
    VLMC_TRY(walk_stored_path(path, &stored, error));
    free(stored);
    if (lstat(path, &st) != 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot archive \"%s\"", path);
    if (!walk->has_begun)
        cli_job_begin(&walk->looking, cli, "looking", 0);
    walk->has_begun = true;
    struct archive *disk = archive_read_disk_new();
    if (!disk)
        return no_memory(error);
    archive_read_disk_set_symlink_physical(disk);
    archive_read_disk_set_behavior(disk, ARCHIVE_READDISK_NO_ACL | ARCHIVE_READDISK_NO_XATTR |
                                             ARCHIVE_READDISK_NO_FFLAGS |
                                             ARCHIVE_READDISK_NO_SPARSE |
                                             (walk->filter && walk->filter->one_file_system
                                                  ? ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS
                                                  : 0));
    vlmc_status status;
    if (archive_read_disk_open(disk, path) != ARCHIVE_OK)
        status = vlmc_fail(error, VLMC_ERROR_IO, "cannot archive \"%s\": %s", path,
                           archive_error_string(disk));
    else
        status = walk_tree(walk, cli, disk, error);
    archive_read_free(disk);
    return status;
}

static int by_stored(const void *a, const void *b)
{
    const walk_item *left = a, *right = b;
    int order = strcmp(left->stored, right->stored);
    return order ? order : strcmp(left->disk, right->disk);
}

static bool same_object(const char *a, const char *b)
{
    struct stat left, right;
    return lstat(a, &left) == 0 && lstat(b, &right) == 0 && left.st_dev == right.st_dev &&
           left.st_ino == right.st_ino;
}

vlmc_status walk_finish(walk *walk, vlmc_error *error)
{
    if (walk->n_items)
        qsort(walk->items, walk->n_items, sizeof *walk->items, by_stored);
    vlmc_status status = VLMC_OK;
    size_t kept = 0;
    for (size_t i = 0; i < walk->n_items; i++) {
        walk_item *item = &walk->items[i];
        if (kept == 0 || strcmp(walk->items[kept - 1].stored, item->stored) != 0) {
            walk->items[kept++] = *item;
            continue;
        }
        if (status == VLMC_OK && !same_object(walk->items[kept - 1].disk, item->disk))
            status = vlmc_fail(error, VLMC_ERROR_REFUSED,
                               "\"%s\" and \"%s\" would both be stored as \"%s\"",
                               walk->items[kept - 1].disk, item->disk, item->stored);
        walk->content_bytes -= item->size_bytes;
        item_destroy(item);
    }
    walk->n_items = kept;
    if (walk->has_begun)
        cli_job_end(&walk->looking);
    return status;
}
