// SPDX-License-Identifier: Apache-2.0
#include "gguf_write.h"

#include "layout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 32u
#define TYPE_U32 4u
#define TYPE_STRING 8u
#define TYPE_ARRAY 9u

// Counts bytes while `bytes` is NULL, writes them in a second pass.
typedef struct sink {
    uint8_t *bytes;
    size_t size;
} sink;

static void put_le(sink *s, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++, value >>= 8, s->size++)
        if (s->bytes)
            s->bytes[s->size] = (uint8_t)value;
}

static void put_text(sink *s, const char *text)
{
    size_t size = strlen(text);
    put_le(s, size, 8);
    if (s->bytes)
        memcpy(s->bytes + s->size, text, size);
    s->size += size;
}

static void put_padding(sink *s)
{
    while (s->size % ALIGNMENT)
        put_le(s, 0, 1);
}

static void put_number(sink *s, const char *key, uint32_t value)
{
    put_text(s, key);
    put_le(s, TYPE_U32, 4);
    put_le(s, value, 4);
}

static void put_string(sink *s, const char *key, const char *value)
{
    put_text(s, key);
    put_le(s, TYPE_STRING, 4);
    put_text(s, value);
}

static void put_contexts(sink *s, const char *key, const vlmc_hyperparameters *hp, int field)
{
    put_text(s, key);
    put_le(s, TYPE_ARRAY, 4);
    put_le(s, TYPE_U32, 4);
    put_le(s, hp->n_contexts, 8);
    for (uint32_t i = 0; i < hp->n_contexts; i++) {
        const uint32_t fields[4] = {hp->contexts[i].kind, hp->contexts[i].order,
                                    hp->contexts[i].rows, hp->contexts[i].slots_log2};
        put_le(s, fields[field], 4);
    }
}

// "text" is what a model without one has.
static uint32_t has_modality(const vlmc_model *model)
{
    return strcmp(model->modality, "text") != 0;
}

static void put_metadata(sink *s, const vlmc_model *model)
{
    const vlmc_hyperparameters *hp = &model->hp;
    put_string(s, "general.architecture", "vlmc");
    put_string(s, "general.name", model->name);
    put_number(s, "general.alignment", ALIGNMENT);
    if (has_modality(model))
        put_string(s, "vlmc.modality", model->modality);
    put_number(s, "vlmc.numerics", hp->numerics);
    put_number(s, "vlmc.vocab_size", hp->vocab);
    put_number(s, "vlmc.embedding_length", hp->width);
    put_number(s, "vlmc.block_count", hp->layers);
    put_number(s, "vlmc.attention.head_count", hp->heads);
    put_number(s, "vlmc.attention.head_count_kv", hp->kv_heads);
    put_number(s, "vlmc.attention.key_length", hp->head_dim);
    put_number(s, "vlmc.attention.sliding_window", hp->window);
    put_number(s, "vlmc.feed_forward_length", hp->hidden);
    put_number(s, "vlmc.feed_forward_kind", hp->ffn);
    put_number(s, "vlmc.context.embedding_length", hp->context_dim);
    put_contexts(s, "vlmc.context.kinds", hp, 0);
    put_contexts(s, "vlmc.context.orders", hp, 1);
    put_contexts(s, "vlmc.context.rows", hp, 2);
    put_contexts(s, "vlmc.context.slots_log2", hp, 3);
}

#define PAIRS 18u

static void put_tensor_info(sink *s, const vlmc_tensor_slot *slot, uint64_t offset)
{
    put_text(s, slot->name);
    put_le(s, slot->rows > 1 ? 2 : 1, 4);
    put_le(s, slot->cols, 8);
    if (slot->rows > 1)
        put_le(s, slot->rows, 8);
    put_le(s, slot->type, 4);
    put_le(s, offset, 8);
}

static void put_tensor_data(sink *s, const vlmc_model *model, const vlmc_tensor_slot *slot)
{
    const uint8_t *data = (const uint8_t *)model->storage + slot->offset;
    const size_t count = (size_t)slot->rows * slot->cols;
    const size_t each = slot->bytes / count;
    if (!s->bytes) {
        s->size += slot->bytes;
    } else if (slot->type == VLMC_TENSOR_I8) {
        memcpy(s->bytes + s->size, data, slot->bytes);
        s->size += slot->bytes;
    } else {
        for (size_t i = 0; i < count; i++)
            put_le(s,
                   slot->type == VLMC_TENSOR_I16
                       ? (uint64_t)((const int16_t *)(const void *)data)[i]
                       : (uint64_t)((const int32_t *)(const void *)data)[i],
                   each);
    }
    put_padding(s);
}

static void put_file(sink *s, const vlmc_model *model, const vlmc_layout *layout)
{
    put_le(s, 0x46554747, 4); // "GGUF"
    put_le(s, 3, 4);
    put_le(s, layout->n_slots, 8);
    put_le(s, PAIRS + has_modality(model), 8);
    put_metadata(s, model);
    uint64_t offset = 0;
    for (uint32_t i = 0; i < layout->n_slots; i++) {
        put_tensor_info(s, &layout->slots[i], offset);
        offset += (layout->slots[i].bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    put_padding(s);
    for (uint32_t i = 0; i < layout->n_slots; i++)
        put_tensor_data(s, model, &layout->slots[i]);
}

vlmc_status vlmc_model_write_memory(const vlmc_model *model, uint8_t **bytes, size_t *size,
                                    vlmc_error *error)
{
    *bytes = NULL;
    vlmc_layout layout;
    VLMC_TRY(vlmc_layout_create(&model->hp, &layout, error));
    sink count = {0};
    put_file(&count, model, &layout);
    sink out = {.bytes = malloc(count.size)};
    if (out.bytes)
        put_file(&out, model, &layout);
    vlmc_layout_destroy(&layout);
    if (!out.bytes)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write a model");
    *bytes = out.bytes;
    *size = out.size;
    return VLMC_OK;
}

vlmc_status vlmc_model_write(const vlmc_model *model, const char *path, vlmc_error *error)
{
    uint8_t *bytes;
    size_t size;
    VLMC_TRY(vlmc_model_write_memory(model, &bytes, &size, error));
    errno = 0;
    FILE *file = fopen(path, "wb");
    int failed = !file || fwrite(bytes, 1, size, file) != size;
    if (file)
        failed |= fclose(file) != 0;
    free(bytes);
    return failed ? vlmc_fail_os(error, VLMC_ERROR_IO, errno ? errno : EIO,
                                 "cannot write the model %s", path)
                  : VLMC_OK;
}
