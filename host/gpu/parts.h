// SPDX-License-Identifier: Apache-2.0
// Splitting rows over buffers, shared by matrices and tables.
#ifndef VLMC_GPU_PARTS_H
#define VLMC_GPU_PARTS_H

#include "tensors.h"

// Buffers for `rows` rows of row_bytes each, no buffer above the device's limit; every part but
// the last has a multiple of `block` rows. A block that exceeds the limit is VLMC_ERROR_DEVICE.
vlmc_status vlmc_gpu_parts_create(vlmc_gpu *gpu, uint32_t rows, uint32_t row_bytes, uint32_t block,
                                  vlmc_gpu_part **parts, uint32_t *n_parts, vlmc_error *error);
void vlmc_gpu_parts_destroy(vlmc_gpu *gpu, vlmc_gpu_part **parts, uint32_t *n_parts);

#endif
