// SPDX-License-Identifier: Apache-2.0
// A model on a device: weights, activations and rings, and one pass over some positions.
#ifndef VLMC_GPU_NETWORK_H
#define VLMC_GPU_NETWORK_H

#include "attention.h"

typedef struct vlmc_gpu_layer {
    vlmc_gpu_linear qkv;
    vlmc_gpu_linear o;
    vlmc_gpu_linear up;
    vlmc_gpu_linear down;
    vlmc_gpu_attention attention;
} vlmc_gpu_layer;

typedef struct vlmc_gpu_network {
    vlmc_gpu *gpu;
    const vlmc_model *model;
    uint32_t chunk_positions; // most positions of a pass
    uint32_t chunk_steps;     // most steps of a stream in a pass
    vlmc_gpu_table token;
    vlmc_gpu_table tables; // all side contexts' tables, one below the other
    vlmc_gpu_linear context;
    vlmc_gpu_linear head;
    vlmc_gpu_layer *layers;
    // Activations // (chunk_positions, …)
    vlmc_gpu_buffer tokens;   // uint32, written by the host
    vlmc_gpu_buffer rows;     // (n_contexts) uint32, rows of `tables`, written by the host
    vlmc_gpu_buffer x;        // (width) int16, residual
    vlmc_gpu_buffer norm;     // (width)
    vlmc_gpu_buffer wide;     // (n_contexts * context_dim)
    vlmc_gpu_buffer qkv;      // ((heads + 2 * kv_heads) * head_dim)
    vlmc_gpu_buffer mix;      // (heads * head_dim)
    vlmc_gpu_buffer up;       // (2 * hidden), gated only
    vlmc_gpu_buffer hidden;   // (hidden)
    vlmc_gpu_buffer logits;   // (vocab) int16
    vlmc_gpu_buffer readback; // the same for the host
    vlmc_gpu_binding norm_binding;
    vlmc_gpu_binding reglu_binding;
} vlmc_gpu_network;

// chunk_positions: 0 lets the device decide. On failure *network is such that destroy frees it.
vlmc_status vlmc_gpu_network_create(vlmc_gpu *gpu, const vlmc_model *model, uint32_t max_streams,
                                    uint32_t max_steps, uint32_t chunk_positions,
                                    vlmc_gpu_network *network, vlmc_error *error);
void vlmc_gpu_network_destroy(vlmc_gpu_network *network);

// Runs positions position .. position + n_steps - 1 of some streams, whose tokens and rows lie in
// the mapped buffers, (n_streams, n_steps); n_streams * n_steps <= chunk_positions, n_steps <=
// chunk_steps. The logits lie in `readback` afterwards.
vlmc_status vlmc_gpu_network_run(vlmc_gpu_network *network, uint32_t first_stream,
                                 uint32_t n_streams, uint64_t position, uint32_t n_steps,
                                 vlmc_error *error);

// Single ops, for the tests of each. n positions.
vlmc_status vlmc_gpu_norm_run(vlmc_gpu *gpu, const vlmc_gpu_binding *binding, uint32_t n,
                              uint32_t width, vlmc_error *error);
vlmc_status vlmc_gpu_reglu_run(vlmc_gpu *gpu, const vlmc_gpu_binding *binding, uint32_t n,
                               uint32_t hidden, vlmc_error *error);

#endif
