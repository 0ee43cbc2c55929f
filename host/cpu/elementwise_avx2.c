// SPDX-License-Identifier: Apache-2.0
// Norm, gated ReLU and frequencies with AVX2.
#if defined(__x86_64__)
#include "avx2.h"
#include "norm_scale.h"
#include "ops.h"

void vlmc_avx2_reglu(uint32_t n, uint32_t hidden, const int8_t *gated, int8_t *y)
{
    const __m256i zero = _mm256_setzero_si256(), half = _mm256_set1_epi16(64);
    for (uint32_t p = 0; p < n; p++, gated += 2 * (size_t)hidden, y += hidden)
        for (uint32_t i = 0; i < hidden; i += 16) {
            const __m256i gate = _mm256_max_epi16(load_words(gated + i), zero);
            __m256i product = _mm256_mullo_epi16(gate, load_words(gated + hidden + i));
            product = _mm256_srai_epi16(_mm256_add_epi16(product, half), 7);
            _mm_storeu_si128((void *)(y + i),
                             _mm_packs_epi16(_mm256_castsi256_si128(product),
                                             _mm256_extracti128_si256(product, 1)));
        }
}

// Sums of 32-bit values need 64 bits.
VLMC_INLINE __m256i add_wide(__m256i total, __m256i v)
{
    const __m256i even = _mm256_and_si256(v, _mm256_set1_epi64x(0xFFFFFFFF));
    return _mm256_add_epi64(total, _mm256_add_epi64(even, _mm256_srli_epi64(v, 32)));
}

static uint64_t sum_of_squares(const int16_t *x, uint32_t width)
{
    __m256i total = _mm256_setzero_si256();
    for (uint32_t i = 0; i < width; i += 16) {
        const __m256i v = _mm256_loadu_si256((const void *)(x + i));
        total = add_wide(total, _mm256_madd_epi16(v, v)); // <= 2 * 32767² < 2^31
    }
    return sum_wide_lanes(total);
}

void vlmc_avx2_norm(uint32_t n, uint32_t width, const int16_t *x, int8_t *y)
{
    const uint32_t root_width = vlmc_op_isqrt(width << 16);
    for (uint32_t p = 0; p < n; p++, x += width, y += width) {
        // |x * factor| < 2^46 and shift <= 41, as scale_uniform wants.
        const vlmc_norm_scale scale = vlmc_norm_scale_of(sum_of_squares(x, width), root_width);
        const __m256i factor = _mm256_set1_epi32(scale.factor);
        const __m256i round = _mm256_set1_epi64x((INT64_C(1) << (scale.shift - 1)) +
                                                 (INT64_C(1) << VLMC_AVX2_LIFT_BITS));
        const __m256i lift = _mm256_set1_epi32(
            (int32_t)(uint32_t)(UINT64_C(1) << (VLMC_AVX2_LIFT_BITS - scale.shift)));
        const __m128i shift = _mm_cvtsi32_si128(scale.shift);
        for (uint32_t i = 0; i < width; i += 16) {
            const __m256i v = _mm256_loadu_si256((const void *)(x + i));
            const __m256i low = _mm256_cvtepi16_epi32(_mm256_castsi256_si128(v));
            const __m256i high = _mm256_cvtepi16_epi32(_mm256_extracti128_si256(v, 1));
            const lanes16 scaled = {scale_uniform(low, factor, round, shift, lift),
                                    scale_uniform(high, factor, round, shift, lift)};
            _mm_storeu_si128((void *)(y + i), pack_int8(scaled));
        }
    }
}

static int32_t largest_logit(uint32_t vocab, const int16_t *logits)
{
    __m256i best = _mm256_set1_epi32(INT32_MIN);
    for (uint32_t i = 0; i < vocab; i += 8)
        best = _mm256_max_epi32(best,
                                _mm256_cvtepi16_epi32(_mm_loadu_si128((const void *)(logits + i))));
    return largest_lane(best);
}

// Fills `raw` // (vocab) with 2^24 * 2^(-gap/1024) and returns the factor that makes the weights
// sum to nearly 2^24. It is below 2^32, since the largest logit alone has the raw weight 2^24.
static uint32_t fill_raw(uint32_t vocab, const int16_t *logits, int32_t largest, uint32_t *raw)
{
    const __m256i top = _mm256_set1_epi32(largest);
    __m256i total = _mm256_setzero_si256();
    for (uint32_t i = 0; i < vocab; i += 8) {
        const __m256i v = _mm256_cvtepi16_epi32(_mm_loadu_si128((const void *)(logits + i)));
        const __m256i gap = _mm256_sub_epi32(top, v);
        const __m256i entry = _mm256_i32gather_epi32(
            (const void *)vlmc_exp2_fine_table, _mm256_and_si256(gap, _mm256_set1_epi32(1023)), 4);
        const __m256i weight = _mm256_srlv_epi32(entry, _mm256_srli_epi32(gap, 10));
        _mm256_storeu_si256((void *)(raw + i), weight);
        total = add_wide(total, weight);
    }
    return (uint32_t)(((uint64_t)((1u << VLMC_FREQUENCY_BITS) - vocab) << 32) /
                      sum_wide_lanes(total));
}

// 1 + (raw * scale >> 32)
VLMC_INLINE __m256i scaled_weights(const uint32_t *raw, __m256i scale)
{
    const __m256i v = _mm256_loadu_si256((const void *)raw);
    const __m256i even = _mm256_srli_epi64(_mm256_mul_epu32(v, scale), 32);
    const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(v, 32), scale);
    return _mm256_add_epi32(_mm256_blend_epi32(even, odd, 0xAA), _mm256_set1_epi32(1));
}

static uint32_t first_of(uint32_t vocab, const int16_t *logits, int32_t value)
{
    for (uint32_t i = 0; i < vocab; i++)
        if (logits[i] == value)
            return i;
    return 0;
}

void vlmc_avx2_frequencies(uint32_t vocab, const int16_t *logits, uint32_t *frequencies)
{
    if (vocab % 8) {
        vlmc_op_frequencies(vocab, logits, frequencies);
        return;
    }
    const int32_t largest = largest_logit(vocab, logits);
    const __m256i scale = _mm256_set1_epi64x(fill_raw(vocab, logits, largest, frequencies));
    __m256i sum = _mm256_setzero_si256();
    for (uint32_t i = 0; i < vocab; i += 8) {
        const __m256i v = scaled_weights(frequencies + i, scale);
        _mm256_storeu_si256((void *)(frequencies + i), v);
        sum = _mm256_add_epi32(sum, v);
    }
    frequencies[first_of(vocab, logits, largest)] += (1u << VLMC_FREQUENCY_BITS) - sum_lanes(sum);
}
#endif
