// SPDX-License-Identifier: Apache-2.0
// What the AVX2 kernels share. For *_avx2.c only.
//
// There is no exact 8-bit product for signed values in general, so bytes are widened to int16
// and vpmaddwd adds two products to an int32: both operands come in pairs of inputs.
#ifndef VLMC_CPU_AVX2_H
#define VLMC_CPU_AVX2_H

#include "kernels.h"

#include <immintrin.h>

#define VLMC_INLINE static inline __attribute__((always_inline))

// 16 int32 values in order.
typedef struct lanes16 {
    __m256i low, high;
} lanes16;

// Shifts of 64-bit lanes are logical here: 2^48, a multiple of every 2^shift, makes the value
// positive first, and 2^(48-shift) is subtracted afterwards (kernels.h, vlmc_cpu_requant).
#define VLMC_AVX2_LIFT_BITS 48

// (v * multiplier + round) >> shift for 8 lanes, one multiplier and shift for all:
// |v * multiplier + round| <= 2^48, shift 16..48, and the results fit in 32 bits.
// round: 2^(shift-1) + 2^48    lift: 2^(48-shift) modulo 2^32
VLMC_INLINE __m256i scale_uniform(__m256i v, __m256i multiplier, __m256i round, __m128i shift,
                                  __m256i lift)
{
    __m256i even = _mm256_mul_epi32(v, multiplier);
    __m256i odd = _mm256_mul_epi32(_mm256_srli_epi64(v, 32), multiplier);
    even = _mm256_srl_epi64(_mm256_add_epi64(even, round), shift);
    odd = _mm256_srl_epi64(_mm256_add_epi64(odd, round), shift);
    return _mm256_sub_epi32(_mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA), lift);
}

// 16 int16 values in order, saturated to ±32768.
VLMC_INLINE __m256i pack_int16(lanes16 v)
{
    return _mm256_permute4x64_epi64(_mm256_packs_epi32(v.low, v.high), 0xD8);
}

// 16 int8 values in order, clamped to ±127.
VLMC_INLINE __m128i pack_int8(lanes16 v)
{
    const __m256i words = _mm256_max_epi16(pack_int16(v), _mm256_set1_epi16(-127));
    return _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

VLMC_INLINE __m256i load_words(const int8_t *bytes)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)bytes));
}

// Two int16 values in every 32-bit lane.
VLMC_INLINE __m256i broadcast_pair(const int16_t *pair)
{
    int32_t both;
    __builtin_memcpy(&both, pair, 4);
    return _mm256_set1_epi32(both);
}

VLMC_INLINE uint32_t sum_lanes(__m256i v)
{
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4E));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xB1));
    return (uint32_t)_mm_cvtsi128_si32(sum);
}

VLMC_INLINE uint64_t sum_wide_lanes(__m256i v)
{
    const __m128i sum = _mm_add_epi64(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    return (uint64_t)_mm_cvtsi128_si64(sum) + (uint64_t)_mm_extract_epi64(sum, 1);
}

VLMC_INLINE int32_t largest_lane(__m256i v)
{
    __m128i best = _mm_max_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    best = _mm_max_epi32(best, _mm_shuffle_epi32(best, 0x4E));
    best = _mm_max_epi32(best, _mm_shuffle_epi32(best, 0xB1));
    return _mm_cvtsi128_si32(best);
}

size_t vlmc_avx2_panel_bytes(uint32_t rows, uint32_t cols);
void vlmc_avx2_pack(vlmc_cpu_linear *linear);
void vlmc_avx2_linear(const vlmc_cpu_linear *linear, vlmc_cpu_epilogue epilogue, uint32_t n,
                      const int8_t *a, void *y);
void vlmc_avx2_reglu(uint32_t n, uint32_t hidden, const int8_t *gated, int8_t *y);
void vlmc_avx2_norm(uint32_t n, uint32_t width, const int16_t *x, int8_t *y);
size_t vlmc_avx2_ring_bytes(uint32_t head_dim, uint32_t capacity);
void vlmc_avx2_store(const vlmc_cpu_attention *attention, void *ring, uint64_t position, uint32_t n,
                     const int8_t *k, const int8_t *v, size_t stride);
void vlmc_avx2_attend(const vlmc_cpu_attention *attention, const void *ring, uint64_t position,
                      uint32_t n, const int8_t *q, size_t q_stride, int8_t *y, size_t y_stride);
void vlmc_avx2_frequencies(uint32_t vocab, const int16_t *logits, uint32_t *frequencies);

#endif
