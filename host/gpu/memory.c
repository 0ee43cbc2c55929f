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

static void release(vlmc_gpu_device *d, vlmc_gpu_buffer *b)
{
    if (b->memory)
        d->vk.vkFreeMemory(d->handle, b->memory, NULL);
    d->reserved_bytes[b->heap] -= b->reserved_bytes;
    b->memory = VK_NULL_HANDLE;
    b->reserved_bytes = 0;
}

// A heap is never overdrawn, though some drivers would: they page, or fail much later.
static VkResult allocate_type(vlmc_gpu_device *d, uint32_t type, uint64_t bytes, bool map,
                              vlmc_gpu_buffer *b)
{
    const VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = bytes,
        .memoryTypeIndex = type,
    };
    const uint32_t heap = d->memory.memoryTypes[type].heapIndex;
    if (bytes > d->memory.memoryHeaps[heap].size - d->reserved_bytes[heap])
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    VkResult result = d->vk.vkAllocateMemory(d->handle, &info, NULL, &b->memory);
    if (result != VK_SUCCESS)
        return result;
    b->heap = heap;
    b->reserved_bytes = bytes;
    d->reserved_bytes[heap] += bytes;
    if (map)
        result = d->vk.vkMapMemory(d->handle, b->memory, 0, VK_WHOLE_SIZE, 0, &b->mapped);
    if (result != VK_SUCCESS)
        release(d, b);
    return result;
}

static VkResult allocate(vlmc_gpu_device *d, vlmc_gpu_memory kind, vlmc_gpu_buffer *b)
{
    VkMemoryRequirements needs;
    d->vk.vkGetBufferMemoryRequirements(d->handle, b->handle, &needs);
    VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    uint32_t type =
        kind == VLMC_GPU_MEMORY_DEVICE ? find_unified(d, needs.memoryTypeBits) : UINT32_MAX;
    if (type != UINT32_MAX)
        result = allocate_type(d, type, needs.size, true, b);
    for (int i = 0; i < 3 && result != VK_SUCCESS; i++) {
        type = find_type(d, needs.memoryTypeBits, preference[kind][i]);
        if (type != UINT32_MAX)
            result = allocate_type(d, type, needs.size, kind != VLMC_GPU_MEMORY_DEVICE, b);
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
    release(d, buffer);
    *buffer = (vlmc_gpu_buffer){0};
}
