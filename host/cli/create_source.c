// SPDX-License-Identifier: Apache-2.0
#include "create_source.h"

#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct stream {
    int fd;
    const char *name;
    uint64_t bytes;    // handed to the writer
    int failed;        // errno of a read that did not work
    bool seekable;     // a regular file, read from its start
    uint64_t expected; // its size
    // Of a sparse file, which gives what its size and holes say, whatever becomes of it: zeros
    // where it is cut short.
    const vlmc_hole *holes; // (n_holes)
    uint32_t n_holes;
    uint32_t next_hole;
    uint64_t at;
} stream;

// Up to `capacity` bytes of data, at most to the next hole.
static ssize_t read_data(stream *s, void *buffer, size_t capacity)
{
    while (s->next_hole < s->n_holes && s->at == s->holes[s->next_hole].offset)
        s->at += s->holes[s->next_hole++].bytes;
    const uint64_t end = s->next_hole < s->n_holes ? s->holes[s->next_hole].offset : s->expected;
    const size_t wanted = end - s->at < capacity ? (size_t)(end - s->at) : capacity;
    ssize_t n = pread(s->fd, buffer, wanted, (off_t)s->at);
    if (n == 0 && wanted > 0) {
        memset(buffer, 0, wanted);
        n = (ssize_t)wanted;
    }
    s->at += n > 0 ? (uint64_t)n : 0;
    return n;
}

static vlmc_status read_stream(void *user, void *buffer, size_t capacity, size_t *got,
                               vlmc_error *error)
{
    stream *s = user;
    for (;;) {
        VLMC_TRY(cli_interrupt_check(error));
        ssize_t n = s->n_holes ? read_data(s, buffer, capacity) : read(s->fd, buffer, capacity);
        if (n >= 0) {
            *got = (size_t)n;
            s->bytes += (uint64_t)n;
            return VLMC_OK;
        }
        if (errno != EINTR) {
            s->failed = errno;
            return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read \"%s\"", s->name);
        }
    }
}

static vlmc_status rewind_stream(void *user, vlmc_error *error)
{
    stream *s = user;
    s->bytes = s->at = 0;
    s->next_hole = 0;
    if (lseek(s->fd, 0, SEEK_SET) == 0)
        return VLMC_OK;
    s->failed = errno;
    return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read \"%s\"", s->name);
}

static void tell_notice(void *user, const char *path, const char *text)
{
    const create_target *target = user;
    cli_notice(target->cli, "%s: %s", path, text);
}

static void tell_coded(create_target *target, const char *path)
{
    if (target->verbose && target->tokenizer)
        cli_notice(target->cli, "%s: %s, %" PRIu64 " bytes", path, target->tokenizer->id,
                   target->token_bytes);
    target->tokenizer = NULL;
    target->token_bytes = 0;
}

// Stretches of one tokenizer are one line.
static void note_coded(void *user, const char *path, const vlmc_tokenizer *tokenizer,
                       uint64_t bytes)
{
    create_target *target = user;
    if (target->tokenizer != tokenizer)
        tell_coded(target, path);
    if (target->tokenizer != tokenizer)
        create_job_note_tokenizer(target->job, tokenizer);
    target->tokenizer = tokenizer;
    target->token_bytes += bytes;
}

vlmc_writer_plugins create_plugins(create_target *target, vlmc_worker *worker)
{
    return (vlmc_writer_plugins){
        .worker = worker,
        .notice = tell_notice,
        .coded = note_coded,
        .user = target,
    };
}

static vlmc_status add(create_target *target, const vlmc_entry *entry, stream *s, vlmc_error *error)
{
    const vlmc_content_source content = {
        .read = read_stream,
        .rewind = s && s->seekable ? rewind_stream : NULL,
        .size_bytes = s ? s->expected : 0,
        .user = s,
        .holes = s ? s->holes : NULL,
        .n_holes = s ? s->n_holes : 0,
        .number = target->number,
    };
    const vlmc_status status = s ? vlmc_writer_add_file(target->writer, entry, &content, error)
                                 : vlmc_writer_add(target->writer, entry, NULL, NULL, error);
    tell_coded(target, entry->path);
    VLMC_TRY(status);
    target->n_entries++;
    target->content_bytes += s ? s->bytes : 0;
    return VLMC_OK;
}

vlmc_status create_add_stream(create_target *target, const vlmc_entry *entry, int fd,
                              const char *name, vlmc_error *error)
{
    stream s = {.fd = fd, .name = name};
    return add(target, entry, &s, error);
}

// O_NONBLOCK: a pipe that took the file's place since the walk must not hang the job.
static int open_regular(const char *path, struct stat *st)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
        return fd;
    close(fd);
    errno = 0; // it is something else
    return -1;
}

static void warn_if_changed(cli *cli, const walk_item *item, int fd, const struct stat *before)
{
    struct stat after;
    if (fstat(fd, &after) == 0 && after.st_size == before->st_size &&
        after.st_mtim.tv_sec == before->st_mtim.tv_sec &&
        after.st_mtim.tv_nsec == before->st_mtim.tv_nsec)
        return;
    cli_warn(cli, "\"%s\" changed while it was read", item->disk);
}

vlmc_status create_begin(create_target *target, vlmc_error *error)
{
    return metadata_create(&target->metadata, error);
}

void create_end(create_target *target)
{
    metadata_destroy(&target->metadata);
    hard_links_destroy(&target->links);
}

// Mode, time and attributes of what is open as `fd`, or at the item's path (-1).
static vlmc_status fill_entry(create_target *target, const walk_item *item, int fd,
                              const struct stat *st, vlmc_attributes *attributes, vlmc_entry *entry,
                              vlmc_error *error)
{
    entry->mode = st->st_mode & 07777;
    entry->mtime_seconds = st->st_mtim.tv_sec;
    entry->mtime_ns = (uint32_t)st->st_mtim.tv_nsec;
    entry->attributes = attributes;
    const vlmc_status status =
        metadata_read(target->metadata, item->disk, fd, st, attributes, error);
    if (status != VLMC_ERROR_IO)
        return status;
    cli_warn(target->cli, "%s", error->text);
    return VLMC_OK;
}

static vlmc_status add_content(create_target *target, const walk_item *item, vlmc_entry *entry,
                               int fd, const struct stat *st, vlmc_error *error)
{
    vlmc_attributes attributes;
    stream s = {.fd = fd, .name = item->disk, .seekable = true, .expected = (uint64_t)st->st_size};
    const uint32_t number = vlmc_writer_n_entries(target->writer);
    VLMC_TRY(fill_entry(target, item, fd, st, &attributes, entry, error));
    VLMC_TRY(metadata_holes(target->metadata, fd, st, &s.holes, &s.n_holes, error));
    const vlmc_status status = add(target, entry, &s, error);
    if (status == VLMC_OK) {
        warn_if_changed(target->cli, item, fd, st);
        return st->st_nlink > 1
                   ? hard_links_add(&target->links, st->st_dev, st->st_ino, number, error)
                   : VLMC_OK;
    }
    if (!s.failed)
        return status;
    // The writer has forgotten the file and goes on.
    cli_warn(target->cli, "left out \"%s\": %s", item->disk, strerror(s.failed));
    return VLMC_OK;
}

static vlmc_status add_file(create_target *target, const walk_item *item, vlmc_entry *entry,
                            vlmc_error *error)
{
    struct stat st;
    int fd = open_regular(item->disk, &st);
    if (fd < 0) {
        cli_warn(target->cli, "left out \"%s\": %s", item->disk,
                 errno ? strerror(errno) : "it is no file any more");
        return VLMC_OK;
    }
    vlmc_status status;
    if (st.st_nlink > 1 && hard_links_find(&target->links, st.st_dev, st.st_ino, &entry->target)) {
        entry->type = VLMC_ENTRY_HARD_LINK;
        status = add(target, entry, NULL, error);
    } else {
        status = add_content(target, item, entry, fd, &st, error);
    }
    close(fd);
    return status;
}

static vlmc_status add_other(create_target *target, const walk_item *item, vlmc_entry *entry,
                             vlmc_error *error)
{
    struct stat st;
    vlmc_attributes attributes;
    const mode_t type = item->type == VLMC_ENTRY_FOLDER ? S_IFDIR : S_IFLNK;
    if (lstat(item->disk, &st) != 0 || (st.st_mode & S_IFMT) != type) {
        cli_warn(target->cli, "left out \"%s\", which is gone or something else now", item->disk);
        return VLMC_OK;
    }
    VLMC_TRY(fill_entry(target, item, -1, &st, &attributes, entry, error));
    return add(target, entry, NULL, error);
}

vlmc_status create_add_item(create_target *target, const walk_item *item, vlmc_error *error)
{
    VLMC_TRY(cli_interrupt_check(error));
    vlmc_entry entry = {.path = item->stored, .link = item->link, .type = item->type};
    vlmc_status status = item->type == VLMC_ENTRY_FILE ? add_file(target, item, &entry, error)
                                                       : add_other(target, item, &entry, error);
    if (status == VLMC_ERROR_REFUSED) { // a path, target or attribute that the format cannot hold
        cli_warn(target->cli, "left out \"%s\": %s", item->disk, error->text);
        status = VLMC_OK;
    }
    return status;
}
