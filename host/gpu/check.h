// SPDX-License-Identifier: Apache-2.0
// Runs single ops on a device and compares them with the reference, bit for bit. The self-test and
// the unit tests are made of these.
#ifndef VLMC_GPU_CHECK_H
#define VLMC_GPU_CHECK_H

#include "network.h"

// What a check found.
typedef struct vlmc_gpu_check {
    uint64_t compared; // values
    uint64_t wrong;    // of them, that differ from the reference
    uint64_t time_ns;  // device and transfer
} vlmc_gpu_check;

typedef enum vlmc_gpu_data {
    VLMC_GPU_DATA_RANDOM,  // uniform, with a few extreme values
    VLMC_GPU_DATA_EXTREME, // the largest and smallest values only
    VLMC_GPU_DATA_ZERO,
} vlmc_gpu_data;

// op: one of VLMC_GPU_LINEAR_*; rows a multiple of 16, cols of 32; shifts and multipliers of both
// ends occur. All checks draw their data from `seed`.
vlmc_status vlmc_gpu_check_linear(vlmc_gpu *gpu, vlmc_gpu_op op, uint32_t rows, uint32_t cols,
                                  uint32_t n, vlmc_gpu_data data, uint64_t seed,
                                  vlmc_gpu_check *check, vlmc_error *error);

// Gathers n random rows of a table of `rows` rows of row_bytes.
vlmc_status vlmc_gpu_check_gather(vlmc_gpu *gpu, uint32_t rows, uint32_t row_bytes, uint32_t n,
                                  uint64_t seed, vlmc_gpu_check *check, vlmc_error *error);

vlmc_status vlmc_gpu_check_norm(vlmc_gpu *gpu, uint32_t width, uint32_t n, vlmc_gpu_data data,
                                uint64_t seed, vlmc_gpu_check *check, vlmc_error *error);

vlmc_status vlmc_gpu_check_reglu(vlmc_gpu *gpu, uint32_t hidden, uint32_t n, vlmc_gpu_data data,
                                 uint64_t seed, vlmc_gpu_check *check, vlmc_error *error);

// Some runs of n_steps positions each, until the ring has turned once; hp's heads, kv_heads,
// head_dim and window count.
vlmc_status vlmc_gpu_check_attention(vlmc_gpu *gpu, const vlmc_hyperparameters *hp,
                                     uint32_t n_streams, uint32_t n_steps, vlmc_gpu_data data,
                                     uint64_t seed, vlmc_gpu_check *check, vlmc_error *error);

// A random model's logits for some positions, against the reference engine.
vlmc_status vlmc_gpu_check_model(vlmc_gpu *gpu, const vlmc_hyperparameters *hp, uint32_t n_streams,
                                 uint32_t n_steps, uint64_t seed, vlmc_gpu_check *check,
                                 vlmc_error *error);

#endif
