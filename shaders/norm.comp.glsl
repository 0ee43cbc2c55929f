#version 450
// SPDX-License-Identifier: Apache-2.0
// RMSNorm by integer reciprocal square root, docs/numerics.md "Norm". One workgroup per position.
// Bounds: the sum of squares is at most 2^30 * 2^13, kept as two sums of 16-bit halves, each below
// 2^29; factor < 2^31.
#extension GL_GOOGLE_include_directive : require
#include "integer.glsl"
#include "push_constants.h"

layout(local_size_x_id = VLMC_SPEC_LANES) in;

layout(binding = 0) readonly buffer Residual { uint residual[]; }; // (n, width_words) int16
layout(binding = 1) writeonly buffer Output { uint result[]; };    // (n, width_words / 2) int8
layout(push_constant) uniform Push { vlmc_push_norm push; };

shared uint partial_low[VLMC_LANES_MAX];
shared uint partial_high[VLMC_LANES_MAX];

uint isqrt(uint x)
{
    uint root = 0u;
    for (uint bit = 1u << 15; bit != 0u; bit >>= 1) {
        const uint trial = root | bit;
        if (trial * trial <= x)
            root = trial;
    }
    return root;
}

void main()
{
    const uint lane = gl_LocalInvocationID.x, lanes = gl_WorkGroupSize.x;
    const uint from = gl_WorkGroupID.x * push.width_words;

    uint low = 0u, high = 0u;
    for (uint i = lane; i < push.width_words; i += lanes) {
        const uint word = residual[from + i];
        const int a = half_of(word, 0), b = half_of(word, 1);
        const uint aa = uint(a * a), bb = uint(b * b);
        low += (aa & 0xFFFFu) + (bb & 0xFFFFu);
        high += (aa >> 16) + (bb >> 16);
    }
    partial_low[lane] = low;
    partial_high[lane] = high;
    barrier();
    low = 0u;
    high = 0u;
    for (uint i = 0u; i < lanes; i++) {
        low += partial_low[i];
        high += partial_high[i];
    }

    // The 64-bit sum in two words, at least 1.
    uint sum = (high << 16) + low;
    uint top = (high >> 16) + (sum < low ? 1u : 0u);
    if ((sum | top) == 0u)
        sum = 1u;
    uint shift = 34u;
    while (top != 0u) {
        sum = sum >> 2 | top << 30;
        top >>= 2;
        shift++;
    }
    while (sum < 1u << 30) {
        sum <<= 2;
        shift--;
    }
    const int factor = int(0x80000000u / isqrt(sum) * push.root_width);

    for (uint i = lane; i < push.width_words / 2u; i += lanes) {
        const uint first = residual[from + 2u * i], second = residual[from + 2u * i + 1u];
        result[from / 2u + i] =
            pack_bytes(clamp(multiply_shift(half_of(first, 0), factor, shift), -127, 127),
                       clamp(multiply_shift(half_of(first, 1), factor, shift), -127, 127),
                       clamp(multiply_shift(half_of(second, 0), factor, shift), -127, 127),
                       clamp(multiply_shift(half_of(second, 1), factor, shift), -127, 127));
    }
}
