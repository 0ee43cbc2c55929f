// SPDX-License-Identifier: Apache-2.0
// Parsing an index: every count, sum and string is checked before it is used. The records, and
// looking up; index_parse_entries.c has the entries.
#include "index.h"

#include "codec/group.h"
#include "seal.h"
#include "util/bytes.h"

#include <stdlib.h>
#include <string.h>

// Type, method and packed size.
#define RECORD_ENTRY_BYTES_MIN 3u

// ---- Records ----

// How far the records have come.
typedef struct record_count {
    uint32_t tokenizers;
    uint32_t groups;
} record_count;

// What a record of the index says, its own part of it parsed.
typedef struct record_entry {
    uint16_t type;
    uint8_t method;
    bool tagged;
    uint8_t streams;
    uint32_t raw_bytes;
    uint32_t packed_bytes;
    vlmc_group_tag tag; // GROUP
    uint32_t tag_bytes;
    const char *id; // TOKENIZER
    uint32_t version;
    const uint8_t *pin; // MODEL, (VLMC_MODEL_PIN_BYTES)
} record_entry;

static vlmc_status take_tag(vlmc_cursor *c, record_entry *r)
{
    const uint8_t *p;
    r->tag = (vlmc_group_tag){.model = r->method == VLMC_GROUP_MODEL};
    if (!r->tagged)
        return VLMC_OK;
    r->tag_bytes = vlmc_format_read_tag(r->method, c->at, c->left, &r->tag);
    if (!r->tag_bytes || !vlmc_format_needs_tag(r->method, &r->tag))
        return vlmc_cursor_broken(c, "an impossible group");
    return vlmc_cursor_take(c, r->tag_bytes, &p);
}

static vlmc_status take_group(vlmc_cursor *c, record_entry *r)
{
    VLMC_TRY(vlmc_cursor_number32(c, UINT32_MAX, &r->raw_bytes));
    if (r->method == VLMC_GROUP_MODEL)
        VLMC_TRY(vlmc_cursor_byte(c, &r->streams));
    return take_tag(c, r);
}

static vlmc_status take_tokenizer(vlmc_cursor *c, record_entry *r)
{
    VLMC_TRY(vlmc_cursor_number32(c, UINT32_MAX, &r->raw_bytes));
    VLMC_TRY(vlmc_cursor_number32(c, UINT32_MAX, &r->version));
    VLMC_TRY(vlmc_cursor_text(c, 1, VLMC_TOKENIZER_ID_BYTES_MAX, &r->id));
    return vlmc_format_is_tokenizer_id(r->id, strlen(r->id))
               ? VLMC_OK
               : vlmc_cursor_broken(c, "an impossible tokenizer");
}

static vlmc_status take_record(vlmc_cursor *c, record_entry *r)
{
    uint32_t type;
    *r = (record_entry){0};
    VLMC_TRY(vlmc_cursor_number32(c, UINT16_MAX, &type));
    VLMC_TRY(vlmc_cursor_byte(c, &r->method));
    VLMC_TRY(vlmc_cursor_number32(c, UINT32_MAX, &r->packed_bytes));
    r->type = (uint16_t)type;
    r->tagged = (r->method & VLMC_METHOD_TAGGED) != 0;
    r->method &= (uint8_t)~VLMC_METHOD_TAGGED;
    switch (r->type) {
    case VLMC_RECORD_GROUP:
        return take_group(c, r);
    case VLMC_RECORD_TOKENIZER:
        return take_tokenizer(c, r);
    case VLMC_RECORD_MODEL:
        return vlmc_cursor_take(c, VLMC_MODEL_PIN_BYTES, &r->pin);
    default:
        if (r->type & VLMC_RECORD_OPTIONAL)
            return VLMC_OK;
        return vlmc_fail(c->error, VLMC_ERROR_FORMAT,
                         "%s has a part that this vlmc does not know (type %u); use a newer vlmc",
                         c->path, r->type);
    }
}

static vlmc_status check_group(const vlmc_cursor *c, const record_entry *r,
                               const record_count *before, const vlmc_index *index)
{
    if (r->raw_bytes < 1 || r->raw_bytes > VLMC_GROUP_BYTES_MAX || r->packed_bytes < r->tag_bytes ||
        r->packed_bytes - r->tag_bytes > r->raw_bytes)
        return vlmc_cursor_broken(c, "a group of impossible size");
    if (r->tag.tokenizer > before->tokenizers || (!r->tag.tokenizer && r->tag.first_token))
        return vlmc_cursor_broken(c, "a group before its tokenizer");
    switch (r->method) {
    case VLMC_GROUP_STORED:
    case VLMC_GROUP_ZSTD:
        if (r->streams != 0 ||
            (r->method == VLMC_GROUP_STORED && r->packed_bytes - r->tag_bytes != r->raw_bytes))
            return vlmc_cursor_broken(c, "a group of impossible size");
        return VLMC_OK;
    case VLMC_GROUP_MODEL:
        if (r->streams < 1 || r->streams > VLMC_STREAMS_MAX || r->streams > r->raw_bytes)
            return vlmc_cursor_broken(c, "a group of impossible width");
        return r->tag.model > index->n_models ? vlmc_cursor_broken(c, "a group before its model")
                                              : VLMC_OK;
    default:
        return vlmc_fail(c->error, VLMC_ERROR_FORMAT,
                         "%s packs content in a way that this vlmc does not know (method %u); use "
                         "a newer vlmc",
                         c->path, r->method);
    }
}

static vlmc_status add_group(const vlmc_cursor *c, const record_entry *r, uint32_t number,
                             record_count *count, vlmc_index *index)
{
    VLMC_TRY(check_group(c, r, count, index));
    index->group_numbers[count->groups] = number;
    index->groups[count->groups++] = (vlmc_group_info){
        .archive_offset = VLMC_HEADER_BYTES + index->records_bytes,
        .method = r->method,
        .raw_bytes = r->raw_bytes,
        .packed_bytes = r->packed_bytes,
        .tag_bytes = r->tag_bytes,
        .streams = r->streams,
        .model = r->tag.model,
        .tokenizer = r->tag.tokenizer,
        .first_token = r->tag.first_token,
    };
    index->sequences[r->tag.tokenizer].n_groups++;
    return VLMC_OK;
}

static vlmc_status add_tokenizer(const vlmc_cursor *c, const record_entry *r, uint32_t number,
                                 record_count *count, vlmc_index *index)
{
    if (r->raw_bytes > VLMC_TOKENIZER_BYTES_MAX || r->packed_bytes > r->raw_bytes)
        return vlmc_cursor_broken(c, "a tokenizer of impossible size");
    index->tokenizers[count->tokenizers++] = (vlmc_tokenizer_record){
        .archive_offset = VLMC_HEADER_BYTES + index->records_bytes,
        .id = r->id,
        .version = r->version,
        .number = number,
        .raw_bytes = r->raw_bytes,
        .packed_bytes = r->packed_bytes,
    };
    return VLMC_OK;
}

static vlmc_status add_model(const vlmc_cursor *c, const record_entry *r, uint32_t number,
                             vlmc_index *index)
{
    if (index->n_models == VLMC_MODELS_MAX)
        return vlmc_cursor_broken(c, "too many models");
    if (r->method != VLMC_GROUP_STORED || r->packed_bytes > VLMC_MODEL_IDENTITY_BYTES_MAX)
        return vlmc_cursor_broken(c, "an impossible model");
    vlmc_model_record *model = &index->model_records[index->n_models++];
    *model = (vlmc_model_record){
        .archive_offset = VLMC_HEADER_BYTES + index->records_bytes,
        .number = number,
        .bytes = r->packed_bytes,
    };
    memcpy(model->pin, r->pin, sizeof model->pin);
    return VLMC_OK;
}

static vlmc_status add_record(vlmc_cursor *c, uint32_t number, record_count *count,
                              vlmc_index *index)
{
    record_entry r;
    VLMC_TRY(take_record(c, &r));
    if (r.type != VLMC_RECORD_GROUP && r.tagged)
        return vlmc_cursor_broken(c, "an impossible record");
    if (r.type == VLMC_RECORD_GROUP) {
        VLMC_TRY(add_group(c, &r, number, count, index));
    } else if (r.type == VLMC_RECORD_TOKENIZER) {
        VLMC_TRY(add_tokenizer(c, &r, number, count, index));
    } else if (r.type == VLMC_RECORD_MODEL) {
        VLMC_TRY(add_model(c, &r, number, index));
    }
    const uint64_t payload = index->sealed ? vlmc_sealed_bytes(r.packed_bytes) : r.packed_bytes;
    index->records_bytes += VLMC_RECORD_BYTES + payload; // < 2^29 * 2^33
    return VLMC_OK;
}

// How much room the records need: they are gone through twice.
static vlmc_status count_records(vlmc_cursor c, vlmc_index *index)
{
    for (uint32_t i = 0; i < index->n_records; i++) {
        record_entry r;
        VLMC_TRY(take_record(&c, &r));
        index->n_groups += r.type == VLMC_RECORD_GROUP;
        index->n_tokenizers += r.type == VLMC_RECORD_TOKENIZER;
    }
    return index->n_tokenizers > VLMC_TOKENIZERS_MAX ? vlmc_cursor_broken(&c, "too many tokenizers")
                                                     : VLMC_OK;
}

static vlmc_status allocate(const vlmc_cursor *c, vlmc_index *index)
{
    const size_t groups = (size_t)index->n_groups + 1, tokenizers = (size_t)index->n_tokenizers + 1;
    index->groups = calloc(groups, sizeof *index->groups);
    index->group_numbers = calloc(groups, sizeof *index->group_numbers);
    index->order = calloc(groups, sizeof *index->order);
    index->starts = calloc(groups, sizeof *index->starts);
    index->tokenizers = calloc(tokenizers, sizeof *index->tokenizers);
    index->sequences = calloc(tokenizers, sizeof *index->sequences);
    return index->groups && index->group_numbers && index->order && index->starts &&
                   index->tokenizers && index->sequences
               ? VLMC_OK
               : vlmc_cursor_no_memory(c);
}

// Sorts the groups by sequence, each sequence in the archive's order.
static void order_groups(vlmc_index *index)
{
    for (uint32_t s = 1; s <= index->n_tokenizers; s++)
        index->sequences[s].first =
            index->sequences[s - 1].first + index->sequences[s - 1].n_groups;
    for (uint32_t s = 0; s <= index->n_tokenizers; s++)
        index->sequences[s].n_groups = 0;
    for (uint32_t g = 0; g < index->n_groups; g++) {
        vlmc_sequence *sequence = &index->sequences[index->groups[g].tokenizer];
        const uint32_t at = sequence->first + sequence->n_groups++;
        index->order[at] = g;
        index->starts[at] = sequence->n_tokens;
        sequence->n_tokens += index->groups[g].raw_bytes; // < 2^28 * 2^26
    }
}

static vlmc_status parse_records(vlmc_cursor *c, vlmc_index *index)
{
    if (index->sealed)
        index->records_bytes = VLMC_RECORD_BYTES + VLMC_KEY_BYTES;
    VLMC_TRY(vlmc_cursor_number32(c, UINT32_MAX - 1, &index->n_records));
    if (index->n_records > c->left / RECORD_ENTRY_BYTES_MIN)
        return vlmc_cursor_broken(c, "it ends early");
    VLMC_TRY(count_records(*c, index));
    VLMC_TRY(allocate(c, index));
    record_count count = {0};
    for (uint32_t i = 0; i < index->n_records; i++)
        VLMC_TRY(add_record(c, i + index->sealed, &count, index));
    order_groups(index);
    return VLMC_OK;
}

static vlmc_status parse(uint8_t *bytes, uint32_t size, const char *path, bool sealed,
                         vlmc_index *index, vlmc_error *error)
{
    *index = (vlmc_index){.bytes = bytes, .sealed = sealed};
    vlmc_cursor c = {.at = bytes, .left = size, .path = path, .error = error};
    VLMC_TRY(parse_records(&c, index));
    VLMC_TRY(vlmc_index_parse_entries(&c, index));
    if (c.left)
        return vlmc_cursor_broken(&c, "it is too long");
    return VLMC_OK;
}

vlmc_status vlmc_index_parse(uint8_t *bytes, uint32_t size, const char *path, vlmc_index *index,
                             vlmc_error *error)
{
    return parse(bytes, size, path, false, index, error);
}

vlmc_status vlmc_index_parse_sealed(uint8_t *bytes, uint32_t size, const char *path,
                                    vlmc_index *index, vlmc_error *error)
{
    return parse(bytes, size, path, true, index, error);
}

void vlmc_index_destroy(vlmc_index *index)
{
    free(index->bytes);
    free(index->tokenizers);
    free(index->groups);
    free(index->group_numbers);
    free(index->sequences);
    free(index->order);
    free(index->starts);
    vlmc_attribute_sets_destroy(&index->attributes);
    free(index->entries);
    *index = (vlmc_index){0};
}

// ---- Looking up ----

uint32_t vlmc_index_find(const vlmc_index *index, uint32_t sequence, uint64_t token)
{
    uint32_t low = index->sequences[sequence].first;
    uint32_t high = low + index->sequences[sequence].n_groups; // starts[low] <= token
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (index->starts[middle] <= token)
            low = middle;
        else
            high = middle;
    }
    return low;
}

// Lists were checked when the index was parsed: every number is there.
static uint64_t next_number(vlmc_segment_walk *walk)
{
    uint64_t value;
    walk->at += vlmc_varint_read(walk->at, VLMC_VARINT_BYTES_MAX, &value);
    return value;
}

vlmc_segment_walk vlmc_segment_walk_begin(const vlmc_entry *entry)
{
    vlmc_segment_walk walk = {.entry = entry, .at = entry->segments};
    walk.left = walk.at ? (uint32_t)next_number(&walk) : entry->data_bytes > 0;
    return walk;
}

bool vlmc_segment_walk_next(vlmc_segment_walk *walk, vlmc_segment_info *segment)
{
    if (walk->left == 0)
        return false;
    walk->left--;
    if (!walk->at) {
        *segment = (vlmc_segment_info){.first_token = walk->entry->first_token,
                                       .n_tokens = walk->entry->data_bytes,
                                       .n_bytes = walk->entry->data_bytes};
        return true;
    }
    segment->tokenizer = (uint32_t)next_number(walk);
    segment->first_token = next_number(walk);
    segment->n_tokens = next_number(walk);
    segment->n_bytes = segment->tokenizer ? next_number(walk) : segment->n_tokens;
    segment->before = segment->after = 0;
    if (segment->tokenizer && walk->entry->has_margins) {
        segment->before = next_number(walk);
        segment->after = next_number(walk);
    }
    return true;
}
