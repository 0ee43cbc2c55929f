// SPDX-License-Identifier: Apache-2.0
#include "mix/neuron.h"

#include <criterion/criterion.h>
#include <string.h>

static uint32_t next_random(uint32_t *state)
{
    return *state = *state * 1664525u + 1013904223u;
}

enum { SETS = 7, ROUNDS = 600 };

typedef struct sets {
    int32_t weights[SETS][VLMC_NEURON_INPUTS_MAX];
    int32_t *at[SETS];
} sets;

static void fill(sets *s, int32_t *inputs, uint32_t n, int extreme, uint32_t *state)
{
    for (uint32_t k = 0; k < SETS; k++) {
        s->at[k] = s->weights[k];
        for (uint32_t i = 0; i < n; i++) {
            const uint32_t r = next_random(state) >> 8;
            s->weights[k][i] = extreme ? (r & 1 ? VLMC_WEIGHT_LIMIT : -VLMC_WEIGHT_LIMIT)
                                       : (int32_t)(r % (2 * VLMC_WEIGHT_LIMIT)) - VLMC_WEIGHT_LIMIT;
            inputs[i] = extreme ? (r & 2 ? 2816 : -2816) : (int32_t)(r % 5633) - 2816;
        }
    }
}

static void compare(const vlmc_neuron_kernels *fast)
{
    const vlmc_neuron_kernels *plain = &vlmc_neuron_kernels_plain;
    static sets a, b;
    int32_t inputs[VLMC_NEURON_INPUTS_MAX], steps[SETS], sums[SETS], others[SETS];
    uint32_t state = 1;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        const uint32_t n = VLMC_NEURON_LANES * (1 + round % (VLMC_NEURON_INPUTS_MAX / 8));
        const uint32_t n_sets = 1 + round % SETS;
        const int extreme = round % 7 == 0;
        fill(&a, inputs, n, extreme, &state);
        for (uint32_t k = 0; k < SETS; k++) {
            memcpy(b.weights[k], a.weights[k], sizeof a.weights[k]);
            b.at[k] = b.weights[k];
            const int32_t step = (int32_t)(next_random(&state) >> 8) % (1 << 19) - (1 << 18);
            steps[k] = extreme ? 1 << 19 : step;
        }
        fast->dot(a.at, n_sets, inputs, n, sums);
        plain->dot(b.at, n_sets, inputs, n, others);
        cr_assert(memcmp(sums, others, n_sets * sizeof *sums) == 0, "%u inputs", n);
        fast->learn(a.at, n_sets, inputs, n, steps);
        plain->learn(b.at, n_sets, inputs, n, steps);
        cr_assert(memcmp(a.weights, b.weights, sizeof a.weights) == 0, "%u inputs", n);
        for (uint32_t i = 0; i < n; i++)
            cr_assert(a.weights[0][i] <= VLMC_WEIGHT_LIMIT &&
                      a.weights[0][i] >= -VLMC_WEIGHT_LIMIT);
    }
}

Test(neuron, the_fastest_kernels_compute_what_the_plain_ones_do)
{
    compare(vlmc_neuron_kernels_best());
}

#if defined(__x86_64__)
Test(neuron, avx2_kernels_compute_what_the_plain_ones_do)
{
    if (__builtin_cpu_supports("avx2"))
        compare(vlmc_neuron_kernels_avx2());
    else
        cr_log_warn("no AVX2 here: not tested");
}
#endif
