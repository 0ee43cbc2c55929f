// SPDX-License-Identifier: Apache-2.0
// The Vulkan loader, an instance and what its devices say about themselves.
#ifndef VLMC_GPU_INSTANCE_H
#define VLMC_GPU_INSTANCE_H

#include "gpu.h"

#include <volk.h>

typedef struct vlmc_gpu_instance {
    VkInstance handle;
    uint32_t n_devices;
    VkPhysicalDevice *physical;  // (n_devices)
    vlmc_gpu_device_info *infos; // (n_devices)
} vlmc_gpu_instance;

// Fills *error with the sentence for a VkResult, `doing` completing "… while"; returns the status.
// `device` is its name or NULL.
vlmc_status vlmc_gpu_fail(vlmc_error *error, VkResult result, const char *device,
                          const char *doing);

// An instance of Vulkan 1.1 with all devices described. On failure *instance is empty.
vlmc_status vlmc_gpu_instance_create(vlmc_gpu_instance *instance, vlmc_error *error);
void vlmc_gpu_instance_destroy(vlmc_gpu_instance *instance);

// Resolves a selector (gpu.h) to an index into infos.
vlmc_status vlmc_gpu_select(const vlmc_gpu_device_info *infos, uint32_t n, const char *selector,
                            uint32_t *index, vlmc_error *error);

// Whether a physical device offers an extension. No answer counts as no.
bool vlmc_gpu_has_extension(VkPhysicalDevice physical, const char *name);

#endif
