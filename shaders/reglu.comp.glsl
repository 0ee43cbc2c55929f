#version 450
// SPDX-License-Identifier: Apache-2.0
// Gated ReLU, docs/numerics.md "The graph". One lane makes one word of four channels.
// Bound: 127 * 127 + 64 < 2^14.
#extension GL_GOOGLE_include_directive : require
#include "integer.glsl"
#include "push_constants.h"

layout(local_size_x_id = VLMC_SPEC_LANES) in;

layout(binding = 0) readonly buffer Gated { uint gated[]; };    // (n, 2 * hidden_words)
layout(binding = 1) writeonly buffer Output { uint result[]; }; // (n, hidden_words)
layout(push_constant) uniform Push { vlmc_push_reglu push; };

int gate(uint gates, uint values, int i)
{
    return (max(byte_of(gates, i), 0) * byte_of(values, i) + 64) >> 7;
}

void main()
{
    const uint word = gl_GlobalInvocationID.x;
    if (word >= push.hidden_words)
        return;
    const uint position = gl_WorkGroupID.y;
    const uint at = position * 2u * push.hidden_words + word;
    const uint gates = gated[at], values = gated[at + push.hidden_words];
    result[position * push.hidden_words + word] =
        pack_bytes(gate(gates, values, 0), gate(gates, values, 1), gate(gates, values, 2),
                   gate(gates, values, 3));
}
