// SPDX-License-Identifier: Apache-2.0
// Decoded groups in a temporary file: for those that are needed again, were slow to decode and have
// no room in memory. It helps or it does not; nothing fails for want of it.
#ifndef VLMC_ARCHIVE_SPOOL_H
#define VLMC_ARCHIVE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Zeros, but for `open`: nothing is there.
typedef struct vlmc_spool {
    int (*open)(void *user); // an empty file to read and write, or -1; NULL: there is none
    void *user;
    int fd; // valid while `places` is there
    uint64_t size;
    uint64_t *places; // (n) of each group in the file, + 1; 0: it is not there
    uint32_t n;
    uint8_t *key; // of vlmc_spool_encrypt, else NULL
} vlmc_spool;

// Before the first group: what the file gets is encrypted with a key that nobody else ever has.
// False when there is none; then nothing is kept.
bool vlmc_spool_encrypt(vlmc_spool *spool);

void vlmc_spool_destroy(vlmc_spool *spool);

// Is group `group` of `n_groups` there, or is it put there now?
bool vlmc_spool_put(vlmc_spool *spool, uint32_t n_groups, uint32_t group, const uint8_t *tokens,
                    size_t n);

bool vlmc_spool_has(const vlmc_spool *spool, uint32_t group);

// Reads a group's n tokens back; false: decode it again.
bool vlmc_spool_get(const vlmc_spool *spool, uint32_t group, uint8_t *tokens, size_t n);

#endif
