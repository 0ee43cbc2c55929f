// SPDX-License-Identifier: Apache-2.0
#include "pipeline.h"

#include "../../shaders/push_constants.h"

#include <stdlib.h>
#include <vlmc_shaders.h>

#define SETS_PER_POOL 256u

typedef struct op_shader {
    const uint32_t *words;
    size_t bytes;
    const uint32_t *dot_words; // NULL: no such variant
    size_t dot_bytes;
} op_shader;

static op_shader shader_of(vlmc_gpu_op op)
{
#define SHADER(name)                                                                               \
    {                                                                                              \
        vlmc_shader_##name, vlmc_shader_##name##_bytes, NULL, 0                                    \
    }
#define SHADER_DOT(name)                                                                           \
    {                                                                                              \
        vlmc_shader_##name, vlmc_shader_##name##_bytes, vlmc_shader_##name##_dot,                  \
            vlmc_shader_##name##_dot_bytes                                                         \
    }
    switch (op) {
    case VLMC_GPU_GATHER:
        return (op_shader)SHADER(gather);
    case VLMC_GPU_NORM:
        return (op_shader)SHADER(norm);
    case VLMC_GPU_REGLU:
        return (op_shader)SHADER(reglu);
    case VLMC_GPU_STORE:
        return (op_shader)SHADER(store);
    case VLMC_GPU_ATTENTION:
#if VLMC_SHADER_ATTENTION_DOT
        return (op_shader)SHADER_DOT(attention);
#else
        return (op_shader)SHADER(attention);
#endif
    default:
#if VLMC_SHADER_LINEAR_DOT
        return (op_shader)SHADER_DOT(linear);
#else
        return (op_shader)SHADER(linear);
#endif
    }
}

static vlmc_status create_layouts(vlmc_gpu_device *d, vlmc_gpu_pipelines *p, vlmc_error *error)
{
    VkDescriptorSetLayoutBinding bindings[VLMC_GPU_BINDINGS];
    for (uint32_t i = 0; i < VLMC_GPU_BINDINGS; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    const VkDescriptorSetLayoutCreateInfo sets = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = VLMC_GPU_BINDINGS,
        .pBindings = bindings,
    };
    VkResult result = d->vk.vkCreateDescriptorSetLayout(d->handle, &sets, NULL, &p->set_layout);
    if (result != VK_SUCCESS)
        return vlmc_gpu_fail(error, result, d->info.name, "preparing its shaders");
    const VkPushConstantRange push = {
        .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        .size = VLMC_GPU_PUSH_BYTES,
    };
    const VkPipelineLayoutCreateInfo layout = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &p->set_layout,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &push,
    };
    result = d->vk.vkCreatePipelineLayout(d->handle, &layout, NULL, &p->layout);
    if (result != VK_SUCCESS)
        return vlmc_gpu_fail(error, result, d->info.name, "preparing its shaders");
    return VLMC_OK;
}

static bool is_linear(vlmc_gpu_op op)
{
    return op >= VLMC_GPU_LINEAR_INT8 && op <= VLMC_GPU_LINEAR_INT16;
}

static VkResult create_pipeline(vlmc_gpu_device *d, vlmc_gpu_pipelines *p, VkPipelineCache cache,
                                vlmc_gpu_op op)
{
    const op_shader shader = shader_of(op);
    const bool dot = d->dot && shader.dot_words;
    const VkShaderModuleCreateInfo code = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = dot ? shader.dot_bytes : shader.bytes,
        .pCode = dot ? shader.dot_words : shader.words,
    };
    VkShaderModule module;
    VkResult result = d->vk.vkCreateShaderModule(d->handle, &code, NULL, &module);
    if (result != VK_SUCCESS)
        return result;
    const uint32_t values[2] = {
        is_linear(op) ? d->linear_lanes : d->lanes,
        is_linear(op) ? (uint32_t)(op - VLMC_GPU_LINEAR_INT8) : 0,
    };
    const VkSpecializationMapEntry entries[2] = {
        {.constantID = VLMC_SPEC_LANES, .offset = 0, .size = sizeof *values},
        {.constantID = VLMC_SPEC_EPILOGUE, .offset = sizeof *values, .size = sizeof *values},
    };
    const VkSpecializationInfo special = {
        .mapEntryCount = is_linear(op) ? 2 : 1,
        .pMapEntries = entries,
        .dataSize = sizeof values,
        .pData = values,
    };
    const VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage =
            {
                .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = module,
                .pName = "main",
                .pSpecializationInfo = &special,
            },
        .layout = p->layout,
    };
    result = d->vk.vkCreateComputePipelines(d->handle, cache, 1, &info, NULL, &p->op[op]);
    d->vk.vkDestroyShaderModule(d->handle, module, NULL);
    return result;
}

vlmc_status vlmc_gpu_pipelines_create(vlmc_gpu_device *d, const char *cache_dir,
                                      vlmc_gpu_pipelines *p, vlmc_error *error)
{
    *p = (vlmc_gpu_pipelines){0};
    vlmc_status status = create_layouts(d, p, error);
    if (status != VLMC_OK)
        goto fail;
    VkPipelineCache cache = vlmc_gpu_cache_open(d, cache_dir);
    VkResult result = VK_SUCCESS;
    for (vlmc_gpu_op op = 0; op < VLMC_GPU_OPS && result == VK_SUCCESS; op++)
        result = create_pipeline(d, p, cache, op);
    vlmc_gpu_cache_close(d, result == VK_SUCCESS ? cache_dir : NULL, cache);
    if (result == VK_SUCCESS)
        return VLMC_OK;
    status = vlmc_gpu_fail(error, result, d->info.name, "compiling its shaders");
fail:
    vlmc_gpu_pipelines_destroy(d, p);
    return status;
}

void vlmc_gpu_pipelines_destroy(vlmc_gpu_device *d, vlmc_gpu_pipelines *p)
{
    for (uint32_t i = 0; i < p->n_pools; i++)
        d->vk.vkDestroyDescriptorPool(d->handle, p->pools[i], NULL);
    for (int op = 0; op < VLMC_GPU_OPS; op++)
        if (p->op[op])
            d->vk.vkDestroyPipeline(d->handle, p->op[op], NULL);
    if (p->layout)
        d->vk.vkDestroyPipelineLayout(d->handle, p->layout, NULL);
    if (p->set_layout)
        d->vk.vkDestroyDescriptorSetLayout(d->handle, p->set_layout, NULL);
    free(p->pools);
    *p = (vlmc_gpu_pipelines){0};
}

static vlmc_status grow(vlmc_gpu_device *d, vlmc_gpu_pipelines *p, vlmc_error *error)
{
    VkDescriptorPool *pools = realloc(p->pools, (p->n_pools + 1) * sizeof(VkDescriptorPool));
    if (!pools)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for descriptors");
    p->pools = pools;
    const VkDescriptorPoolSize size = {
        .type = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
        .descriptorCount = SETS_PER_POOL * VLMC_GPU_BINDINGS,
    };
    const VkDescriptorPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = SETS_PER_POOL,
        .poolSizeCount = 1,
        .pPoolSizes = &size,
    };
    VkResult result = d->vk.vkCreateDescriptorPool(d->handle, &info, NULL, &p->pools[p->n_pools]);
    if (result != VK_SUCCESS)
        return vlmc_gpu_fail(error, result, d->info.name, "reserving memory");
    p->n_pools++;
    p->sets_left = SETS_PER_POOL;
    return VLMC_OK;
}

vlmc_status vlmc_gpu_bind(vlmc_gpu_device *d, vlmc_gpu_pipelines *p,
                          vlmc_gpu_buffer *const buffers[VLMC_GPU_BINDINGS],
                          vlmc_gpu_binding *binding, vlmc_error *error)
{
    if (p->sets_left == 0)
        VLMC_TRY(grow(d, p, error));
    const VkDescriptorSetAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = p->pools[p->n_pools - 1],
        .descriptorSetCount = 1,
        .pSetLayouts = &p->set_layout,
    };
    VkResult result = d->vk.vkAllocateDescriptorSets(d->handle, &info, &binding->set);
    if (result != VK_SUCCESS)
        return vlmc_gpu_fail(error, result, d->info.name, "reserving memory");
    p->sets_left--;
    VkDescriptorBufferInfo ranges[VLMC_GPU_BINDINGS];
    VkWriteDescriptorSet writes[VLMC_GPU_BINDINGS];
    uint32_t n = 0;
    for (; n < VLMC_GPU_BINDINGS && buffers[n]; n++) {
        ranges[n] = (VkDescriptorBufferInfo){.buffer = buffers[n]->handle, .range = VK_WHOLE_SIZE};
        writes[n] = (VkWriteDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = binding->set,
            .dstBinding = n,
            .descriptorCount = 1,
            .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .pBufferInfo = &ranges[n],
        };
    }
    for (uint32_t i = 0; i < VLMC_GPU_BINDINGS; i++)
        binding->buffers[i] = i < n ? buffers[i] : NULL;
    d->vk.vkUpdateDescriptorSets(d->handle, n, writes, 0, NULL);
    return VLMC_OK;
}
