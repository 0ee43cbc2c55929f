// SPDX-License-Identifier: Apache-2.0
// Corrects a mixed probability by what came of it in the same context. docs/numerics.md,
// "Adaptive maps".
#ifndef VLMC_MIX_ADAPTIVE_MAP_H
#define VLMC_MIX_ADAPTIVE_MAP_H

#include "logistic.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define VLMC_MAP_STEP 128
#define VLMC_MAP_NODES (2 * VLMC_STRETCH_MAX / VLMC_MAP_STEP + 1)
#define VLMC_MAP_RATE_BITS 5

typedef struct vlmc_adaptive_map {
    uint16_t (*nodes)[VLMC_MAP_NODES]; // (size, 256): by context and the bits of the symbol so far
    uint32_t size;
    uint32_t context;  // of the current symbol
    uint16_t *nearest; // of the current bit
} vlmc_adaptive_map;

static inline bool vlmc_adaptive_map_create(vlmc_adaptive_map *map, uint32_t size)
{
    *map =
        (vlmc_adaptive_map){.nodes = calloc((size_t)size * 256, sizeof *map->nodes), .size = size};
    return map->nodes != NULL;
}

// Corrects nothing.
static inline void vlmc_adaptive_map_clear(vlmc_adaptive_map *map)
{
    uint16_t straight[VLMC_MAP_NODES];
    for (int32_t i = 0; i < VLMC_MAP_NODES; i++)
        straight[i] = (uint16_t)vlmc_squash(i * VLMC_MAP_STEP - VLMC_STRETCH_MAX);
    for (size_t i = 0; i < (size_t)map->size * 256; i++)
        memcpy(map->nodes[i], straight, sizeof straight);
}

// Asks for what `look` will need. Speed only.
static inline void vlmc_adaptive_map_fetch(const vlmc_adaptive_map *map, uint32_t node)
{
    const char *at = (const char *)map->nodes[map->context << 8 | node];
    __builtin_prefetch(at, 1);
    __builtin_prefetch(at + sizeof map->nodes[0] - 1, 1);
}

// What the map makes of the mixed probability x. |x| <= VLMC_STRETCH_MAX.
static inline uint32_t vlmc_adaptive_map_look(vlmc_adaptive_map *map, uint32_t node, int32_t x)
{
    uint32_t at = (uint32_t)(x + VLMC_STRETCH_MAX);
    if (at >= (VLMC_MAP_NODES - 1) * VLMC_MAP_STEP)
        at = (VLMC_MAP_NODES - 1) * VLMC_MAP_STEP - 1;
    uint16_t *nodes = &map->nodes[map->context << 8 | node][at / VLMC_MAP_STEP];
    const uint32_t f = at % VLMC_MAP_STEP;
    map->nearest = f < VLMC_MAP_STEP / 2 ? nodes : nodes + 1;
    return (nodes[0] * (VLMC_MAP_STEP - f) + nodes[1] * f) / VLMC_MAP_STEP;
}

static inline void vlmc_adaptive_map_learn(vlmc_adaptive_map *map, uint32_t bit)
{
    const int32_t target = bit ? 65535 : 0;
    *map->nearest =
        (uint16_t)(*map->nearest + (target - *map->nearest) / (1 << VLMC_MAP_RATE_BITS));
}

#endif
