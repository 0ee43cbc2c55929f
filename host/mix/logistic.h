// SPDX-License-Identifier: Apache-2.0
// The logistic domain in integers. Probabilities are 16 bits; stretch(p) = ln(p / (1-p)) in
// units of 1/256, -2816..2816.
#ifndef VLMC_MIX_LOGISTIC_H
#define VLMC_MIX_LOGISTIC_H

#include <stdint.h>

#define VLMC_STRETCH_MAX 2816

// 65536 / (1 + e^(-x/256)), 1..65535, monotonic; x is clamped to ±VLMC_STRETCH_MAX.
uint32_t vlmc_squash(int32_t x);

// Fills table[p] = the least x with vlmc_squash(x) >= p: the inverse of squash. // (65536)
void vlmc_stretch_table(int16_t *table);

#endif
