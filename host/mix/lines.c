// SPDX-License-Identifier: Apache-2.0
#include "lines.h"

#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#define ALIGNMENT 64u
// Between these sizes large pages are worth asking for. Beyond, a few lines of a table that an
// archive makes up would take GiB at once.
#define HUGE_BYTES_MIN ((size_t)4 << 20)
#define HUGE_BYTES_MAX ((size_t)1 << 30)

bool vlmc_lines_create(vlmc_lines *lines, size_t capacity)
{
    *lines = (vlmc_lines){.capacity = capacity};
    lines->storage_bytes = capacity * sizeof(vlmc_line) + ALIGNMENT;
    // Zeros from the system take no memory until a group is large enough to need them, but for what
    // lies in the same page.
    lines->storage = calloc(lines->storage_bytes, 1);
    if (!lines->storage)
        return false;
    const uintptr_t at = ((uintptr_t)lines->storage + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    lines->first = (vlmc_line *)at;
#if defined(__linux__)
    // Speed only: lines are met in random order, and small pages would miss the TLB each time.
    if (lines->storage_bytes >= HUGE_BYTES_MIN && lines->storage_bytes <= HUGE_BYTES_MAX) {
        const uintptr_t page = 4096, begin = (at + page - 1) / page * page;
        const uintptr_t end = ((uintptr_t)lines->storage + lines->storage_bytes) / page * page;
        (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
    }
#endif
    return true;
}

void vlmc_lines_destroy(vlmc_lines *lines)
{
    free(lines->storage);
    *lines = (vlmc_lines){0};
}

void vlmc_lines_clear(vlmc_lines *lines, size_t used)
{
    memset(lines->first, 0, lines->used * sizeof *lines->first);
    lines->used = used;
}

static uint32_t worth(const vlmc_line *line)
{
    return line->check ? 1 + vlmc_node_updates(line->nodes[0]) : 0;
}

vlmc_line *vlmc_line_find(vlmc_line *table, vlmc_line_place place)
{
    vlmc_line *line = table + place.index, *beside = table + (place.index ^ 1);
    if (line->check == place.check)
        return line;
    if (beside->check == place.check)
        return beside;
    if (worth(beside) < worth(line))
        line = beside;
    line->check = place.check;
    for (uint32_t i = 0; i < VLMC_LINE_NODES; i++)
        line->nodes[i] = VLMC_NODE_NEW;
    return line;
}
