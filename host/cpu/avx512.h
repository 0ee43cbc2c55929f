// SPDX-License-Identifier: Apache-2.0
// What the AVX-512 kernels share. For *_avx512.c only.
#ifndef VLMC_CPU_AVX512_H
#define VLMC_CPU_AVX512_H

#include "kernels.h"

#include <immintrin.h>

#define VLMC_INLINE static inline __attribute__((always_inline))

// (v * multiplier + round) >> shift for 16 lanes, one multiplier and shift for all.
// |v| < 2^31, 0 <= multiplier < 2^31, and the results fit in 32 bits.
VLMC_INLINE __m512i scale_uniform(__m512i v, __m512i multiplier, __m512i round, __m128i shift)
{
    __m512i even = _mm512_mul_epi32(v, multiplier);
    __m512i odd = _mm512_mul_epi32(_mm512_srli_epi64(v, 32), multiplier);
    even = _mm512_sra_epi64(_mm512_add_epi64(even, round), shift);
    odd = _mm512_sra_epi64(_mm512_add_epi64(odd, round), shift);
    return _mm512_mask_shuffle_epi32(even, 0xAAAA, odd, _MM_PERM_CCAA);
}

size_t vlmc_avx512_panel_bytes(uint32_t rows, uint32_t cols);
void vlmc_avx512_pack(vlmc_cpu_linear *linear);
void vlmc_avx512_linear(const vlmc_cpu_linear *linear, vlmc_cpu_epilogue epilogue, uint32_t n,
                        const int8_t *a, void *y);
void vlmc_avx512_reglu(uint32_t n, uint32_t hidden, const int8_t *gated, int8_t *y);
void vlmc_avx512_norm(uint32_t n, uint32_t width, const int16_t *x, int8_t *y);
size_t vlmc_avx512_ring_bytes(uint32_t head_dim, uint32_t capacity);
void vlmc_avx512_store(const vlmc_cpu_attention *attention, void *ring, uint64_t position,
                       uint32_t n, const int8_t *k, const int8_t *v, size_t stride);
void vlmc_avx512_attend(const vlmc_cpu_attention *attention, const void *ring, uint64_t position,
                        uint32_t n, const int8_t *q, size_t q_stride, int8_t *y, size_t y_stride);
void vlmc_avx512_frequencies(uint32_t vocab, const int16_t *logits, uint32_t *frequencies);

#endif
