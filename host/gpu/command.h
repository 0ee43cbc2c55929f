// SPDX-License-Identifier: Apache-2.0
// A device with its pipelines and one command buffer. Dispatches are recorded, barriers are put
// where buffers depend on each other, and work is submitted in pieces that a watchdog does not
// notice: each piece's duration is estimated from the measured speed of those before.
#ifndef VLMC_GPU_COMMAND_H
#define VLMC_GPU_COMMAND_H

#include "pipeline.h"

typedef struct vlmc_gpu {
    vlmc_gpu_device *device;
    vlmc_gpu_pipelines pipelines;
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkFence fence;
    vlmc_gpu_buffer staging; // for uploads to memory that the host cannot reach
    uint64_t staging_used;
    bool recording;
    uint64_t epoch;        // counts barriers; a buffer's epochs tell whether it needs one
    uint64_t pending_cost; // of what is recorded; the unit is one multiply-add
    uint64_t cost_per_ms;  // measured
} vlmc_gpu;

// selector, force_portable, cache_dir and storage_limit_bytes as in gpu.h.
vlmc_status vlmc_gpu_create(const char *selector, bool force_portable, uint32_t storage_limit_bytes,
                            const char *cache_dir, vlmc_gpu **gpu, vlmc_error *error);
void vlmc_gpu_destroy(vlmc_gpu **gpu);

// Records one dispatch; may submit and wait for what was recorded before. No dispatch should cost
// more than vlmc_gpu_budget.
vlmc_status vlmc_gpu_dispatch(vlmc_gpu *gpu, vlmc_gpu_op op, const vlmc_gpu_binding *binding,
                              const void *push, uint32_t push_bytes, const uint32_t groups[3],
                              uint64_t cost, vlmc_error *error);

// Records a copy of the first `bytes` of a buffer.
vlmc_status vlmc_gpu_copy(vlmc_gpu *gpu, vlmc_gpu_buffer *from, vlmc_gpu_buffer *to, uint64_t bytes,
                          vlmc_error *error);

// Writes to a buffer that nothing recorded uses. `data` may be freed afterwards.
vlmc_status vlmc_gpu_upload(vlmc_gpu *gpu, vlmc_gpu_buffer *buffer, uint64_t offset,
                            const void *data, uint64_t bytes, vlmc_error *error);

// Submits what is recorded and waits for it; readback buffers then hold their data.
vlmc_status vlmc_gpu_finish(vlmc_gpu *gpu, vlmc_error *error);

// Multiply-adds that one submission may take.
uint64_t vlmc_gpu_budget(const vlmc_gpu *gpu);

vlmc_status vlmc_gpu_make_buffer(vlmc_gpu *gpu, vlmc_gpu_memory kind, uint64_t bytes,
                                 vlmc_gpu_buffer *buffer, vlmc_error *error);
void vlmc_gpu_free_buffer(vlmc_gpu *gpu, vlmc_gpu_buffer *buffer);

#endif
