// SPDX-License-Identifier: Apache-2.0
#include "neuron.h"

#include "util/processor.h"

static void dot(int32_t *const *weights, uint32_t n_sets, const int32_t *inputs, uint32_t n,
                int32_t *sums)
{
    for (uint32_t s = 0; s < n_sets; s++) {
        sums[s] = 0;
        for (uint32_t i = 0; i < n; i++)
            sums[s] += (weights[s][i] >> 4) * inputs[i] >> 4;
    }
}

static void learn(int32_t *const *weights, uint32_t n_sets, const int32_t *inputs, uint32_t n,
                  const int32_t *steps)
{
    for (uint32_t s = 0; s < n_sets; s++)
        for (uint32_t i = 0; i < n; i++) {
            const int32_t w = weights[s][i] + ((inputs[i] * steps[s] + (1 << 13)) >> 14);
            weights[s][i] = w > VLMC_WEIGHT_LIMIT    ? VLMC_WEIGHT_LIMIT
                            : w < -VLMC_WEIGHT_LIMIT ? -VLMC_WEIGHT_LIMIT
                                                     : w;
        }
}

const vlmc_neuron_kernels vlmc_neuron_kernels_plain = {dot, learn};

const vlmc_neuron_kernels *vlmc_neuron_kernels_best(void)
{
#if defined(__x86_64__)
    if (vlmc_processor_avx512())
        return vlmc_neuron_kernels_avx512();
    if (vlmc_processor_avx2())
        return vlmc_neuron_kernels_avx2();
#endif
    return &vlmc_neuron_kernels_plain;
}
