// SPDX-License-Identifier: Apache-2.0
#include "cache_file.h"
#include "pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 64u

static void file_name(const vlmc_gpu_device *d, char name[NAME_BYTES])
{
    int used = snprintf(name, NAME_BYTES, "pipelines-");
    for (uint32_t i = 0; i < VK_UUID_SIZE; i++)
        used += snprintf(name + used, NAME_BYTES - (size_t)used, "%02x", d->info.uuid[i]);
    snprintf(name + used, NAME_BYTES - (size_t)used, ".bin");
}

// Drivers should refuse foreign data themselves; not all do.
static bool header_fits(const vlmc_gpu_device *d, const void *data, size_t size)
{
    VkPipelineCacheHeaderVersionOne header;
    if (size < sizeof header)
        return false;
    memcpy(&header, data, sizeof header);
    return header.headerSize >= sizeof header && header.headerSize <= size &&
           header.headerVersion == VK_PIPELINE_CACHE_HEADER_VERSION_ONE &&
           header.vendorID == d->properties.vendorID && header.deviceID == d->properties.deviceID &&
           memcmp(header.pipelineCacheUUID, d->properties.pipelineCacheUUID, VK_UUID_SIZE) == 0;
}

VkPipelineCache vlmc_gpu_cache_open(vlmc_gpu_device *d, const char *cache_dir)
{
    char name[NAME_BYTES];
    size_t size = 0;
    file_name(d, name);
    void *data = cache_dir ? vlmc_gpu_cache_read(cache_dir, name, &size) : NULL;
    if (data && !header_fits(d, data, size))
        size = 0;
    VkPipelineCacheCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
        .initialDataSize = size,
        .pInitialData = size ? data : NULL,
    };
    VkPipelineCache cache = VK_NULL_HANDLE;
    if (d->vk.vkCreatePipelineCache(d->handle, &info, NULL, &cache) != VK_SUCCESS && size) {
        info.initialDataSize = 0;
        info.pInitialData = NULL;
        cache = VK_NULL_HANDLE;
        if (d->vk.vkCreatePipelineCache(d->handle, &info, NULL, &cache) != VK_SUCCESS)
            cache = VK_NULL_HANDLE;
    }
    free(data);
    return cache;
}

// Writes only what differs from the file, so that a warm start leaves the disk alone.
static void save(vlmc_gpu_device *d, const char *cache_dir, VkPipelineCache cache)
{
    size_t size = 0, old_size = 0;
    if (d->vk.vkGetPipelineCacheData(d->handle, cache, &size, NULL) != VK_SUCCESS || size == 0)
        return;
    void *data = malloc(size);
    if (!data)
        return;
    char name[NAME_BYTES];
    file_name(d, name);
    if (d->vk.vkGetPipelineCacheData(d->handle, cache, &size, data) == VK_SUCCESS) {
        void *old = vlmc_gpu_cache_read(cache_dir, name, &old_size);
        if (!old || old_size != size || memcmp(old, data, size) != 0)
            vlmc_gpu_cache_write(cache_dir, name, data, size);
        free(old);
    }
    free(data);
}

void vlmc_gpu_cache_close(vlmc_gpu_device *d, const char *cache_dir, VkPipelineCache cache)
{
    if (!cache)
        return;
    if (cache_dir)
        save(d, cache_dir, cache);
    d->vk.vkDestroyPipelineCache(d->handle, cache, NULL);
}
