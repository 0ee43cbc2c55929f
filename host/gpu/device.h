// SPDX-License-Identifier: Apache-2.0
// One logical device with its function table and queue, and buffers in its memory.
// A device is used by one thread at a time.
#ifndef VLMC_GPU_DEVICE_H
#define VLMC_GPU_DEVICE_H

#include "instance.h"

typedef struct vlmc_gpu_device {
    vlmc_gpu_instance instance;
    vlmc_gpu_device_info info;
    VkPhysicalDevice physical;
    VkPhysicalDeviceProperties properties;
    VkPhysicalDeviceMemoryProperties memory;
    uint64_t reserved_bytes[VK_MAX_MEMORY_HEAPS]; // by buffers of this device
    VkDevice handle;
    struct VolkDeviceTable vk;
    uint32_t queue_family;
    VkQueue queue;
    bool dot;                     // the packed integer dot product may be used
    uint32_t storage_limit_bytes; // most bytes of one storage buffer
    uint32_t linear_lanes;        // workgroup sizes
    uint32_t lanes;               //
} vlmc_gpu_device;

// Opens the device that `selector` names. storage_limit_bytes lowers the device's own limit, 0
// leaves it. On failure *device is NULL.
vlmc_status vlmc_gpu_device_create(const char *selector, bool force_portable,
                                   uint32_t storage_limit_bytes, vlmc_gpu_device **device,
                                   vlmc_error *error);
void vlmc_gpu_device_destroy(vlmc_gpu_device **device);

typedef enum vlmc_gpu_memory {
    VLMC_GPU_MEMORY_DEVICE,   // weights and activations
    VLMC_GPU_MEMORY_UPLOAD,   // written by the host, read by the device, mapped
    VLMC_GPU_MEMORY_READBACK, // written by the device, read by the host, mapped
} vlmc_gpu_memory;

typedef struct vlmc_gpu_buffer {
    VkBuffer handle;
    VkDeviceMemory memory;
    uint64_t bytes;
    void *mapped; // NULL where the host cannot reach it
    uint32_t heap;
    uint64_t reserved_bytes; // in that heap
    // Last use since the latest barrier, see command.h.
    uint64_t read_epoch;
    uint64_t write_epoch;
} vlmc_gpu_buffer;

// `bytes` of 0 makes a small buffer. On failure *buffer is empty, and destroying that is allowed.
vlmc_status vlmc_gpu_buffer_create(vlmc_gpu_device *device, vlmc_gpu_memory kind, uint64_t bytes,
                                   vlmc_gpu_buffer *buffer, vlmc_error *error);
void vlmc_gpu_buffer_destroy(vlmc_gpu_device *device, vlmc_gpu_buffer *buffer);

#endif
