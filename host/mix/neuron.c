// SPDX-License-Identifier: Apache-2.0
#include "neuron.h"

static int32_t dot(const int32_t *weights, const int32_t *inputs, uint32_t n)
{
    int32_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += (weights[i] >> 4) * inputs[i] >> 4;
    return sum;
}

static void learn(int32_t *weights, const int32_t *inputs, uint32_t n, int32_t step)
{
    for (uint32_t i = 0; i < n; i++) {
        const int32_t w = weights[i] + ((inputs[i] * step + (1 << 13)) >> 14);
        weights[i] = w > VLMC_WEIGHT_LIMIT    ? VLMC_WEIGHT_LIMIT
                     : w < -VLMC_WEIGHT_LIMIT ? -VLMC_WEIGHT_LIMIT
                                              : w;
    }
}

const vlmc_neuron_kernels vlmc_neuron_kernels_plain = {dot, learn};

const vlmc_neuron_kernels *vlmc_neuron_kernels_best(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return vlmc_neuron_kernels_avx2();
#endif
    return &vlmc_neuron_kernels_plain;
}
