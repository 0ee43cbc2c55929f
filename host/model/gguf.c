// SPDX-License-Identifier: Apache-2.0
// Reader of GGUF model files (version 3, little-endian). The input is hostile: every
// length is checked against what is left before it is used.
#include "layout.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GGUF_VERSION 3u
#define MAX_PAIRS 4096u
#define MAX_TENSORS 4096u
#define MAX_FILE_BYTES (UINT64_C(1) << 36)

enum gguf_type {
    GGUF_U8,
    GGUF_I8,
    GGUF_U16,
    GGUF_I16,
    GGUF_U32,
    GGUF_I32,
    GGUF_F32,
    GGUF_BOOL,
    GGUF_STRING,
    GGUF_ARRAY,
    GGUF_U64,
    GGUF_I64,
    GGUF_F64,
};

typedef struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    const uint8_t *start;
    const char *origin;
    vlmc_error *error;
} cursor;

typedef struct text {
    const uint8_t *bytes;
    size_t size;
} text;

typedef struct value {
    uint32_t type;
    uint32_t element_type; // arrays
    uint64_t count;        // arrays
    const uint8_t *data;   // first byte of the value or of the first element
    text string;           // strings
} value;

typedef struct metadata {
    vlmc_hyperparameters hp;
    char name[64];
    char modality[VLMC_MODALITY_BYTES];
    uint64_t alignment;
    uint32_t context_counts[4];
    int is_vlmc;
} metadata;

static vlmc_status broken(const cursor *c, const char *what)
{
    return vlmc_fail(c->error, VLMC_ERROR_MODEL_INVALID,
                     "%s: the model file is damaged (%s); get it again", c->origin, what);
}

static uint64_t load_le(const uint8_t *bytes, size_t size)
{
    uint64_t v = 0;
    for (size_t i = size; i-- > 0;)
        v = v << 8 | bytes[i];
    return v;
}

static vlmc_status take(cursor *c, uint64_t size, const uint8_t **bytes)
{
    if (size > (uint64_t)(c->end - c->at))
        return broken(c, "it ends too early");
    *bytes = c->at;
    c->at += size;
    return VLMC_OK;
}

static vlmc_status take_u32(cursor *c, uint32_t *v)
{
    const uint8_t *b;
    VLMC_TRY(take(c, 4, &b));
    *v = (uint32_t)load_le(b, 4);
    return VLMC_OK;
}

static vlmc_status take_u64(cursor *c, uint64_t *v)
{
    const uint8_t *b;
    VLMC_TRY(take(c, 8, &b));
    *v = load_le(b, 8);
    return VLMC_OK;
}

static vlmc_status take_text(cursor *c, text *t)
{
    uint64_t size;
    VLMC_TRY(take_u64(c, &size));
    VLMC_TRY(take(c, size, &t->bytes));
    t->size = (size_t)size;
    return VLMC_OK;
}

static int is(text t, const char *s)
{
    return t.size == strlen(s) && memcmp(t.bytes, s, t.size) == 0;
}

// Bytes of a scalar, 0 for others.
static uint64_t scalar_bytes(uint32_t type)
{
    static const uint8_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return type < sizeof sizes ? sizes[type] : 0;
}

static vlmc_status take_value(cursor *c, value *v)
{
    *v = (value){0};
    VLMC_TRY(take_u32(c, &v->type));
    if (v->type == GGUF_STRING)
        return take_text(c, &v->string);
    if (v->type != GGUF_ARRAY) {
        if (!scalar_bytes(v->type))
            return broken(c, "a value has no known type");
        return take(c, scalar_bytes(v->type), &v->data);
    }
    VLMC_TRY(take_u32(c, &v->element_type));
    VLMC_TRY(take_u64(c, &v->count));
    if (v->element_type == GGUF_STRING) {
        text ignored;
        for (uint64_t i = 0; i < v->count; i++) // each element takes at least 8 bytes
            VLMC_TRY(take_text(c, &ignored));
        return VLMC_OK;
    }
    uint64_t each = scalar_bytes(v->element_type);
    if (!each)
        return broken(c, "an array has no known type");
    if (v->count > UINT64_MAX / each)
        return broken(c, "an array is too long");
    return take(c, v->count * each, &v->data);
}

static vlmc_status read_number(cursor *c, const value *v, uint32_t *out)
{
    if (v->type != GGUF_U32)
        return broken(c, "a hyperparameter is not a 32-bit number");
    *out = (uint32_t)load_le(v->data, 4);
    return VLMC_OK;
}

static vlmc_status read_name(cursor *c, const value *v, char *name)
{
    if (v->type != GGUF_STRING || v->string.size == 0 || v->string.size > 63)
        return broken(c, "its name is missing or too long");
    for (size_t i = 0; i < v->string.size; i++)
        if (v->string.bytes[i] < 0x20 || v->string.bytes[i] > 0x7E)
            return broken(c, "its name is not printable ASCII");
    memcpy(name, v->string.bytes, v->string.size);
    name[v->string.size] = 0;
    return VLMC_OK;
}

static vlmc_status read_modality(cursor *c, const value *v, char *modality)
{
    if (v->type != GGUF_STRING || v->string.size == 0 || v->string.size >= VLMC_MODALITY_BYTES)
        return broken(c, "its modality is empty or too long");
    for (size_t i = 0; i < v->string.size; i++)
        if (v->string.bytes[i] <= 0x20 || v->string.bytes[i] > 0x7E)
            return broken(c, "its modality is not a printable word");
    memcpy(modality, v->string.bytes, v->string.size);
    modality[v->string.size] = 0;
    return VLMC_OK;
}

// One of the four parallel arrays that describe the side contexts.
static vlmc_status read_contexts(cursor *c, const value *v, int field, metadata *m)
{
    if (v->type != GGUF_ARRAY || v->element_type != GGUF_U32 || v->count > VLMC_CONTEXTS_MAX)
        return broken(c, "the side contexts are not a short list of numbers");
    for (uint32_t i = 0; i < v->count; i++) {
        uint32_t *fields[4] = {&m->hp.contexts[i].kind, &m->hp.contexts[i].order,
                               &m->hp.contexts[i].rows, &m->hp.contexts[i].slots_log2};
        *fields[field] = (uint32_t)load_le(v->data + 4 * (size_t)i, 4);
    }
    m->context_counts[field] = (uint32_t)v->count;
    return VLMC_OK;
}

static vlmc_status read_pair(cursor *c, metadata *m)
{
    text key;
    value v;
    VLMC_TRY(take_text(c, &key));
    VLMC_TRY(take_value(c, &v));
    const struct {
        const char *key;
        uint32_t *number;
    } numbers[] = {
        {"vlmc.numerics", &m->hp.numerics},
        {"vlmc.vocab_size", &m->hp.vocab},
        {"vlmc.embedding_length", &m->hp.width},
        {"vlmc.block_count", &m->hp.layers},
        {"vlmc.attention.head_count", &m->hp.heads},
        {"vlmc.attention.head_count_kv", &m->hp.kv_heads},
        {"vlmc.attention.key_length", &m->hp.head_dim},
        {"vlmc.attention.sliding_window", &m->hp.window},
        {"vlmc.feed_forward_length", &m->hp.hidden},
        {"vlmc.feed_forward_kind", &m->hp.ffn},
        {"vlmc.context.embedding_length", &m->hp.context_dim},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (is(key, numbers[i].key))
            return read_number(c, &v, numbers[i].number);
    static const char *const arrays[4] = {"vlmc.context.kinds", "vlmc.context.orders",
                                          "vlmc.context.rows", "vlmc.context.slots_log2"};
    for (int i = 0; i < 4; i++)
        if (is(key, arrays[i]))
            return read_contexts(c, &v, i, m);
    if (is(key, "general.name"))
        return read_name(c, &v, m->name);
    if (is(key, "vlmc.modality"))
        return read_modality(c, &v, m->modality);
    if (is(key, "general.architecture"))
        m->is_vlmc = v.type == GGUF_STRING && is(v.string, "vlmc");
    if (is(key, "general.alignment")) {
        uint32_t alignment;
        VLMC_TRY(read_number(c, &v, &alignment));
        if (alignment < 8 || alignment > 65536 || (alignment & (alignment - 1)))
            return broken(c, "its alignment is not possible");
        m->alignment = alignment;
    }
    return VLMC_OK;
}

static vlmc_status read_metadata(cursor *c, uint64_t n_pairs, metadata *m)
{
    *m = (metadata){.alignment = 32, .modality = "text"};
    m->hp.numerics = UINT32_MAX;
    for (uint64_t i = 0; i < n_pairs; i++)
        VLMC_TRY(read_pair(c, m));
    if (!m->is_vlmc)
        return vlmc_fail(c->error, VLMC_ERROR_MODEL_INVALID,
                         "%s: this GGUF file is not a vlmc model (its architecture is another)",
                         c->origin);
    for (int i = 1; i < 4; i++)
        if (m->context_counts[i] != m->context_counts[0])
            return broken(c, "the side contexts' lists differ in length");
    m->hp.n_contexts = m->context_counts[0];
    if (!m->name[0])
        return broken(c, "its name is missing or too long");
    return vlmc_hyperparameters_check(&m->hp, c->origin, c->error);
}

// Where a tensor's data is, relative to the data section.
typedef struct located {
    const vlmc_tensor_slot *slot;
    uint64_t offset;
} located;

static const vlmc_tensor_slot *find_slot(const vlmc_layout *layout, text name)
{
    for (uint32_t i = 0; i < layout->n_slots; i++)
        if (is(name, layout->slots[i].name))
            return &layout->slots[i];
    return NULL;
}

static vlmc_status read_tensor_info(cursor *c, const vlmc_layout *layout, located *found)
{
    text name;
    uint32_t n_dims, type;
    uint64_t dims[4] = {1, 1, 1, 1};
    VLMC_TRY(take_text(c, &name));
    VLMC_TRY(take_u32(c, &n_dims));
    if (n_dims < 1 || n_dims > 4)
        return broken(c, "a tensor has no or too many dimensions");
    for (uint32_t i = 0; i < n_dims; i++)
        VLMC_TRY(take_u64(c, &dims[i]));
    VLMC_TRY(take_u32(c, &type));
    VLMC_TRY(take_u64(c, &found->offset));
    found->slot = find_slot(layout, name);
    if (!found->slot)
        return broken(c, "it holds a tensor that its hyperparameters do not name");
    if (type != found->slot->type || dims[0] != found->slot->cols || dims[1] != found->slot->rows ||
        dims[2] != 1 || dims[3] != 1)
        return broken(c, "a tensor's type or shape is not what the hyperparameters say");
    return VLMC_OK;
}

static void copy_tensor(uint8_t *to, const uint8_t *from, const vlmc_tensor_slot *slot)
{
    const size_t count = (size_t)slot->rows * slot->cols;
    if (slot->type == VLMC_TENSOR_I8) {
        memcpy(to, from, slot->bytes);
    } else if (slot->type == VLMC_TENSOR_I16) {
        for (size_t i = 0; i < count; i++)
            ((int16_t *)(void *)to)[i] = (int16_t)load_le(from + 2 * i, 2);
    } else {
        for (size_t i = 0; i < count; i++)
            ((int32_t *)(void *)to)[i] = (int32_t)load_le(from + 4 * i, 4);
    }
}

static vlmc_status read_tensors(cursor *c, uint64_t n_tensors, const metadata *m,
                                const vlmc_layout *layout, vlmc_model *model)
{
    if (n_tensors != layout->n_slots)
        return broken(c, "its number of tensors is not what the hyperparameters say");
    located *found = calloc(layout->n_slots, sizeof *found);
    uint8_t *seen = calloc(layout->n_slots, 1);
    vlmc_status status = VLMC_OK;
    if (!found || !seen)
        status = vlmc_fail(c->error, VLMC_ERROR_MEMORY, "not enough memory to read %s", c->origin);
    for (uint32_t i = 0; status == VLMC_OK && i < layout->n_slots; i++) {
        status = read_tensor_info(c, layout, &found[i]);
        if (status == VLMC_OK && seen[found[i].slot - layout->slots]++)
            status = broken(c, "a tensor is there twice");
    }
    if (status == VLMC_OK) {
        uint64_t used = (uint64_t)(c->at - c->start);
        uint64_t data_at = (used + m->alignment - 1) / m->alignment * m->alignment;
        uint64_t size = (uint64_t)(c->end - c->start);
        uint64_t left = data_at <= size ? size - data_at : 0;
        for (uint32_t i = 0; status == VLMC_OK && i < layout->n_slots; i++) {
            const vlmc_tensor_slot *slot = found[i].slot;
            if (found[i].offset > left || slot->bytes > left - found[i].offset)
                status = broken(c, "a tensor lies outside of the file");
            else
                copy_tensor((uint8_t *)model->storage + slot->offset,
                            c->start + data_at + found[i].offset, slot);
        }
    }
    free(found);
    free(seen);
    return status;
}

vlmc_status vlmc_model_load_memory(const void *bytes, size_t size, const char *origin,
                                   vlmc_model **model, vlmc_error *error)
{
    *model = NULL;
    cursor c = {bytes, (const uint8_t *)bytes + size, bytes, origin, error};
    const uint8_t *magic;
    uint32_t version;
    uint64_t n_tensors, n_pairs;
    if (size < 4 || memcmp(bytes, "GGUF", 4) != 0)
        return vlmc_fail(error, VLMC_ERROR_MODEL_INVALID, "%s: this is not a GGUF model file",
                         origin);
    VLMC_TRY(take(&c, 4, &magic));
    VLMC_TRY(take_u32(&c, &version));
    if (version != GGUF_VERSION)
        return vlmc_fail(error, VLMC_ERROR_MODEL_INVALID,
                         "%s: GGUF version %" PRIu32 " is not supported, only version 3", origin,
                         version);
    VLMC_TRY(take_u64(&c, &n_tensors));
    VLMC_TRY(take_u64(&c, &n_pairs));
    if (n_tensors > MAX_TENSORS || n_pairs > MAX_PAIRS)
        return broken(&c, "it claims too many entries");

    metadata m;
    vlmc_layout layout;
    vlmc_model *result;
    VLMC_TRY(read_metadata(&c, n_pairs, &m));
    VLMC_TRY(vlmc_layout_create(&m.hp, &layout, error));
    if (layout.bytes > size + 64 * (size_t)layout.n_slots) { // before memory is spent on it
        vlmc_layout_destroy(&layout);
        return broken(&c, "it is smaller than its tensors");
    }
    vlmc_layout_destroy(&layout);
    VLMC_TRY(vlmc_model_allocate(&m.hp, &layout, &result, error));
    memcpy(result->name, m.name, sizeof result->name);
    memcpy(result->modality, m.modality, sizeof result->modality);
    vlmc_status status = read_tensors(&c, n_tensors, &m, &layout, result);
    if (status == VLMC_OK)
        status = vlmc_model_seal(result, &layout, origin, error);
    vlmc_layout_destroy(&layout);
    if (status != VLMC_OK)
        vlmc_model_destroy(&result);
    *model = result;
    return status;
}

static vlmc_status read_whole(int fd, const char *path, uint8_t **bytes, size_t *size,
                              vlmc_error *error)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read the model %s", path);
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > MAX_FILE_BYTES)
        return vlmc_fail(error, VLMC_ERROR_MODEL_INVALID,
                         "%s: a model must be a regular file of at most 64 GiB", path);
    *size = (size_t)st.st_size;
    *bytes = malloc(*size ? *size : 1);
    if (!*bytes)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to read the model %s", path);
    for (size_t got = 0; got < *size;) {
        ssize_t n = read(fd, *bytes + got, *size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            int code = n < 0 ? errno : EIO;
            return vlmc_fail_os(error, VLMC_ERROR_IO, code, "cannot read the model %s", path);
        }
        got += (size_t)n;
    }
    return VLMC_OK;
}

vlmc_status vlmc_model_load(const char *path, vlmc_model **model, vlmc_error *error)
{
    *model = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return vlmc_fail_os(error, errno == ENOENT ? VLMC_ERROR_MODEL_MISSING : VLMC_ERROR_IO,
                            errno, "cannot open the model %s", path);
    uint8_t *bytes = NULL;
    size_t size = 0;
    vlmc_status status = read_whole(fd, path, &bytes, &size, error);
    close(fd);
    if (status == VLMC_OK)
        status = vlmc_model_load_memory(bytes, size, path, model, error);
    free(bytes);
    return status;
}
