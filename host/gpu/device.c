// SPDX-License-Identifier: Apache-2.0
#include "device.h"

#include "../../shaders/push_constants.h"
#include "quirks.h"

#include <stdlib.h>
#include <string.h>
#include <vlmc_shaders.h>

#define PORTABILITY_SUBSET "VK_KHR_portability_subset"

static uint32_t compute_family(VkPhysicalDevice physical)
{
    VkQueueFamilyProperties families[64];
    uint32_t n = sizeof families / sizeof *families, best = 0;
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &n, families);
    // A family without graphics does not compete with the desktop.
    for (uint32_t i = n; i-- > 0;)
        if (families[i].queueFlags & VK_QUEUE_COMPUTE_BIT)
            best = i;
    for (uint32_t i = n; i-- > 0;)
        if ((families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) &&
            !(families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT))
            best = i;
    return best;
}

static vlmc_status open_device(vlmc_gpu_device *d, vlmc_error *error)
{
    const char *extensions[2];
    uint32_t n = 0;
    VkPhysicalDeviceShaderIntegerDotProductFeatures dot = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES,
        .shaderIntegerDotProduct = VK_TRUE,
    };
    if (d->dot)
        extensions[n++] = VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME;
    if (vlmc_gpu_has_extension(d->physical, PORTABILITY_SUBSET))
        extensions[n++] = PORTABILITY_SUBSET; // must be enabled where it is offered

    d->queue_family = compute_family(d->physical);
    const float priority = 1.0F;
    const VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = d->queue_family,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    const VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = d->dot ? &dot : NULL,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
        .enabledExtensionCount = n,
        .ppEnabledExtensionNames = extensions,
    };
    VkResult result = vkCreateDevice(d->physical, &info, NULL, &d->handle);
    if (result != VK_SUCCESS)
        return vlmc_gpu_fail(error, result, d->info.name, "being opened");
    volkLoadDeviceTable(&d->vk, d->handle);
    d->vk.vkGetDeviceQueue(d->handle, d->queue_family, 0, &d->queue);
    return VLMC_OK;
}

static void choose_lanes(vlmc_gpu_device *d)
{
    const VkPhysicalDeviceLimits *limits = &d->properties.limits;
    // On a CPU driver an invocation is a SIMD lane, and a workgroup of one vector has no barriers
    // to wait at; on a GPU a workgroup should fill a subgroup of any vendor.
    const bool cpu = d->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
    d->linear_lanes = cpu ? 8 : 32;
    d->lanes = cpu ? 8 : 64;
    uint32_t most = limits->maxComputeWorkGroupInvocations < limits->maxComputeWorkGroupSize[0]
                        ? limits->maxComputeWorkGroupInvocations
                        : limits->maxComputeWorkGroupSize[0];
    if (d->lanes > most)
        d->lanes = most;
    if (d->linear_lanes > most)
        d->linear_lanes = most;
}

vlmc_status vlmc_gpu_device_create(const char *selector, bool force_portable,
                                   uint32_t storage_limit_bytes, vlmc_gpu_device **device,
                                   vlmc_error *error)
{
    *device = NULL;
    vlmc_gpu_device *d = calloc(1, sizeof *d);
    if (!d)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for a device");
    uint32_t index = 0;
    vlmc_status status = vlmc_gpu_instance_create(&d->instance, error);
    if (status == VLMC_OK)
        status = vlmc_gpu_select(d->instance.infos, d->instance.n_devices, selector, &index, error);
    if (status != VLMC_OK)
        goto fail;
    d->info = d->instance.infos[index];
    d->physical = d->instance.physical[index];
    vkGetPhysicalDeviceProperties(d->physical, &d->properties);
    vkGetPhysicalDeviceMemoryProperties(d->physical, &d->memory);
    d->dot = VLMC_SHADER_LINEAR_DOT && VLMC_SHADER_ATTENTION_DOT && d->info.integer_dot &&
             !force_portable && !vlmc_gpu_path_disabled(&d->info, "dot");
    d->storage_limit_bytes = d->properties.limits.maxStorageBufferRange;
    if (storage_limit_bytes && storage_limit_bytes < d->storage_limit_bytes)
        d->storage_limit_bytes = storage_limit_bytes;
    // An allocation of 1 GiB is always allowed; more need not be.
    if (d->storage_limit_bytes > 1u << 30)
        d->storage_limit_bytes = 1u << 30;
    choose_lanes(d);
    status = open_device(d, error);
    if (status != VLMC_OK)
        goto fail;
    *device = d;
    return VLMC_OK;
fail:
    vlmc_gpu_device_destroy(&d);
    return status;
}

void vlmc_gpu_device_destroy(vlmc_gpu_device **device)
{
    vlmc_gpu_device *d = *device;
    if (!d)
        return;
    if (d->handle)
        d->vk.vkDestroyDevice(d->handle, NULL);
    vlmc_gpu_instance_destroy(&d->instance);
    free(d);
    *device = NULL;
}
