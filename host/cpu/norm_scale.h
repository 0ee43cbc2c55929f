// SPDX-License-Identifier: Apache-2.0
// The scalar half of vlmc_op_norm without loops, for the vector kernels.
#ifndef VLMC_CPU_NORM_SCALE_H
#define VLMC_CPU_NORM_SCALE_H

#include <stdint.h>

// y = clamp((x * factor + 2^(shift-1)) >> shift)
typedef struct vlmc_norm_scale {
    int32_t factor; // < 2^31
    int32_t shift;  // 19..41
} vlmc_norm_scale;

// floor(sqrt(x)) for x in [2^30, 2^32). The line (x / 2^30 + 2) / 3 is within 7 % of the root;
// two Newton steps leave less than 1, and the comparisons settle the rest.
static inline uint32_t vlmc_norm_isqrt(uint32_t x)
{
    uint32_t root = (x >> 15) / 3 + (1u << 16) / 3;
    root = (root + x / root) >> 1;
    root = (root + x / root) >> 1;
    while ((uint64_t)root * root > x)
        root--;
    while ((uint64_t)(root + 1) * (root + 1) <= x)
        root++;
    return root;
}

// sum: of the squares of a row; root_width as in vlmc_op_norm.
static inline vlmc_norm_scale vlmc_norm_scale_of(uint64_t sum, uint32_t root_width)
{
    if (sum == 0)
        sum = 1;
    const int32_t bits = 64 - __builtin_clzll(sum);
    const int32_t half = bits > 32 ? (bits - 31) / 2 : bits < 31 ? -((32 - bits) / 2) : 0;
    const uint32_t scaled = (uint32_t)(half > 0 ? sum >> (2 * half) : sum << (-2 * half));
    const uint32_t inverse = 0x80000000u / vlmc_norm_isqrt(scaled);
    return (vlmc_norm_scale){.factor = (int32_t)(inverse * root_width), .shift = 34 + half};
}

#endif
