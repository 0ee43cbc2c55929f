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
    const size_t fixed = INDEX_HEAD_BYTES + VLMC_MODEL_IDENTITY_BYTES_MAX;
    if (builder->records.size + builder->entries.size + bytes > VLMC_INDEX_BYTES_MAX - fixed)
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

vlmc_status vlmc_index_add_record(vlmc_index_builder *builder, const vlmc_record *record,
                                  vlmc_error *error)
{
    uint8_t *p;
    VLMC_TRY(reserve(builder, &builder->records, RECORD_ENTRY_BYTES, &p, error));
    vlmc_store16(p, record->type);
    p[2] = record->method;
    p[3] = record->streams;
    vlmc_store32(p + 4, record->raw_bytes);
    vlmc_store32(p + 8, record->packed_bytes);
    builder->n_records++;
    if (record->type == VLMC_RECORD_GROUP)
        builder->content_bytes += record->raw_bytes;
    return VLMC_OK;
}

vlmc_status vlmc_index_add_entry(vlmc_index_builder *builder, const vlmc_entry *entry,
                                 vlmc_error *error)
{
    const bool file = entry->type == VLMC_ENTRY_FILE;
    const size_t path = strlen(entry->path), link = entry->link ? strlen(entry->link) : 0;
    const size_t digest = file ? VLMC_DIGEST_BYTES : 0;
    uint8_t *p;
    VLMC_TRY(reserve(builder, &builder->entries, ENTRY_HEAD_BYTES + digest + path + link + 2, &p,
                     error));
    p[0] = (uint8_t)entry->type;
    p[1] = 0;
    vlmc_store16(p + 2, (uint16_t)entry->mode);
    vlmc_store32(p + 4, entry->mtime_ns);
    vlmc_store64(p + 8, (uint64_t)entry->mtime_seconds);
    vlmc_store64(p + 16, entry->offset_bytes);
    vlmc_store64(p + 24, entry->size_bytes);
    vlmc_store16(p + 32, (uint16_t)path);
    vlmc_store16(p + 34, (uint16_t)link);
    p += ENTRY_HEAD_BYTES;
    memcpy(p, entry->sha256, digest);
    memcpy(p + digest, entry->path, path + 1);
    memcpy(p + digest + path + 1, link ? entry->link : "", link + 1);
    builder->n_entries++;
    return VLMC_OK;
}

vlmc_status vlmc_index_build(const vlmc_index_builder *builder, const vlmc_model_identity *model,
                             uint8_t **bytes, uint32_t *size, vlmc_error *error)
{
    const size_t most = INDEX_HEAD_BYTES + VLMC_MODEL_IDENTITY_BYTES_MAX + builder->records.size +
                        builder->entries.size; // <= VLMC_INDEX_BYTES_MAX
    uint8_t *p = *bytes = malloc(most);
    if (!p)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the archive's index");
    vlmc_store64(p, builder->content_bytes);
    vlmc_store32(p + 8, builder->n_records);
    vlmc_store32(p + 12, builder->n_entries);
    p[16] = model->present;
    p += INDEX_HEAD_BYTES;
    if (model->present)
        p += vlmc_format_write_model(model, p);
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

// ---- Reading ----

// What of the raw index is still to be parsed.
typedef struct cursor {
    const uint8_t *at;
    size_t left;
    const char *path;
    vlmc_error *error;
} cursor;

static vlmc_status broken(const cursor *c, const char *what)
{
    return vlmc_fail(c->error, VLMC_ERROR_DAMAGED,
                     "the index of %s is damaged (%s); get another copy", c->path, what);
}

static vlmc_status take(cursor *c, size_t bytes, const uint8_t **at)
{
    *at = NULL;
    if (bytes > c->left)
        return broken(c, "it ends early");
    *at = c->at;
    c->at += bytes;
    c->left -= bytes;
    return VLMC_OK;
}

static vlmc_status parse_group(const cursor *c, const uint8_t *p, uint32_t number,
                               vlmc_index *index)
{
    const vlmc_group_info info = {
        .archive_offset = VLMC_HEADER_BYTES + index->records_bytes,
        .method = p[2],
        .raw_bytes = vlmc_load32(p + 4),
        .packed_bytes = vlmc_load32(p + 8),
        .streams = p[3],
    };
    if (info.raw_bytes < 1 || info.raw_bytes > VLMC_GROUP_BYTES_MAX ||
        info.packed_bytes > info.raw_bytes)
        return broken(c, "a group of impossible size");
    switch (info.method) {
    case VLMC_GROUP_STORED:
    case VLMC_GROUP_ZSTD:
        if (info.streams != 0 ||
            (info.method == VLMC_GROUP_STORED && info.packed_bytes != info.raw_bytes))
            return broken(c, "a group of impossible size");
        break;
    case VLMC_GROUP_MODEL:
        if (info.streams < 1 || info.streams > VLMC_STREAMS_MAX || info.streams > info.raw_bytes)
            return broken(c, "a group of impossible width");
        if (!index->model_offset)
            return broken(c, "a group before its model");
        break;
    default:
        return vlmc_fail(c->error, VLMC_ERROR_FORMAT,
                         "%s packs content in a way that this vlmc does not know (method %u); use "
                         "a newer vlmc",
                         c->path, info.method);
    }
    const uint32_t i = index->n_groups++;
    index->groups[i] = info;
    index->group_numbers[i] = number;
    index->group_starts[i + 1] = index->group_starts[i] + info.raw_bytes;
    return VLMC_OK;
}

static vlmc_status parse_record(cursor *c, uint32_t number, vlmc_index *index)
{
    const uint8_t *p;
    VLMC_TRY(take(c, RECORD_ENTRY_BYTES, &p));
    const uint16_t type = vlmc_load16(p);
    if (type == VLMC_RECORD_GROUP) {
        VLMC_TRY(parse_group(c, p, number, index));
    } else if (type == VLMC_RECORD_MODEL) {
        if (!index->model.present || index->model_offset)
            return broken(c, "more models than it names");
        index->model_offset = VLMC_HEADER_BYTES + index->records_bytes;
    } else if (!(type & VLMC_RECORD_OPTIONAL)) {
        return vlmc_fail(c->error, VLMC_ERROR_FORMAT,
                         "%s has a part that this vlmc does not know (type %u); use a newer vlmc",
                         c->path, type);
    }
    index->records_bytes += VLMC_RECORD_BYTES + (uint64_t)vlmc_load32(p + 8); // < 2^28 * 2^33
    return VLMC_OK;
}

static vlmc_status parse_records(cursor *c, vlmc_index *index)
{
    const size_t n = index->n_records;
    if (n > c->left / RECORD_ENTRY_BYTES)
        return broken(c, "it ends early");
    index->groups = calloc(n + 1, sizeof *index->groups);
    index->group_numbers = calloc(n + 1, sizeof *index->group_numbers);
    index->group_starts = calloc(n + 1, sizeof *index->group_starts);
    if (!index->groups || !index->group_numbers || !index->group_starts)
        return vlmc_fail(c->error, VLMC_ERROR_MEMORY, "not enough memory for the index of %s",
                         c->path);
    for (uint32_t i = 0; i < index->n_records; i++)
        VLMC_TRY(parse_record(c, i, index));
    if (index->model.present != (index->model_offset != 0))
        return broken(c, "a model that is not there");
    if (index->group_starts[index->n_groups] != index->content_bytes)
        return broken(c, "groups that do not add up");
    return VLMC_OK;
}

static vlmc_status parse_strings(cursor *c, size_t path, size_t link, vlmc_entry *entry)
{
    const uint8_t *p;
    VLMC_TRY(take(c, path + link + 2, &p));
    entry->path = (const char *)p;
    if (strnlen(entry->path, path + 1) != path || !vlmc_path_valid(entry->path))
        return broken(c, "an unsafe path");
    const char *target = (const char *)p + path + 1;
    if (strnlen(target, link + 1) != link || (link != 0) != (entry->type == VLMC_ENTRY_SYMLINK))
        return broken(c, "an impossible link");
    entry->link = link ? target : NULL;
    return VLMC_OK;
}

static vlmc_status parse_entry(cursor *c, const vlmc_index *index, vlmc_entry *entry)
{
    const uint8_t *p, *digest;
    VLMC_TRY(take(c, ENTRY_HEAD_BYTES, &p));
    if (p[0] > VLMC_ENTRY_SYMLINK || p[1] != 0)
        return vlmc_fail(c->error, VLMC_ERROR_FORMAT,
                         "%s has a kind of entry that this vlmc does not know (%u); use a newer "
                         "vlmc",
                         c->path, p[0]);
    *entry = (vlmc_entry){
        .type = (vlmc_entry_type)p[0],
        .mode = vlmc_load16(p + 2),
        .mtime_ns = vlmc_load32(p + 4),
        .mtime_seconds = (int64_t)vlmc_load64(p + 8),
        .offset_bytes = vlmc_load64(p + 16),
        .size_bytes = vlmc_load64(p + 24),
    };
    if (entry->mode > 07777 || entry->mtime_ns >= NANOSECONDS)
        return broken(c, "an impossible mode or time");
    const bool file = entry->type == VLMC_ENTRY_FILE;
    if (entry->offset_bytes > index->content_bytes ||
        entry->size_bytes > index->content_bytes - entry->offset_bytes ||
        (!file && (entry->size_bytes || entry->offset_bytes)))
        return broken(c, "an entry outside of the content");
    VLMC_TRY(take(c, file ? VLMC_DIGEST_BYTES : 0, &digest));
    if (file)
        memcpy(entry->sha256, digest, VLMC_DIGEST_BYTES);
    return parse_strings(c, vlmc_load16(p + 32), vlmc_load16(p + 34), entry);
}

static vlmc_status parse_entries(cursor *c, vlmc_index *index)
{
    const size_t n = index->n_entries;
    if (n > c->left / (ENTRY_HEAD_BYTES + 3))
        return broken(c, "it ends early");
    index->entries = calloc(n + 1, sizeof *index->entries);
    if (!index->entries)
        return vlmc_fail(c->error, VLMC_ERROR_MEMORY, "not enough memory for the index of %s",
                         c->path);
    for (size_t i = 0; i < n; i++)
        VLMC_TRY(parse_entry(c, index, &index->entries[i]));
    return VLMC_OK;
}

vlmc_status vlmc_index_parse(uint8_t *bytes, uint32_t size, const char *path, vlmc_index *index,
                             vlmc_error *error)
{
    *index = (vlmc_index){.bytes = bytes};
    cursor c = {.at = bytes, .left = size, .path = path, .error = error};
    const uint8_t *p;
    VLMC_TRY(take(&c, INDEX_HEAD_BYTES, &p));
    index->content_bytes = vlmc_load64(p);
    index->n_records = vlmc_load32(p + 8);
    index->n_entries = vlmc_load32(p + 12);
    if (p[16] > 1)
        return broken(&c, "an unknown flag");
    if (p[16]) {
        const uint32_t taken = vlmc_format_read_model(c.at, c.left, &index->model);
        if (!taken)
            return broken(&c, "an impossible model");
        VLMC_TRY(take(&c, taken, &p));
    }
    VLMC_TRY(parse_records(&c, index));
    VLMC_TRY(parse_entries(&c, index));
    if (c.left)
        return broken(&c, "it is too long");
    return VLMC_OK;
}

void vlmc_index_destroy(vlmc_index *index)
{
    free(index->bytes);
    free(index->groups);
    free(index->group_numbers);
    free(index->group_starts);
    free(index->entries);
    *index = (vlmc_index){0};
}
