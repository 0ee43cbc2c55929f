// SPDX-License-Identifier: Apache-2.0
#include "network.h"

#include "../../shaders/push_constants.h"
#include "../cpu/ops.h"

#include <stdlib.h>

// Enough positions to keep the matrices busy: activations in the second-level cache of a CPU, all
// multiprocessors of a GPU.
#define CHUNK_POSITIONS_CPU 512u
#define CHUNK_POSITIONS_GPU 4096u
#define CHUNK_STEPS_LEAST 128u
#define CHUNK_STEPS_MOST 512u

typedef struct activation {
    size_t offset; // of the buffer in vlmc_gpu_network
    vlmc_gpu_memory kind;
    uint64_t bytes; // per position
} activation;

#define ACTIVATIONS 11

static void list_activations(const vlmc_hyperparameters *hp, activation list[ACTIVATIONS])
{
    const uint64_t heads = (uint64_t)hp->heads * hp->head_dim;
    const uint64_t kv = (uint64_t)hp->kv_heads * hp->head_dim;
    const activation all[ACTIVATIONS] = {
        {offsetof(vlmc_gpu_network, tokens), VLMC_GPU_MEMORY_UPLOAD, 4},
        {offsetof(vlmc_gpu_network, rows), VLMC_GPU_MEMORY_UPLOAD, hp->n_contexts * UINT64_C(4)},
        {offsetof(vlmc_gpu_network, x), VLMC_GPU_MEMORY_DEVICE, hp->width * UINT64_C(2)},
        {offsetof(vlmc_gpu_network, norm), VLMC_GPU_MEMORY_DEVICE, hp->width},
        {offsetof(vlmc_gpu_network, wide), VLMC_GPU_MEMORY_DEVICE,
         (uint64_t)hp->n_contexts * hp->context_dim},
        {offsetof(vlmc_gpu_network, qkv), VLMC_GPU_MEMORY_DEVICE, heads + 2 * kv},
        {offsetof(vlmc_gpu_network, mix), VLMC_GPU_MEMORY_DEVICE, heads},
        {offsetof(vlmc_gpu_network, up), VLMC_GPU_MEMORY_DEVICE,
         hp->ffn == VLMC_FFN_REGLU ? hp->hidden * UINT64_C(2) : 0},
        {offsetof(vlmc_gpu_network, hidden), VLMC_GPU_MEMORY_DEVICE, hp->hidden},
        {offsetof(vlmc_gpu_network, logits), VLMC_GPU_MEMORY_DEVICE, hp->vocab * UINT64_C(2)},
        {offsetof(vlmc_gpu_network, readback), VLMC_GPU_MEMORY_READBACK, hp->vocab * UINT64_C(2)},
    };
    for (int i = 0; i < ACTIVATIONS; i++)
        list[i] = all[i];
}

static vlmc_gpu_buffer *buffer_at(vlmc_gpu_network *w, const activation *a)
{
    return (vlmc_gpu_buffer *)(void *)((uint8_t *)w + a->offset);
}

static vlmc_status choose_chunk(vlmc_gpu_network *w, uint32_t max_streams, uint32_t max_steps,
                                uint32_t positions, vlmc_error *error)
{
    const vlmc_gpu_device *d = w->gpu->device;
    activation list[ACTIVATIONS];
    list_activations(&w->model->hp, list);
    uint64_t largest = 1;
    for (int i = 0; i < ACTIVATIONS; i++)
        if (list[i].bytes > largest)
            largest = list[i].bytes;
    const bool cpu = d->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
    uint64_t most = positions ? positions : cpu ? CHUNK_POSITIONS_CPU : CHUNK_POSITIONS_GPU;
    if (most > d->storage_limit_bytes / largest)
        most = d->storage_limit_bytes / largest;
    if (most > (uint64_t)max_streams * max_steps)
        most = (uint64_t)max_streams * max_steps;
    if (most == 0)
        return vlmc_fail(error, VLMC_ERROR_DEVICE,
                         "the device \"%s\" cannot hold a layer of this model; use -d cpu",
                         d->info.name);
    uint64_t steps = most / max_streams;
    steps = steps < CHUNK_STEPS_LEAST  ? CHUNK_STEPS_LEAST
            : steps > CHUNK_STEPS_MOST ? CHUNK_STEPS_MOST
                                       : steps;
    steps = steps > most ? most : steps;
    w->chunk_positions = (uint32_t)most;
    w->chunk_steps = (uint32_t)(steps > max_steps ? max_steps : steps);
    return VLMC_OK;
}

static vlmc_status create_activations(vlmc_gpu_network *w, vlmc_error *error)
{
    activation list[ACTIVATIONS];
    list_activations(&w->model->hp, list);
    for (int i = 0; i < ACTIVATIONS; i++)
        VLMC_TRY(vlmc_gpu_make_buffer(w->gpu, list[i].kind, w->chunk_positions * list[i].bytes,
                                      buffer_at(w, &list[i]), error));
    vlmc_gpu_buffer *const norm[VLMC_GPU_BINDINGS] = {&w->x, &w->norm, NULL, NULL};
    vlmc_gpu_buffer *const reglu[VLMC_GPU_BINDINGS] = {&w->up, &w->hidden, NULL, NULL};
    vlmc_gpu *g = w->gpu;
    VLMC_TRY(vlmc_gpu_bind(g->device, &g->pipelines, norm, &w->norm_binding, error));
    return vlmc_gpu_bind(g->device, &g->pipelines, reglu, &w->reglu_binding, error);
}

static vlmc_status create_embeddings(vlmc_gpu_network *w, vlmc_error *error)
{
    const vlmc_model *model = w->model;
    const vlmc_hyperparameters *hp = &model->hp;
    vlmc_gpu *g = w->gpu;
    const vlmc_gpu_table_source token = {model->token, hp->vocab + 1};
    VLMC_TRY(vlmc_gpu_table_create(g, &token, 1, hp->width * 2, &w->token, error));
    VLMC_TRY(vlmc_gpu_table_bind(g, &w->token, &w->tokens, &w->x, error));
    if (hp->n_contexts == 0)
        return VLMC_OK;
    vlmc_gpu_table_source sources[VLMC_CONTEXTS_MAX];
    for (uint32_t i = 0; i < hp->n_contexts; i++)
        sources[i] = (vlmc_gpu_table_source){model->tables[i], hp->contexts[i].rows};
    VLMC_TRY(vlmc_gpu_table_create(g, sources, hp->n_contexts, hp->context_dim, &w->tables, error));
    VLMC_TRY(vlmc_gpu_table_bind(g, &w->tables, &w->rows, &w->wide, error));
    const vlmc_linear *context = &model->context;
    VLMC_TRY(vlmc_gpu_linear_create(g, &context, 1, &w->context, error));
    return vlmc_gpu_linear_bind(g, &w->context, &w->wide, &w->x, error);
}

static vlmc_status create_layer(vlmc_gpu_network *w, uint32_t i, uint32_t max_streams,
                                vlmc_error *error)
{
    const vlmc_layer *source = &w->model->layer[i];
    const vlmc_linear *const qkv[] = {&source->q, &source->k, &source->v};
    const vlmc_linear *o = &source->o, *up = &source->up, *down = &source->down;
    const bool gated = w->model->hp.ffn == VLMC_FFN_REGLU;
    vlmc_gpu_layer *layer = &w->layers[i];
    vlmc_gpu *g = w->gpu;
    VLMC_TRY(vlmc_gpu_linear_create(g, qkv, 3, &layer->qkv, error));
    VLMC_TRY(vlmc_gpu_linear_create(g, &o, 1, &layer->o, error));
    VLMC_TRY(vlmc_gpu_linear_create(g, &up, 1, &layer->up, error));
    VLMC_TRY(vlmc_gpu_linear_create(g, &down, 1, &layer->down, error));
    VLMC_TRY(vlmc_gpu_attention_create(g, &w->model->hp, source->bias, max_streams, w->chunk_steps,
                                       &layer->attention, error));
    VLMC_TRY(vlmc_gpu_linear_bind(g, &layer->qkv, &w->norm, &w->qkv, error));
    VLMC_TRY(vlmc_gpu_attention_bind(g, &layer->attention, &w->qkv, &w->mix, error));
    VLMC_TRY(vlmc_gpu_linear_bind(g, &layer->o, &w->mix, &w->x, error));
    VLMC_TRY(vlmc_gpu_linear_bind(g, &layer->up, &w->norm, gated ? &w->up : &w->hidden, error));
    return vlmc_gpu_linear_bind(g, &layer->down, &w->hidden, &w->x, error);
}

vlmc_status vlmc_gpu_network_create(vlmc_gpu *gpu, const vlmc_model *model, uint32_t max_streams,
                                    uint32_t max_steps, uint32_t chunk_positions,
                                    vlmc_gpu_network *w, vlmc_error *error)
{
    *w = (vlmc_gpu_network){.gpu = gpu, .model = model};
    VLMC_TRY(choose_chunk(w, max_streams, max_steps, chunk_positions, error));
    VLMC_TRY(create_activations(w, error));
    VLMC_TRY(create_embeddings(w, error));
    w->layers = calloc(model->hp.layers, sizeof *w->layers);
    if (!w->layers)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the model's layers");
    for (uint32_t i = 0; i < model->hp.layers; i++)
        VLMC_TRY(create_layer(w, i, max_streams, error));
    const vlmc_linear *head = &model->head;
    VLMC_TRY(vlmc_gpu_linear_create(gpu, &head, 1, &w->head, error));
    VLMC_TRY(vlmc_gpu_linear_bind(gpu, &w->head, &w->norm, &w->logits, error));
    return vlmc_gpu_finish(gpu, error);
}

void vlmc_gpu_network_destroy(vlmc_gpu_network *w)
{
    vlmc_gpu *g = w->gpu;
    if (!g)
        return;
    activation list[ACTIVATIONS];
    list_activations(&w->model->hp, list);
    for (int i = 0; i < ACTIVATIONS; i++)
        vlmc_gpu_free_buffer(g, buffer_at(w, &list[i]));
    vlmc_gpu_table_destroy(g, &w->token);
    vlmc_gpu_table_destroy(g, &w->tables);
    vlmc_gpu_linear_destroy(g, &w->context);
    vlmc_gpu_linear_destroy(g, &w->head);
    for (uint32_t i = 0; w->layers && i < w->model->hp.layers; i++) {
        vlmc_gpu_layer *layer = &w->layers[i];
        vlmc_gpu_linear_destroy(g, &layer->qkv);
        vlmc_gpu_linear_destroy(g, &layer->o);
        vlmc_gpu_linear_destroy(g, &layer->up);
        vlmc_gpu_linear_destroy(g, &layer->down);
        vlmc_gpu_attention_destroy(g, &layer->attention);
    }
    free(w->layers);
    *w = (vlmc_gpu_network){0};
}

vlmc_status vlmc_gpu_norm_run(vlmc_gpu *g, const vlmc_gpu_binding *binding, uint32_t n,
                              uint32_t width, vlmc_error *error)
{
    const struct vlmc_push_norm push = {
        .width_words = width / 2,
        .root_width = vlmc_op_isqrt(width << 16),
    };
    const uint32_t groups[3] = {n, 1, 1};
    return vlmc_gpu_dispatch(g, VLMC_GPU_NORM, binding, &push, sizeof push, groups,
                             (uint64_t)n * width, error);
}

vlmc_status vlmc_gpu_reglu_run(vlmc_gpu *g, const vlmc_gpu_binding *binding, uint32_t n,
                               uint32_t hidden, vlmc_error *error)
{
    const struct vlmc_push_reglu push = {.hidden_words = hidden / 4};
    const uint32_t lanes = g->device->lanes;
    const uint32_t groups[3] = {(push.hidden_words + lanes - 1) / lanes, n, 1};
    return vlmc_gpu_dispatch(g, VLMC_GPU_REGLU, binding, &push, sizeof push, groups,
                             (uint64_t)n * hidden, error);
}

static vlmc_status run_layer(vlmc_gpu_network *w, const vlmc_gpu_layer *layer,
                             uint32_t first_stream, uint32_t n_streams, uint64_t position,
                             uint32_t n_steps, vlmc_error *error)
{
    const vlmc_hyperparameters *hp = &w->model->hp;
    const uint32_t n = n_streams * n_steps;
    vlmc_gpu *g = w->gpu;
    VLMC_TRY(vlmc_gpu_norm_run(g, &w->norm_binding, n, hp->width, error));
    VLMC_TRY(vlmc_gpu_linear_run(g, &layer->qkv, VLMC_GPU_LINEAR_INT8, n, error));
    VLMC_TRY(vlmc_gpu_attention_run(g, &layer->attention, first_stream, n_streams, position,
                                    n_steps, error));
    VLMC_TRY(vlmc_gpu_linear_run(g, &layer->o, VLMC_GPU_LINEAR_ADD, n, error));
    VLMC_TRY(vlmc_gpu_norm_run(g, &w->norm_binding, n, hp->width, error));
    if (hp->ffn == VLMC_FFN_REGLU) {
        VLMC_TRY(vlmc_gpu_linear_run(g, &layer->up, VLMC_GPU_LINEAR_INT8, n, error));
        VLMC_TRY(vlmc_gpu_reglu_run(g, &w->reglu_binding, n, hp->hidden, error));
    } else {
        VLMC_TRY(vlmc_gpu_linear_run(g, &layer->up, VLMC_GPU_LINEAR_RELU2, n, error));
    }
    return vlmc_gpu_linear_run(g, &layer->down, VLMC_GPU_LINEAR_ADD, n, error);
}

vlmc_status vlmc_gpu_network_run(vlmc_gpu_network *w, uint32_t first_stream, uint32_t n_streams,
                                 uint64_t position, uint32_t n_steps, vlmc_error *error)
{
    const vlmc_hyperparameters *hp = &w->model->hp;
    const uint32_t n = n_streams * n_steps;
    vlmc_gpu *g = w->gpu;
    VLMC_TRY(vlmc_gpu_table_run(g, &w->token, n, error));
    if (hp->n_contexts) {
        VLMC_TRY(vlmc_gpu_table_run(g, &w->tables, n * hp->n_contexts, error));
        VLMC_TRY(vlmc_gpu_linear_run(g, &w->context, VLMC_GPU_LINEAR_ADD, n, error));
    }
    for (uint32_t i = 0; i < hp->layers; i++)
        VLMC_TRY(run_layer(w, &w->layers[i], first_stream, n_streams, position, n_steps, error));
    VLMC_TRY(vlmc_gpu_norm_run(g, &w->norm_binding, n, hp->width, error));
    VLMC_TRY(vlmc_gpu_linear_run(g, &w->head, VLMC_GPU_LINEAR_INT16, n, error));
    VLMC_TRY(vlmc_gpu_copy(g, &w->logits, &w->readback, (uint64_t)n * hp->vocab * 2, error));
    return vlmc_gpu_finish(g, error);
}
