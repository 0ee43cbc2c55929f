// SPDX-License-Identifier: Apache-2.0
// Attention over a KV ring with AVX-512 VNNI.
//
// A ring holds keys as k + 128 in blocks (head_dim / 4, 16 slots, 4), so that one vector is 4
// dimensions of 16 keys, then values in blocks (head_dim, 4 slots), so that one vector is 4
// slots of 16 dimensions. Dot products start at -128 * Σq; weights (0..16384) are split into
// a low and a high byte, because vpdpbusd multiplies bytes.
#if defined(__x86_64__)
#include "avx512.h"
#include "ops.h"

#define BLOCK VLMC_CPU_KEY_BLOCK
#define TILE_QUERIES 6u // queries (position, head) that share each load of a key
#define TILE_BLOCKS 4u
// Slots that a tile can touch: 1024 of the window, TILE_QUERIES - 1 further positions, both ends
// rounded to blocks, the sum to TILE_BLOCKS; a multiple of 64 for the alignment of the rows.
#define SLOTS_MAX 1152u

// The scores and weights of a tile. Slot i of it is position first_block * 16 + i.
typedef struct tile_state {
    _Alignas(64) int32_t scores[TILE_QUERIES][SLOTS_MAX];
    _Alignas(64) uint8_t low[TILE_QUERIES][SLOTS_MAX];
    _Alignas(64) uint8_t high[TILE_QUERIES][SLOTS_MAX];
    int32_t largest[TILE_QUERIES];
    uint32_t total[TILE_QUERIES];
    uint64_t used; // bit i: slots 32 i .. 32 i + 31 have any weight
} tile_state;
_Static_assert(SLOTS_MAX / 32 <= 64, "tile_state.used has a bit for every 32 slots");

// What a tile works on.
typedef struct tile_job {
    const vlmc_cpu_attention *attention;
    const uint8_t *keys;
    const int8_t *values;
    uint32_t ring_block; // of the tile's first block
    uint32_t ring_blocks;
    uint32_t blocks; // a multiple of the blocks that score() takes at once
    const int8_t *q[TILE_QUERIES];
    const int32_t *bias[TILE_QUERIES]; // of slot 0
    int8_t *y[TILE_QUERIES];
} tile_job;

size_t vlmc_avx512_ring_bytes(uint32_t head_dim, uint32_t capacity)
{
    return 2 * (size_t)capacity * head_dim;
}

void vlmc_avx512_store(const vlmc_cpu_attention *attention, void *ring, uint64_t position,
                       uint32_t n, const int8_t *k, const int8_t *v, size_t stride)
{
    const size_t dim = attention->head_dim;
    uint8_t *keys = ring;
    int8_t *values = (int8_t *)ring + attention->capacity * dim;
    for (uint32_t p = 0; p < n; p++, k += stride, v += stride) {
        const size_t slot = (size_t)((position + p) % attention->capacity);
        uint8_t *key = keys + slot / BLOCK * BLOCK * dim + slot % BLOCK * 4;
        int8_t *value = values + slot / 4 * 4 * dim;
        const __mmask64 mask = UINT64_C(0x1111111111111111) << slot % 4;
        const __m128i place = _mm_cvtsi32_si128((int)(slot % 4 * 8));
        for (size_t j = 0; j < dim; j += 4) {
            uint32_t quad;
            __builtin_memcpy(&quad, k + j, 4);
            quad ^= 0x80808080u;
            __builtin_memcpy(key + j * BLOCK, &quad, 4);
        }
        for (size_t j = 0; j < dim; j += 16) {
            const __m512i spread = _mm512_sll_epi32(
                _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)(v + j))), place);
            int8_t *quads = value + j * 4;
            _mm512_store_si512(quads, _mm512_mask_mov_epi8(_mm512_load_si512(quads), mask, spread));
        }
    }
}

static int32_t first_dot(const int8_t *q, uint32_t dim)
{
    const __m128i ones = _mm_set1_epi8(1);
    __m128i sum = _mm_setzero_si128();
    for (uint32_t j = 0; j < dim; j += 16)
        sum = _mm_dpbusd_epi32(sum, ones, _mm_loadu_si128((const void *)(q + j)));
    return -128 * _mm512_reduce_add_epi32(_mm512_zextsi128_si512(sum));
}

// Scores of R queries against all blocks, B blocks at a time.
VLMC_INLINE void score(const uint32_t R, const uint32_t B, const tile_job *job, tile_state *s)
{
    const uint32_t dim = job->attention->head_dim;
    __m512i largest[TILE_QUERIES], start[TILE_QUERIES];
#pragma GCC unroll 6
    for (uint32_t r = 0; r < R; r++) {
        largest[r] = _mm512_set1_epi32(VLMC_CPU_HIDDEN);
        start[r] = _mm512_set1_epi32(first_dot(job->q[r], dim));
    }
    uint32_t at = job->ring_block;
    for (uint32_t block = 0; block < job->blocks; block += B) {
        const uint8_t *key[TILE_BLOCKS];
#pragma GCC unroll 4
        for (uint32_t b = 0; b < B; b++) {
            key[b] = job->keys + (size_t)at * BLOCK * dim;
            at = at + 1 == job->ring_blocks ? 0 : at + 1;
        }
        __m512i dot[TILE_QUERIES][TILE_BLOCKS];
#pragma GCC unroll 6
        for (uint32_t r = 0; r < R; r++)
#pragma GCC unroll 4
            for (uint32_t b = 0; b < B; b++)
                dot[r][b] = start[r];
        for (size_t j = 0; j < dim; j += 4) {
            __m512i k[TILE_BLOCKS];
#pragma GCC unroll 4
            for (uint32_t b = 0; b < B; b++)
                k[b] = _mm512_load_si512(key[b] + j * BLOCK);
#pragma GCC unroll 6
            for (uint32_t r = 0; r < R; r++) {
                int32_t quad;
                __builtin_memcpy(&quad, job->q[r] + j, 4);
                const __m512i x = _mm512_set1_epi32(quad);
#pragma GCC unroll 4
                for (uint32_t b = 0; b < B; b++)
                    dot[r][b] = _mm512_dpbusd_epi32(dot[r][b], k[b], x);
            }
        }
#pragma GCC unroll 6
        for (uint32_t r = 0; r < R; r++)
#pragma GCC unroll 4
            for (uint32_t b = 0; b < B; b++) {
                const size_t slot = (size_t)(block + b) * BLOCK;
                const __m512i v =
                    _mm512_add_epi32(dot[r][b], _mm512_loadu_si512(job->bias[r] + slot));
                _mm512_store_si512(s->scores[r] + slot, v);
                largest[r] = _mm512_max_epi32(largest[r], v);
            }
    }
#pragma GCC unroll 6
    for (uint32_t r = 0; r < R; r++)
        s->largest[r] = _mm512_reduce_max_epi32(largest[r]);
}

// The 256 entries of vlmc_exp2_table in registers, 64 to a pair.
typedef struct exp2_registers {
    __m512i entry[8];
} exp2_registers;

VLMC_INLINE __m512i exp2_lookup(const exp2_registers *t, __m512i index)
{
    const __m512i a = _mm512_permutex2var_epi16(t->entry[0], index, t->entry[1]);
    const __m512i b = _mm512_permutex2var_epi16(t->entry[2], index, t->entry[3]);
    const __m512i c = _mm512_permutex2var_epi16(t->entry[4], index, t->entry[5]);
    const __m512i d = _mm512_permutex2var_epi16(t->entry[6], index, t->entry[7]);
    const __mmask32 bit6 = _mm512_test_epi16_mask(index, _mm512_set1_epi16(64));
    const __mmask32 bit7 = _mm512_test_epi16_mask(index, _mm512_set1_epi16(128));
    const __m512i low = _mm512_mask_mov_epi16(a, bit6, b);
    const __m512i high = _mm512_mask_mov_epi16(c, bit6, d);
    return _mm512_mask_mov_epi16(low, bit7, high);
}

// Scores to weights, as attention_weight() of ops.c; notes which 32 slots have any.
static void weigh(uint32_t queries, uint32_t blocks, tile_state *s)
{
    exp2_registers table;
    for (size_t i = 0; i < 8; i++)
        table.entry[i] = _mm512_loadu_si512(vlmc_exp2_table + 32 * i);
    s->used = 0;
    for (uint32_t r = 0; r < queries; r++) {
        const __m512i largest = _mm512_set1_epi32(s->largest[r]);
        __m512i total = _mm512_setzero_si512();
        for (uint32_t slot = 0; slot < blocks * BLOCK; slot += 32) {
            const int32_t *score = s->scores[r] + slot;
            // 4096 to the octave; 256 to the octave is what the table resolves. Anything from
            // 256 octaves on saturates, and weighs 0 like anything from 15 on.
            const __m512i a =
                _mm512_srli_epi32(_mm512_sub_epi32(largest, _mm512_load_si512(score)), 4);
            const __m512i b =
                _mm512_srli_epi32(_mm512_sub_epi32(largest, _mm512_load_si512(score + 16)), 4);
            const __m512i gap = _mm512_inserti64x4(
                _mm512_castsi256_si512(_mm512_cvtusepi32_epi16(a)), _mm512_cvtusepi32_epi16(b), 1);
            const __m512i weight =
                _mm512_srlv_epi16(exp2_lookup(&table, gap), _mm512_srli_epi16(gap, 8));
            total = _mm512_add_epi32(total, _mm512_madd_epi16(weight, _mm512_set1_epi16(1)));
            _mm256_store_si256((void *)(s->low[r] + slot), _mm512_cvtepi16_epi8(weight));
            _mm256_store_si256((void *)(s->high[r] + slot),
                               _mm512_cvtepi16_epi8(_mm512_srli_epi16(weight, 8)));
            s->used |= (uint64_t)(_mm512_test_epi32_mask(weight, weight) != 0) << slot / 32;
        }
        s->total[r] = (uint32_t)_mm512_reduce_add_epi32(total);
    }
}

VLMC_INLINE __m512i broadcast_quad(const uint8_t *bytes)
{
    int32_t quad;
    __builtin_memcpy(&quad, bytes, 4);
    return _mm512_set1_epi32(quad);
}

// Weighted values of R queries from query r0 on, D * 16 dimensions from j0 on.
VLMC_INLINE void mix(const uint32_t R, const uint32_t D, const tile_job *job, const tile_state *s,
                     uint32_t r0, uint32_t j0)
{
    const size_t dim = job->attention->head_dim;
    __m512i low[3][4], high[3][4];
#pragma GCC unroll 3
    for (uint32_t r = 0; r < R; r++)
#pragma GCC unroll 4
        for (uint32_t d = 0; d < D; d++)
            low[r][d] = high[r][d] = _mm512_setzero_si512();
    for (uint32_t slot = 0; slot < job->blocks * BLOCK; slot += BLOCK) {
        if (!(s->used >> slot / 32 & 1))
            continue;
        uint32_t at = job->ring_block + slot / BLOCK;
        while (at >= job->ring_blocks)
            at -= job->ring_blocks;
        const int8_t *value = job->values + (size_t)at * BLOCK * dim + (size_t)j0 * 4;
        for (uint32_t i = 0; i < BLOCK; i += 4, value += 4 * dim) {
            __m512i v[4];
#pragma GCC unroll 4
            for (uint32_t d = 0; d < D; d++)
                v[d] = _mm512_load_si512(value + (size_t)d * 64);
#pragma GCC unroll 3
            for (uint32_t r = 0; r < R; r++) {
                const __m512i wl = broadcast_quad(s->low[r0 + r] + slot + i);
                const __m512i wh = broadcast_quad(s->high[r0 + r] + slot + i);
#pragma GCC unroll 4
                for (uint32_t d = 0; d < D; d++) {
                    low[r][d] = _mm512_dpbusd_epi32(low[r][d], wl, v[d]);
                    high[r][d] = _mm512_dpbusd_epi32(high[r][d], wh, v[d]);
                }
            }
        }
    }
#pragma GCC unroll 3
    for (uint32_t r = 0; r < R; r++) {
        const uint32_t total = s->total[r0 + r];
        const int32_t bits = 32 - __builtin_clz(total);
        const int32_t excess = bits > 16 ? bits - 16 : 0;
        const __m512i reciprocal = _mm512_set1_epi32((int32_t)(0x7FFFFFFFu / (total >> excess)));
        const __m512i round = _mm512_set1_epi64(INT64_C(1) << (29 + excess));
        const __m128i shift = _mm_cvtsi32_si128(30 + excess);
#pragma GCC unroll 4
        for (uint32_t d = 0; d < D; d++) {
            const __m512i sum = _mm512_add_epi32(low[r][d], _mm512_slli_epi32(high[r][d], 8));
            __m512i v = scale_uniform(sum, reciprocal, round, shift);
            v = _mm512_max_epi32(v, _mm512_set1_epi32(-VLMC_INT8_MAX));
            _mm_storeu_si128((void *)(job->y[r0 + r] + j0 + (size_t)d * 16),
                             _mm512_cvtsepi32_epi8(v));
        }
    }
}

static void mix_dims(uint32_t queries, const tile_job *job, const tile_state *s, uint32_t r0)
{
    const uint32_t dim = job->attention->head_dim;
    uint32_t j = 0;
    for (; j + 64 <= dim; j += 64)
        if (queries == 3)
            mix(3, 4, job, s, r0, j);
        else if (queries == 2)
            mix(2, 4, job, s, r0, j);
        else
            mix(1, 4, job, s, r0, j);
    for (; j < dim; j += 16)
        for (uint32_t r = 0; r < queries; r++)
            mix(1, 1, job, s, r0 + r, j);
}

static void run_tile(uint32_t queries, const tile_job *job, tile_state *s)
{
    switch (queries) {
    case 1:
        score(1, 4, job, s);
        break;
    case 2:
        score(2, 4, job, s);
        break;
    case 3:
        score(3, 4, job, s);
        break;
    case 4:
        score(4, 4, job, s);
        break;
    case 5:
        score(5, 4, job, s);
        break;
    default:
        score(6, 4, job, s);
    }
    weigh(queries, job->blocks, s);
    for (uint32_t r = 0; r < queries; r += 3)
        mix_dims(queries - r < 3 ? queries - r : 3, job, s, r);
}

void vlmc_avx512_attend(const vlmc_cpu_attention *attention, const void *ring, uint64_t position,
                        uint32_t n, const int8_t *q, size_t q_stride, int8_t *y, size_t y_stride)
{
    const size_t dim = attention->head_dim;
    const uint32_t group = attention->group, window = attention->window;
    const uint64_t queries = (uint64_t)n * group;
    tile_state state;
    tile_job job = {
        .attention = attention,
        .keys = ring,
        .values = (const int8_t *)ring + attention->capacity * dim,
        .ring_blocks = attention->capacity / BLOCK,
    };
    for (uint64_t at = 0; at < queries; at += TILE_QUERIES) {
        const uint32_t count =
            queries - at < TILE_QUERIES ? (uint32_t)(queries - at) : TILE_QUERIES;
        const uint64_t nearest = position + at / group;
        const uint64_t farthest = position + (at + count - 1) / group;
        const uint64_t first = nearest + 1 > window ? nearest + 1 - window : 0;
        const uint64_t first_block = first / BLOCK;
        const uint32_t blocks = (uint32_t)(farthest / BLOCK - first_block) + 1;
        job.ring_block = (uint32_t)(first_block % job.ring_blocks);
        job.blocks = (blocks + TILE_BLOCKS - 1) / TILE_BLOCKS * TILE_BLOCKS;
        for (uint32_t r = 0; r < count; r++) {
            const uint64_t p = (at + r) / group;
            const size_t head = (size_t)((at + r) % group);
            // Slot 0 lies at distance position + p - first_block * 16, which may be outside of
            // the window by less than BLOCK + TILE_QUERIES: the pad covers it.
            const int64_t distance = (int64_t)(position + p - first_block * BLOCK);
            job.q[r] = q + p * q_stride + head * dim;
            job.y[r] = y + p * y_stride + head * dim;
            job.bias[r] = attention->reversed + head * attention->reversed_stride +
                          ((int64_t)window - 1 - distance);
        }
        run_tile(count, &job, &state);
    }
}
#endif
