// SPDX-License-Identifier: Apache-2.0
#include "models.h"

#include <immintrin.h>

static __m256i load(const void *at)
{
    return _mm256_loadu_si256((const __m256i *)at);
}

static void store(void *at, __m256i x)
{
    _mm256_storeu_si256((__m256i *)at, x);
}

// Indices stay below 2^30: lines are at most 2^26, of 16 numbers each.
static __m256i gather(const void *base, __m256i index)
{
    return _mm256_i32gather_epi32((const int *)base, index, 4);
}

// Lanes of models from i on that exist.
static __m256i exists(uint32_t i, uint32_t n)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(n - i)), lane);
}

static __m256i node_index(const vlmc_models *m, uint32_t i, uint32_t local)
{
    return _mm256_add_epi32(_mm256_slli_epi32(load(m->lines + i), 4),
                            _mm256_set1_epi32((int)local));
}

// vlmc_node_history
static __m256i history_of(__m256i node)
{
    const __m256i bits = _mm256_and_si256(node, _mm256_set1_epi32(255));
    const __m256i updates =
        _mm256_and_si256(_mm256_srli_epi32(node, 8), _mm256_set1_epi32(VLMC_NODE_UPDATES_MAX));
    const __m256i full = _mm256_cmpgt_epi32(bits, _mm256_set1_epi32(127));
    const __m256i old = _mm256_cmpgt_epi32(updates, _mm256_set1_epi32(19));
    const __m256i steps = _mm256_add_epi32(full, old); // minus 1 each
    return _mm256_sub_epi32(bits, _mm256_slli_epi32(steps, 8));
}

static uint32_t look(vlmc_models *m, uint32_t local, int32_t *inputs)
{
    const uint32_t padded = m->n_padded;
    const __m256i none = _mm256_set1_epi32((int)VLMC_NODE_NEW);
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i half = _mm256_set1_epi32(32768);
    uint32_t known = 0;
    for (uint32_t i = 0; i < m->n; i += VLMC_MODELS_LANES) {
        const __m256i node = gather(m->nodes, node_index(m, i, local));
        const __m256i seen = _mm256_andnot_si256(_mm256_cmpeq_epi32(node, none), exists(i, m->n));
        const __m256i model = _mm256_add_epi32(lanes, _mm256_set1_epi32((int)i));
        const __m256i history =
            _mm256_add_epi32(_mm256_mullo_epi32(model, _mm256_set1_epi32((int)VLMC_NODE_HISTORIES)),
                             history_of(node));
        const __m256i map = gather(m->maps, history);
        store(m->history + i, history);
        store(m->map + i, map);
        store(m->node + i, node);
        const __m256i slow = gather(m->stretch, _mm256_srli_epi32(node, 20));
        const __m256i fast = gather(m->stretch, _mm256_srli_epi32(map, 20));
        const __m256i linear =
            _mm256_srai_epi32(_mm256_sub_epi32(_mm256_srli_epi32(node, 16), half), 5);
        store(inputs + i, _mm256_and_si256(slow, seen));
        store(inputs + padded + i, _mm256_and_si256(fast, seen));
        store(inputs + 2 * padded + i, _mm256_and_si256(linear, seen));
        known +=
            (uint32_t)__builtin_popcount((unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(seen)));
    }
    return known;
}

static __m256i least(__m256i x, int most)
{
    return _mm256_min_epi32(x, _mm256_set1_epi32(most));
}

// vlmc_node_after
static __m256i node_after(const vlmc_models *m, __m256i node, uint32_t bit)
{
    const __m256i target = _mm256_set1_epi32(bit ? (1 << 19) - 1 : 0);
    const __m256i p = _mm256_srli_epi32(node, 13);
    const __m256i updates =
        _mm256_and_si256(_mm256_srli_epi32(node, 8), _mm256_set1_epi32(VLMC_NODE_UPDATES_MAX));
    const __m256i bits = _mm256_and_si256(node, _mm256_set1_epi32(255));
    const __m256i error = _mm256_srai_epi32(_mm256_sub_epi32(target, p), 4);
    const __m256i step =
        _mm256_srai_epi32(_mm256_mullo_epi32(error, gather(m->rates, updates)), 12);
    const __m256i full = _mm256_cmpgt_epi32(bits, _mm256_set1_epi32(127));
    const __m256i shifted = _mm256_slli_epi32(bits, 1);
    const __m256i kept = _mm256_blendv_epi8(
        shifted,
        _mm256_or_si256(_mm256_and_si256(shifted, _mm256_set1_epi32(127)), _mm256_set1_epi32(128)),
        full);
    const __m256i count =
        least(_mm256_add_epi32(updates, _mm256_set1_epi32(1)), VLMC_NODE_UPDATES_MAX);
    return _mm256_or_si256(_mm256_or_si256(_mm256_slli_epi32(_mm256_add_epi32(p, step), 13),
                                           _mm256_slli_epi32(count, 8)),
                           _mm256_or_si256(kept, _mm256_set1_epi32((int)bit)));
}

// vlmc_map_after
static __m256i map_after(const vlmc_models *m, __m256i map, uint32_t bit)
{
    const __m256i target = _mm256_set1_epi32(bit ? (1 << 22) - 1 : 0);
    const __m256i p = _mm256_srli_epi32(map, 10);
    const __m256i updates = _mm256_and_si256(map, _mm256_set1_epi32(1023));
    const __m256i error = _mm256_srai_epi32(_mm256_sub_epi32(target, p), 7);
    const __m256i step = _mm256_srai_epi32(_mm256_mullo_epi32(error, gather(m->rates, updates)), 9);
    const __m256i count =
        least(_mm256_add_epi32(updates, _mm256_set1_epi32(1)), VLMC_MAP_UPDATES_MAX);
    return _mm256_or_si256(_mm256_slli_epi32(_mm256_add_epi32(p, step), 10), count);
}

static void learn(vlmc_models *m, uint32_t local, uint32_t bit)
{
    uint32_t node[VLMC_MODELS_LANES], map[VLMC_MODELS_LANES];
    for (uint32_t i = 0; i < m->n; i += VLMC_MODELS_LANES) {
        store(node, node_after(m, load(m->node + i), bit));
        store(map, map_after(m, load(m->map + i), bit));
        const uint32_t left = m->n - i;
        for (uint32_t k = 0; k < VLMC_MODELS_LANES && k < left; k++) {
            m->nodes[(size_t)m->lines[i + k] * 16 + local] = node[k];
            m->maps[m->history[i + k]] = map[k];
        }
    }
}

const vlmc_models_kernels *vlmc_models_kernels_avx2(void)
{
    static const vlmc_models_kernels kernels = {look, learn};
    return &kernels;
}
