// SPDX-License-Identifier: Apache-2.0
// One compute pipeline per op, and descriptor sets for them. All pipelines share a layout: up to
// VLMC_GPU_BINDINGS storage buffers and VLMC_GPU_PUSH_BYTES of push constants.
#ifndef VLMC_GPU_PIPELINE_H
#define VLMC_GPU_PIPELINE_H

#include "device.h"

#define VLMC_GPU_BINDINGS 4u // what Vulkan 1.1 guarantees per stage
#define VLMC_GPU_PUSH_BYTES 44u

typedef enum vlmc_gpu_op {
    VLMC_GPU_GATHER,
    VLMC_GPU_NORM,
    VLMC_GPU_LINEAR_INT8, // the linear ops in the order of VLMC_EPILOGUE_*
    VLMC_GPU_LINEAR_RELU2,
    VLMC_GPU_LINEAR_ADD,
    VLMC_GPU_LINEAR_INT16,
    VLMC_GPU_REGLU,
    VLMC_GPU_STORE,
    VLMC_GPU_ATTENTION,
    VLMC_GPU_OPS,
} vlmc_gpu_op;

typedef struct vlmc_gpu_pipelines {
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkPipeline op[VLMC_GPU_OPS];
    VkDescriptorPool *pools; // (n_pools), the last one not full
    uint32_t n_pools;
    uint32_t sets_left; // in the last pool
} vlmc_gpu_pipelines;

// Compiles every op, with the help of the cache file under cache_dir unless that is NULL; the
// cache can only make it faster. On failure *pipelines is empty.
vlmc_status vlmc_gpu_pipelines_create(vlmc_gpu_device *device, const char *cache_dir,
                                      vlmc_gpu_pipelines *pipelines, vlmc_error *error);
void vlmc_gpu_pipelines_destroy(vlmc_gpu_device *device, vlmc_gpu_pipelines *pipelines);

typedef struct vlmc_gpu_binding {
    VkDescriptorSet set;
    vlmc_gpu_buffer *buffers[VLMC_GPU_BINDINGS]; // NULL where the op has fewer
} vlmc_gpu_binding;

// A descriptor set of whole buffers, as many as are not NULL; it lives as long as the pipelines,
// and the buffers must live as long as it is used.
vlmc_status vlmc_gpu_bind(vlmc_gpu_device *device, vlmc_gpu_pipelines *pipelines,
                          vlmc_gpu_buffer *const buffers[VLMC_GPU_BINDINGS],
                          vlmc_gpu_binding *binding, vlmc_error *error);

// Reads and writes the file of the driver's pipeline cache. A missing, foreign or corrupt file
// gives an empty cache; a failure to write is none. (pipeline_cache.c)
VkPipelineCache vlmc_gpu_cache_open(vlmc_gpu_device *device, const char *cache_dir);
void vlmc_gpu_cache_close(vlmc_gpu_device *device, const char *cache_dir, VkPipelineCache cache);

#endif
