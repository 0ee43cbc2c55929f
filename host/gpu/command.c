// SPDX-License-Identifier: Apache-2.0
#include "command.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STAGING_BYTES (UINT64_C(8) << 20)
// A tenth of the strictest watchdog known, which gives a GPU two seconds.
#define SUBMISSION_MS UINT64_C(200)
// Slower than any device known, so that the first submission is short everywhere.
#define FIRST_COST_PER_MS UINT64_C(100000)

#define TRANSFER_AND_COMPUTE (VK_PIPELINE_STAGE_TRANSFER_BIT | VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT)

// Bindings that an op writes and reads, bit i for binding i.
static const struct {
    uint8_t writes, reads;
} access_of[VLMC_GPU_OPS] = {
    [VLMC_GPU_GATHER] = {1 << 2, 3},      [VLMC_GPU_NORM] = {1 << 1, 1},
    [VLMC_GPU_LINEAR_INT8] = {1 << 3, 7}, [VLMC_GPU_LINEAR_RELU2] = {1 << 3, 7},
    [VLMC_GPU_LINEAR_ADD] = {1 << 3, 15}, [VLMC_GPU_LINEAR_INT16] = {1 << 3, 7},
    [VLMC_GPU_REGLU] = {1 << 1, 1},       [VLMC_GPU_STORE] = {1 << 1, 1},
    [VLMC_GPU_ATTENTION] = {1 << 3, 7},
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static vlmc_status create_commands(vlmc_gpu *g, vlmc_error *error)
{
    vlmc_gpu_device *d = g->device;
    const VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
        .queueFamilyIndex = d->queue_family,
    };
    VkResult result = d->vk.vkCreateCommandPool(d->handle, &pool, NULL, &g->pool);
    if (result == VK_SUCCESS) {
        const VkCommandBufferAllocateInfo buffer = {
            .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
            .commandPool = g->pool,
            .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
            .commandBufferCount = 1,
        };
        result = d->vk.vkAllocateCommandBuffers(d->handle, &buffer, &g->commands);
    }
    if (result == VK_SUCCESS) {
        const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
        result = d->vk.vkCreateFence(d->handle, &fence, NULL, &g->fence);
    }
    if (result != VK_SUCCESS)
        return vlmc_gpu_fail(error, result, d->info.name, "being opened");
    return VLMC_OK;
}

vlmc_status vlmc_gpu_create(const char *selector, bool force_portable, uint32_t storage_limit_bytes,
                            const char *cache_dir, vlmc_gpu **gpu, vlmc_error *error)
{
    *gpu = NULL;
    vlmc_gpu *g = calloc(1, sizeof *g);
    if (!g)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for a device");
    g->epoch = 1;
    g->cost_per_ms = FIRST_COST_PER_MS;
    vlmc_status status =
        vlmc_gpu_device_create(selector, force_portable, storage_limit_bytes, &g->device, error);
    if (status == VLMC_OK)
        status = vlmc_gpu_pipelines_create(g->device, cache_dir, &g->pipelines, error);
    if (status == VLMC_OK)
        status = create_commands(g, error);
    if (status != VLMC_OK)
        vlmc_gpu_destroy(&g);
    *gpu = g;
    return status;
}

void vlmc_gpu_destroy(vlmc_gpu **gpu)
{
    vlmc_gpu *g = *gpu;
    if (!g)
        return;
    vlmc_gpu_device *d = g->device;
    if (d) {
        vlmc_gpu_buffer_destroy(d, &g->staging);
        if (g->fence)
            d->vk.vkDestroyFence(d->handle, g->fence, NULL);
        if (g->pool)
            d->vk.vkDestroyCommandPool(d->handle, g->pool, NULL);
        vlmc_gpu_pipelines_destroy(d, &g->pipelines);
        vlmc_gpu_device_destroy(&g->device);
    }
    free(g);
    *gpu = NULL;
}

// What is recorded after it waits for what was recorded before it.
static void full_barrier(vlmc_gpu *g)
{
    const VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                         VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
    };
    g->device->vk.vkCmdPipelineBarrier(g->commands, TRANSFER_AND_COMPUTE, TRANSFER_AND_COMPUTE, 0,
                                       1, &barrier, 0, NULL, 0, NULL);
    g->epoch++;
}

static vlmc_status begin(vlmc_gpu *g, vlmc_error *error)
{
    if (g->recording)
        return VLMC_OK;
    const VkCommandBufferBeginInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };
    VkResult result = g->device->vk.vkBeginCommandBuffer(g->commands, &info);
    if (result != VK_SUCCESS)
        return vlmc_gpu_fail(error, result, g->device->info.name, "recording commands");
    g->recording = true;
    g->pending_cost = 0;
    full_barrier(g); // what earlier submissions wrote
    return VLMC_OK;
}

static void measure(vlmc_gpu *g, uint64_t elapsed_ns)
{
    if (g->pending_cost == 0)
        return; // copies only
    const uint64_t speed = g->pending_cost * UINT64_C(1000000) / (elapsed_ns ? elapsed_ns : 1);
    // Short submissions measure the overhead of a submission, unless they are fast nevertheless.
    if (speed > g->cost_per_ms)
        g->cost_per_ms = speed > 4 * g->cost_per_ms ? 4 * g->cost_per_ms : speed;
    else if (elapsed_ns > SUBMISSION_MS * UINT64_C(1000000) / 8)
        g->cost_per_ms = (g->cost_per_ms + speed) / 2 + 1;
}

vlmc_status vlmc_gpu_finish(vlmc_gpu *g, vlmc_error *error)
{
    if (!g->recording)
        return VLMC_OK;
    vlmc_gpu_device *d = g->device;
    const VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_HOST_READ_BIT,
    };
    d->vk.vkCmdPipelineBarrier(g->commands, TRANSFER_AND_COMPUTE, VK_PIPELINE_STAGE_HOST_BIT, 0, 1,
                               &barrier, 0, NULL, 0, NULL);
    g->recording = false;
    g->staging_used = 0;
    const VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .commandBufferCount = 1,
        .pCommandBuffers = &g->commands,
    };
    const uint64_t start = now_ns();
    VkResult result = d->vk.vkEndCommandBuffer(g->commands);
    if (result == VK_SUCCESS)
        result = d->vk.vkResetFences(d->handle, 1, &g->fence);
    if (result == VK_SUCCESS)
        result = d->vk.vkQueueSubmit(d->queue, 1, &submit, g->fence);
    if (result == VK_SUCCESS)
        result = d->vk.vkWaitForFences(d->handle, 1, &g->fence, VK_TRUE, UINT64_MAX);
    if (result != VK_SUCCESS)
        return vlmc_gpu_fail(error, result, d->info.name, "computing");
    measure(g, now_ns() - start);
    return VLMC_OK;
}

uint64_t vlmc_gpu_budget(const vlmc_gpu *g)
{
    return g->cost_per_ms * SUBMISSION_MS;
}

// Whether a use of the buffer must wait for an earlier one since the latest barrier.
static bool conflicts(const vlmc_gpu *g, const vlmc_gpu_buffer *b, bool writes)
{
    return b->write_epoch == g->epoch || (writes && b->read_epoch == g->epoch);
}

static void note(const vlmc_gpu *g, vlmc_gpu_buffer *b, bool reads, bool writes)
{
    if (reads)
        b->read_epoch = g->epoch;
    if (writes)
        b->write_epoch = g->epoch;
}

vlmc_status vlmc_gpu_dispatch(vlmc_gpu *g, vlmc_gpu_op op, const vlmc_gpu_binding *binding,
                              const void *push, uint32_t push_bytes, const uint32_t groups[3],
                              uint64_t cost, vlmc_error *error)
{
    if (g->recording && g->pending_cost && g->pending_cost + cost > vlmc_gpu_budget(g))
        VLMC_TRY(vlmc_gpu_finish(g, error));
    VLMC_TRY(begin(g, error));
    bool wait = false;
    for (uint32_t i = 0; i < VLMC_GPU_BINDINGS && binding->buffers[i]; i++)
        wait |= conflicts(g, binding->buffers[i], access_of[op].writes >> i & 1);
    if (wait)
        full_barrier(g);
    for (uint32_t i = 0; i < VLMC_GPU_BINDINGS && binding->buffers[i]; i++)
        note(g, binding->buffers[i], access_of[op].reads >> i & 1, access_of[op].writes >> i & 1);
    const struct VolkDeviceTable *vk = &g->device->vk;
    vk->vkCmdBindPipeline(g->commands, VK_PIPELINE_BIND_POINT_COMPUTE, g->pipelines.op[op]);
    vk->vkCmdBindDescriptorSets(g->commands, VK_PIPELINE_BIND_POINT_COMPUTE, g->pipelines.layout, 0,
                                1, &binding->set, 0, NULL);
    vk->vkCmdPushConstants(g->commands, g->pipelines.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                           push_bytes, push);
    vk->vkCmdDispatch(g->commands, groups[0], groups[1], groups[2]);
    g->pending_cost += cost;
    return VLMC_OK;
}

static void copy(vlmc_gpu *g, vlmc_gpu_buffer *from, vlmc_gpu_buffer *to, VkBufferCopy region)
{
    if (conflicts(g, from, false) || conflicts(g, to, true))
        full_barrier(g);
    note(g, from, true, false);
    note(g, to, false, true);
    g->device->vk.vkCmdCopyBuffer(g->commands, from->handle, to->handle, 1, &region);
}

vlmc_status vlmc_gpu_copy(vlmc_gpu *g, vlmc_gpu_buffer *from, vlmc_gpu_buffer *to, uint64_t bytes,
                          vlmc_error *error)
{
    VLMC_TRY(begin(g, error));
    copy(g, from, to, (VkBufferCopy){.size = (bytes + 3) / 4 * 4});
    return VLMC_OK;
}

vlmc_status vlmc_gpu_upload(vlmc_gpu *g, vlmc_gpu_buffer *buffer, uint64_t offset, const void *data,
                            uint64_t bytes, vlmc_error *error)
{
    if (buffer->mapped) {
        memcpy((uint8_t *)buffer->mapped + offset, data, bytes);
        return VLMC_OK;
    }
    if (!g->staging.handle)
        VLMC_TRY(vlmc_gpu_buffer_create(g->device, VLMC_GPU_MEMORY_UPLOAD, STAGING_BYTES,
                                        &g->staging, error));
    for (uint64_t done = 0, piece; done < bytes; done += piece) {
        if (g->staging_used == STAGING_BYTES)
            VLMC_TRY(vlmc_gpu_finish(g, error));
        VLMC_TRY(begin(g, error));
        piece = bytes - done;
        if (piece > STAGING_BYTES - g->staging_used)
            piece = STAGING_BYTES - g->staging_used;
        memcpy((uint8_t *)g->staging.mapped + g->staging_used, (const uint8_t *)data + done, piece);
        copy(g, &g->staging, buffer,
             (VkBufferCopy){
                 .srcOffset = g->staging_used, .dstOffset = offset + done, .size = piece});
        g->staging_used += (piece + 3) / 4 * 4; // a multiple of 4, as STAGING_BYTES is
    }
    return VLMC_OK;
}

vlmc_status vlmc_gpu_make_buffer(vlmc_gpu *g, vlmc_gpu_memory kind, uint64_t bytes,
                                 vlmc_gpu_buffer *buffer, vlmc_error *error)
{
    return vlmc_gpu_buffer_create(g->device, kind, bytes, buffer, error);
}

void vlmc_gpu_free_buffer(vlmc_gpu *g, vlmc_gpu_buffer *buffer)
{
    vlmc_gpu_buffer_destroy(g->device, buffer);
}
