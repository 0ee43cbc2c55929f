// SPDX-License-Identifier: Apache-2.0
// The arithmetic of one set of mixing weights. docs/numerics.md, "Mixing".
//
// Lengths are multiples of VLMC_NEURON_LANES; 1..VLMC_NEURON_INPUTS_MAX. Weights are 16.16,
// |w| <= VLMC_WEIGHT_LIMIT; inputs |x| <= 2816. All functions are pure but for what they write.
#ifndef VLMC_MIX_NEURON_H
#define VLMC_MIX_NEURON_H

#include <stdint.h>

#define VLMC_NEURON_LANES 8u
#define VLMC_NEURON_INPUTS_MAX 296u
#define VLMC_WEIGHT_ONE 65536
#define VLMC_WEIGHT_LIMIT ((1 << 19) - 1) // below 8

typedef struct vlmc_neuron_kernels {
    // Of each of n_sets sets of weights // (n_sets)(n): Σ ((w[i] >> 4) * x[i] >> 4), about the
    // weighted sum * 2^8. Each term is at most 2^15 * 2816 / 16 < 2^22.5, so 296 of them stay below
    // 2^31.
    void (*dot)(int32_t *const *weights, uint32_t n_sets, const int32_t *inputs, uint32_t n,
                int32_t *sums);

    // Of each set, which are apart: w[i] += (x[i] * step + 2^13) >> 14, clamped; |step| <= 2^19:
    // the product is below 2^31. // steps (n_sets)
    void (*learn)(int32_t *const *weights, uint32_t n_sets, const int32_t *inputs, uint32_t n,
                  const int32_t *steps);
} vlmc_neuron_kernels;

extern const vlmc_neuron_kernels vlmc_neuron_kernels_plain;

// In builds for x86-64 only.
const vlmc_neuron_kernels *vlmc_neuron_kernels_avx2(void);
const vlmc_neuron_kernels *vlmc_neuron_kernels_avx512(void);

// The fastest that this machine can run. [thread-safe]
const vlmc_neuron_kernels *vlmc_neuron_kernels_best(void);

#endif
