// SPDX-License-Identifier: Apache-2.0
#include "create_source.h"

#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AHEAD_BYTES 4096

typedef struct stream {
    create_target *target;
    int fd;
    const char *name;
    // The first bytes, read before the entry exists: many unreadable files (on /proc, on a
    // failing disk) open well and fail here.
    unsigned char ahead[AHEAD_BYTES];
    size_t ahead_size;
    size_t ahead_used;
} stream;

static vlmc_status read_some(int fd, const char *name, void *buffer, size_t capacity, size_t *got,
                             vlmc_error *error)
{
    for (;;) {
        VLMC_TRY(cli_interrupt_check(error));
        ssize_t n = read(fd, buffer, capacity);
        if (n >= 0) {
            *got = (size_t)n;
            return VLMC_OK;
        }
        if (errno != EINTR)
            return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read \"%s\"", name);
    }
}

static vlmc_status read_stream(void *user, void *buffer, size_t capacity, size_t *got,
                               vlmc_error *error)
{
    stream *s = user;
    if (s->ahead_used < s->ahead_size) {
        size_t left = s->ahead_size - s->ahead_used;
        *got = left < capacity ? left : capacity;
        memcpy(buffer, s->ahead + s->ahead_used, *got);
        s->ahead_used += *got;
    } else {
        VLMC_TRY(read_some(s->fd, s->name, buffer, capacity, got, error));
    }
    s->target->content_bytes += *got;
    return VLMC_OK;
}

static vlmc_status add(create_target *target, const vlmc_entry *entry, stream *s,
                       vlmc_error *error)
{
    VLMC_TRY(vlmc_writer_add(target->writer, entry, s ? read_stream : NULL, s, error));
    target->n_entries++;
    return VLMC_OK;
}

vlmc_status create_add_stream(create_target *target, const vlmc_entry *entry, int fd,
                              const char *name, vlmc_error *error)
{
    stream s = {.target = target, .fd = fd, .name = name};
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
    errno = EINVAL;
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

static vlmc_status add_file(create_target *target, const walk_item *item, vlmc_entry *entry,
                            vlmc_error *error)
{
    cli *cli = target->cli;
    struct stat st;
    int fd = open_regular(item->disk, &st);
    if (fd < 0) {
        cli_warn(cli, "left out \"%s\": %s", item->disk, strerror(errno));
        return VLMC_OK;
    }
    entry->mode = st.st_mode & 07777;
    entry->mtime_seconds = st.st_mtim.tv_sec;
    entry->mtime_ns = (uint32_t)st.st_mtim.tv_nsec;
    stream s = {.target = target, .fd = fd, .name = item->disk};
    vlmc_status status = read_some(fd, item->disk, s.ahead, sizeof s.ahead, &s.ahead_size, error);
    if (status == VLMC_ERROR_IO) {
        cli_warn(cli, "left out \"%s\": %s", item->disk, strerror(error->os_error));
        status = VLMC_OK;
    } else if (status == VLMC_OK) {
        status = add(target, entry, &s, error);
        if (status == VLMC_OK)
            warn_if_changed(cli, item, fd, &st);
    }
    close(fd);
    return status;
}

vlmc_status create_add_item(create_target *target, const walk_item *item, vlmc_error *error)
{
    VLMC_TRY(cli_interrupt_check(error));
    vlmc_entry entry = {
        .path = item->stored,
        .link = item->link,
        .type = item->type,
        .mode = item->mode,
        .mtime_seconds = item->mtime_seconds,
        .mtime_ns = item->mtime_ns,
    };
    if (item->type == VLMC_ENTRY_FILE)
        return add_file(target, item, &entry, error);
    return add(target, &entry, NULL, error);
}
