// SPDX-License-Identifier: Apache-2.0
// Building an index: entries, by columns.
#include "index.h"

#include "util/bytes.h"

#include <string.h>

#define SEGMENT_BYTES_MAX (6 * VLMC_VARINT_BYTES_MAX)

// What an entry takes at most, besides its texts, holes, segments and attributes.
#define ENTRY_BYTES_MAX (1u + 5 * VLMC_VARINT_BYTES_MAX + 4 + VLMC_DIGEST_BYTES + 2)

static vlmc_status no_memory(vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the archive's index");
}

// ---- What every entry has ----

static bool add_time(vlmc_index_builder *b, const vlmc_entry *entry)
{
    const uint64_t seconds = (uint64_t)entry->mtime_seconds;
    uint8_t ns[4];
    vlmc_store32(ns, entry->mtime_ns);
    const bool done = vlmc_buffer_add_varint(&b->columns[VLMC_COLUMN_SECONDS],
                                             vlmc_zigzag(seconds - b->seconds)) &&
                      vlmc_buffer_add(&b->columns[VLMC_COLUMN_NANOSECONDS], ns, sizeof ns);
    b->seconds = seconds;
    return done;
}

static bool add_target(vlmc_index_builder *b, const vlmc_entry *entry)
{
    vlmc_buffer *column = &b->columns[VLMC_COLUMN_TARGET];
    if (entry->type == VLMC_ENTRY_SYMLINK)
        return vlmc_buffer_add_string(column, entry->link);
    return entry->type != VLMC_ENTRY_HARD_LINK ||
           vlmc_buffer_add_varint(column, b->n_entries - entry->target);
}

// All but what concerns the content.
static vlmc_status add_metadata(vlmc_index_builder *b, const vlmc_entry *entry, uint8_t kind,
                                vlmc_error *error)
{
    const size_t path = strlen(entry->path), link = entry->link ? strlen(entry->link) : 0;
    uint32_t set;
    VLMC_TRY(vlmc_index_check_room(b, ENTRY_BYTES_MAX + path + link, error));
    if (!vlmc_buffer_add(&b->columns[VLMC_COLUMN_KIND], &kind, 1) ||
        !vlmc_buffer_add(&b->columns[VLMC_COLUMN_PATH], entry->path, path + 1) ||
        !add_target(b, entry))
        return no_memory(error);
    b->n_entries++;
    if (entry->type == VLMC_ENTRY_HARD_LINK)
        return VLMC_OK;
    VLMC_TRY(vlmc_attribute_table_add(&b->attributes, entry->mode, entry->attributes, &set, error));
    VLMC_TRY(vlmc_index_check_room(b, 0, error));
    if (!vlmc_buffer_add_varint(&b->columns[VLMC_COLUMN_ATTRIBUTES], set) || !add_time(b, entry))
        return no_memory(error);
    return VLMC_OK;
}

// ---- Content ----

// Where a stretch of plain bytes begins: new content follows what is there, and costs a zero.
static bool add_start(vlmc_index_builder *b, uint64_t first)
{
    return vlmc_buffer_add_varint(&b->columns[VLMC_COLUMN_CONTENT],
                                  vlmc_zigzag(b->plain_end - first));
}

static void see_plain(vlmc_index_builder *b, const vlmc_segment_info *segment)
{
    if (segment->tokenizer == 0 && segment->first_token + segment->n_tokens > b->plain_end)
        b->plain_end = segment->first_token + segment->n_tokens;
}

static uint32_t write_segment(const vlmc_segment_info *segment, bool margins,
                              uint8_t bytes[SEGMENT_BYTES_MAX])
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

static vlmc_status add_list(vlmc_index_builder *b, const vlmc_index_content *content, bool margins,
                            vlmc_error *error)
{
    vlmc_buffer *column = &b->columns[VLMC_COLUMN_CONTENT];
    VLMC_TRY(vlmc_index_check_room(b, (size_t)content->n_segments * SEGMENT_BYTES_MAX, error));
    if (!vlmc_buffer_add_varint(column, content->n_segments))
        return no_memory(error);
    for (uint32_t i = 0; i < content->n_segments; i++) {
        uint8_t bytes[SEGMENT_BYTES_MAX];
        const uint32_t n = write_segment(&content->segments[i], margins, bytes);
        if (!vlmc_buffer_add(column, bytes, n))
            return no_memory(error);
        see_plain(b, &content->segments[i]);
    }
    return VLMC_OK;
}

static bool have_margins(const vlmc_index_content *content)
{
    for (uint32_t i = 0; i < content->n_segments; i++)
        if (content->segments[i].before || content->segments[i].after)
            return true;
    return false;
}

// Size and digest.
static bool add_identity(vlmc_index_builder *b, const vlmc_entry *entry)
{
    if (!vlmc_buffer_add_varint(&b->columns[VLMC_COLUMN_SIZE], entry->size_bytes))
        return false;
    if (entry->size_bytes == 0)
        return true;
    b->n_digests++;
    return vlmc_buffer_add(&b->columns[VLMC_COLUMN_DIGEST], entry->sha256, VLMC_DIGEST_BYTES);
}

static vlmc_status add_file(vlmc_index_builder *b, const vlmc_entry *entry,
                            const vlmc_index_content *content, vlmc_index_place *place,
                            vlmc_error *error)
{
    const bool list =
        content->n_segments > 1 || (content->n_segments == 1 && content->segments->tokenizer != 0);
    const bool margins = have_margins(content);
    const size_t at = b->columns[VLMC_COLUMN_CONTENT].size;
    const uint32_t kind = (margins ? VLMC_KIND_MARGINS
                           : list  ? VLMC_KIND_LIST
                                   : VLMC_KIND_PLAIN) |
                          (content->holes ? VLMC_KIND_HOLES : 0) | VLMC_ENTRY_FILE;
    VLMC_TRY(add_metadata(b, entry, (uint8_t)kind, error));
    VLMC_TRY(vlmc_index_check_room(b, content->holes_bytes, error));
    if (!add_identity(b, entry) ||
        (content->holes &&
         !vlmc_buffer_add(&b->columns[VLMC_COLUMN_HOLES], content->holes, content->holes_bytes)))
        return no_memory(error);
    vlmc_index_place where = {.digest = b->n_digests - 1, .margins = margins};
    if (list) {
        VLMC_TRY(add_list(b, content, margins, error));
        where.at = at;
        where.list_bytes = (uint32_t)(b->columns[VLMC_COLUMN_CONTENT].size - at);
    } else if (content->n_segments) {
        where.at = content->segments->first_token;
        if (!add_start(b, where.at))
            return no_memory(error);
        see_plain(b, content->segments);
    }
    if (place && entry->size_bytes && !content->holes)
        *place = where;
    return VLMC_OK;
}

vlmc_status vlmc_index_add_entry(vlmc_index_builder *builder, const vlmc_entry *entry,
                                 const vlmc_index_content *content, vlmc_index_place *place,
                                 vlmc_error *error)
{
    return content ? add_file(builder, entry, content, place, error)
                   : add_metadata(builder, entry, (uint8_t)entry->type, error);
}

// ---- Files that are there already ----

const uint8_t *vlmc_index_place_sha256(const vlmc_index_builder *builder, vlmc_index_place place)
{
    return builder->columns[VLMC_COLUMN_DIGEST].bytes + (size_t)VLMC_DIGEST_BYTES * place.digest;
}

vlmc_status vlmc_index_repeat_entry(vlmc_index_builder *b, const vlmc_entry *entry,
                                    vlmc_index_place earlier, vlmc_error *error)
{
    vlmc_buffer *column = &b->columns[VLMC_COLUMN_CONTENT];
    const uint32_t kind = earlier.list_bytes == 0 ? VLMC_KIND_PLAIN
                          : earlier.margins       ? VLMC_KIND_MARGINS
                                                  : VLMC_KIND_LIST;
    uint8_t *p;
    VLMC_TRY(add_metadata(b, entry, (uint8_t)(kind | VLMC_ENTRY_FILE), error));
    VLMC_TRY(vlmc_index_check_room(b, earlier.list_bytes, error));
    if (!add_identity(b, entry))
        return no_memory(error);
    if (earlier.list_bytes == 0)
        return add_start(b, earlier.at) ? VLMC_OK : no_memory(error);
    if (!vlmc_buffer_reserve(column, earlier.list_bytes, &p))
        return no_memory(error);
    memcpy(p, column->bytes + earlier.at, earlier.list_bytes); // reserve may have moved it
    return VLMC_OK;
}
