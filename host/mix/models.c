// SPDX-License-Identifier: Apache-2.0
#include "models.h"

#include "util/processor.h"

static uint32_t look(vlmc_models *m, uint32_t local, int32_t *inputs)
{
    const uint32_t padded = m->n_padded;
    uint32_t known = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        const uint32_t node = m->nodes[(size_t)m->lines[i] * 16 + local];
        const uint32_t history = i * VLMC_NODE_HISTORIES + vlmc_node_history(node);
        // A context that was never seen has no say.
        const int32_t seen = -(int32_t)(node != VLMC_NODE_NEW);
        known -= (uint32_t)seen;
        m->history[i] = history;
        m->map[i] = m->maps[history];
        m->node[i] = node;
        inputs[i] = m->stretch[node >> 20] & seen;
        inputs[padded + i] = m->stretch[m->map[i] >> 20] & seen;
        inputs[2 * padded + i] = vlmc_node_linear(node) & seen;
    }
    for (uint32_t i = m->n; i < padded; i++)
        inputs[i] = inputs[padded + i] = inputs[2 * padded + i] = 0;
    return known;
}

static void learn(vlmc_models *m, uint32_t local, uint32_t bit)
{
    for (uint32_t i = 0; i < m->n; i++) {
        m->maps[m->history[i]] = vlmc_map_after(m->map[i], bit, m->rates);
        m->nodes[(size_t)m->lines[i] * 16 + local] = vlmc_node_after(m->node[i], bit, m->rates);
    }
}

const vlmc_models_kernels vlmc_models_kernels_plain = {look, learn};

const vlmc_models_kernels *vlmc_models_kernels_best(void)
{
#if defined(__x86_64__)
    if (vlmc_processor_avx512())
        return vlmc_models_kernels_avx512();
    if (vlmc_processor_avx2())
        return vlmc_models_kernels_avx2();
#endif
    return &vlmc_models_kernels_plain;
}
