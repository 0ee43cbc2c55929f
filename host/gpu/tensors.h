// SPDX-License-Identifier: Apache-2.0
// A model's matrices and tables on a device, split where they exceed the largest storage buffer.
#ifndef VLMC_GPU_TENSORS_H
#define VLMC_GPU_TENSORS_H

#include "command.h"

typedef struct vlmc_gpu_part {
    vlmc_gpu_buffer buffer;
    uint32_t first_row;
    uint32_t rows;
    vlmc_gpu_binding binding;
} vlmc_gpu_part;

// int8 weights packed as shaders/linear.glsl wants them, with their requantisation.
typedef struct vlmc_gpu_linear {
    uint32_t rows;
    uint32_t cols;
    uint32_t n_parts;
    vlmc_gpu_part *parts;   // (n_parts), ascending
    vlmc_gpu_buffer scales; // (rows): multiplier | shift << 16
} vlmc_gpu_linear;

// The rows of n_sources matrices of the same width, one below the other. On failure *linear is
// such that destroy frees it.
vlmc_status vlmc_gpu_linear_create(vlmc_gpu *gpu, const vlmc_linear *const *sources,
                                   uint32_t n_sources, vlmc_gpu_linear *linear, vlmc_error *error);
void vlmc_gpu_linear_destroy(vlmc_gpu *gpu, vlmc_gpu_linear *linear);

// Fixes what run reads and writes: input // (n, cols) int8, output // (n, rows) by the epilogue.
vlmc_status vlmc_gpu_linear_bind(vlmc_gpu *gpu, vlmc_gpu_linear *linear, vlmc_gpu_buffer *input,
                                 vlmc_gpu_buffer *output, vlmc_error *error);

// op: one of VLMC_GPU_LINEAR_*; n >= 1 positions.
vlmc_status vlmc_gpu_linear_run(vlmc_gpu *gpu, const vlmc_gpu_linear *linear, vlmc_gpu_op op,
                                uint32_t n, vlmc_error *error);

// Rows that gather copies.
typedef struct vlmc_gpu_table {
    uint32_t row_words;
    uint32_t n_parts;
    vlmc_gpu_part *parts; // (n_parts), ascending
} vlmc_gpu_table;

typedef struct vlmc_gpu_table_source {
    const void *data; // (rows, row_bytes)
    uint32_t rows;
} vlmc_gpu_table_source;

// The rows of n_sources tables, one below the other; row_bytes a multiple of 4. As linear_create.
vlmc_status vlmc_gpu_table_create(vlmc_gpu *gpu, const vlmc_gpu_table_source *sources,
                                  uint32_t n_sources, uint32_t row_bytes, vlmc_gpu_table *table,
                                  vlmc_error *error);
void vlmc_gpu_table_destroy(vlmc_gpu *gpu, vlmc_gpu_table *table);

// rows // (n) uint32, output // (n, row_words)
vlmc_status vlmc_gpu_table_bind(vlmc_gpu *gpu, vlmc_gpu_table *table, vlmc_gpu_buffer *rows,
                                vlmc_gpu_buffer *output, vlmc_error *error);
vlmc_status vlmc_gpu_table_run(vlmc_gpu *gpu, const vlmc_gpu_table *table, uint32_t n,
                               vlmc_error *error);

#endif
