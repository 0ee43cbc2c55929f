// SPDX-License-Identifier: Apache-2.0
#include "parts.h"

#include <stdlib.h>

vlmc_status vlmc_gpu_parts_create(vlmc_gpu *g, uint32_t rows, uint32_t row_bytes, uint32_t block,
                                  vlmc_gpu_part **parts, uint32_t *n_parts, vlmc_error *error)
{
    const uint64_t limit = g->device->storage_limit_bytes;
    const uint64_t block_bytes = (uint64_t)block * row_bytes;
    if (block_bytes > limit)
        return vlmc_fail(error, VLMC_ERROR_DEVICE,
                         "the device \"%s\" cannot hold a matrix of %u columns; use -d cpu",
                         g->device->info.name, row_bytes);
    const uint64_t most = limit / block_bytes * block;
    const uint32_t n = (uint32_t)((rows + most - 1) / most);
    *n_parts = 0;
    *parts = calloc(n ? n : 1, sizeof **parts);
    if (!*parts)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the model's layout");
    for (uint64_t first = 0; first < rows; first += most) {
        vlmc_gpu_part *part = &(*parts)[*n_parts];
        part->first_row = (uint32_t)first;
        part->rows = (uint32_t)(rows - first < most ? rows - first : most);
        VLMC_TRY(vlmc_gpu_make_buffer(g, VLMC_GPU_MEMORY_DEVICE, (uint64_t)part->rows * row_bytes,
                                      &part->buffer, error));
        ++*n_parts;
    }
    return VLMC_OK;
}

void vlmc_gpu_parts_destroy(vlmc_gpu *g, vlmc_gpu_part **parts, uint32_t *n_parts)
{
    for (uint32_t i = 0; i < *n_parts; i++)
        vlmc_gpu_free_buffer(g, &(*parts)[i].buffer);
    free(*parts);
    *parts = NULL;
    *n_parts = 0;
}
