#version 450
// SPDX-License-Identifier: Apache-2.0
// Copies new keys and values into the ring of their stream. Workgroup (x, y): lanes along
// steps * head_words, unit y. The ring has room for the window and the steps of one dispatch, so
// no slot that a query of this dispatch reads is overwritten.
#extension GL_GOOGLE_include_directive : require
#include "push_constants.h"

layout(local_size_x_id = VLMC_SPEC_LANES) in;

// (n, (group + 2) * kv_heads, head_words): queries, keys, values
layout(binding = 0) readonly buffer Projections { uint projections[]; };
// (units, 2, capacity, head_words): keys, values
layout(binding = 1) writeonly buffer Ring { uint ring[]; };
layout(push_constant) uniform Push { vlmc_push_attention push; };

void main()
{
    const uint at = gl_GlobalInvocationID.x;
    if (at >= push.steps * push.head_words)
        return;
    const uint step_ = at / push.head_words, word = at % push.head_words;
    const uint unit = push.item_unit + gl_WorkGroupID.y;
    const uint stream = unit / push.kv_heads, head = unit % push.kv_heads;
    const uint position = stream * push.steps + step_;
    const uint heads = (push.group + 2u) * push.kv_heads;
    const uint key =
        (position * heads + push.group * push.kv_heads + head) * push.head_words + word;
    const uint slot = (push.first_slot + step_) % push.capacity;
    const uint half_ring = push.capacity * push.head_words;
    const uint to = (push.ring_unit + gl_WorkGroupID.y) * 2u * half_ring +
                    slot * push.head_words + word;
    ring[to] = projections[key];
    ring[to + half_ring] = projections[key + push.kv_heads * push.head_words];
}
