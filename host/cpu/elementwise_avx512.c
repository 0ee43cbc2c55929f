// SPDX-License-Identifier: Apache-2.0
// Norm, gated ReLU and frequencies with AVX-512.
#if defined(__x86_64__)
#include "avx512.h"
#include "norm_scale.h"
#include "ops.h"

void vlmc_avx512_reglu(uint32_t n, uint32_t hidden, const int8_t *gated, int8_t *y)
{
    const __m512i zero = _mm512_setzero_si512(), half = _mm512_set1_epi16(64);
    for (uint32_t p = 0; p < n; p++, gated += 2 * (size_t)hidden, y += hidden)
        for (uint32_t i = 0; i < hidden; i += 32) { // hidden is a multiple of 32
            const __m256i g = _mm256_loadu_si256((const void *)(gated + i));
            const __m256i u = _mm256_loadu_si256((const void *)(gated + hidden + i));
            __m512i product = _mm512_mullo_epi16(_mm512_max_epi16(_mm512_cvtepi8_epi16(g), zero),
                                                 _mm512_cvtepi8_epi16(u));
            product = _mm512_srai_epi16(_mm512_add_epi16(product, half), 7);
            _mm256_storeu_si256((void *)(y + i), _mm512_cvtepi16_epi8(product));
        }
}

static uint64_t sum_of_squares(const int16_t *x, uint32_t width)
{
    const __m512i low = _mm512_set1_epi64(0xFFFFFFFF);
    __m512i even = _mm512_setzero_si512(), odd = even;
    for (uint32_t i = 0; i < width; i += 32) {
        const __m512i v = _mm512_loadu_si512(x + i);
        const __m512i pair = _mm512_madd_epi16(v, v); // <= 2 * 32767² < 2^31
        even = _mm512_add_epi64(even, _mm512_and_si512(pair, low));
        odd = _mm512_add_epi64(odd, _mm512_srli_epi64(pair, 32));
    }
    return (uint64_t)_mm512_reduce_add_epi64(_mm512_add_epi64(even, odd));
}

void vlmc_avx512_norm(uint32_t n, uint32_t width, const int16_t *x, int8_t *y)
{
    const uint32_t root_width = vlmc_op_isqrt(width << 16);
    const __m512i lowest = _mm512_set1_epi32(-VLMC_INT8_MAX);
    for (uint32_t p = 0; p < n; p++, x += width, y += width) {
        const vlmc_norm_scale scale = vlmc_norm_scale_of(sum_of_squares(x, width), root_width);
        const __m512i factor = _mm512_set1_epi32(scale.factor);
        const __m512i round = _mm512_set1_epi64(INT64_C(1) << (scale.shift - 1));
        const __m128i shift = _mm_cvtsi32_si128(scale.shift);
        for (uint32_t i = 0; i < width; i += 16) {
            const __m512i v = _mm512_cvtepi16_epi32(_mm256_loadu_si256((const void *)(x + i)));
            const __m512i scaled = _mm512_max_epi32(scale_uniform(v, factor, round, shift), lowest);
            _mm_storeu_si128((void *)(y + i), _mm512_cvtsepi32_epi8(scaled));
        }
    }
}

static int32_t largest_logit(uint32_t vocab, const int16_t *logits)
{
    __m256i best = _mm256_loadu_si256((const void *)logits);
    for (uint32_t i = 16; i < vocab; i += 16)
        best = _mm256_max_epi16(best, _mm256_loadu_si256((const void *)(logits + i)));
    return _mm512_reduce_max_epi32(_mm512_cvtepi16_epi32(best));
}

// 2^24 * 2^(-gap/1024) of 16 logits, before scaling.
VLMC_INLINE __m512i raw_weights(const int16_t *logits, __m512i largest)
{
    const __m512i v = _mm512_cvtepi16_epi32(_mm256_loadu_si256((const void *)logits));
    const __m512i gap = _mm512_sub_epi32(largest, v);
    const __m512i entry = _mm512_i32gather_epi32(_mm512_and_si512(gap, _mm512_set1_epi32(1023)),
                                                 (const void *)vlmc_exp2_fine_table, 4);
    return _mm512_srlv_epi32(entry, _mm512_srli_epi32(gap, 10)); // 0 from 25 octaves on
}

// 1 + (raw * scale >> 32)
VLMC_INLINE __m512i scaled_weights(__m512i raw, __m512i scale)
{
    const __m512i even = _mm512_srli_epi64(_mm512_mul_epu32(raw, scale), 32);
    const __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(raw, 32), scale);
    return _mm512_add_epi32(_mm512_mask_mov_epi32(even, 0xAAAA, odd), _mm512_set1_epi32(1));
}

// Sums of at most 2^16 values of at most 2^24 need 64 bits.
VLMC_INLINE __m512i add_wide(__m512i total, __m512i v)
{
    const __m512i even = _mm512_and_si512(v, _mm512_set1_epi64(0xFFFFFFFF));
    return _mm512_add_epi64(total, _mm512_add_epi64(even, _mm512_srli_epi64(v, 32)));
}

// Fills `raw` // (vocab) and returns the factor that makes the weights sum to nearly 2^24. It is
// below 2^32, since the largest logit alone has the raw weight 2^24.
static uint32_t fill_raw(uint32_t vocab, const int16_t *logits, __m512i largest, uint32_t *raw)
{
    __m512i total = _mm512_setzero_si512();
    for (uint32_t i = 0; i < vocab; i += 16) {
        const __m512i v = raw_weights(logits + i, largest);
        _mm512_storeu_si512(raw + i, v);
        total = add_wide(total, v);
    }
    const uint64_t sum = (uint64_t)_mm512_reduce_add_epi64(total);
    return (uint32_t)(((uint64_t)((1u << VLMC_FREQUENCY_BITS) - vocab) << 32) / sum);
}

static uint32_t first_of(uint32_t vocab, const int16_t *logits, int32_t value)
{
    const __m256i wanted = _mm256_set1_epi16((int16_t)value);
    for (uint32_t i = 0; i < vocab; i += 16) {
        const __mmask16 equal =
            _mm256_cmpeq_epi16_mask(wanted, _mm256_loadu_si256((const void *)(logits + i)));
        if (equal)
            return i + (uint32_t)__builtin_ctz(equal);
    }
    return 0;
}

void vlmc_avx512_frequencies(uint32_t vocab, const int16_t *logits, uint32_t *frequencies)
{
    if (vocab % 16) {
        vlmc_op_frequencies(vocab, logits, frequencies);
        return;
    }
    const int32_t largest = largest_logit(vocab, logits);
    const uint32_t scale = fill_raw(vocab, logits, _mm512_set1_epi32(largest), frequencies);
    const __m512i factor = _mm512_set1_epi64(scale);
    __m512i sum = _mm512_setzero_si512();
    for (uint32_t i = 0; i < vocab; i += 16) {
        const __m512i v = scaled_weights(_mm512_loadu_si512(frequencies + i), factor);
        _mm512_storeu_si512(frequencies + i, v);
        sum = _mm512_add_epi32(sum, v);
    }
    frequencies[first_of(vocab, logits, largest)] +=
        (1u << VLMC_FREQUENCY_BITS) - (uint32_t)_mm512_reduce_add_epi32(sum);
}
#endif
