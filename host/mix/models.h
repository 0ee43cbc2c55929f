// SPDX-License-Identifier: Apache-2.0
// A bit of all context models of a mixer at once: what their nodes say, and what they learn.
// docs/numerics.md, "Nodes" and "Inputs". The plain functions are the definition; others equal
// them.
#ifndef VLMC_MIX_MODELS_H
#define VLMC_MIX_MODELS_H

#include "lines.h"

#include <stdint.h>

#define VLMC_MODELS_LANES 8u
#define VLMC_MODELS_MAX 96u // padded

#define VLMC_MAP_UPDATES_MAX 255u // of a map of histories

// Shared by all bits. Arrays of models have n_padded places; those from n on stay zero.
typedef struct vlmc_models {
    uint32_t n, n_padded;            // n_padded: a multiple of VLMC_MODELS_LANES
    uint32_t *nodes;                 // lines of all models, 16 numbers each, the check first
    uint32_t *maps;                  // (n_padded, VLMC_NODE_HISTORIES) p (22 bits), updates (10)
    uint32_t lines[VLMC_MODELS_MAX]; // of the current nibble, counted in lines
    // Of the current bit: places in `maps`, and what lay there and in the node.
    uint32_t history[VLMC_MODELS_MAX];
    uint32_t map[VLMC_MODELS_MAX];
    uint32_t node[VLMC_MODELS_MAX];
    uint32_t rates[VLMC_MAP_UPDATES_MAX + 1]; // 65536 / (updates + 1.5)
    int32_t stretch[4096];                    // of 12-bit probabilities
} vlmc_models;

typedef struct vlmc_models_kernels {
    // Sets `history`, `map`, `node` and inputs // (3, n_padded), zeros for a node that is new and
    // from n on. `local`: bits of the nibble so far with a leading 1. Returns the number of nodes
    // that are not new.
    uint32_t (*look)(vlmc_models *models, uint32_t local, int32_t *inputs);

    // After `look` with the same `local`, of what that has found.
    void (*learn)(vlmc_models *models, uint32_t local, uint32_t bit);
} vlmc_models_kernels;

extern const vlmc_models_kernels vlmc_models_kernels_plain;

// In builds for x86-64 only.
const vlmc_models_kernels *vlmc_models_kernels_avx2(void);
const vlmc_models_kernels *vlmc_models_kernels_avx512(void);

// The fastest that this machine can run. [thread-safe]
const vlmc_models_kernels *vlmc_models_kernels_best(void);

// A probability of 22 bits with its number of updates in the low 10 moves to what came.
// // rates (VLMC_MAP_UPDATES_MAX + 1)
static inline uint32_t vlmc_map_after(uint32_t entry, uint32_t bit, const uint32_t *rates)
{
    const int32_t p = (int32_t)(entry >> 10), target = bit ? (1 << 22) - 1 : 0;
    const uint32_t updates = entry & 1023;
    // At most 2^15 in magnitude times at most 43690: below 2^31.
    const int32_t moved = p + (((target - p) >> 7) * (int32_t)rates[updates] >> 9);
    return (uint32_t)moved << 10 | (updates < VLMC_MAP_UPDATES_MAX ? updates + 1 : updates);
}

#endif
