// SPDX-License-Identifier: Apache-2.0
#include "create_coming.h"

#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

// Where so many files in a row are nothing to pack early, a look at more would cost time.
#define FILES_AHEAD_MAX 64u

#define STAT_BLOCK_BYTES 512

static vlmc_status read_file(void *user, void *buffer, size_t capacity, size_t *got,
                             vlmc_error *error)
{
    const create_coming *coming = user;
    for (;;) {
        VLMC_TRY(cli_interrupt_check(error));
        const ssize_t n = read(coming->fd, buffer, capacity);
        *got = n > 0 ? (size_t)n : 0;
        if (n >= 0)
            return VLMC_OK;
        if (errno != EINTR) // whoever adds the file says why
            return vlmc_fail(error, VLMC_ERROR_IO, "a file cannot be read");
    }
}

// Opens what will most likely be added as all of a file: no second name, no holes.
static bool open_item(create_coming *coming, const walk_item *item)
{
    struct stat st;
    if (item->type != VLMC_ENTRY_FILE || item->size_bytes == 0)
        return false;
    coming->fd = open(item->disk, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (coming->fd < 0)
        return false;
    if (fstat(coming->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
        st.st_blocks >= st.st_size / STAT_BLOCK_BYTES)
        return true;
    create_coming_end(coming);
    return false;
}

static bool next(void *user, uint64_t least, vlmc_coming_file *file)
{
    create_coming *coming = user;
    const walk *walk = coming->walk;
    create_coming_end(coming);
    if (coming->next < least)
        coming->next = (size_t)least;
    while (coming->next < walk->n_items && coming->next - least <= FILES_AHEAD_MAX) {
        const size_t i = coming->next++;
        if (!open_item(coming, &walk->items[i]))
            continue;
        *file = (vlmc_coming_file){
            .number = i,
            .path = walk->items[i].stored,
            .read = read_file,
            .user = coming,
            .size_bytes = walk->items[i].size_bytes,
        };
        return true;
    }
    return false;
}

vlmc_writer_coming create_coming_source(create_coming *coming, vlmc_worker *worker)
{
    return (vlmc_writer_coming){.worker = worker, .next = next, .user = coming};
}

void create_coming_end(create_coming *coming)
{
    if (coming->fd >= 0)
        close(coming->fd);
    coming->fd = -1;
}
