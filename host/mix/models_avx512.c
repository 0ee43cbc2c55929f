// SPDX-License-Identifier: Apache-2.0
#include "models.h"

#include <immintrin.h>

#define LANES 16u

static __m512i load(const void *at)
{
    return _mm512_loadu_si512(at);
}

static void store(void *at, __m512i x)
{
    _mm512_storeu_si512(at, x);
}

static __m512i number(int x)
{
    return _mm512_set1_epi32(x);
}

// Indices stay below 2^30: lines are at most 2^26, of 16 numbers each. What is not in `lanes` is
// `other`.
static __m512i gather(const void *base, __mmask16 lanes, __m512i index, __m512i other)
{
    return _mm512_mask_i32gather_epi32(other, lanes, index, base, 4);
}

// Lanes of models from i on that exist.
static __mmask16 exists(uint32_t i, uint32_t n)
{
    return (__mmask16)(n - i < LANES ? (1u << (n - i)) - 1 : 0xFFFF);
}

// vlmc_node_history
static __m512i history_of(__m512i node)
{
    const __m512i bits = _mm512_and_si512(node, number(255));
    const __m512i updates =
        _mm512_and_si512(_mm512_srli_epi32(node, 8), number(VLMC_NODE_UPDATES_MAX));
    const __mmask16 full = _mm512_cmpgt_epi32_mask(bits, number(127));
    const __mmask16 old = _mm512_cmpgt_epi32_mask(updates, number(19));
    const __m512i one = _mm512_mask_add_epi32(bits, full, bits, number(256));
    return _mm512_mask_add_epi32(one, old, one, number(256));
}

static uint32_t look(vlmc_models *m, uint32_t local, int32_t *inputs)
{
    const uint32_t padded = m->n_padded;
    const __m512i none = number((int)VLMC_NODE_NEW), zero = _mm512_setzero_si512();
    const __m512i ramp = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i ways = _mm512_mullo_epi32(ramp, number((int)VLMC_NODE_HISTORIES));
    uint32_t known = 0;
    for (uint32_t i = 0; i < m->n; i += LANES) {
        const __mmask16 lanes = exists(i, m->n);
        const __mmask16 room = exists(i, padded);
        const __m512i index =
            _mm512_add_epi32(_mm512_slli_epi32(load(m->lines + i), 4), number((int)local));
        const __m512i node = gather(m->nodes, lanes, index, none);
        const __mmask16 seen = _mm512_cmpneq_epi32_mask(node, none);
        const __m512i history = _mm512_add_epi32(
            _mm512_add_epi32(ways, number((int)(i * VLMC_NODE_HISTORIES))), history_of(node));
        const __m512i map = gather(m->maps, lanes, history, zero);
        store(m->history + i, history);
        store(m->map + i, map);
        store(m->node + i, node);
        const __m512i slow = gather(m->stretch, seen, _mm512_srli_epi32(node, 20), zero);
        const __m512i fast = gather(m->stretch, seen, _mm512_srli_epi32(map, 20), zero);
        const __m512i linear = _mm512_maskz_srai_epi32(
            seen, _mm512_sub_epi32(_mm512_srli_epi32(node, 16), number(32768)), 5);
        _mm512_mask_storeu_epi32(inputs + i, room, slow);
        _mm512_mask_storeu_epi32(inputs + padded + i, room, fast);
        _mm512_mask_storeu_epi32(inputs + 2 * padded + i, room, linear);
        known += (uint32_t)__builtin_popcount(seen);
    }
    return known;
}

// vlmc_node_after. // rates: of 32 numbers of updates
static __m512i node_after(__m512i rates_low, __m512i rates_high, __m512i node, uint32_t bit)
{
    const __m512i target = number(bit ? (1 << 19) - 1 : 0);
    const __m512i p = _mm512_srli_epi32(node, 13);
    const __m512i updates =
        _mm512_and_si512(_mm512_srli_epi32(node, 8), number(VLMC_NODE_UPDATES_MAX));
    const __m512i bits = _mm512_and_si512(node, number(255));
    const __m512i error = _mm512_srai_epi32(_mm512_sub_epi32(target, p), 4);
    const __m512i rate = _mm512_permutex2var_epi32(rates_low, updates, rates_high);
    const __m512i step = _mm512_srai_epi32(_mm512_mullo_epi32(error, rate), 12);
    const __mmask16 full = _mm512_cmpgt_epi32_mask(bits, number(127));
    const __m512i shifted = _mm512_slli_epi32(bits, 1);
    const __m512i kept =
        _mm512_mask_or_epi32(shifted, full, _mm512_and_si512(shifted, number(127)), number(128));
    const __m512i count =
        _mm512_min_epi32(_mm512_add_epi32(updates, number(1)), number(VLMC_NODE_UPDATES_MAX));
    return _mm512_or_si512(_mm512_or_si512(_mm512_slli_epi32(_mm512_add_epi32(p, step), 13),
                                           _mm512_slli_epi32(count, 8)),
                           _mm512_or_si512(kept, number((int)bit)));
}

// vlmc_map_after
static __m512i map_after(const uint32_t *rates, __mmask16 lanes, __m512i map, uint32_t bit)
{
    const __m512i target = number(bit ? (1 << 22) - 1 : 0);
    const __m512i p = _mm512_srli_epi32(map, 10);
    const __m512i updates = _mm512_and_si512(map, number(1023));
    const __m512i error = _mm512_srai_epi32(_mm512_sub_epi32(target, p), 7);
    const __m512i rate = gather(rates, lanes, updates, map);
    const __m512i step = _mm512_srai_epi32(_mm512_mullo_epi32(error, rate), 9);
    const __m512i count =
        _mm512_min_epi32(_mm512_add_epi32(updates, number(1)), number(VLMC_MAP_UPDATES_MAX));
    return _mm512_or_si512(_mm512_slli_epi32(_mm512_add_epi32(p, step), 10), count);
}

static void learn(vlmc_models *m, uint32_t local, uint32_t bit)
{
    const __m512i rates_low = load(m->rates), rates_high = load(m->rates + LANES);
    uint32_t node[LANES], map[LANES];
    for (uint32_t i = 0; i < m->n; i += LANES) {
        store(node, node_after(rates_low, rates_high, load(m->node + i), bit));
        store(map, map_after(m->rates, exists(i, m->n), load(m->map + i), bit));
        const uint32_t left = m->n - i, n = left < LANES ? left : LANES;
        for (uint32_t k = 0; k < n; k++) {
            m->nodes[(size_t)m->lines[i + k] * 16 + local] = node[k];
            m->maps[m->history[i + k]] = map[k];
        }
    }
}

const vlmc_models_kernels *vlmc_models_kernels_avx512(void)
{
    static const vlmc_models_kernels kernels = {look, learn};
    return &kernels;
}
