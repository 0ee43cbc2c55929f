// SPDX-License-Identifier: Apache-2.0
// Parsing an index: every count, sum and string is checked before it is used.
#include "index.h"

#include "codec/group.h"
#include "seal.h"
#include "util/bytes.h"

#include <stdlib.h>
#include <string.h>

#define INDEX_HEAD_BYTES 17u
#define RECORD_ENTRY_BYTES 12u
#define ENTRY_HEAD_BYTES 36u
#define NANOSECONDS 1000000000u

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

static vlmc_status no_memory(const cursor *c)
{
    return vlmc_fail(c->error, VLMC_ERROR_MEMORY, "not enough memory for the index of %s", c->path);
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

static vlmc_status take_varint(cursor *c, uint64_t *value)
{
    const uint8_t *p;
    const uint32_t n = vlmc_varint_read(c->at, c->left, value);
    return n ? take(c, n, &p) : broken(c, "an impossible number");
}

// ---- Records ----

static vlmc_status parse_models(cursor *c, uint32_t n, vlmc_index *index)
{
    const uint8_t *p;
    if (n > VLMC_MODELS_MAX)
        return broken(c, "too many models");
    for (; index->n_models < n; index->n_models++) {
        const uint32_t taken =
            vlmc_format_read_model(c->at, c->left, &index->models[index->n_models]);
        if (!taken)
            return broken(c, "an impossible model");
        VLMC_TRY(take(c, taken, &p));
    }
    return VLMC_OK;
}

// How far the records have come.
typedef struct record_count {
    uint32_t models;
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
} record_entry;

static vlmc_status take_tag(cursor *c, record_entry *r)
{
    const uint8_t *p;
    r->tag = (vlmc_group_tag){.model = r->method == VLMC_GROUP_MODEL};
    if (!r->tagged)
        return VLMC_OK;
    r->tag_bytes = vlmc_format_read_tag(r->method, c->at, c->left, &r->tag);
    if (!r->tag_bytes || !vlmc_format_needs_tag(r->method, &r->tag))
        return broken(c, "an impossible group");
    return take(c, r->tag_bytes, &p);
}

static vlmc_status take_tokenizer(cursor *c, record_entry *r)
{
    const uint8_t *p;
    vlmc_tokenizer_identity identity;
    const uint32_t n = vlmc_format_read_tokenizer(c->at, c->left, &identity);
    if (!n)
        return broken(c, "an impossible tokenizer");
    VLMC_TRY(take(c, n + 1, &p));
    if (p[n] != 0)
        return broken(c, "an impossible tokenizer");
    r->version = identity.version;
    r->id = (const char *)p + n - strlen(identity.id);
    return VLMC_OK;
}

static vlmc_status take_record(cursor *c, record_entry *r)
{
    const uint8_t *p;
    VLMC_TRY(take(c, RECORD_ENTRY_BYTES, &p));
    *r = (record_entry){
        .type = vlmc_load16(p),
        .method = p[2] & (uint8_t)~VLMC_METHOD_TAGGED,
        .tagged = (p[2] & VLMC_METHOD_TAGGED) != 0,
        .streams = p[3],
        .raw_bytes = vlmc_load32(p + 4),
        .packed_bytes = vlmc_load32(p + 8),
    };
    switch (r->type) {
    case VLMC_RECORD_GROUP:
        return take_tag(c, r);
    case VLMC_RECORD_TOKENIZER:
        return take_tokenizer(c, r);
    case VLMC_RECORD_MODEL:
        return VLMC_OK;
    default:
        if (r->type & VLMC_RECORD_OPTIONAL)
            return VLMC_OK;
        return vlmc_fail(c->error, VLMC_ERROR_FORMAT,
                         "%s has a part that this vlmc does not know (type %u); use a newer vlmc",
                         c->path, r->type);
    }
}

static vlmc_status check_group(const cursor *c, const record_entry *r, const record_count *before)
{
    if (r->raw_bytes < 1 || r->raw_bytes > VLMC_GROUP_BYTES_MAX || r->packed_bytes < r->tag_bytes ||
        r->packed_bytes - r->tag_bytes > r->raw_bytes)
        return broken(c, "a group of impossible size");
    if (r->tag.tokenizer > before->tokenizers || (!r->tag.tokenizer && r->tag.first_token))
        return broken(c, "a group before its tokenizer");
    switch (r->method) {
    case VLMC_GROUP_STORED:
    case VLMC_GROUP_ZSTD:
        if (r->streams != 0 ||
            (r->method == VLMC_GROUP_STORED && r->packed_bytes - r->tag_bytes != r->raw_bytes))
            return broken(c, "a group of impossible size");
        return VLMC_OK;
    case VLMC_GROUP_MODEL:
        if (r->streams < 1 || r->streams > VLMC_STREAMS_MAX || r->streams > r->raw_bytes)
            return broken(c, "a group of impossible width");
        return r->tag.model > before->models ? broken(c, "a group before its model") : VLMC_OK;
    default:
        return vlmc_fail(c->error, VLMC_ERROR_FORMAT,
                         "%s packs content in a way that this vlmc does not know (method %u); use "
                         "a newer vlmc",
                         c->path, r->method);
    }
}

static vlmc_status add_group(const cursor *c, const record_entry *r, uint32_t number,
                             record_count *count, vlmc_index *index)
{
    VLMC_TRY(check_group(c, r, count));
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

static vlmc_status add_tokenizer(const cursor *c, const record_entry *r, uint32_t number,
                                 record_count *count, vlmc_index *index)
{
    if (r->raw_bytes > VLMC_TOKENIZER_BYTES_MAX || r->packed_bytes > r->raw_bytes)
        return broken(c, "a tokenizer of impossible size");
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

static vlmc_status add_record(cursor *c, uint32_t number, record_count *count, vlmc_index *index)
{
    record_entry r;
    VLMC_TRY(take_record(c, &r));
    if (r.type != VLMC_RECORD_GROUP && r.tagged)
        return broken(c, "an impossible record");
    if (r.type == VLMC_RECORD_GROUP) {
        VLMC_TRY(add_group(c, &r, number, count, index));
    } else if (r.type == VLMC_RECORD_TOKENIZER) {
        VLMC_TRY(add_tokenizer(c, &r, number, count, index));
    } else if (r.type == VLMC_RECORD_MODEL) {
        if (count->models == index->n_models)
            return broken(c, "more models than it names");
        index->model_offsets[count->models++] = VLMC_HEADER_BYTES + index->records_bytes;
    }
    const uint64_t payload = index->sealed ? vlmc_sealed_bytes(r.packed_bytes) : r.packed_bytes;
    index->records_bytes += VLMC_RECORD_BYTES + payload; // < 2^27 * 2^33
    return VLMC_OK;
}

// How much room the records need: they are gone through twice.
static vlmc_status count_records(cursor c, vlmc_index *index)
{
    for (uint32_t i = 0; i < index->n_records; i++) {
        record_entry r;
        VLMC_TRY(take_record(&c, &r));
        index->n_groups += r.type == VLMC_RECORD_GROUP;
        index->n_tokenizers += r.type == VLMC_RECORD_TOKENIZER;
    }
    return index->n_tokenizers > VLMC_TOKENIZERS_MAX ? broken(&c, "too many tokenizers") : VLMC_OK;
}

static vlmc_status allocate(const cursor *c, vlmc_index *index)
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
               : no_memory(c);
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
        sequence->n_tokens += index->groups[g].raw_bytes; // < 2^27 * 2^26
    }
}

static vlmc_status parse_records(cursor *c, vlmc_index *index)
{
    if (index->sealed)
        index->records_bytes = VLMC_RECORD_BYTES + VLMC_KEY_BYTES;
    if (index->n_records > c->left / RECORD_ENTRY_BYTES)
        return broken(c, "it ends early");
    VLMC_TRY(count_records(*c, index));
    VLMC_TRY(allocate(c, index));
    record_count count = {0};
    for (uint32_t i = 0; i < index->n_records; i++)
        VLMC_TRY(add_record(c, i + index->sealed, &count, index));
    if (count.models != index->n_models)
        return broken(c, "a model that is not there");
    order_groups(index);
    uint64_t sum = 0;
    for (uint32_t s = 0; s <= index->n_tokenizers; s++)
        sum += index->sequences[s].n_tokens;
    return sum == index->n_tokens ? VLMC_OK : broken(c, "groups that do not add up");
}

// ---- Entries ----

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

static vlmc_status check_segment(const cursor *c, const vlmc_index *index,
                                 const vlmc_segment_info *segment)
{
    if (segment->tokenizer > index->n_tokenizers || segment->n_tokens < 1 || segment->n_bytes < 1)
        return broken(c, "an impossible segment");
    const uint64_t n = index->sequences[segment->tokenizer].n_tokens;
    if (segment->first_token > n || segment->n_tokens > n - segment->first_token)
        return broken(c, "an entry outside of the content");
    return VLMC_OK;
}

// Margins cost a reader what they hold, so they are no larger than what is worth it.
static vlmc_status check_margins(const cursor *c, const vlmc_segment_info *segment)
{
    const uint64_t most = VLMC_MARGIN_BYTES_MAX;
    if (segment->before == 0 && segment->after == 0)
        return VLMC_OK;
    if (segment->before > most || segment->after > most || segment->n_bytes > most ||
        segment->before + segment->n_bytes + segment->after > most ||
        segment->n_bytes < VLMC_MARGIN_TAKEN_MIN || segment->n_tokens > VLMC_MARGIN_TOKENS_MAX)
        return broken(c, "impossible margins");
    return VLMC_OK;
}

// New content follows what is there in its sequence, so that what does not is there twice.
static void count_duplicates(vlmc_index *index, const vlmc_segment_info *segment)
{
    vlmc_sequence *sequence = &index->sequences[segment->tokenizer];
    const uint64_t end = segment->first_token + segment->n_tokens;
    if (end > sequence->n_seen)
        sequence->n_seen = end;
    else if (__builtin_add_overflow(index->duplicate_bytes, segment->n_bytes,
                                    &index->duplicate_bytes))
        index->duplicate_bytes = UINT64_MAX;
}

static vlmc_status take_segment(cursor *c, bool margins, vlmc_segment_info *segment)
{
    uint64_t tokenizer;
    VLMC_TRY(take_varint(c, &tokenizer));
    VLMC_TRY(take_varint(c, &segment->first_token));
    VLMC_TRY(take_varint(c, &segment->n_tokens));
    segment->n_bytes = segment->n_tokens;
    if (tokenizer > VLMC_TOKENIZERS_MAX)
        return broken(c, "an impossible segment");
    segment->tokenizer = (uint32_t)tokenizer;
    if (tokenizer)
        VLMC_TRY(take_varint(c, &segment->n_bytes));
    segment->before = segment->after = 0;
    if (tokenizer && margins) {
        VLMC_TRY(take_varint(c, &segment->before));
        VLMC_TRY(take_varint(c, &segment->after));
    }
    return VLMC_OK;
}

static vlmc_status parse_segments(cursor *c, vlmc_index *index, vlmc_entry *entry)
{
    uint64_t n, sum = 0;
    bool any_margin = false;
    vlmc_segment_info segment = {0};
    entry->segments = c->at;
    VLMC_TRY(take_varint(c, &n));
    if (n < 1 || n > UINT32_MAX)
        return broken(c, "an impossible segment");
    for (uint64_t i = 0; i < n; i++) {
        VLMC_TRY(take_segment(c, entry->has_margins, &segment));
        VLMC_TRY(check_segment(c, index, &segment));
        VLMC_TRY(check_margins(c, &segment));
        count_duplicates(index, &segment);
        any_margin = any_margin || segment.before || segment.after;
        if (__builtin_add_overflow(sum, segment.n_bytes, &sum) || sum > INT64_MAX)
            return broken(c, "an impossible segment");
    }
    if (n == 1 && segment.tokenizer == 0)
        return broken(c, "a list of one segment");
    if (entry->has_margins && !any_margin)
        return broken(c, "margins of nothing");
    return sum == entry->size_bytes ? VLMC_OK : broken(c, "segments that do not add up");
}

static vlmc_status check_entry(const cursor *c, const vlmc_index *index, const vlmc_entry *entry,
                               bool list)
{
    if (entry->mode > 07777 || entry->mtime_ns >= NANOSECONDS)
        return broken(c, "an impossible mode or time");
    const bool file = entry->type == VLMC_ENTRY_FILE;
    const uint64_t n = index->sequences[0].n_tokens;
    if ((!file && (entry->size_bytes || list)) || ((!file || list) && entry->first_token))
        return broken(c, "an entry outside of the content");
    if (!list && (entry->first_token > n || entry->size_bytes > n - entry->first_token))
        return broken(c, "an entry outside of the content");
    return VLMC_OK;
}

static vlmc_status parse_entry(cursor *c, vlmc_index *index, vlmc_entry *entry)
{
    const uint8_t *p, *digest;
    VLMC_TRY(take(c, ENTRY_HEAD_BYTES, &p));
    if (p[0] > VLMC_ENTRY_SYMLINK || p[1] > VLMC_CONTENT_MARGINS)
        return vlmc_fail(c->error, VLMC_ERROR_FORMAT,
                         "%s has a kind of entry that this vlmc does not know (%u); use a newer "
                         "vlmc",
                         c->path, p[0] > VLMC_ENTRY_SYMLINK ? p[0] : p[1]);
    *entry = (vlmc_entry){
        .type = (vlmc_entry_type)p[0],
        .mode = vlmc_load16(p + 2),
        .mtime_ns = vlmc_load32(p + 4),
        .mtime_seconds = (int64_t)vlmc_load64(p + 8),
        .first_token = vlmc_load64(p + 16),
        .size_bytes = vlmc_load64(p + 24),
        .has_margins = p[1] == VLMC_CONTENT_MARGINS,
    };
    const bool file = entry->type == VLMC_ENTRY_FILE, list = p[1] != VLMC_CONTENT_PLAIN;
    VLMC_TRY(check_entry(c, index, entry, list));
    VLMC_TRY(take(c, file ? VLMC_DIGEST_BYTES : 0, &digest));
    if (file)
        memcpy(entry->sha256, digest, VLMC_DIGEST_BYTES);
    VLMC_TRY(parse_strings(c, vlmc_load16(p + 32), vlmc_load16(p + 34), entry));
    if (list)
        return parse_segments(c, index, entry);
    if (entry->size_bytes)
        count_duplicates(index, &(vlmc_segment_info){.first_token = entry->first_token,
                                                     .n_tokens = entry->size_bytes,
                                                     .n_bytes = entry->size_bytes});
    return VLMC_OK;
}

static vlmc_status parse_entries(cursor *c, vlmc_index *index)
{
    const size_t n = index->n_entries;
    if (n > c->left / (ENTRY_HEAD_BYTES + 3))
        return broken(c, "it ends early");
    index->entries = calloc(n + 1, sizeof *index->entries);
    if (!index->entries)
        return no_memory(c);
    for (size_t i = 0; i < n; i++)
        VLMC_TRY(parse_entry(c, index, &index->entries[i]));
    return VLMC_OK;
}

static vlmc_status parse(uint8_t *bytes, uint32_t size, const char *path, bool sealed,
                         vlmc_index *index, vlmc_error *error)
{
    *index = (vlmc_index){.bytes = bytes, .sealed = sealed};
    cursor c = {.at = bytes, .left = size, .path = path, .error = error};
    const uint8_t *p;
    VLMC_TRY(take(&c, INDEX_HEAD_BYTES, &p));
    index->n_tokens = vlmc_load64(p);
    index->n_records = vlmc_load32(p + 8);
    index->n_entries = vlmc_load32(p + 12);
    VLMC_TRY(parse_models(&c, p[16], index));
    VLMC_TRY(parse_records(&c, index));
    VLMC_TRY(parse_entries(&c, index));
    if (c.left)
        return broken(&c, "it is too long");
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
    walk.left = walk.at ? (uint32_t)next_number(&walk) : entry->size_bytes > 0;
    return walk;
}

bool vlmc_segment_walk_next(vlmc_segment_walk *walk, vlmc_segment_info *segment)
{
    if (walk->left == 0)
        return false;
    walk->left--;
    if (!walk->at) {
        *segment = (vlmc_segment_info){.first_token = walk->entry->first_token,
                                       .n_tokens = walk->entry->size_bytes,
                                       .n_bytes = walk->entry->size_bytes};
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
