// SPDX-License-Identifier: Apache-2.0
// Push constants and specialization constants of all shaders, for C and GLSL.
// "Words" are 32-bit: four int8 or two int16, the lowest index in the lowest bits.
#ifndef VLMC_PUSH_CONSTANTS_H
#define VLMC_PUSH_CONSTANTS_H

#ifdef VULKAN
#define VLMC_U32 uint
#else
#include <assert.h>
#include <stdint.h>
#define VLMC_U32 uint32_t
#endif

// Specialization constants.
#define VLMC_SPEC_LANES 0    // invocations of a workgroup, all shaders
#define VLMC_SPEC_EPILOGUE 1 // linear: what becomes of a sum

#define VLMC_EPILOGUE_INT8 0
#define VLMC_EPILOGUE_RELU2 1
#define VLMC_EPILOGUE_ADD 2
#define VLMC_EPILOGUE_INT16 3

#define VLMC_TILE_ROWS 8      // outputs of one lane, linear
#define VLMC_TILE_POSITIONS 8 // positions of one lane, linear
#define VLMC_BLOCK_ROWS 16    // rows that lie together in packed weights
#define VLMC_LANES_MAX 64     // most lanes of a workgroup, other than linear's
#define VLMC_QUERIES_MAX 4    // query heads that a workgroup of attention takes
#define VLMC_SCORES_MAX 2048  // their scores, at least the longest window
#define VLMC_EXP2_WORDS 256   // the exp2 table in front of the attention bias

struct vlmc_push_gather {
    VLMC_U32 first;     // of the rows to gather
    VLMC_U32 row_words; // words of a row
    VLMC_U32 first_row; // of the table's part that is bound
    VLMC_U32 rows;      // in that part
};

struct vlmc_push_norm {
    VLMC_U32 width_words; // two channels each
    VLMC_U32 root_width;  // isqrt(width << 16)
};

struct vlmc_push_linear {
    VLMC_U32 first_position;
    VLMC_U32 end_position;
    VLMC_U32 first_row; // of the weight's part that is bound
    VLMC_U32 part_rows; // rows in that part, a multiple of VLMC_BLOCK_ROWS
    VLMC_U32 rows;      // of the whole output
    VLMC_U32 col_words; // four inputs each
};

struct vlmc_push_reglu {
    VLMC_U32 n;            // output words: positions * hidden_words
    VLMC_U32 hidden_words; // four channels each
};

// store and attention. A unit is one key/value head of one stream.
struct vlmc_push_attention {
    VLMC_U32 steps;      // positions per stream
    VLMC_U32 item_unit;  // first unit, counted in the activations
    VLMC_U32 ring_unit;  // the same, counted in the ring buffer that is bound
    VLMC_U32 kv_heads;   //
    VLMC_U32 group;      // query heads per key/value head
    VLMC_U32 head_words; // four channels each
    VLMC_U32 first_slot; // ring slot of step 0
    VLMC_U32 capacity;   // ring slots
    VLMC_U32 window;     // positions that a query sees, itself included
    VLMC_U32 seen;       // positions before step 0, at most window
    VLMC_U32 tile;       // query heads of a workgroup, tile * window <= VLMC_SCORES_MAX
};

#ifndef VULKAN
static_assert(sizeof(struct vlmc_push_gather) == 16, "as GLSL lays it out");
static_assert(sizeof(struct vlmc_push_norm) == 8, "as GLSL lays it out");
static_assert(sizeof(struct vlmc_push_linear) == 24, "as GLSL lays it out");
static_assert(sizeof(struct vlmc_push_reglu) == 8, "as GLSL lays it out");
static_assert(sizeof(struct vlmc_push_attention) == 44, "as GLSL lays it out");
#endif

#endif
