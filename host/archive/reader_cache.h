// SPDX-License-Identifier: Apache-2.0
// Groups that a reader has decoded and will need again.
//
// Files that share content with earlier ones come back to groups that were decoded long ago, and
// decoding is slow. The index says how often each group is needed, so those that are needed again
// are kept, in up to VLMC_CACHE_BYTES, and others give their room away at once: an archive without
// duplicates is read in the memory of the few groups that its files are being read from. What has
// no room and was slow to decode goes to a temporary file.
#ifndef VLMC_ARCHIVE_READER_CACHE_H
#define VLMC_ARCHIVE_READER_CACHE_H

#include "index.h"
#include "spool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A writer fills up to five groups side by side, and small files in turn touch all of them: so many
// are kept whatever they take.
#define VLMC_CACHE_GROUPS_MIN 6u
#define VLMC_CACHE_GROUPS_MAX 1024u
#define VLMC_CACHE_BYTES ((size_t)256 << 20)

typedef struct vlmc_kept_group {
    uint64_t used; // time of the last use; 0: nothing is kept here
    uint32_t group;
    bool slow;       // to decode
    uint8_t *tokens; // (n) of capacity
    size_t n;
    size_t capacity;
} vlmc_kept_group;

// Zeros, but for limit_bytes: nothing is kept.
typedef struct vlmc_reader_cache {
    vlmc_kept_group kept[VLMC_CACHE_GROUPS_MAX];
    uint32_t n_kept;
    uint32_t n_held;    // with memory
    size_t bytes;       // of all of them
    size_t limit_bytes; // VLMC_CACHE_BYTES but in tests
    uint64_t now;       // counts uses
    uint32_t *uses;     // (n_groups) by segments that are not read yet; NULL: not counted
    uint32_t n_groups;
    vlmc_spool spool;
} vlmc_reader_cache;

void vlmc_reader_cache_destroy(vlmc_reader_cache *cache);

// Counts who needs what, once. False when memory is short.
bool vlmc_reader_cache_begin(vlmc_reader_cache *cache, const vlmc_index *index);

// A segment has taken what it needs of a group.
void vlmc_reader_cache_took(vlmc_reader_cache *cache, uint32_t group);

// Is a group there? Does not count as a use.
bool vlmc_reader_cache_has(const vlmc_reader_cache *cache, uint32_t group);

// The n tokens of a group, or NULL.
const uint8_t *vlmc_reader_cache_find(vlmc_reader_cache *cache, uint32_t group, size_t n);

// A place for a group's n tokens, which counts as empty until vlmc_reader_cache_keep. NULL when
// memory is short.
vlmc_kept_group *vlmc_reader_cache_place(vlmc_reader_cache *cache, size_t n);
void vlmc_reader_cache_keep(vlmc_reader_cache *cache, vlmc_kept_group *kept, uint32_t group,
                            bool slow);

#endif
