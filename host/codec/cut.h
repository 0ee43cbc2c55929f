// SPDX-License-Identifier: Apache-2.0
// How a segment's tokens are cut into groups, and a group's tokens into streams.
// docs/format.md, "Groups" and "Model groups".
//
// Format rules: a function of sizes alone, never of the machine at hand. All functions are pure.
#ifndef VLMC_CODEC_CUT_H
#define VLMC_CODEC_CUT_H

#include <stdbool.h>
#include <stdint.h>

// Tokens are bytes. What a reader takes, and what a writer may be told to make groups of.
#define VLMC_GROUP_BYTES_MAX (1u << 26)
#define VLMC_GROUP_BYTES_LEAST (1u << 16)
#define VLMC_GROUP_BYTES_DEFAULT (1u << 20)

#define VLMC_ALIGN_TOKENS_MAX (1u << 20) // more counts as 1

#define VLMC_STREAMS_MAX 128u

// The streams of a group. Each begins at a multiple of `align` from the group's first token; the
// first ones are longer by at most one unit of `align`, so lengths never grow.
typedef struct vlmc_cut {
    uint32_t n;       // tokens of the group, 1..VLMC_GROUP_BYTES_MAX
    uint32_t streams; // 1..VLMC_STREAMS_MAX
    uint32_t align;   // 1..
    uint32_t units;   // ceil(n / align), the last one may be short
} vlmc_cut;

// False when a group of n tokens has no such streams: more of them than units of `align` tokens,
// or a number out of range. `align` above VLMC_ALIGN_TOKENS_MAX counts as 1.
bool vlmc_cut_make(uint32_t n, uint32_t streams, uint32_t align, vlmc_cut *cut);

// Where stream s (0..streams) begins in the group; stream `streams` begins at n.
uint32_t vlmc_cut_offset(const vlmc_cut *cut, uint32_t s);

// Tokens of stream s, at least 1.
uint32_t vlmc_cut_length(const vlmc_cut *cut, uint32_t s);

// Streams that have a token at step t: the first so many. 0 from the longest stream's length on.
uint32_t vlmc_cut_active(const vlmc_cut *cut, uint32_t t);

// The number of streams that an encoder gives to a group: round(n / stream_tokens), 1..128, at most
// one for each unit. stream_tokens 0 counts as 1.
uint32_t vlmc_cut_streams(uint32_t n, uint32_t align, uint32_t stream_tokens);

// How a writer cuts a segment of n tokens into groups: the least number of nearly equal ones that
// begin at multiples of `align` and have at most `limit` tokens, or `align` where that is more.
// limit is 1..VLMC_GROUP_BYTES_MAX. 0 for an empty segment.
uint64_t vlmc_cut_groups(uint64_t n, uint32_t align, uint32_t limit);

// Where group g (0..groups) of the segment begins; group `groups` begins at n.
uint64_t vlmc_cut_group_offset(uint64_t n, uint32_t align, uint32_t limit, uint64_t g);

#endif
