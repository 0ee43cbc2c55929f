// SPDX-License-Identifier: Apache-2.0
#include "hard_links.h"

#include <stdlib.h>

#define SLOTS_FIRST 256u

// Where the file is, or where it goes.
static hard_link *find_slot(const hard_links *l, uint64_t device, uint64_t inode)
{
    const uint64_t mixed = (inode ^ device << 32) * UINT64_C(0x9E3779B97F4A7C15);
    uint32_t i = (uint32_t)(mixed >> 32) & (l->n_slots - 1);
    while (l->slots[i].taken && (l->slots[i].inode != inode || l->slots[i].device != device))
        i = (i + 1) & (l->n_slots - 1);
    return &l->slots[i];
}

bool hard_links_find(const hard_links *links, uint64_t device, uint64_t inode, uint32_t *entry)
{
    if (links->n == 0)
        return false;
    const hard_link *slot = find_slot(links, device, inode);
    *entry = slot->entry;
    return slot->taken;
}

static vlmc_status grow(hard_links *l, vlmc_error *error)
{
    if (2 * (l->n + 1) <= l->n_slots)
        return VLMC_OK;
    hard_links grown = {.n_slots = l->n_slots ? 2 * l->n_slots : SLOTS_FIRST, .n = l->n};
    grown.slots = calloc(grown.n_slots, sizeof *grown.slots);
    if (!grown.slots)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the list of files");
    for (uint32_t i = 0; i < l->n_slots; i++)
        if (l->slots[i].taken)
            *find_slot(&grown, l->slots[i].device, l->slots[i].inode) = l->slots[i];
    free(l->slots);
    *l = grown;
    return VLMC_OK;
}

vlmc_status hard_links_add(hard_links *links, uint64_t device, uint64_t inode, uint32_t entry,
                           vlmc_error *error)
{
    VLMC_TRY(grow(links, error));
    *find_slot(links, device, inode) = (hard_link){device, inode, entry, true};
    links->n++;
    return VLMC_OK;
}

void hard_links_destroy(hard_links *links)
{
    free(links->slots);
    *links = (hard_links){0};
}
