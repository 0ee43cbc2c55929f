// SPDX-License-Identifier: Apache-2.0
// Each buffer has an allocation of its own: an engine needs some ten per layer, and every
// device allows 4096.
#include "device.h"

#define LOCAL VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT
#define MAPPED (VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT)
#define CACHED VK_MEMORY_PROPERTY_HOST_CACHED_BIT

// Memory properties in the order of preference; the last line of each kind always exists.
static const VkMemoryPropertyFlags preference[][3] = {
    [VLMC_GPU_MEMORY_DEVICE] = {LOCAL, 0, 0},
    [VLMC_GPU_MEMORY_UPLOAD] = {LOCAL | MAPPED, MAPPED, MAPPED}, // first: resizable BAR
    [VLMC_GPU_MEMORY_READBACK] = {MAPPED | CACHED, MAPPED, MAPPED},
};

static uint32_t find_type(const vlmc_gpu_device *d, uint32_t allowed, VkMemoryPropertyFlags wanted)
{
    for (uint32_t i = 0; i < d->memory.memoryTypeCount; i++)
        if ((allowed >> i & 1) && (d->memory.memoryTypes[i].propertyFlags & wanted) == wanted)
            return i;
    return UINT32_MAX;
}

// Unified memory: what is local to the device is also the host's.
static uint32_t find_unified(const vlmc_gpu_device *d, uint32_t allowed)
{
    const VkPhysicalDeviceType type = d->properties.deviceType;
    if (type != VK_PHYSICAL_DEVICE_TYPE_CPU && type != VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU)
        return UINT32_MAX;
    return find_type(d, allowed, LOCAL | MAPPED);
}

static VkResult allocate(vlmc_gpu_device *d, vlmc_gpu_memory kind, vlmc_gpu_buffer *b)
{
    VkMemoryRequirements needs;
    d->vk.vkGetBufferMemoryRequirements(d->handle, b->handle, &needs);
    VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    for (int i = -1; i < 3 && result != VK_SUCCESS; i++) {
        uint32_t type;
        if (i >= 0)
            type = find_type(d, needs.memoryTypeBits, preference[kind][i]);
        else
            type = kind == VLMC_GPU_MEMORY_DEVICE ? find_unified(d, needs.memoryTypeBits)
                                                  : UINT32_MAX;
        if (type == UINT32_MAX)
            continue;
        const VkMemoryAllocateInfo info = {
            .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
            .allocationSize = needs.size,
            .memoryTypeIndex = type,
        };
        result = d->vk.vkAllocateMemory(d->handle, &info, NULL, &b->memory);
        const VkMemoryPropertyFlags flags = d->memory.memoryTypes[type].propertyFlags;
        if (result == VK_SUCCESS && (flags & MAPPED) == MAPPED &&
            (kind != VLMC_GPU_MEMORY_DEVICE || i == -1))
            result = d->vk.vkMapMemory(d->handle, b->memory, 0, VK_WHOLE_SIZE, 0, &b->mapped);
        if (result != VK_SUCCESS && b->memory) {
            d->vk.vkFreeMemory(d->handle, b->memory, NULL);
            b->memory = VK_NULL_HANDLE;
        }
    }
    return result;
}

vlmc_status vlmc_gpu_buffer_create(vlmc_gpu_device *d, vlmc_gpu_memory kind, uint64_t bytes,
                                   vlmc_gpu_buffer *buffer, vlmc_error *error)
{
    *buffer = (vlmc_gpu_buffer){.bytes = bytes ? (bytes + 3) / 4 * 4 : 4};
    const VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = buffer->bytes,
        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                 VK_BUFFER_USAGE_TRANSFER_DST_BIT,
        .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
    };
    VkResult result = d->vk.vkCreateBuffer(d->handle, &info, NULL, &buffer->handle);
    if (result == VK_SUCCESS)
        result = allocate(d, kind, buffer);
    if (result == VK_SUCCESS)
        result = d->vk.vkBindBufferMemory(d->handle, buffer->handle, buffer->memory, 0);
    if (result == VK_SUCCESS)
        return VLMC_OK;
    vlmc_gpu_buffer_destroy(d, buffer);
    return vlmc_gpu_fail(error, result, d->info.name, "reserving memory");
}

void vlmc_gpu_buffer_destroy(vlmc_gpu_device *d, vlmc_gpu_buffer *buffer)
{
    if (buffer->handle)
        d->vk.vkDestroyBuffer(d->handle, buffer->handle, NULL);
    if (buffer->memory)
        d->vk.vkFreeMemory(d->handle, buffer->memory, NULL);
    *buffer = (vlmc_gpu_buffer){0};
}
