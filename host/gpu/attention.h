// SPDX-License-Identifier: Apache-2.0
// One layer's ring of keys and values and the two ops on it.
#ifndef VLMC_GPU_ATTENTION_H
#define VLMC_GPU_ATTENTION_H

#include "tensors.h"

typedef struct vlmc_gpu_attention {
    const vlmc_hyperparameters *hp; // borrowed
    uint32_t capacity;              // ring slots
    vlmc_gpu_buffer bias;           // exp2 table, (heads, window)
    // A row is a unit, one key/value head of one stream: (2, capacity, head_dim) int8.
    uint32_t n_parts;
    vlmc_gpu_part *parts;    // (n_parts), bound for attention
    vlmc_gpu_binding *store; // (n_parts)
} vlmc_gpu_attention;

// bias // (heads, window), read during the call only. max_steps: most steps of one run. On failure
// *attention is such that destroy frees it.
vlmc_status vlmc_gpu_attention_create(vlmc_gpu *gpu, const vlmc_hyperparameters *hp,
                                      const int32_t *bias, uint32_t max_streams, uint32_t max_steps,
                                      vlmc_gpu_attention *attention, vlmc_error *error);
void vlmc_gpu_attention_destroy(vlmc_gpu *gpu, vlmc_gpu_attention *attention);

// projections // (n, (heads + 2 * kv_heads) * head_dim) int8, output // (n, heads * head_dim)
vlmc_status vlmc_gpu_attention_bind(vlmc_gpu *gpu, vlmc_gpu_attention *attention,
                                    vlmc_gpu_buffer *projections, vlmc_gpu_buffer *output,
                                    vlmc_error *error);

// Positions position .. position + n_steps - 1 of streams first_stream .. first_stream +
// n_streams - 1, which lie (n_streams, n_steps) in the bound buffers. Stores the new keys and
// values, then attends.
vlmc_status vlmc_gpu_attention_run(vlmc_gpu *gpu, const vlmc_gpu_attention *attention,
                                   uint32_t first_stream, uint32_t n_streams, uint64_t position,
                                   uint32_t n_steps, vlmc_error *error);

#endif
