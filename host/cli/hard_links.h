// SPDX-License-Identifier: Apache-2.0
// Files on disk that have more than one name, and the entries that they have become.
#ifndef VLMC_CLI_HARD_LINKS_H
#define VLMC_CLI_HARD_LINKS_H

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/status.h>

typedef struct hard_link {
    uint64_t device;
    uint64_t inode;
    uint32_t entry; // number, from 0
    bool taken;
} hard_link;

// Zeros: empty.
typedef struct hard_links {
    hard_link *slots; // (n_slots), a power of two, at most half of them taken
    uint32_t n_slots;
    uint32_t n;
} hard_links;

bool hard_links_find(const hard_links *links, uint64_t device, uint64_t inode, uint32_t *entry);

// Adds a file that was not found.
vlmc_status hard_links_add(hard_links *links, uint64_t device, uint64_t inode, uint32_t entry,
                           vlmc_error *error);
void hard_links_destroy(hard_links *links);

#endif
