// SPDX-License-Identifier: Apache-2.0
#include "mix/neuron.h"

#include <criterion/criterion.h>
#include <string.h>

static uint32_t next_random(uint32_t *state)
{
    return *state = *state * 1664525u + 1013904223u;
}

Test(neuron, the_fastest_kernels_compute_what_the_plain_ones_do)
{
    const vlmc_neuron_kernels *fast = vlmc_neuron_kernels_best();
    const vlmc_neuron_kernels *plain = &vlmc_neuron_kernels_plain;
    int32_t weights[VLMC_NEURON_INPUTS_MAX], other[VLMC_NEURON_INPUTS_MAX];
    int32_t inputs[VLMC_NEURON_INPUTS_MAX];
    uint32_t state = 1;
    for (uint32_t round = 0; round < 2000; round++) {
        const uint32_t n = VLMC_NEURON_LANES * (1 + round % (VLMC_NEURON_INPUTS_MAX / 8));
        const int extreme = round % 7 == 0;
        for (uint32_t i = 0; i < n; i++) {
            const uint32_t r = next_random(&state) >> 8;
            weights[i] = extreme ? (r & 1 ? VLMC_WEIGHT_LIMIT : -VLMC_WEIGHT_LIMIT)
                                 : (int32_t)(r % (2 * VLMC_WEIGHT_LIMIT)) - VLMC_WEIGHT_LIMIT;
            inputs[i] = extreme ? (r & 2 ? 2816 : -2816) : (int32_t)(r % 5633) - 2816;
        }
        memcpy(other, weights, sizeof weights);
        cr_assert_eq(fast->dot(weights, inputs, n), plain->dot(weights, inputs, n));
        const int32_t step = (int32_t)(next_random(&state) >> 8) % (1 << 19) - (1 << 18);
        fast->learn(weights, inputs, n, extreme ? 1 << 19 : step);
        plain->learn(other, inputs, n, extreme ? 1 << 19 : step);
        cr_assert(memcmp(weights, other, n * sizeof *weights) == 0);
        for (uint32_t i = 0; i < n; i++)
            cr_assert(weights[i] <= VLMC_WEIGHT_LIMIT && weights[i] >= -VLMC_WEIGHT_LIMIT);
    }
}
