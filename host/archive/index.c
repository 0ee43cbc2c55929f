// SPDX-License-Identifier: Apache-2.0
#include "index.h"

#include "codec/group.h"
#include "util/bytes.h"

#include <stdlib.h>
#include <string.h>

#define INDEX_HEAD_BYTES 17u
#define RECORD_ENTRY_BYTES 12u
#define ENTRY_HEAD_BYTES 36u
#define NANOSECONDS 1000000000u
#define INDEX_FIXED_BYTES (INDEX_HEAD_BYTES + VLMC_MODELS_MAX * VLMC_MODEL_IDENTITY_BYTES_MAX)

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

// ---- Building ----

static vlmc_status reserve(vlmc_index_builder *builder, vlmc_buffer *buffer, size_t bytes,
                           uint8_t **at, vlmc_error *error)
{
    *at = NULL;
    if (builder->records.size + builder->entries.size + bytes >
        VLMC_INDEX_BYTES_MAX - INDEX_FIXED_BYTES)
        return vlmc_fail(error, VLMC_ERROR_REFUSED,
                         "too many files for one archive; make several archives");
    if (buffer->size + bytes > buffer->capacity) {
        const size_t capacity = 2 * buffer->capacity + bytes + 4096;
        uint8_t *grown = realloc(buffer->bytes, capacity);
        if (!grown)
            return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the archive's index");
        buffer->bytes = grown;
        buffer->capacity = capacity;
    }
    *at = buffer->bytes + buffer->size;
    buffer->size += bytes;
    return VLMC_OK;
}

// The fields that every record has, and room for `more` bytes behind them.
static vlmc_status add_record(vlmc_index_builder *builder, const vlmc_record *record,
                              const uint8_t *more, uint32_t more_bytes, vlmc_error *error)
{
    uint8_t *p;
    VLMC_TRY(reserve(builder, &builder->records, RECORD_ENTRY_BYTES + more_bytes, &p, error));
    vlmc_store16(p, record->type);
    p[2] = (uint8_t)(record->method | (record->tagged ? VLMC_METHOD_TAGGED : 0));
    p[3] = record->streams;
    vlmc_store32(p + 4, record->raw_bytes);
    vlmc_store32(p + 8, record->packed_bytes);
    if (more_bytes)
        memcpy(p + RECORD_ENTRY_BYTES, more, more_bytes);
    builder->n_records++;
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
    uint8_t bytes[VLMC_GROUP_TAG_BYTES_MAX];
    const uint32_t n = record->tagged ? vlmc_format_write_tag(record->method, tag, bytes) : 0;
    VLMC_TRY(add_record(builder, record, bytes, n, error));
    builder->n_tokens += record->raw_bytes;
    return VLMC_OK;
}

vlmc_status vlmc_index_add_tokenizer(vlmc_index_builder *builder, const vlmc_record *record,
                                     const vlmc_tokenizer_identity *tokenizer, vlmc_error *error)
{
    uint8_t bytes[VLMC_TOKENIZER_IDENTITY_BYTES_MAX + 1];
    const uint32_t n = vlmc_format_write_tokenizer(tokenizer, bytes);
    bytes[n] = 0;
    return add_record(builder, record, bytes, n + 1, error);
}

static uint32_t write_segment(const vlmc_segment_info *segment, bool margins, uint8_t *bytes)
{
    uint32_t n = vlmc_varint_write(segment->tokenizer, bytes);
    n += vlmc_varint_write(segment->first_token, bytes + n);
    n += vlmc_varint_write(segment->n_tokens, bytes + n);
    if (segment->tokenizer)
        n += vlmc_varint_write(segment->n_bytes, bytes + n);
    if (segment->tokenizer && margins) {
        n += vlmc_varint_write(segment->before, bytes + n);
        n += vlmc_varint_write(segment->after, bytes + n);
    }
    return n;
}

static vlmc_status add_segments(vlmc_index_builder *builder, const vlmc_segment_info *segments,
                                uint32_t n_segments, bool margins, vlmc_error *error)
{
    for (uint32_t i = 0; i <= n_segments; i++) {
        uint8_t bytes[6 * VLMC_VARINT_BYTES_MAX], *p;
        const uint32_t n = i == 0 ? vlmc_varint_write(n_segments, bytes)
                                  : write_segment(&segments[i - 1], margins, bytes);
        VLMC_TRY(reserve(builder, &builder->entries, n, &p, error));
        memcpy(p, bytes, n);
    }
    return VLMC_OK;
}

static bool have_margins(const vlmc_segment_info *segments, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (segments[i].before || segments[i].after)
            return true;
    return false;
}

// What of an entry's head says nothing of its content.
static void write_metadata(uint8_t *p, const vlmc_entry *entry, size_t path, size_t link)
{
    vlmc_store16(p + 2, (uint16_t)entry->mode);
    vlmc_store32(p + 4, entry->mtime_ns);
    vlmc_store64(p + 8, (uint64_t)entry->mtime_seconds);
    vlmc_store16(p + 32, (uint16_t)path);
    vlmc_store16(p + 34, (uint16_t)link);
}

vlmc_status vlmc_index_add_entry(vlmc_index_builder *builder, const vlmc_entry *entry,
                                 const vlmc_segment_info *segments, uint32_t n_segments,
                                 vlmc_error *error)
{
    const bool file = entry->type == VLMC_ENTRY_FILE;
    const bool list = n_segments > 1 || (n_segments == 1 && segments->tokenizer != 0);
    const bool margins = have_margins(segments, n_segments);
    const size_t path = strlen(entry->path), link = entry->link ? strlen(entry->link) : 0;
    const size_t digest = file ? VLMC_DIGEST_BYTES : 0;
    uint8_t *p;
    VLMC_TRY(reserve(builder, &builder->entries, ENTRY_HEAD_BYTES + digest + path + link + 2, &p,
                     error));
    p[0] = (uint8_t)entry->type;
    p[1] = margins ? VLMC_CONTENT_MARGINS : list ? VLMC_CONTENT_LIST : VLMC_CONTENT_PLAIN;
    write_metadata(p, entry, path, link);
    vlmc_store64(p + 16, n_segments == 1 && !list ? segments->first_token : 0);
    vlmc_store64(p + 24, entry->size_bytes);
    p += ENTRY_HEAD_BYTES;
    memcpy(p, entry->sha256, digest);
    memcpy(p + digest, entry->path, path + 1);
    memcpy(p + digest + path + 1, link ? entry->link : "", link + 1);
    builder->n_entries++;
    return list ? add_segments(builder, segments, n_segments, margins, error) : VLMC_OK;
}

// ---- Files that are there already ----

vlmc_index_place vlmc_index_place_of_last(const vlmc_index_builder *builder, size_t at)
{
    return (vlmc_index_place){(uint32_t)at, (uint32_t)(builder->entries.size - at)};
}

const uint8_t *vlmc_index_place_sha256(const vlmc_index_builder *builder, vlmc_index_place place)
{
    return builder->entries.bytes + place.at + ENTRY_HEAD_BYTES;
}

vlmc_status vlmc_index_repeat_entry(vlmc_index_builder *builder, const vlmc_entry *entry,
                                    vlmc_index_place earlier, vlmc_error *error)
{
    const size_t path = strlen(entry->path), fixed = ENTRY_HEAD_BYTES + VLMC_DIGEST_BYTES;
    const size_t list = fixed + vlmc_load16(builder->entries.bytes + earlier.at + 32) + 2;
    uint8_t *p;
    VLMC_TRY(
        reserve(builder, &builder->entries, fixed + path + 2 + earlier.bytes - list, &p, error));
    const uint8_t *from = builder->entries.bytes + earlier.at; // reserve may have moved it
    memcpy(p, from, fixed);
    write_metadata(p, entry, path, 0);
    memcpy(p + fixed, entry->path, path + 1);
    p[fixed + path + 1] = 0;
    memcpy(p + fixed + path + 2, from + list, earlier.bytes - list);
    builder->n_entries++;
    return VLMC_OK;
}

vlmc_status vlmc_index_build(const vlmc_index_builder *builder, const vlmc_model_identity *models,
                             uint32_t n_models, uint8_t **bytes, uint32_t *size, vlmc_error *error)
{
    const size_t most = INDEX_FIXED_BYTES + builder->records.size + builder->entries.size;
    uint8_t *p = *bytes = malloc(most); // <= VLMC_INDEX_BYTES_MAX
    if (!p)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the archive's index");
    vlmc_store64(p, builder->n_tokens);
    vlmc_store32(p + 8, builder->n_records);
    vlmc_store32(p + 12, builder->n_entries);
    p[16] = (uint8_t)n_models;
    p += INDEX_HEAD_BYTES;
    for (uint32_t i = 0; i < n_models; i++)
        p += vlmc_format_write_model(&models[i], p);
    if (builder->records.size)
        memcpy(p, builder->records.bytes, builder->records.size);
    p += builder->records.size;
    if (builder->entries.size)
        memcpy(p, builder->entries.bytes, builder->entries.size);
    p += builder->entries.size;
    *size = (uint32_t)(p - *bytes);
    return VLMC_OK;
}

void vlmc_index_builder_destroy(vlmc_index_builder *builder)
{
    free(builder->records.bytes);
    free(builder->entries.bytes);
    *builder = (vlmc_index_builder){0};
}
