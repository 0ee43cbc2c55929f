// SPDX-License-Identifier: Apache-2.0
// Sliding-window attention over an int8 ring of keys and values, docs/numerics.md "Attention".
// Workgroup (step, unit, tile of up to four query heads, which share keys and values). Lanes share
// the keys, then pairs of output words. Nothing depends on the subgroup size.
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

const int Q = VLMC_QUERIES_MAX;
const int K = 4; // keys that a lane takes at once
const uint HEAD_WORDS_MAX = 32u;

shared int score[VLMC_SCORES_MAX]; // (queries, window)
shared uint query[Q * HEAD_WORDS_MAX];
shared int partial[Q * VLMC_LANES_MAX];
shared ivec4 partial_sum[2 * VLMC_LANES_MAX];

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

ivec4 bytes_of(uint word)
{
    return ivec4(byte_of(word, 0), byte_of(word, 1), byte_of(word, 2), byte_of(word, 3));
}

// The scores of `queries` query heads, and the largest of each.
void find_scores(uint lane, uint lanes, uint queries, uint count, uint slot, uint keys,
                 uint biases, out int largest[Q])
{
    for (int q = 0; q < Q; q++)
        largest[q] = -0x7FFFFFFF;
    for (uint first = lane; first < count; first += lanes * K) {
        uint key[K];
        int sum[Q][K];
        for (int k = 0; k < K; k++) {
            key[k] = keys + slot_at(slot, min(first + k * lanes, count - 1u)) * push.head_words;
            for (int q = 0; q < Q; q++)
                sum[q][k] = 0;
        }
        for (uint j = 0u; j < push.head_words; j++) {
            uint word[K];
            for (int k = 0; k < K; k++)
                word[k] = ring[key[k] + j];
            for (int q = 0; q < Q; q++) {
                const uint x = query[q * HEAD_WORDS_MAX + j];
                for (int k = 0; k < K; k++)
                    sum[q][k] = dot_add(sum[q][k], x, word[k]);
            }
        }
        for (int q = 0; q < Q; q++)
            for (int k = 0; k < K; k++) {
                const uint i = first + k * lanes;
                if (q < queries && i < count) {
                    const int value = sum[q][k] + bias[biases + q * push.window + i];
                    score[q * push.window + i] = value;
                    largest[q] = max(largest[q], value);
                }
            }
    }
    for (int q = 0; q < Q; q++)
        partial[q * VLMC_LANES_MAX + lane] = largest[q];
    barrier();
    for (uint i = 0u; i < lanes; i++)
        for (int q = 0; q < Q; q++)
            largest[q] = max(largest[q], partial[q * VLMC_LANES_MAX + i]);
    barrier();
}

// Replaces the scores by their weights; the sums of those.
void weigh(uint lane, uint lanes, uint queries, uint count, int largest[Q], out int total[Q])
{
    for (int q = 0; q < Q; q++) {
        total[q] = 0;
        for (uint i = q < queries ? lane : count; i < count; i += lanes) {
            const uint at = q * push.window + i;
            const int e = weight_of(largest[q] - score[at]);
            score[at] = e;
            total[q] += e;
        }
        partial[q * VLMC_LANES_MAX + lane] = total[q];
        total[q] = 0;
    }
    barrier();
    for (uint i = 0u; i < lanes; i++)
        for (int q = 0; q < Q; q++)
            total[q] += partial[q * VLMC_LANES_MAX + i];
}

uint finish_word(ivec4 sum, int total)
{
    const int excess = max(findMSB(total) - 15, 0);
    const int reciprocal = 0x7FFFFFFF / (total >> excess);
    const uint shift = 30u + uint(excess);
    return pack_bytes(clamp(multiply_shift(sum.x, reciprocal, shift), -127, 127),
                      clamp(multiply_shift(sum.y, reciprocal, shift), -127, 127),
                      clamp(multiply_shift(sum.z, reciprocal, shift), -127, 127),
                      clamp(multiply_shift(sum.w, reciprocal, shift), -127, 127));
}

// Output words 2 * pair and 2 * pair + 1 of all queries, from every splits-th key.
void weighted_sums(bool busy, uint pair, uint split, uint splits, uint queries, uint count,
                   uint slot, uint values, out ivec4 sum[Q][2])
{
    for (int q = 0; q < Q; q++) {
        sum[q][0] = ivec4(0);
        sum[q][1] = ivec4(0);
    }
    for (uint i = busy ? split : count; i < count; i += splits) {
        const uint at = values + slot_at(slot, i) * push.head_words + 2u * pair;
        const ivec4 a = bytes_of(ring[at]), b = bytes_of(ring[at + 1u]);
        for (int q = 0; q < Q; q++) {
            const int e = score[min(uint(q), queries - 1u) * push.window + i];
            sum[q][0] += e * a;
            sum[q][1] += e * b;
        }
    }
}

void main()
{
    const uint lane = gl_LocalInvocationID.x, lanes = gl_WorkGroupSize.x;
    const uint step_ = gl_WorkGroupID.x;
    const uint unit = push.item_unit + gl_WorkGroupID.y;
    const uint stream = unit / push.kv_heads, kv_head = unit % push.kv_heads;
    const uint first_query = gl_WorkGroupID.z * push.tile;
    const uint queries = min(push.tile, push.group - first_query);
    const uint head = kv_head * push.group + first_query;
    const uint heads = push.group * push.kv_heads;
    const uint position = stream * push.steps + step_;
    const uint count = min(push.seen + step_ + 1u, push.window);
    const uint slot = (push.first_slot + step_) % push.capacity;
    const uint keys = (push.ring_unit + gl_WorkGroupID.y) * 2u * push.capacity * push.head_words;
    const uint values = keys + push.capacity * push.head_words;

    const uint from = (position * (heads + 2u * push.kv_heads) + head) * push.head_words;
    for (uint q = 0u; q < Q; q++)
        for (uint j = lane; j < push.head_words; j += lanes)
            query[q * HEAD_WORDS_MAX + j] =
                q < queries ? projections[from + q * push.head_words + j] : 0u;
    barrier();
    int largest[Q], total[Q];
    find_scores(lane, lanes, queries, count, slot, keys, VLMC_EXP2_WORDS + head * push.window,
                largest);
    weigh(lane, lanes, queries, count, largest, total);

    // Lanes take pairs of output words; lanes beyond those split the keys.
    const uint pairs = push.head_words / 2u;
    const uint splits = max(1u, lanes / pairs), split = lane / pairs;
    for (uint first = 0u; first < pairs; first += lanes) {
        const uint pair = first + lane % pairs;
        const bool busy = pair < pairs && split < splits;
        ivec4 sum[Q][2];
        weighted_sums(busy, pair, split, splits, queries, count, slot, values, sum);
        for (int q = 0; q < Q; q++) {
            if (splits > 1u) { // the same for the whole workgroup
                partial_sum[2u * lane] = sum[q][0];
                partial_sum[2u * lane + 1u] = sum[q][1];
                barrier();
                for (uint i = 1u; i < splits && split == 0u; i++) {
                    sum[q][0] += partial_sum[2u * (lane + i * pairs)];
                    sum[q][1] += partial_sum[2u * (lane + i * pairs) + 1u];
                }
                barrier();
            }
            if (busy && split == 0u && q < queries) {
                const uint to = (position * heads + head + q) * push.head_words + 2u * pair;
                // A loop: written out twice, SwiftShader compiles for seconds.
                for (int word = 0; word < 2; word++)
                    result[to + word] = finish_word(sum[q][word], total[q]);
            }
        }
    }
}
