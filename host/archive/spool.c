// SPDX-License-Identifier: Apache-2.0
#include "spool.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void vlmc_spool_destroy(vlmc_spool *spool)
{
    if (spool->places)
        close(spool->fd);
    free(spool->places);
    *spool = (vlmc_spool){0};
}

// What has failed once is not tried again.
static bool give_up(vlmc_spool *spool)
{
    spool->open = NULL;
    return false;
}

static bool begin(vlmc_spool *spool, uint32_t n_groups)
{
    if (spool->places)
        return true;
    uint64_t *places = calloc((size_t)n_groups + 1, sizeof *places);
    spool->fd = places ? spool->open(spool->user) : -1;
    if (spool->fd < 0) {
        free(places);
        return give_up(spool);
    }
    spool->places = places;
    spool->n = n_groups;
    return true;
}

bool vlmc_spool_put(vlmc_spool *spool, uint32_t n_groups, uint32_t group, const uint8_t *tokens,
                    size_t n)
{
    if (vlmc_spool_has(spool, group))
        return true;
    if (!spool->open || !begin(spool, n_groups))
        return false;
    for (size_t at = 0; at < n;) {
        const ssize_t put = pwrite(spool->fd, tokens + at, n - at, (off_t)(spool->size + at));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return give_up(spool); // the disk is full: what is there stays of use
        at += (size_t)put;
    }
    spool->places[group] = spool->size + 1;
    spool->size += n;
    return true;
}

bool vlmc_spool_has(const vlmc_spool *spool, uint32_t group)
{
    return spool->places && group < spool->n && spool->places[group] != 0;
}

bool vlmc_spool_get(const vlmc_spool *spool, uint32_t group, uint8_t *tokens, size_t n)
{
    if (!vlmc_spool_has(spool, group))
        return false;
    for (size_t at = 0; at < n;) {
        const ssize_t got =
            pread(spool->fd, tokens + at, n - at, (off_t)(spool->places[group] - 1 + at));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}
