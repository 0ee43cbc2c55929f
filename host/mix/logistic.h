// SPDX-License-Identifier: Apache-2.0
// The logistic domain in integers. Probabilities are 16 bits; stretch(p) = ln(p / (1-p)) in
// units of 1/256, -2816..2816.
#ifndef VLMC_MIX_LOGISTIC_H
#define VLMC_MIX_LOGISTIC_H

#include <stdint.h>

#define VLMC_STRETCH_MAX 2816

// round(2^20 / (1 + e^(-x/256))) for x = -2816, -2752 … 2816.
extern const uint32_t vlmc_squash_nodes[2 * VLMC_STRETCH_MAX / 64 + 1];

// 65536 / (1 + e^(-x/256)), 1..65535, monotonic; x is clamped to ±VLMC_STRETCH_MAX.
static inline uint32_t vlmc_squash(int32_t x)
{
    if (x >= VLMC_STRETCH_MAX)
        x = VLMC_STRETCH_MAX - 1;
    if (x < -VLMC_STRETCH_MAX)
        x = -VLMC_STRETCH_MAX;
    const uint32_t at = (uint32_t)(x + VLMC_STRETCH_MAX), i = at >> 6, f = at & 63;
    const uint32_t p = (vlmc_squash_nodes[i] * (64 - f) + vlmc_squash_nodes[i + 1] * f + 512) >> 10;
    return p < 1 ? 1 : p > 65535 ? 65535 : p;
}

// Fills table[p] = the least x with vlmc_squash(x) >= p: the inverse of squash. // (65536)
void vlmc_stretch_table(int16_t *table);

#endif
