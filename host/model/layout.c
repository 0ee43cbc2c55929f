// SPDX-License-Identifier: Apache-2.0
#include "layout.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOT_ALIGNMENT 64u
#define CONTEXT_SLOTS (VLMC_CONTEXTS_MAX + 3u)
#define LAYER_SLOTS 19u
#define STORAGE_LIMIT_BYTES (UINT64_C(1) << 36)

static size_t element_bytes(uint32_t type)
{
    return type == VLMC_TENSOR_I8 ? 1 : type == VLMC_TENSOR_I16 ? 2 : 4;
}

static void add(vlmc_layout *layout, const char *name, uint32_t type, vlmc_tensor_role role,
                uint32_t rows, uint32_t cols)
{
    vlmc_tensor_slot *slot = &layout->slots[layout->n_slots++];
    snprintf(slot->name, sizeof slot->name, "%s", name);
    slot->type = type;
    slot->role = role;
    slot->rows = rows;
    slot->cols = cols;
    slot->offset = layout->bytes;
    slot->bytes = (size_t)rows * cols * element_bytes(type);
    layout->bytes += (slot->bytes + SLOT_ALIGNMENT - 1) / SLOT_ALIGNMENT * SLOT_ALIGNMENT;
}

static void add_linear(vlmc_layout *layout, const char *prefix, uint32_t rows, uint32_t cols)
{
    char name[48];
    snprintf(name, sizeof name, "%s.weight", prefix);
    add(layout, name, VLMC_TENSOR_I8, VLMC_ROLE_WEIGHT, rows, cols);
    snprintf(name, sizeof name, "%s.multiplier", prefix);
    add(layout, name, VLMC_TENSOR_I32, VLMC_ROLE_MULTIPLIER, 1, rows);
    snprintf(name, sizeof name, "%s.shift", prefix);
    add(layout, name, VLMC_TENSOR_I32, VLMC_ROLE_SHIFT, 1, rows);
}

static void add_layer(vlmc_layout *layout, const vlmc_hyperparameters *hp, uint32_t i)
{
    const uint32_t up_rows = hp->ffn == VLMC_FFN_REGLU ? 2 * hp->hidden : hp->hidden;
    const struct {
        const char *name;
        uint32_t rows, cols;
    } linears[6] = {
        {"attn_q", hp->heads * hp->head_dim, hp->width},
        {"attn_k", hp->kv_heads * hp->head_dim, hp->width},
        {"attn_v", hp->kv_heads * hp->head_dim, hp->width},
        {"attn_output", hp->width, hp->heads * hp->head_dim},
        {"ffn_up", up_rows, hp->width},
        {"ffn_down", hp->width, hp->hidden},
    };
    char name[32];
    for (int l = 0; l < 6; l++) {
        snprintf(name, sizeof name, "blk.%u.%s", i, linears[l].name);
        add_linear(layout, name, linears[l].rows, linears[l].cols);
    }
    snprintf(name, sizeof name, "blk.%u.attn_bias", i);
    add(layout, name, VLMC_TENSOR_I32, VLMC_ROLE_BIAS, hp->heads, hp->window);
}

vlmc_status vlmc_layout_create(const vlmc_hyperparameters *hp, vlmc_layout *layout,
                               vlmc_error *error)
{
    *layout = (vlmc_layout){0};
    layout->slots =
        calloc(1 + CONTEXT_SLOTS + LAYER_SLOTS * (size_t)hp->layers + 3, sizeof *layout->slots);
    if (!layout->slots)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the model's layout");
    add(layout, "token_embd.weight", VLMC_TENSOR_I16, VLMC_ROLE_TOKEN, hp->vocab + 1, hp->width);
    for (uint32_t i = 0; i < hp->n_contexts; i++) {
        char name[32];
        snprintf(name, sizeof name, "context_embd.%u.weight", i);
        add(layout, name, VLMC_TENSOR_I8, VLMC_ROLE_WEIGHT, hp->contexts[i].rows, hp->context_dim);
    }
    if (hp->n_contexts)
        add_linear(layout, "context_proj", hp->width, hp->n_contexts * hp->context_dim);
    for (uint32_t i = 0; i < hp->layers; i++)
        add_layer(layout, hp, i);
    add_linear(layout, "output", hp->vocab, hp->width);
    return VLMC_OK;
}

void vlmc_layout_destroy(vlmc_layout *layout)
{
    free(layout->slots);
    *layout = (vlmc_layout){0};
}

// Takes the next slot's tensor; the order is that of vlmc_layout_create.
static const void *next(const vlmc_model *model, const vlmc_layout *layout, uint32_t *at)
{
    return (const uint8_t *)model->storage + layout->slots[(*at)++].offset;
}

static vlmc_linear next_linear(const vlmc_model *model, const vlmc_layout *layout, uint32_t *at)
{
    const vlmc_tensor_slot *weight = &layout->slots[*at];
    vlmc_linear linear = {.rows = weight->rows, .cols = weight->cols};
    linear.weight = next(model, layout, at);
    linear.multiplier = next(model, layout, at);
    linear.shift = next(model, layout, at);
    return linear;
}

static void bind(vlmc_model *model, const vlmc_layout *layout)
{
    uint32_t at = 0;
    model->token = next(model, layout, &at);
    for (uint32_t i = 0; i < model->hp.n_contexts; i++)
        model->tables[i] = next(model, layout, &at);
    if (model->hp.n_contexts)
        model->context = next_linear(model, layout, &at);
    for (uint32_t i = 0; i < model->hp.layers; i++) {
        vlmc_layer *layer = &model->layer[i];
        layer->q = next_linear(model, layout, &at);
        layer->k = next_linear(model, layout, &at);
        layer->v = next_linear(model, layout, &at);
        layer->o = next_linear(model, layout, &at);
        layer->up = next_linear(model, layout, &at);
        layer->down = next_linear(model, layout, &at);
        layer->bias = next(model, layout, &at);
    }
    model->head = next_linear(model, layout, &at);
}

vlmc_status vlmc_model_allocate(const vlmc_hyperparameters *hp, vlmc_layout *layout,
                                vlmc_model **model, vlmc_error *error)
{
    *model = NULL;
    VLMC_TRY(vlmc_layout_create(hp, layout, error));
    vlmc_model *m = calloc(1, sizeof *m);
    void *storage =
        layout->bytes <= STORAGE_LIMIT_BYTES ? aligned_alloc(SLOT_ALIGNMENT, layout->bytes) : NULL;
    if (!m || !storage) {
        free(m);
        free(storage);
        size_t bytes = layout->bytes;
        vlmc_layout_destroy(layout);
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for a model of %zu bytes",
                         bytes);
    }
    memset(storage, 0, layout->bytes);
    m->hp = *hp;
    memcpy(m->modality, "text", sizeof "text");
    m->storage = storage;
    m->storage_bytes = layout->bytes;
    bind(m, layout);
    *model = m;
    return VLMC_OK;
}

void vlmc_model_destroy(vlmc_model **model)
{
    if (!*model)
        return;
    free((*model)->storage);
    free(*model);
    *model = NULL;
}

static int in_range(const void *data, uint32_t type, size_t count, int32_t lo, int32_t hi)
{
    const int8_t *i8 = data;
    const int16_t *i16 = data;
    const int32_t *i32 = data;
    for (size_t i = 0; i < count; i++) {
        int32_t v = type == VLMC_TENSOR_I8 ? i8[i] : type == VLMC_TENSOR_I16 ? i16[i] : i32[i];
        if (v < lo || v > hi)
            return 0;
    }
    return 1;
}

static void hash_u32(crypto_hash_sha256_state *state, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                              (uint8_t)(value >> 24)};
    crypto_hash_sha256_update(state, bytes, sizeof bytes);
}

static void hash_hyperparameters(crypto_hash_sha256_state *state, const vlmc_hyperparameters *hp)
{
    const uint32_t values[] = {hp->numerics, hp->vocab,    hp->width,      hp->layers,
                               hp->heads,    hp->kv_heads, hp->head_dim,   hp->hidden,
                               hp->window,   hp->ffn,      hp->n_contexts, hp->context_dim};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        hash_u32(state, values[i]);
    for (uint32_t i = 0; i < hp->n_contexts; i++) {
        hash_u32(state, hp->contexts[i].kind);
        hash_u32(state, hp->contexts[i].order);
        hash_u32(state, hp->contexts[i].rows);
        hash_u32(state, hp->contexts[i].slots_log2);
    }
}

vlmc_status vlmc_model_seal(vlmc_model *model, const vlmc_layout *layout, const char *origin,
                            vlmc_error *error)
{
    static const struct {
        int32_t lo, hi;
    } ranges[] = {
        [VLMC_ROLE_TOKEN] = {-32767, 32767},      [VLMC_ROLE_WEIGHT] = {-127, 127},
        [VLMC_ROLE_MULTIPLIER] = {0, 65535},      [VLMC_ROLE_SHIFT] = {16, 46},
        [VLMC_ROLE_BIAS] = {-(1 << 24), 1 << 24},
    };
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const uint8_t *)"vlmc model 0", 12);
    hash_hyperparameters(&state, &model->hp);
    for (uint32_t i = 0; i < layout->n_slots; i++) {
        const vlmc_tensor_slot *slot = &layout->slots[i];
        const uint8_t *data = (const uint8_t *)model->storage + slot->offset;
        const size_t count = (size_t)slot->rows * slot->cols;
        if (!in_range(data, slot->type, count, ranges[slot->role].lo, ranges[slot->role].hi))
            return vlmc_fail(error, VLMC_ERROR_MODEL_INVALID,
                             "%s: tensor %s holds a value outside of its range", origin,
                             slot->name);
        if (slot->type == VLMC_TENSOR_I8) {
            crypto_hash_sha256_update(&state, data, slot->bytes);
            continue;
        }
        for (size_t j = 0; j < count; j++) // as little-endian 32-bit values on every machine
            hash_u32(&state, slot->type == VLMC_TENSOR_I16
                                 ? (uint32_t)((const int16_t *)(const void *)data)[j]
                                 : (uint32_t)((const int32_t *)(const void *)data)[j]);
    }
    crypto_hash_sha256_final(&state, model->digest);
    return VLMC_OK;
}
