// SPDX-License-Identifier: Apache-2.0
// What followed each value of a context: hashed lines of 15 nodes, one line for each nibble of a
// symbol. docs/numerics.md, "Nodes".
//
// Inline, since each coded bit reads and updates a node of every context model.
#ifndef VLMC_MIX_LINES_H
#define VLMC_MIX_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VLMC_LINE_NODES 15u

// One line of the cache. Empty: check 0.
typedef struct vlmc_line {
    uint32_t check;
    uint32_t nodes[VLMC_LINE_NODES];
} vlmc_line;

_Static_assert(sizeof(vlmc_line) == 64, "a line of the table is one of the cache");

// A node: bits 13..31 the probability that the bit is 1, 8..12 how often it was updated (to 31),
// 0..7 its last bits behind a leading 1, at most 7 of them, the newest lowest.
#define VLMC_NODE_NEW (1u << 31 | 1u)
#define VLMC_NODE_UPDATES_MAX 31u

// What a node's last bits and its age select in a map.
#define VLMC_NODE_HISTORIES (3u * 256u)

// How far a node's probability is from one half: little where its stretch would be loud.
static inline int32_t vlmc_node_linear(uint32_t node)
{
    return ((int32_t)(node >> 16) - 32768) >> 5;
}

static inline uint32_t vlmc_node_updates(uint32_t node)
{
    return node >> 8 & VLMC_NODE_UPDATES_MAX;
}

// The last bits; 7 of them are told apart by what came before: below 20 updates, or more.
static inline uint32_t vlmc_node_history(uint32_t node)
{
    const uint32_t bits = node & 255;
    return bits + (bits >= 128 ? 256u : 0) + (vlmc_node_updates(node) >= 20 ? 256u : 0);
}

// Moves to what came. // rates (32): 65536 / (updates + 1.5)
static inline uint32_t vlmc_node_after(uint32_t node, uint32_t bit, const uint32_t *rates)
{
    const int32_t p = (int32_t)(node >> 13), target = bit ? (1 << 19) - 1 : 0;
    const uint32_t updates = vlmc_node_updates(node), bits = node & 255;
    // At most 2^15 in magnitude times at most 43690: below 2^31.
    const int32_t moved = p + (((target - p) >> 4) * (int32_t)rates[updates] >> 12);
    const uint32_t kept = bits < 128 ? bits << 1 : 128u | (bits & 63) << 1;
    return (uint32_t)moved << 13 | (updates < VLMC_NODE_UPDATES_MAX ? updates + 1 : updates) << 8 |
           kept | bit;
}

// The tables of all context models of a mixer.
typedef struct vlmc_lines {
    void *storage;
    size_t storage_bytes;
    vlmc_line *first; // in storage, at the begin of a line of the cache
    size_t capacity;  // lines
    size_t used;      // lines that may not be zero
} vlmc_lines;

// False when memory is short. Pages that are never used take no memory.
bool vlmc_lines_create(vlmc_lines *lines, size_t capacity);
void vlmc_lines_destroy(vlmc_lines *lines);

// Empties all lines; the first `used` of them will be used.
void vlmc_lines_clear(vlmc_lines *lines, size_t used);

// Where a context and the part of the symbol that is known (`nibble`, see numerics.md) lie in a
// table of 2^log2_lines.
typedef struct vlmc_line_place {
    uint32_t index;
    uint32_t check;
} vlmc_line_place;

static inline vlmc_line_place vlmc_line_place_of(uint64_t hash, uint32_t nibble,
                                                 uint32_t log2_lines)
{
    const uint64_t multiplier = UINT64_C(0x9E3779B97F4A7C15);
    uint64_t h = (hash + nibble) * multiplier;
    h ^= h >> 32;
    h *= multiplier;
    return (vlmc_line_place){(uint32_t)(h >> (64 - log2_lines)), (uint32_t)(h & 0xFFFFFFFF) | 1};
}

// The context's line: at its place or beside it; where neither is its own, the one with fewer
// updates of its first node is emptied for it.
vlmc_line *vlmc_line_find(vlmc_line *table, vlmc_line_place place);

#endif
