// SPDX-License-Identifier: Apache-2.0
// Sliding-window attention over an int8 ring of keys and values, docs/numerics.md "Attention".
// Workgroup (step, unit, query head of the group). Lanes share the keys of a query, then its
// output words. Nothing depends on the subgroup size.
// Bounds: |score| <= 127² * 128 + 2^24; |A| <= 2^14 * 127 * 1024 < 2^31; A * R < 2^48.
#extension GL_GOOGLE_include_directive : require
#include "dot.glsl"
#include "push_constants.h"

layout(local_size_x_id = VLMC_SPEC_LANES) in;

// (n, (group + 2) * kv_heads, head_words): queries, keys, values
layout(binding = 0) readonly buffer Projections { uint projections[]; };
layout(binding = 1) readonly buffer Ring { uint ring[]; }; // (units, 2, capacity, head_words)
layout(binding = 2) readonly buffer Bias { int bias[]; };  // exp2 table (256), (heads, window)
layout(binding = 3) writeonly buffer Output { uint result[]; }; // (n, heads * head_words)
layout(push_constant) uniform Push { vlmc_push_attention push; };

shared int score[VLMC_SCORES_MAX];
shared uint query[32];
shared int partial[VLMC_LANES_MAX];
shared ivec4 partial_sum[VLMC_LANES_MAX];

// Ring slot of the position at distance i from the query in `slot`.
uint slot_at(uint slot, uint i)
{
    return slot >= i ? slot - i : slot + push.capacity - i;
}

int weight_of(int gap)
{
    const uint octave = uint(gap) >> 12;
    return octave > 14u ? 0 : bias[(gap >> 4) & 255] >> octave;
}

int largest_score(uint lane, uint lanes, uint count, uint slot, uint keys, uint biases)
{
    int largest = -0x7FFFFFFF;
    for (uint i = lane; i < count; i += lanes) {
        const uint key = keys + slot_at(slot, i) * push.head_words;
        int sum = bias[biases + i];
        for (uint j = 0u; j < push.head_words; j++)
            sum = dot_add(sum, query[j], ring[key + j]);
        score[i] = sum;
        largest = max(largest, sum);
    }
    partial[lane] = largest;
    barrier();
    for (uint i = 0u; i < lanes; i++)
        largest = max(largest, partial[i]);
    barrier();
    return largest;
}

// Replaces the scores by their weights and returns the sum of those.
int total_weight(uint lane, uint lanes, uint count, int largest)
{
    int total = 0;
    for (uint i = lane; i < count; i += lanes) {
        const int e = weight_of(largest - score[i]);
        score[i] = e;
        total += e;
    }
    partial[lane] = total;
    barrier();
    total = 0;
    for (uint i = 0u; i < lanes; i++)
        total += partial[i];
    return total;
}

void main()
{
    const uint lane = gl_LocalInvocationID.x, lanes = gl_WorkGroupSize.x;
    const uint step_ = gl_WorkGroupID.x;
    const uint unit = push.item_unit + gl_WorkGroupID.y;
    const uint stream = unit / push.kv_heads, kv_head = unit % push.kv_heads;
    const uint head = kv_head * push.group + gl_WorkGroupID.z;
    const uint heads = push.group * push.kv_heads;
    const uint position = stream * push.steps + step_;
    const uint count = min(push.seen + step_ + 1u, push.window);
    const uint slot = (push.first_slot + step_) % push.capacity;
    const uint keys = (push.ring_unit + gl_WorkGroupID.y) * 2u * push.capacity * push.head_words;
    const uint values = keys + push.capacity * push.head_words;

    for (uint j = lane; j < push.head_words; j += lanes)
        query[j] = projections[(position * (heads + 2u * push.kv_heads) + head) * push.head_words + j];
    barrier();
    const int largest = largest_score(lane, lanes, count, slot, keys,
                                      VLMC_EXP2_WORDS + head * push.window);
    const int total = total_weight(lane, lanes, count, largest);
    const int excess = max(findMSB(total) - 15, 0);
    const int reciprocal = 0x7FFFFFFF / (total >> excess);

    // Lanes take output words; lanes beyond those split the keys.
    const uint splits = max(1u, lanes / push.head_words);
    const uint split = lane / push.head_words;
    for (uint first = 0u; first < push.head_words; first += lanes) {
        const uint word = first + lane % push.head_words;
        const bool busy = word < push.head_words && split < splits;
        ivec4 sum = ivec4(0);
        for (uint i = busy ? split : count; i < count; i += splits) {
            const uint v = ring[values + slot_at(slot, i) * push.head_words + word];
            sum += score[i] * ivec4(byte_of(v, 0), byte_of(v, 1), byte_of(v, 2), byte_of(v, 3));
        }
        partial_sum[lane] = sum;
        barrier();
        if (busy && split == 0u) {
            for (uint i = 1u; i < splits; i++)
                sum += partial_sum[lane + i * push.head_words];
            const uint shift = 30u + uint(excess);
            result[(position * heads + head) * push.head_words + word] =
                pack_bytes(clamp(multiply_shift(sum.x, reciprocal, shift), -127, 127),
                           clamp(multiply_shift(sum.y, reciprocal, shift), -127, 127),
                           clamp(multiply_shift(sum.z, reciprocal, shift), -127, 127),
                           clamp(multiply_shift(sum.w, reciprocal, shift), -127, 127));
        }
        barrier();
    }
}
