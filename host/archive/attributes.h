// SPDX-License-Identifier: Apache-2.0
// What an index says of permissions, owners, access control lists and extended attributes: sets,
// each of them once, which entries refer to by number (docs/format.md, "Attribute sets").
#ifndef VLMC_ARCHIVE_ATTRIBUTES_H
#define VLMC_ARCHIVE_ATTRIBUTES_H

#include "archive.h"
#include "buffer.h"
#include "index_cursor.h"

#include <stdint.h>
#include <vlmc/status.h>

// ---- Writing ----

typedef struct vlmc_attribute_slot {
    uint64_t hash;
    uint32_t at; // in `sets`
    uint32_t bytes;
    uint32_t number; // from 1; 0: free
} vlmc_attribute_slot;

// Zeros: empty.
typedef struct vlmc_attribute_table {
    vlmc_buffer sets;
    vlmc_attribute_slot *slots; // (n_slots), a power of two, at most half of them taken
    uint32_t n_slots;
    uint32_t n;
} vlmc_attribute_table;

// Why an archive cannot hold these, as a part of a sentence; NULL: it can. `attributes` may be
// NULL.
const char *vlmc_attributes_problem(const vlmc_attributes *attributes);

// The number of the set, from 0, which is added if it is not there. Extended attributes are taken
// in ascending order of their names.
vlmc_status vlmc_attribute_table_add(vlmc_attribute_table *table, uint32_t mode,
                                     const vlmc_attributes *attributes, uint32_t *number,
                                     vlmc_error *error);
void vlmc_attribute_table_destroy(vlmc_attribute_table *table);

// ---- Reading ----

typedef struct vlmc_attribute_set {
    uint32_t mode;
    bool any; // of the attributes are known
    vlmc_attributes attributes;
} vlmc_attribute_set;

typedef struct vlmc_attribute_sets {
    vlmc_attribute_set *sets; // (n); strings point into the raw index
    vlmc_xattr *xattrs;       // of all of them
    uint32_t n;
} vlmc_attribute_sets;

// Parses how many there are, and them. What `sets` holds is the caller's to destroy in any case.
vlmc_status vlmc_attribute_sets_parse(vlmc_cursor *cursor, vlmc_attribute_sets *sets);
void vlmc_attribute_sets_destroy(vlmc_attribute_sets *sets);

#endif
