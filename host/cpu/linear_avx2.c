// SPDX-License-Identifier: Apache-2.0
// int8 matrix product with AVX2: both operands widened to int16, vpmaddwd, int32 sums.
#if defined(__x86_64__)
#include "avx2.h"
#include "ops.h"

#define TILE_ROWS 6u     // positions of a register tile: 12 accumulators of 8 outputs
#define BLOCK_COLS 1024u // inputs that are widened at once; a multiple of 32

// Panel p is (cols / 2, 16 outputs, 2) int8.
size_t vlmc_avx2_panel_bytes(uint32_t rows, uint32_t cols)
{
    return (size_t)rows * cols;
}

void vlmc_avx2_pack(vlmc_cpu_linear *linear)
{
    const size_t cols = linear->cols;
    int8_t *panel = linear->panels;
    for (uint32_t i = 0; i < linear->n_parts; i++)
        for (size_t row = 0; row < linear->parts[i].rows; row += 16, panel += 16 * cols) {
            const int8_t *w = linear->parts[i].weight + row * cols;
            for (size_t r = 0; r < 16; r++)
                for (size_t k = 0; k < cols; k++)
                    panel[k / 2 * 32 + r * 2 + k % 2] = w[r * cols + k];
        }
}

// The inputs of a tile, widened: (TILE_ROWS, BLOCK_COLS), and what they are.
typedef struct wide_block {
    _Alignas(32) int16_t a[TILE_ROWS][BLOCK_COLS];
    size_t from; // first input
} wide_block;

static void widen(wide_block *block, uint32_t rows, size_t cols, size_t from, size_t count,
                  const int8_t *a)
{
    block->from = from;
    for (uint32_t r = 0; r < rows; r++)
        for (size_t k = 0; k < count; k += 16)
            _mm256_store_si256((void *)(block->a[r] + k), load_words(a + r * cols + from + k));
}

// Adds `count` inputs of R rows to the sums of one panel.
VLMC_INLINE void tile(const uint32_t R, size_t count, const int8_t *panel, const wide_block *block,
                      lanes16 sums[TILE_ROWS])
{
    lanes16 acc[TILE_ROWS];
#pragma GCC unroll 6
    for (uint32_t r = 0; r < R; r++)
        acc[r] = sums[r];
    for (size_t k = 0; k < count; k += 2) {
        const __m256i w0 = load_words(panel + k * 16), w1 = load_words(panel + k * 16 + 16);
#pragma GCC unroll 6
        for (uint32_t r = 0; r < R; r++) {
            const __m256i x = broadcast_pair(block->a[r] + k);
            acc[r].low = _mm256_add_epi32(acc[r].low, _mm256_madd_epi16(w0, x));
            acc[r].high = _mm256_add_epi32(acc[r].high, _mm256_madd_epi16(w1, x));
        }
    }
#pragma GCC unroll 6
    for (uint32_t r = 0; r < R; r++)
        sums[r] = acc[r];
}

static void run_tile(uint32_t rows, size_t count, const int8_t *panel, const wide_block *block,
                     lanes16 sums[TILE_ROWS])
{
    switch (rows) {
    case 1:
        tile(1, count, panel, block, sums);
        break;
    case 2:
        tile(2, count, panel, block, sums);
        break;
    case 3:
        tile(3, count, panel, block, sums);
        break;
    case 4:
        tile(4, count, panel, block, sums);
        break;
    case 5:
        tile(5, count, panel, block, sums);
        break;
    default:
        tile(6, count, panel, block, sums);
    }
}

// The requantised value of 8 outputs before any clamp; `half` 0: outputs 0..7, 1: 8..15.
VLMC_INLINE __m256i requant(__m256i acc, const vlmc_cpu_requant *q, int half)
{
    const __m256i bias = _mm256_set1_epi64x(INT64_C(1) << VLMC_AVX2_LIFT_BITS);
    const __m256i *multiplier = (const void *)q->multiplier, *lift = (const void *)q->lift;
    const __m256i *multiplier_odd = (const void *)q->multiplier_odd;
    const __m256i *round_even = (const void *)q->round_even;
    const __m256i *round_odd = (const void *)q->round_odd;
    const __m256i *shift_even = (const void *)q->shift_even;
    const __m256i *shift_odd = (const void *)q->shift_odd;
    __m256i even = _mm256_mul_epi32(acc, multiplier[half]);
    __m256i odd = _mm256_mul_epi32(_mm256_srli_epi64(acc, 32), multiplier_odd[half]);
    even = _mm256_add_epi64(even, _mm256_add_epi64(round_even[half], bias));
    odd = _mm256_add_epi64(odd, _mm256_add_epi64(round_odd[half], bias));
    even = _mm256_srlv_epi64(even, shift_even[half]);
    odd = _mm256_srlv_epi64(odd, shift_odd[half]);
    const __m256i both = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
    return _mm256_sub_epi32(both, lift[half]);
}

VLMC_INLINE __m256i relu2(__m256i v)
{
    v = _mm256_max_epi32(v, _mm256_setzero_si256());
    v = _mm256_min_epi32(v, _mm256_set1_epi32(VLMC_RELU2_MAX));
    v = _mm256_madd_epi16(v, v); // upper halves are 0
    return _mm256_srli_epi32(_mm256_add_epi32(v, _mm256_set1_epi32(128)), 8);
}

VLMC_INLINE __m256i clamp_int16(lanes16 v)
{
    return _mm256_max_epi16(pack_int16(v), _mm256_set1_epi16(-VLMC_LOGIT_MAX));
}

VLMC_INLINE __m256i add_residual(lanes16 v, const int16_t *x)
{
    const __m256i sum = _mm256_adds_epi16(_mm256_loadu_si256((const void *)x), clamp_int16(v));
    return _mm256_max_epi16(sum, _mm256_set1_epi16(-VLMC_RESIDUAL_MAX));
}

// Stores 16 requantised values as outputs `at` .. `at` + 15 of y.
VLMC_INLINE void put(const vlmc_cpu_epilogue epilogue, lanes16 v, void *y, size_t at)
{
    int8_t *bytes = (int8_t *)y + at;
    int16_t *words = (int16_t *)y + at;
    switch (epilogue) {
    case VLMC_CPU_INT8:
        _mm_storeu_si128((void *)bytes, pack_int8(v));
        break;
    case VLMC_CPU_RELU2:
        v.low = relu2(v.low);
        v.high = relu2(v.high);
        _mm_storeu_si128((void *)bytes, pack_int8(v));
        break;
    case VLMC_CPU_ADD:
        _mm256_storeu_si256((void *)words, add_residual(v, words));
        break;
    case VLMC_CPU_INT16:
        _mm256_storeu_si256((void *)words, clamp_int16(v));
        break;
    }
}

VLMC_INLINE void finish_rows(const vlmc_cpu_epilogue epilogue, uint32_t rows,
                             const vlmc_cpu_requant *q, const lanes16 *sums, void *y, size_t at,
                             size_t stride)
{
    for (uint32_t r = 0; r < rows; r++) {
        const lanes16 v = {requant(sums[r].low, q, 0), requant(sums[r].high, q, 1)};
        put(epilogue, v, y, at + r * stride);
    }
}

// at: of the panel's output 0 in the tile's first row; `stride` outputs from row to row.
static void finish(vlmc_cpu_epilogue epilogue, uint32_t rows, const vlmc_cpu_requant *q,
                   const lanes16 *sums, void *y, size_t at, size_t stride)
{
    switch (epilogue) {
    case VLMC_CPU_INT8:
        finish_rows(VLMC_CPU_INT8, rows, q, sums, y, at, stride);
        break;
    case VLMC_CPU_RELU2:
        finish_rows(VLMC_CPU_RELU2, rows, q, sums, y, at, stride);
        break;
    case VLMC_CPU_ADD:
        finish_rows(VLMC_CPU_ADD, rows, q, sums, y, at, stride);
        break;
    case VLMC_CPU_INT16:
        finish_rows(VLMC_CPU_INT16, rows, q, sums, y, at, stride);
        break;
    }
}

void vlmc_avx2_linear(const vlmc_cpu_linear *linear, vlmc_cpu_epilogue epilogue, uint32_t n,
                      const int8_t *a, void *y)
{
    const size_t cols = linear->cols, stride = linear->rows;
    wide_block block;
    for (uint32_t at = 0, rows; at < n; at += rows, a += rows * cols) {
        rows = n - at < TILE_ROWS ? n - at : TILE_ROWS;
        block.from = SIZE_MAX;
        for (size_t p = 0; p < linear->rows / 16; p++) {
            const int8_t *panel = (const int8_t *)linear->panels + p * 16 * cols;
            lanes16 sums[TILE_ROWS];
            for (uint32_t r = 0; r < rows; r++)
                sums[r].low = sums[r].high = _mm256_setzero_si256();
            for (size_t from = 0; from < cols; from += BLOCK_COLS) {
                const size_t count = cols - from < BLOCK_COLS ? cols - from : BLOCK_COLS;
                if (block.from != from)
                    widen(&block, rows, cols, from, count, a);
                run_tile(rows, count, panel + from * 16, &block, sums);
            }
            finish(epilogue, rows, &linear->requant[p], sums, y, at * stride + p * 16, stride);
        }
    }
}
#endif
