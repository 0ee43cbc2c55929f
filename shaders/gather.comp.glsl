#version 450
// SPDX-License-Identifier: Apache-2.0
// Rows of an embedding table, docs/numerics.md "The graph": the tokens' residual rows and the side
// contexts' rows, which follow each other in one table. One lane copies one word; a row outside
// of the bound part of the table belongs to another dispatch.
#extension GL_GOOGLE_include_directive : require
#include "push_constants.h"

layout(local_size_x_id = VLMC_SPEC_LANES) in;

layout(binding = 0) readonly buffer Table { uint table[]; };   // (rows, row_words)
layout(binding = 1) readonly buffer Rows { uint rows[]; };     // (n)
layout(binding = 2) writeonly buffer Output { uint result[]; }; // (n, row_words)
layout(push_constant) uniform Push { vlmc_push_gather push; };

void main()
{
    const uint word = gl_GlobalInvocationID.x;
    const uint i = push.first + gl_WorkGroupID.y;
    const uint row = rows[i] - push.first_row; // wraps for rows of an earlier part
    if (word < push.row_words && row < push.rows)
        result[i * push.row_words + word] = table[row * push.row_words + word];
}
