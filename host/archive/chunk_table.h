// SPDX-License-Identifier: Apache-2.0
// The chunks that an archive has so far: by the BLAKE2b-256 of their bytes, where these are. Holds
// the newest VLMC_CHUNKS_MAX of them, 48 bytes each in tables that double, so at most 192 MiB: at
// 1 KiB a chunk these are the last 4 GiB of an archive's content. One thread at a time.
#ifndef VLMC_ARCHIVE_CHUNK_TABLE_H
#define VLMC_ARCHIVE_CHUNK_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/status.h>

#define VLMC_CHUNKS_MAX (1u << 22)
#define VLMC_CHUNK_DIGEST_BYTES 32u

// Where a chunk lies: a piece of content, by its number, and the chunk's first byte in it.
typedef struct vlmc_chunk_place {
    uint32_t piece;
    uint32_t offset;
} vlmc_chunk_place;

typedef struct vlmc_chunk_table vlmc_chunk_table;

vlmc_status vlmc_chunk_table_create(vlmc_chunk_table **table, vlmc_error *error);
void vlmc_chunk_table_destroy(vlmc_chunk_table **table);

bool vlmc_chunk_table_find(const vlmc_chunk_table *table,
                           const uint8_t digest[VLMC_CHUNK_DIGEST_BYTES], vlmc_chunk_place *place);

// Adds a chunk that was not found; the oldest one is forgotten when the table is full.
vlmc_status vlmc_chunk_table_add(vlmc_chunk_table *table,
                                 const uint8_t digest[VLMC_CHUNK_DIGEST_BYTES],
                                 vlmc_chunk_place place, vlmc_error *error);

// How many chunks were added so far; and forgetting those that were added since there were `mark`.
uint64_t vlmc_chunk_table_mark(const vlmc_chunk_table *table);
void vlmc_chunk_table_forget(vlmc_chunk_table *table, uint64_t mark);

#endif
