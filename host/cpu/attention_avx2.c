// SPDX-License-Identifier: Apache-2.0
// Attention over a KV ring with AVX2.
//
// A ring holds keys in blocks (head_dim / 2, 16 slots, 2) int8, so that 32 bytes are 2
// dimensions of 16 keys, then values in blocks (head_dim, 2 slots) int8.
#if defined(__x86_64__)
#include "avx2.h"
#include "ops.h"

#define BLOCK VLMC_CPU_KEY_BLOCK
#define DIM_MAX 128u
#define TILE_QUERIES 6u // queries (position, head) that share each load of a key
// Slots that a tile can touch: 1024 of the window, TILE_QUERIES - 1 further positions, both ends
// rounded to blocks.
#define SLOTS_MAX 1088u

// Slot i of a tile is position first_block * 16 + i.
typedef struct tile_state {
    _Alignas(32) int32_t exp2[VLMC_EXP2_ENTRIES]; // vlmc_exp2_table, widened for gathers
    _Alignas(32) int16_t q[TILE_QUERIES][DIM_MAX];
    _Alignas(32) int32_t scores[TILE_QUERIES][SLOTS_MAX];
    _Alignas(32) int16_t weights[TILE_QUERIES][SLOTS_MAX];
    uint8_t used[SLOTS_MAX / BLOCK]; // blocks that have any weight
    int32_t largest[TILE_QUERIES];
    uint32_t total[TILE_QUERIES];
} tile_state;

typedef struct tile_job {
    const vlmc_cpu_attention *attention;
    const int8_t *keys;
    const int8_t *values;
    uint32_t ring_block; // of the tile's first block
    uint32_t ring_blocks;
    uint32_t blocks;
    const int32_t *bias[TILE_QUERIES]; // of slot 0
    int8_t *y[TILE_QUERIES];
} tile_job;

size_t vlmc_avx2_ring_bytes(uint32_t head_dim, uint32_t capacity)
{
    return 2 * (size_t)capacity * head_dim;
}

void vlmc_avx2_store(const vlmc_cpu_attention *attention, void *ring, uint64_t position, uint32_t n,
                     const int8_t *k, const int8_t *v, size_t stride)
{
    const size_t dim = attention->head_dim;
    int8_t *keys = ring, *values = keys + attention->capacity * dim;
    for (uint32_t p = 0; p < n; p++, k += stride, v += stride) {
        const size_t slot = (size_t)((position + p) % attention->capacity);
        int8_t *key = keys + slot / BLOCK * BLOCK * dim + slot % BLOCK * 2;
        int8_t *value = values + slot / 2 * 2 * dim + slot % 2;
        for (size_t j = 0; j < dim; j += 2)
            __builtin_memcpy(key + j * BLOCK, k + j, 2);
        for (size_t j = 0; j < dim; j++)
            value[j * 2] = v[j];
    }
}

// Scores of R queries against all blocks.
VLMC_INLINE void score(const uint32_t R, const tile_job *job, tile_state *s)
{
    const size_t dim = job->attention->head_dim;
    __m256i largest[TILE_QUERIES];
#pragma GCC unroll 6
    for (uint32_t r = 0; r < R; r++)
        largest[r] = _mm256_set1_epi32(VLMC_CPU_HIDDEN);
    uint32_t at = job->ring_block;
    for (uint32_t block = 0; block < job->blocks; block++) {
        const int8_t *key = job->keys + (size_t)at * BLOCK * dim;
        at = at + 1 == job->ring_blocks ? 0 : at + 1;
        lanes16 dot[TILE_QUERIES];
#pragma GCC unroll 6
        for (uint32_t r = 0; r < R; r++)
            dot[r].low = dot[r].high = _mm256_setzero_si256();
        for (size_t j = 0; j < dim; j += 2, key += 2 * BLOCK) {
            const __m256i k0 = load_words(key), k1 = load_words(key + 16);
#pragma GCC unroll 6
            for (uint32_t r = 0; r < R; r++) {
                const __m256i x = broadcast_pair(s->q[r] + j);
                dot[r].low = _mm256_add_epi32(dot[r].low, _mm256_madd_epi16(k0, x));
                dot[r].high = _mm256_add_epi32(dot[r].high, _mm256_madd_epi16(k1, x));
            }
        }
#pragma GCC unroll 6
        for (uint32_t r = 0; r < R; r++) {
            const __m256i *bias = (const void *)(job->bias[r] + (size_t)block * BLOCK);
            const __m256i low = _mm256_add_epi32(dot[r].low, _mm256_loadu_si256(bias));
            const __m256i high = _mm256_add_epi32(dot[r].high, _mm256_loadu_si256(bias + 1));
            __m256i *scores = (void *)(s->scores[r] + (size_t)block * BLOCK);
            _mm256_store_si256(scores, low);
            _mm256_store_si256(scores + 1, high);
            largest[r] = _mm256_max_epi32(largest[r], _mm256_max_epi32(low, high));
        }
    }
#pragma GCC unroll 6
    for (uint32_t r = 0; r < R; r++)
        s->largest[r] = largest_lane(largest[r]);
}

// attention_weight() of ops.c; table entries are below 2^15, so a shift by 15 or more gives 0.
VLMC_INLINE __m256i weight_of(const tile_state *s, __m256i largest, const int32_t *score)
{
    const __m256i gap = _mm256_sub_epi32(largest, _mm256_load_si256((const void *)score));
    const __m256i index =
        _mm256_and_si256(_mm256_srli_epi32(gap, 4), _mm256_set1_epi32(VLMC_EXP2_ENTRIES - 1));
    return _mm256_srlv_epi32(_mm256_i32gather_epi32(s->exp2, index, 4), _mm256_srli_epi32(gap, 12));
}

static void weigh(uint32_t queries, uint32_t blocks, tile_state *s)
{
    for (uint32_t b = 0; b < blocks; b++)
        s->used[b] = 0;
    for (uint32_t r = 0; r < queries; r++) {
        const __m256i largest = _mm256_set1_epi32(s->largest[r]);
        __m256i total = _mm256_setzero_si256();
        for (uint32_t b = 0; b < blocks; b++) {
            const int32_t *score = s->scores[r] + (size_t)b * BLOCK;
            const lanes16 weight = {weight_of(s, largest, score), weight_of(s, largest, score + 8)};
            const __m256i both = _mm256_or_si256(weight.low, weight.high);
            s->used[b] = (uint8_t)(s->used[b] | !_mm256_testz_si256(both, both));
            total = _mm256_add_epi32(total, _mm256_add_epi32(weight.low, weight.high));
            _mm256_store_si256((void *)(s->weights[r] + (size_t)b * BLOCK), pack_int16(weight));
        }
        s->total[r] = sum_lanes(total);
    }
}

// Weighted values of R queries from query r0 on, D * 16 dimensions from j0 on.
VLMC_INLINE void mix(const uint32_t R, const uint32_t D, const tile_job *job, const tile_state *s,
                     uint32_t r0, uint32_t j0)
{
    const size_t dim = job->attention->head_dim;
    lanes16 sum[3][2];
#pragma GCC unroll 3
    for (uint32_t r = 0; r < R; r++)
#pragma GCC unroll 2
        for (uint32_t d = 0; d < D; d++)
            sum[r][d].low = sum[r][d].high = _mm256_setzero_si256();
    for (uint32_t b = 0; b < job->blocks; b++) {
        if (!s->used[b])
            continue;
        uint32_t at = job->ring_block + b;
        while (at >= job->ring_blocks)
            at -= job->ring_blocks;
        const int8_t *value = job->values + (size_t)at * BLOCK * dim + (size_t)j0 * 2;
        for (uint32_t i = 0; i < BLOCK; i += 2, value += 2 * dim) {
            lanes16 v[2];
#pragma GCC unroll 2
            for (uint32_t d = 0; d < D; d++) {
                v[d].low = load_words(value + (size_t)d * 32);
                v[d].high = load_words(value + (size_t)d * 32 + 16);
            }
#pragma GCC unroll 3
            for (uint32_t r = 0; r < R; r++) {
                const __m256i w = broadcast_pair(s->weights[r0 + r] + (size_t)b * BLOCK + i);
#pragma GCC unroll 2
                for (uint32_t d = 0; d < D; d++) {
                    sum[r][d].low = _mm256_add_epi32(sum[r][d].low, _mm256_madd_epi16(v[d].low, w));
                    sum[r][d].high =
                        _mm256_add_epi32(sum[r][d].high, _mm256_madd_epi16(v[d].high, w));
                }
            }
        }
    }
#pragma GCC unroll 3
    for (uint32_t r = 0; r < R; r++) {
        const uint32_t total = s->total[r0 + r];
        const int32_t bits = 32 - __builtin_clz(total);
        const int32_t excess = bits > 16 ? bits - 16 : 0;
        const __m256i reciprocal = _mm256_set1_epi32((int32_t)(0x7FFFFFFFu / (total >> excess)));
        // |sum| * reciprocal <= 127 * 2^31 (1 + 2^-15) * 2^excess < 2^47, since |sum| <= 127 total.
        const __m256i round =
            _mm256_set1_epi64x((INT64_C(1) << (29 + excess)) + (INT64_C(1) << VLMC_AVX2_LIFT_BITS));
        const __m256i lift = _mm256_set1_epi32(INT32_C(1) << (VLMC_AVX2_LIFT_BITS - 30 - excess));
        const __m128i shift = _mm_cvtsi32_si128(30 + excess);
#pragma GCC unroll 2
        for (uint32_t d = 0; d < D; d++) {
            const lanes16 v = {scale_uniform(sum[r][d].low, reciprocal, round, shift, lift),
                               scale_uniform(sum[r][d].high, reciprocal, round, shift, lift)};
            _mm_storeu_si128((void *)(job->y[r0 + r] + j0 + (size_t)d * 16), pack_int8(v));
        }
    }
}

static void mix_dims(uint32_t queries, const tile_job *job, const tile_state *s, uint32_t r0)
{
    const uint32_t dim = job->attention->head_dim;
    uint32_t j = 0;
    for (; j + 32 <= dim; j += 32)
        if (queries == 3)
            mix(3, 2, job, s, r0, j);
        else if (queries == 2)
            mix(2, 2, job, s, r0, j);
        else
            mix(1, 2, job, s, r0, j);
    for (; j < dim; j += 16)
        for (uint32_t r = 0; r < queries; r++)
            mix(1, 1, job, s, r0 + r, j);
}

static void run_tile(uint32_t queries, const tile_job *job, tile_state *s)
{
    switch (queries) {
    case 1:
        score(1, job, s);
        break;
    case 2:
        score(2, job, s);
        break;
    case 3:
        score(3, job, s);
        break;
    case 4:
        score(4, job, s);
        break;
    case 5:
        score(5, job, s);
        break;
    default:
        score(6, job, s);
    }
    weigh(queries, job->blocks, s);
    for (uint32_t r = 0; r < queries; r += 3)
        mix_dims(queries - r < 3 ? queries - r : 3, job, s, r);
}

void vlmc_avx2_attend(const vlmc_cpu_attention *attention, const void *ring, uint64_t position,
                      uint32_t n, const int8_t *q, size_t q_stride, int8_t *y, size_t y_stride)
{
    const size_t dim = attention->head_dim;
    const uint32_t group = attention->group, window = attention->window;
    const uint64_t queries = (uint64_t)n * group;
    tile_state state;
    for (int i = 0; i < VLMC_EXP2_ENTRIES; i++)
        state.exp2[i] = vlmc_exp2_table[i];
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
        job.ring_block = (uint32_t)(first_block % job.ring_blocks);
        job.blocks = (uint32_t)(farthest / BLOCK - first_block) + 1;
        for (uint32_t r = 0; r < count; r++) {
            const uint64_t p = (at + r) / group;
            const size_t head = (size_t)((at + r) % group);
            // Slot 0 lies at distance position + p - first_block * 16, which may be outside of
            // the window by less than BLOCK + TILE_QUERIES: the pad covers it.
            const int64_t distance = (int64_t)(position + p - first_block * BLOCK);
            for (size_t j = 0; j < dim; j += 16)
                _mm256_store_si256((void *)(state.q[r] + j),
                                   load_words(q + p * q_stride + head * dim + j));
            job.y[r] = y + p * y_stride + head * dim;
            job.bias[r] = attention->reversed + head * attention->reversed_stride +
                          ((int64_t)window - 1 - distance);
        }
        run_tile(count, &job, &state);
    }
}
#endif
