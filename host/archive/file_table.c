// SPDX-License-Identifier: Apache-2.0
#include "file_table.h"

#include "util/bytes.h"

#include <stdlib.h>
#include <string.h>

#define FILES_FIRST 256u
#define NOBODY UINT32_MAX

typedef struct known_file {
    uint64_t size_bytes;
    vlmc_index_place place;
    uint32_t hash; // of its digest
    uint32_t next; // in its list, NOBODY: none
} known_file;

struct vlmc_file_table {
    known_file *files; // (capacity), a power of two
    uint32_t *heads;   // (capacity) lists of files whose digests are alike
    uint32_t capacity;
    uint32_t n;
    uint64_t *sizes; // (2 * capacity) that there are, 0: free
};

static vlmc_status no_memory(vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to find duplicates");
}

static uint32_t *head_of(const vlmc_file_table *t, uint32_t hash)
{
    return &t->heads[hash & (t->capacity - 1)];
}

static void link_file(vlmc_file_table *t, uint32_t i)
{
    uint32_t *head = head_of(t, t->files[i].hash);
    t->files[i].next = *head;
    *head = i;
}

// Where a size is, or where it goes. Sizes are not 0.
static uint64_t *size_slot(const vlmc_file_table *t, uint64_t size)
{
    const uint32_t mask = 2 * t->capacity - 1;
    uint32_t i = (uint32_t)(size * UINT64_C(0x9E3779B97F4A7C15) >> 32) & mask;
    while (t->sizes[i] && t->sizes[i] != size)
        i = (i + 1) & mask;
    return &t->sizes[i];
}

static vlmc_status grow(vlmc_file_table *t, vlmc_error *error)
{
    const uint32_t capacity = t->capacity ? 2 * t->capacity : FILES_FIRST; // entries: below 2^28
    known_file *files = realloc(t->files, capacity * sizeof *files);
    if (files)
        t->files = files;
    uint32_t *heads = realloc(t->heads, capacity * sizeof *heads);
    if (heads)
        t->heads = heads;
    uint64_t *sizes = calloc(2 * (size_t)capacity, sizeof *sizes);
    if (!files || !heads || !sizes) {
        free(sizes);
        return no_memory(error);
    }
    free(t->sizes);
    t->sizes = sizes;
    t->capacity = capacity;
    memset(heads, 0xFF, capacity * sizeof *heads);
    for (uint32_t i = 0; i < t->n; i++) {
        link_file(t, i);
        *size_slot(t, t->files[i].size_bytes) = t->files[i].size_bytes;
    }
    return VLMC_OK;
}

vlmc_status vlmc_file_table_create(vlmc_file_table **table, vlmc_error *error)
{
    *table = calloc(1, sizeof **table);
    if (!*table)
        return no_memory(error);
    const vlmc_status status = grow(*table, error);
    if (status != VLMC_OK)
        vlmc_file_table_destroy(table);
    return status;
}

void vlmc_file_table_destroy(vlmc_file_table **table)
{
    if (!*table)
        return;
    free((*table)->files);
    free((*table)->heads);
    free((*table)->sizes);
    free(*table);
    *table = NULL;
}

bool vlmc_file_table_has_size(const vlmc_file_table *t, uint64_t size)
{
    return size > 0 && *size_slot(t, size) == size;
}

bool vlmc_file_table_find(const vlmc_file_table *t, const vlmc_index_builder *builder,
                          uint64_t size, const uint8_t sha256[32], vlmc_index_place *place)
{
    const uint32_t hash = vlmc_load32(sha256);
    for (uint32_t i = *head_of(t, hash); i != NOBODY; i = t->files[i].next)
        if (t->files[i].hash == hash && t->files[i].size_bytes == size &&
            memcmp(vlmc_index_place_sha256(builder, t->files[i].place), sha256, 32) == 0) {
            *place = t->files[i].place;
            return true;
        }
    return false;
}

vlmc_status vlmc_file_table_add(vlmc_file_table *t, uint64_t size, const uint8_t sha256[32],
                                vlmc_index_place place, vlmc_error *error)
{
    if (t->n == t->capacity)
        VLMC_TRY(grow(t, error));
    t->files[t->n] = (known_file){.size_bytes = size, .place = place, .hash = vlmc_load32(sha256)};
    link_file(t, t->n++);
    *size_slot(t, size) = size;
    return VLMC_OK;
}
