// SPDX-License-Identifier: Apache-2.0
// A ring of chunks in the order in which they came, and lists of those whose digests begin alike.
#include "chunk_table.h"

#include "util/bytes.h"

#include <stdlib.h>
#include <string.h>

#define CHUNKS_FIRST 1024u
#define NOBODY UINT32_MAX

typedef struct chunk {
    uint8_t digest[VLMC_CHUNK_DIGEST_BYTES];
    vlmc_chunk_place place;
    uint32_t next; // in its list, an older one; NOBODY: none
} chunk;

struct vlmc_chunk_table {
    chunk *chunks;   // (capacity), a power of two; the one that came as i-th is at i % capacity
    uint32_t *heads; // (capacity) the newest of each list, NOBODY: none
    uint32_t capacity;
    uint64_t first; // that is not forgotten
    uint64_t end;   // how many came
};

static vlmc_status no_memory(vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to find duplicates");
}

static uint32_t *head_of(const vlmc_chunk_table *t, const uint8_t *digest)
{
    return &t->heads[vlmc_load32(digest) & (t->capacity - 1)];
}

static void link_chunk(vlmc_chunk_table *t, uint32_t at)
{
    uint32_t *head = head_of(t, t->chunks[at].digest);
    t->chunks[at].next = *head;
    *head = at;
}

static void unlink_chunk(vlmc_chunk_table *t, uint32_t at)
{
    uint32_t *link = head_of(t, t->chunks[at].digest);
    while (*link != at)
        link = &t->chunks[*link].next;
    *link = t->chunks[at].next;
}

// Nothing was forgotten while there was room to grow, so that chunks keep their places.
static vlmc_status grow(vlmc_chunk_table *t, vlmc_error *error)
{
    const uint32_t capacity = t->capacity ? 2 * t->capacity : CHUNKS_FIRST;
    chunk *chunks = realloc(t->chunks, capacity * sizeof *chunks);
    if (chunks)
        t->chunks = chunks;
    uint32_t *heads = realloc(t->heads, capacity * sizeof *heads);
    if (heads)
        t->heads = heads;
    if (!chunks || !heads)
        return no_memory(error);
    t->capacity = capacity;
    memset(heads, 0xFF, capacity * sizeof *heads);
    for (uint64_t i = t->first; i < t->end; i++)
        link_chunk(t, (uint32_t)i);
    return VLMC_OK;
}

vlmc_status vlmc_chunk_table_create(vlmc_chunk_table **table, vlmc_error *error)
{
    *table = calloc(1, sizeof **table);
    if (!*table)
        return no_memory(error);
    const vlmc_status status = grow(*table, error);
    if (status != VLMC_OK)
        vlmc_chunk_table_destroy(table);
    return status;
}

void vlmc_chunk_table_destroy(vlmc_chunk_table **table)
{
    if (!*table)
        return;
    free((*table)->chunks);
    free((*table)->heads);
    free(*table);
    *table = NULL;
}

bool vlmc_chunk_table_find(const vlmc_chunk_table *t, const uint8_t digest[VLMC_CHUNK_DIGEST_BYTES],
                           vlmc_chunk_place *place)
{
    for (uint32_t at = *head_of(t, digest); at != NOBODY; at = t->chunks[at].next)
        if (memcmp(t->chunks[at].digest, digest, VLMC_CHUNK_DIGEST_BYTES) == 0) {
            *place = t->chunks[at].place;
            return true;
        }
    return false;
}

vlmc_status vlmc_chunk_table_add(vlmc_chunk_table *t, const uint8_t digest[VLMC_CHUNK_DIGEST_BYTES],
                                 vlmc_chunk_place place, vlmc_error *error)
{
    if (t->end - t->first == t->capacity && t->capacity < VLMC_CHUNKS_MAX)
        VLMC_TRY(grow(t, error));
    const uint32_t at = (uint32_t)(t->end % t->capacity);
    if (t->end - t->first == t->capacity) {
        unlink_chunk(t, at);
        t->first++;
    }
    memcpy(t->chunks[at].digest, digest, VLMC_CHUNK_DIGEST_BYTES);
    t->chunks[at].place = place;
    t->end++;
    link_chunk(t, at);
    return VLMC_OK;
}

uint64_t vlmc_chunk_table_mark(const vlmc_chunk_table *t)
{
    return t->end;
}

void vlmc_chunk_table_forget(vlmc_chunk_table *t, uint64_t mark)
{
    while (t->end > mark && t->end > t->first) {
        t->end--;
        unlink_chunk(t, (uint32_t)(t->end % t->capacity));
    }
}
