// SPDX-License-Identifier: Apache-2.0
// The files that an archive has so far, by size and by digest: a file whose content is that of an
// earlier one needs an entry only. 56 to 112 bytes for each file. One thread at a time.
#ifndef VLMC_ARCHIVE_FILE_TABLE_H
#define VLMC_ARCHIVE_FILE_TABLE_H

#include "index.h"

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/status.h>

typedef struct vlmc_file_table vlmc_file_table;

vlmc_status vlmc_file_table_create(vlmc_file_table **table, vlmc_error *error);
void vlmc_file_table_destroy(vlmc_file_table **table);

// True when there is a file of this size.
bool vlmc_file_table_has_size(const vlmc_file_table *table, uint64_t size_bytes);

// The entry with this content, in `builder`.
bool vlmc_file_table_find(const vlmc_file_table *table, const vlmc_index_builder *builder,
                          uint64_t size_bytes, const uint8_t sha256[32], vlmc_index_place *place);

// Adds a file that was not found; size_bytes > 0.
vlmc_status vlmc_file_table_add(vlmc_file_table *table, uint64_t size_bytes,
                                const uint8_t sha256[32], vlmc_index_place place,
                                vlmc_error *error);

#endif
