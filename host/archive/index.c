// SPDX-License-Identifier: Apache-2.0
// Building an index: records, and the whole of it. index_entries.c adds the entries.
#include "index.h"

#include "util/bytes.h"

#include <stdlib.h>
#include <string.h>

#define COUNTS_BYTES (3 * VLMC_VARINT_BYTES_MAX)

bool vlmc_path_valid(const char *path)
{
    const size_t length = strnlen(path, VLMC_PATH_BYTES_MAX + 1u);
    if (length < 1 || length > VLMC_PATH_BYTES_MAX)
        return false;
    for (const char *part = path;; part++) {
        const size_t n = strcspn(part, "/");
        if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        part += n;
        if (*part == '\0')
            return true;
    }
}

static size_t size_of(const vlmc_index_builder *b)
{
    size_t sum = COUNTS_BYTES + b->records.size + b->attributes.sets.size;
    for (uint32_t i = 0; i < VLMC_INDEX_COLUMNS; i++)
        sum += b->columns[i].size;
    return sum;
}

vlmc_status vlmc_index_check_room(const vlmc_index_builder *b, size_t bytes, vlmc_error *error)
{
    if (size_of(b) + bytes <= VLMC_INDEX_BYTES_MAX)
        return VLMC_OK;
    return vlmc_fail(error, VLMC_ERROR_REFUSED,
                     "too many files for one archive; make several archives");
}

// ---- Records ----

// The fields that every record has, and `more` bytes behind them.
static vlmc_status add_record(vlmc_index_builder *b, const vlmc_record *record, const uint8_t *more,
                              uint32_t more_bytes, vlmc_error *error)
{
    const uint8_t method = (uint8_t)(record->method | (record->tagged ? VLMC_METHOD_TAGGED : 0));
    VLMC_TRY(vlmc_index_check_room(b, 2 * VLMC_VARINT_BYTES_MAX + 1 + more_bytes, error));
    if (!vlmc_buffer_add_varint(&b->records, record->type) ||
        !vlmc_buffer_add(&b->records, &method, 1) ||
        !vlmc_buffer_add_varint(&b->records, record->packed_bytes) ||
        !vlmc_buffer_add(&b->records, more, more_bytes))
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the archive's index");
    b->n_records++;
    return VLMC_OK;
}

vlmc_status vlmc_index_add_record(vlmc_index_builder *builder, const vlmc_record *record,
                                  vlmc_error *error)
{
    return add_record(builder, record, NULL, 0, error);
}

vlmc_status vlmc_index_add_group(vlmc_index_builder *builder, const vlmc_record *record,
                                 const vlmc_group_tag *tag, vlmc_error *error)
{
    uint8_t bytes[VLMC_VARINT_BYTES_MAX + 1 + VLMC_GROUP_TAG_BYTES_MAX];
    uint32_t n = vlmc_varint_write(record->raw_bytes, bytes);
    if (record->method == VLMC_GROUP_MODEL)
        bytes[n++] = record->streams;
    if (record->tagged)
        n += vlmc_format_write_tag(record->method, tag, bytes + n);
    return add_record(builder, record, bytes, n, error);
}

vlmc_status vlmc_index_add_tokenizer(vlmc_index_builder *builder, const vlmc_record *record,
                                     const vlmc_tokenizer_identity *tokenizer, vlmc_error *error)
{
    uint8_t bytes[2 * VLMC_VARINT_BYTES_MAX + sizeof tokenizer->id];
    const size_t id = strnlen(tokenizer->id, VLMC_TOKENIZER_ID_BYTES_MAX);
    uint32_t n = vlmc_varint_write(record->raw_bytes, bytes);
    n += vlmc_varint_write(tokenizer->version, bytes + n);
    memcpy(bytes + n, tokenizer->id, id);
    bytes[n + id] = 0;
    return add_record(builder, record, bytes, n + (uint32_t)id + 1, error);
}

vlmc_status vlmc_index_add_model(vlmc_index_builder *builder, const vlmc_record *record,
                                 const uint8_t *payload, vlmc_error *error)
{
    uint8_t pin[VLMC_MODEL_PIN_BYTES];
    vlmc_format_pin_model(payload, record->packed_bytes, pin);
    return add_record(builder, record, pin, sizeof pin, error);
}

// ---- The whole ----

static uint8_t *put(uint8_t *p, const vlmc_buffer *buffer)
{
    if (buffer->size)
        memcpy(p, buffer->bytes, buffer->size);
    return p + buffer->size;
}

vlmc_status vlmc_index_build(const vlmc_index_builder *b, uint8_t **bytes, uint32_t *size,
                             vlmc_error *error)
{
    uint8_t *p = *bytes = malloc(size_of(b)); // <= VLMC_INDEX_BYTES_MAX
    if (!p)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the archive's index");
    p += vlmc_varint_write(b->n_records, p);
    p = put(p, &b->records);
    p += vlmc_varint_write(b->attributes.n, p);
    p = put(p, &b->attributes.sets);
    p += vlmc_varint_write(b->n_entries, p);
    for (uint32_t i = 0; i < VLMC_INDEX_COLUMNS; i++)
        p = put(p, &b->columns[i]);
    *size = (uint32_t)(p - *bytes);
    return VLMC_OK;
}

void vlmc_index_builder_destroy(vlmc_index_builder *b)
{
    vlmc_buffer_free(&b->records);
    for (uint32_t i = 0; i < VLMC_INDEX_COLUMNS; i++)
        vlmc_buffer_free(&b->columns[i]);
    vlmc_attribute_table_destroy(&b->attributes);
    *b = (vlmc_index_builder){0};
}
