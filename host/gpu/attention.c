// SPDX-License-Identifier: Apache-2.0
#include "attention.h"

#include "../../shaders/push_constants.h"
#include "../cpu/ops.h"
#include "parts.h"

#include <stdlib.h>

#define DISPATCH_UNITS 32768u // any device takes 65535 workgroups in a direction

static_assert(VLMC_EXP2_WORDS == VLMC_EXP2_ENTRIES, "the shader reads the whole table");

static vlmc_status upload_bias(vlmc_gpu *g, const int32_t *bias, vlmc_gpu_attention *a,
                               vlmc_error *error)
{
    const uint64_t bias_bytes = (uint64_t)a->hp->heads * a->hp->window * sizeof *bias;
    uint32_t exp2[VLMC_EXP2_WORDS];
    for (uint32_t i = 0; i < VLMC_EXP2_WORDS; i++)
        exp2[i] = vlmc_exp2_table[i];
    if (sizeof exp2 + bias_bytes > g->device->storage_limit_bytes)
        return vlmc_fail(error, VLMC_ERROR_DEVICE,
                         "the device \"%s\" cannot hold the attention bias of %u heads; use -d cpu",
                         g->device->info.name, a->hp->heads);
    VLMC_TRY(
        vlmc_gpu_make_buffer(g, VLMC_GPU_MEMORY_DEVICE, sizeof exp2 + bias_bytes, &a->bias, error));
    VLMC_TRY(vlmc_gpu_upload(g, &a->bias, 0, exp2, sizeof exp2, error));
    return vlmc_gpu_upload(g, &a->bias, sizeof exp2, bias, bias_bytes, error);
}

vlmc_status vlmc_gpu_attention_create(vlmc_gpu *g, const vlmc_hyperparameters *hp,
                                      const int32_t *bias, uint32_t max_streams, uint32_t max_steps,
                                      vlmc_gpu_attention *a, vlmc_error *error)
{
    *a = (vlmc_gpu_attention){.hp = hp, .capacity = hp->window + max_steps};
    uint32_t units, unit_bytes;
    if (__builtin_mul_overflow(max_streams, hp->kv_heads, &units) ||
        __builtin_mul_overflow(a->capacity, 2 * hp->head_dim, &unit_bytes))
        return vlmc_fail(error, VLMC_ERROR_USAGE, "%u streams of %u steps are too many",
                         max_streams, max_steps);
    VLMC_TRY(upload_bias(g, bias, a, error));
    VLMC_TRY(vlmc_gpu_parts_create(g, units, unit_bytes, 1, &a->parts, &a->n_parts, error));
    a->store = calloc(a->n_parts, sizeof *a->store);
    if (!a->store)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the attention state");
    return VLMC_OK;
}

void vlmc_gpu_attention_destroy(vlmc_gpu *g, vlmc_gpu_attention *a)
{
    vlmc_gpu_free_buffer(g, &a->bias);
    vlmc_gpu_parts_destroy(g, &a->parts, &a->n_parts);
    free(a->store);
    a->store = NULL;
}

vlmc_status vlmc_gpu_attention_bind(vlmc_gpu *g, vlmc_gpu_attention *a,
                                    vlmc_gpu_buffer *projections, vlmc_gpu_buffer *output,
                                    vlmc_error *error)
{
    for (uint32_t i = 0; i < a->n_parts; i++) {
        vlmc_gpu_buffer *ring = &a->parts[i].buffer;
        vlmc_gpu_buffer *const store[VLMC_GPU_BINDINGS] = {projections, ring, NULL, NULL};
        vlmc_gpu_buffer *const attend[VLMC_GPU_BINDINGS] = {projections, ring, &a->bias, output};
        VLMC_TRY(vlmc_gpu_bind(g->device, &g->pipelines, store, &a->store[i], error));
        VLMC_TRY(vlmc_gpu_bind(g->device, &g->pipelines, attend, &a->parts[i].binding, error));
    }
    return VLMC_OK;
}

// Units of one attention dispatch, within the budget of a submission.
static uint32_t units_within_budget(const vlmc_gpu *g, uint64_t cost, uint32_t n)
{
    uint64_t units = vlmc_gpu_budget(g) / cost;
    units = units < 1 ? 1 : units > DISPATCH_UNITS ? DISPATCH_UNITS : units;
    return units < n ? (uint32_t)units : n;
}

// Units [first, end) of the run, as far as part i holds them.
static vlmc_status run_part(vlmc_gpu *g, const vlmc_gpu_attention *a, uint32_t i, bool store,
                            uint32_t first, uint32_t end, struct vlmc_push_attention push,
                            vlmc_error *error)
{
    const vlmc_gpu_part *part = &a->parts[i];
    const uint32_t base = first; // the activations' unit 0
    const uint32_t count =
        push.seen + push.steps < push.window ? push.seen + push.steps : push.window;
    const uint64_t bytes = (uint64_t)push.steps * push.head_words * 4;
    const uint64_t cost = store ? bytes : bytes * push.group * count * 2;
    if (first < part->first_row)
        first = part->first_row;
    if (end > part->first_row + part->rows)
        end = part->first_row + part->rows;
    for (uint32_t n; first < end; first += n) {
        n = units_within_budget(g, cost, end - first);
        push.item_unit = first - base;
        push.ring_unit = first - part->first_row;
        const uint32_t words = push.steps * push.head_words;
        const uint32_t lanes = g->device->lanes;
        const uint32_t store_groups[3] = {(words + lanes - 1) / lanes, n, 1};
        const uint32_t attend_groups[3] = {push.steps, n, (push.group + push.tile - 1) / push.tile};
        VLMC_TRY(vlmc_gpu_dispatch(g, store ? VLMC_GPU_STORE : VLMC_GPU_ATTENTION,
                                   store ? &a->store[i] : &part->binding, &push, sizeof push,
                                   store ? store_groups : attend_groups, cost * n, error));
    }
    return VLMC_OK;
}

// Query heads that share a workgroup and so the loads of keys and values.
static uint32_t query_tile(uint32_t group, uint32_t window)
{
    uint32_t tile = VLMC_SCORES_MAX / window;
    tile = tile > VLMC_QUERIES_MAX ? VLMC_QUERIES_MAX : tile;
    return tile > group ? group : tile;
}

vlmc_status vlmc_gpu_attention_run(vlmc_gpu *g, const vlmc_gpu_attention *a, uint32_t first_stream,
                                   uint32_t n_streams, uint64_t position, uint32_t n_steps,
                                   vlmc_error *error)
{
    const vlmc_hyperparameters *hp = a->hp;
    const struct vlmc_push_attention push = {
        .steps = n_steps,
        .kv_heads = hp->kv_heads,
        .group = hp->heads / hp->kv_heads,
        .head_words = hp->head_dim / 4,
        .first_slot = (uint32_t)(position % a->capacity),
        .capacity = a->capacity,
        .window = hp->window,
        .seen = position < hp->window ? (uint32_t)position : hp->window,
        .tile = query_tile(hp->heads / hp->kv_heads, hp->window),
    };
    const uint32_t first = first_stream * hp->kv_heads, end = first + n_streams * hp->kv_heads;
    for (int store = 1; store >= 0; store--)
        for (uint32_t i = 0; i < a->n_parts; i++)
            VLMC_TRY(run_part(g, a, i, store, first, end, push, error));
    return VLMC_OK;
}
