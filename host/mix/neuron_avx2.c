// SPDX-License-Identifier: Apache-2.0
#include "neuron.h"

#include <immintrin.h>

static int32_t sum_of(__m256i x)
{
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4E));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xB1));
    return _mm_cvtsi128_si32(half);
}

static void dot(int32_t *const *weights, uint32_t n_sets, const int32_t *inputs, uint32_t n,
                int32_t *sums)
{
    for (uint32_t s = 0; s < n_sets; s++) {
        const int32_t *at = weights[s];
        __m256i sum = _mm256_setzero_si256();
        for (uint32_t i = 0; i < n; i += VLMC_NEURON_LANES) {
            const __m256i w = _mm256_loadu_si256((const __m256i *)(const void *)(at + i));
            const __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(inputs + i));
            const __m256i product = _mm256_mullo_epi32(_mm256_srai_epi32(w, 4), x);
            sum = _mm256_add_epi32(sum, _mm256_srai_epi32(product, 4));
        }
        sums[s] = sum_of(sum);
    }
}

static void learn(int32_t *const *weights, uint32_t n_sets, const int32_t *inputs, uint32_t n,
                  const int32_t *steps)
{
    const __m256i round = _mm256_set1_epi32(1 << 13);
    const __m256i most = _mm256_set1_epi32(VLMC_WEIGHT_LIMIT);
    const __m256i least = _mm256_set1_epi32(-VLMC_WEIGHT_LIMIT);
    for (uint32_t s = 0; s < n_sets; s++) {
        const __m256i factor = _mm256_set1_epi32(steps[s]);
        for (uint32_t i = 0; i < n; i += VLMC_NEURON_LANES) {
            __m256i *at = (__m256i *)(void *)(weights[s] + i);
            const __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(inputs + i));
            const __m256i moved =
                _mm256_srai_epi32(_mm256_add_epi32(_mm256_mullo_epi32(x, factor), round), 14);
            const __m256i w = _mm256_add_epi32(_mm256_loadu_si256(at), moved);
            _mm256_storeu_si256(at, _mm256_max_epi32(least, _mm256_min_epi32(most, w)));
        }
    }
}

const vlmc_neuron_kernels *vlmc_neuron_kernels_avx2(void)
{
    static const vlmc_neuron_kernels kernels = {dot, learn};
    return &kernels;
}
