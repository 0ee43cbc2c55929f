// SPDX-License-Identifier: Apache-2.0
#include "neuron.h"

#include <immintrin.h>

#define LANES 16u

// The lanes of 16 from i on that there are: all, or at the end the low eight.
static __mmask16 lanes_at(uint32_t i, uint32_t n)
{
    return n - i < LANES ? 0x00FF : 0xFFFF;
}

static void dot(int32_t *const *weights, uint32_t n_sets, const int32_t *inputs, uint32_t n,
                int32_t *sums)
{
    for (uint32_t s = 0; s < n_sets; s++) {
        const int32_t *at = weights[s];
        __m512i sum = _mm512_setzero_si512();
        for (uint32_t i = 0; i < n; i += LANES) {
            const __mmask16 lanes = lanes_at(i, n);
            const __m512i w = _mm512_maskz_loadu_epi32(lanes, at + i);
            const __m512i x = _mm512_maskz_loadu_epi32(lanes, inputs + i);
            const __m512i product = _mm512_mullo_epi32(_mm512_srai_epi32(w, 4), x);
            sum = _mm512_add_epi32(sum, _mm512_srai_epi32(product, 4));
        }
        sums[s] = _mm512_reduce_add_epi32(sum);
    }
}

static void learn(int32_t *const *weights, uint32_t n_sets, const int32_t *inputs, uint32_t n,
                  const int32_t *steps)
{
    const __m512i round = _mm512_set1_epi32(1 << 13);
    const __m512i most = _mm512_set1_epi32(VLMC_WEIGHT_LIMIT);
    const __m512i least = _mm512_set1_epi32(-VLMC_WEIGHT_LIMIT);
    for (uint32_t s = 0; s < n_sets; s++) {
        int32_t *at = weights[s];
        const __m512i factor = _mm512_set1_epi32(steps[s]);
        for (uint32_t i = 0; i < n; i += LANES) {
            const __mmask16 lanes = lanes_at(i, n);
            const __m512i x = _mm512_maskz_loadu_epi32(lanes, inputs + i);
            const __m512i moved =
                _mm512_srai_epi32(_mm512_add_epi32(_mm512_mullo_epi32(x, factor), round), 14);
            const __m512i w = _mm512_add_epi32(_mm512_maskz_loadu_epi32(lanes, at + i), moved);
            _mm512_mask_storeu_epi32(at + i, lanes,
                                     _mm512_max_epi32(least, _mm512_min_epi32(most, w)));
        }
    }
}

const vlmc_neuron_kernels *vlmc_neuron_kernels_avx512(void)
{
    static const vlmc_neuron_kernels kernels = {dot, learn};
    return &kernels;
}
