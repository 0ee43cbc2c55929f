// SPDX-License-Identifier: Apache-2.0
// int8 matrix product by vpdpbusd, which multiplies u8 by s8 and adds four products to an
// int32 without saturation: weights are stored as w + 128, and a row of activations starts
// its sums at -128 * Σa. Wrap-around in between cannot matter, since the result fits.
#if defined(__x86_64__)
#include "avx512.h"
#include "ops.h"

#define TILE_ROWS 6u   // positions of a register tile
#define TILE_PANELS 4u // times 16 outputs: 24 accumulators
#define CHUNK_ROWS 96u // positions that pass one panel group before the next is loaded

// Panel p is (cols / 4, 16 outputs, 4) bytes: one vector holds 4 inputs of 16 outputs.
size_t vlmc_avx512_panel_bytes(uint32_t rows, uint32_t cols)
{
    return (size_t)rows * cols;
}

void vlmc_avx512_pack(vlmc_cpu_linear *linear)
{
    const size_t cols = linear->cols;
    uint8_t *panel = linear->panels;
    for (uint32_t i = 0; i < linear->n_parts; i++)
        for (size_t row = 0; row < linear->parts[i].rows; row += 16, panel += 16 * cols) {
            const int8_t *w = linear->parts[i].weight + row * cols;
            for (size_t r = 0; r < 16; r++)
                for (size_t k = 0; k < cols; k++)
                    panel[k / 4 * 64 + r * 4 + k % 4] = (uint8_t)(w[r * cols + k] + 128);
        }
}

// -128 * Σa of a row; cols is a multiple of 32.
static int32_t first_sum(const int8_t *a, size_t cols)
{
    const __m256i ones = _mm256_set1_epi8(1);
    __m256i sum = _mm256_setzero_si256();
    for (size_t k = 0; k < cols; k += 32)
        sum = _mm256_dpbusd_epi32(sum, ones, _mm256_loadu_si256((const void *)(a + k)));
    return -128 * _mm512_reduce_add_epi32(_mm512_zextsi256_si512(sum));
}

// sums[r][p] = first[r] + Σ_k panel value * a: R rows by P panels in registers.
VLMC_INLINE void tile(const uint32_t R, const uint32_t P, size_t cols, const uint8_t *panels,
                      const int8_t *a, const int32_t *first, __m512i sums[TILE_ROWS][TILE_PANELS])
{
    __m512i acc[TILE_ROWS][TILE_PANELS];
#pragma GCC unroll 6
    for (uint32_t r = 0; r < R; r++)
#pragma GCC unroll 4
        for (uint32_t p = 0; p < P; p++)
            acc[r][p] = _mm512_set1_epi32(first[r]);
    const size_t panel_bytes = 16 * cols;
    for (size_t k = 0; k < cols; k += 4) {
        __m512i w[TILE_PANELS];
#pragma GCC unroll 4
        for (uint32_t p = 0; p < P; p++)
            w[p] = _mm512_load_si512(panels + p * panel_bytes + 16 * k);
#pragma GCC unroll 6
        for (uint32_t r = 0; r < R; r++) {
            int32_t quad;
            __builtin_memcpy(&quad, a + r * cols + k, 4);
            const __m512i x = _mm512_set1_epi32(quad);
#pragma GCC unroll 4
            for (uint32_t p = 0; p < P; p++)
                acc[r][p] = _mm512_dpbusd_epi32(acc[r][p], w[p], x);
        }
    }
#pragma GCC unroll 6
    for (uint32_t r = 0; r < R; r++)
#pragma GCC unroll 4
        for (uint32_t p = 0; p < P; p++)
            sums[r][p] = acc[r][p];
}

typedef void tile_function(size_t cols, const uint8_t *panels, const int8_t *a,
                           const int32_t *first, __m512i sums[TILE_ROWS][TILE_PANELS]);

#define TILE(R, P)                                                                                 \
    static void tile_##R##_##P(size_t cols, const uint8_t *panels, const int8_t *a,                \
                               const int32_t *first, __m512i sums[TILE_ROWS][TILE_PANELS])         \
    {                                                                                              \
        tile(R, P, cols, panels, a, first, sums);                                                  \
    }
#define TILES(R) TILE(R, 1) TILE(R, 2) TILE(R, 3) TILE(R, 4)
TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(5)
TILES(6)

#define TILE_NAMES(R)                                                                              \
    {                                                                                              \
        tile_##R##_1, tile_##R##_2, tile_##R##_3, tile_##R##_4                                     \
    }
static tile_function *const tiles[TILE_ROWS][TILE_PANELS] = {
    TILE_NAMES(1), TILE_NAMES(2), TILE_NAMES(3), TILE_NAMES(4), TILE_NAMES(5), TILE_NAMES(6),
};

// The requantised value before any clamp; it fits in 32 bits (ops.c).
VLMC_INLINE __m512i requant(__m512i acc, const vlmc_cpu_requant *q)
{
    __m512i even = _mm512_mul_epi32(acc, _mm512_load_si512(q->multiplier));
    __m512i odd =
        _mm512_mul_epi32(_mm512_srli_epi64(acc, 32), _mm512_load_si512(q->multiplier_odd));
    even = _mm512_add_epi64(even, _mm512_load_si512(q->round_even));
    odd = _mm512_add_epi64(odd, _mm512_load_si512(q->round_odd));
    even = _mm512_srav_epi64(even, _mm512_load_si512(q->shift_even));
    odd = _mm512_srav_epi64(odd, _mm512_load_si512(q->shift_odd));
    return _mm512_mask_shuffle_epi32(even, 0xAAAA, odd, _MM_PERM_CCAA);
}

VLMC_INLINE __m512i relu2(__m512i v)
{
    v = _mm512_max_epi32(v, _mm512_setzero_si512());
    v = _mm512_min_epi32(v, _mm512_set1_epi32(VLMC_RELU2_MAX));
    v = _mm512_madd_epi16(v, v); // upper halves are 0
    return _mm512_srli_epi32(_mm512_add_epi32(v, _mm512_set1_epi32(128)), 8);
}

VLMC_INLINE __m256i clamp_int16(__m512i v)
{
    return _mm512_cvtsepi32_epi16(_mm512_max_epi32(v, _mm512_set1_epi32(-VLMC_LOGIT_MAX)));
}

VLMC_INLINE __m256i add_residual(__m512i v, const int16_t *x)
{
    const __m256i sum = _mm256_adds_epi16(_mm256_loadu_si256((const void *)x), clamp_int16(v));
    return _mm256_max_epi16(sum, _mm256_set1_epi16(-VLMC_RESIDUAL_MAX));
}

// Stores 16 requantised values as outputs `at` .. `at` + 15 of y.
VLMC_INLINE void put(const vlmc_cpu_epilogue epilogue, __m512i v, void *y, size_t at)
{
    int8_t *bytes = (int8_t *)y + at;
    int16_t *words = (int16_t *)y + at;
    switch (epilogue) {
    case VLMC_CPU_INT8:
        v = _mm512_max_epi32(v, _mm512_set1_epi32(-VLMC_INT8_MAX));
        _mm_storeu_si128((void *)bytes, _mm512_cvtsepi32_epi8(v));
        break;
    case VLMC_CPU_RELU2:
        _mm_storeu_si128((void *)bytes, _mm512_cvtepi32_epi8(relu2(v)));
        break;
    case VLMC_CPU_ADD:
        _mm256_storeu_si256((void *)words, add_residual(v, words));
        break;
    case VLMC_CPU_INT16:
        _mm256_storeu_si256((void *)words, clamp_int16(v));
        break;
    }
}

// The sums of a tile, and where its first output goes.
typedef struct tile_output {
    const vlmc_cpu_requant *q;
    void *y;
    size_t at;     // of the tile's first output in y
    size_t stride; // outputs from row to row
    __m512i sums[TILE_ROWS][TILE_PANELS];
} tile_output;

VLMC_INLINE void finish_tile(const vlmc_cpu_epilogue epilogue, uint32_t rows, uint32_t panels,
                             const tile_output *t)
{
    for (size_t p = 0; p < panels; p++)
        for (size_t r = 0; r < rows; r++)
            put(epilogue, requant(t->sums[r][p], &t->q[p]), t->y, t->at + r * t->stride + p * 16);
}

static void finish(vlmc_cpu_epilogue epilogue, uint32_t rows, uint32_t panels, const tile_output *t)
{
    switch (epilogue) {
    case VLMC_CPU_INT8:
        finish_tile(VLMC_CPU_INT8, rows, panels, t);
        break;
    case VLMC_CPU_RELU2:
        finish_tile(VLMC_CPU_RELU2, rows, panels, t);
        break;
    case VLMC_CPU_ADD:
        finish_tile(VLMC_CPU_ADD, rows, panels, t);
        break;
    case VLMC_CPU_INT16:
        finish_tile(VLMC_CPU_INT16, rows, panels, t);
        break;
    }
}

static uint32_t at_most(uint32_t value, uint32_t limit)
{
    return value < limit ? value : limit;
}

void vlmc_avx512_linear(const vlmc_cpu_linear *linear, vlmc_cpu_epilogue epilogue, uint32_t n,
                        const int8_t *a, void *y)
{
    const size_t cols = linear->cols, rows = linear->rows;
    const uint32_t panels = linear->rows / 16;
    int32_t first[CHUNK_ROWS];
    tile_output out = {.y = y, .stride = rows};
    for (uint32_t chunk = 0, in_chunk; chunk < n; chunk += in_chunk) {
        in_chunk = at_most(n - chunk, CHUNK_ROWS);
        const int8_t *from = a + chunk * cols;
        for (uint32_t r = 0; r < in_chunk; r++)
            first[r] = first_sum(from + r * cols, cols);
        for (uint32_t p = 0; p < panels; p += TILE_PANELS) {
            const uint32_t n_panels = at_most(panels - p, TILE_PANELS);
            const uint8_t *panel = (const uint8_t *)linear->panels + (size_t)p * 16 * cols;
            for (uint32_t r = 0; r < in_chunk; r += TILE_ROWS) {
                const uint32_t n_rows = at_most(in_chunk - r, TILE_ROWS);
                tiles[n_rows - 1][n_panels - 1](cols, panel, from + r * cols, first + r, out.sums);
                out.q = &linear->requant[p];
                out.at = (chunk + r) * rows + (size_t)p * 16;
                finish(epilogue, n_rows, n_panels, &out);
            }
        }
    }
}
#endif
