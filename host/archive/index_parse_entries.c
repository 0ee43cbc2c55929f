// SPDX-License-Identifier: Apache-2.0
// Parsing an index: attribute sets, and entries by columns. Nothing is believed.
#include "index.h"

#include "util/bytes.h"

#include <stdlib.h>
#include <string.h>

#define NANOSECONDS 1000000000u

// An entry takes at least a kind, a path with its zero byte and one more.
#define ENTRY_BYTES_MIN 4u

// ---- What every entry has ----

static vlmc_status parse_kind(vlmc_cursor *c, vlmc_entry *entry)
{
    uint8_t kind;
    VLMC_TRY(vlmc_cursor_byte(c, &kind));
    const uint32_t type = kind & VLMC_KIND_TYPE, content = kind & VLMC_KIND_CONTENT;
    if (type > VLMC_ENTRY_HARD_LINK || content > VLMC_KIND_MARGINS ||
        (kind & ~(VLMC_KIND_TYPE | VLMC_KIND_CONTENT | VLMC_KIND_HOLES)))
        return vlmc_fail(c->error, VLMC_ERROR_FORMAT,
                         "%s has a kind of entry that this vlmc does not know (%u); use a newer "
                         "vlmc",
                         c->path, kind);
    if (type != VLMC_ENTRY_FILE && kind != type)
        return vlmc_cursor_broken(c, "content of what is no file");
    entry->type = (vlmc_entry_type)type;
    entry->has_margins = content == VLMC_KIND_MARGINS;
    // Until their columns are parsed, these say only that there is something.
    entry->segments = content != VLMC_KIND_PLAIN ? c->at : NULL;
    entry->holes = kind & VLMC_KIND_HOLES ? c->at : NULL;
    return VLMC_OK;
}

static vlmc_status parse_path(vlmc_cursor *c, vlmc_entry *entry)
{
    VLMC_TRY(vlmc_cursor_text(c, 0, VLMC_PATH_BYTES_MAX, &entry->path));
    return vlmc_path_valid(entry->path) ? VLMC_OK : vlmc_cursor_broken(c, "an unsafe path");
}

static vlmc_status parse_target(vlmc_cursor *c, vlmc_index *index, uint32_t i)
{
    vlmc_entry *entry = &index->entries[i];
    uint32_t back;
    if (entry->type == VLMC_ENTRY_SYMLINK)
        return vlmc_cursor_text(c, 1, VLMC_PATH_BYTES_MAX, &entry->link);
    if (entry->type != VLMC_ENTRY_HARD_LINK)
        return VLMC_OK;
    VLMC_TRY(vlmc_cursor_number32(c, i, &back));
    entry->target = i - back;
    if (back == 0 || index->entries[entry->target].type != VLMC_ENTRY_FILE)
        return vlmc_cursor_broken(c, "a hard link to no file");
    entry->link = index->entries[entry->target].path;
    return VLMC_OK;
}

// Sets are numbered as they come: each is used, and none is skipped.
static vlmc_status parse_attributes(vlmc_cursor *c, vlmc_index *index, uint32_t *n_used,
                                    vlmc_entry *entry)
{
    uint32_t number;
    VLMC_TRY(vlmc_cursor_number32(c, *n_used, &number));
    if (number >= index->attributes.n)
        return vlmc_cursor_broken(c, "attributes that are not there");
    *n_used += number == *n_used;
    const vlmc_attribute_set *set = &index->attributes.sets[number];
    entry->mode = set->mode;
    entry->attributes = set->any ? &set->attributes : NULL;
    return VLMC_OK;
}

static vlmc_status parse_seconds(vlmc_cursor *c, uint64_t *seconds, vlmc_entry *entry)
{
    uint64_t difference;
    VLMC_TRY(vlmc_cursor_number(c, UINT64_MAX, &difference));
    *seconds += vlmc_unzigzag(difference);
    entry->mtime_seconds = (int64_t)*seconds;
    return VLMC_OK;
}

static vlmc_status parse_nanoseconds(vlmc_cursor *c, vlmc_entry *entry)
{
    const uint8_t *p;
    VLMC_TRY(vlmc_cursor_take(c, 4, &p));
    entry->mtime_ns = vlmc_load32(p);
    return entry->mtime_ns < NANOSECONDS ? VLMC_OK : vlmc_cursor_broken(c, "an impossible time");
}

// A hard link is another name: it has no attributes of its own.
static void take_attributes(vlmc_entry *entry, const vlmc_entry *file)
{
    entry->mode = file->mode;
    entry->mtime_seconds = file->mtime_seconds;
    entry->mtime_ns = file->mtime_ns;
    entry->attributes = file->attributes;
}

static vlmc_status parse_metadata(vlmc_cursor *c, vlmc_index *index)
{
    vlmc_entry *entries = index->entries;
    const uint32_t n = index->n_entries;
    uint32_t n_used = 0;
    uint64_t seconds = 0;
    for (uint32_t i = 0; i < n; i++)
        VLMC_TRY(parse_kind(c, &entries[i]));
    for (uint32_t i = 0; i < n; i++)
        VLMC_TRY(parse_path(c, &entries[i]));
    for (uint32_t i = 0; i < n; i++)
        VLMC_TRY(parse_target(c, index, i));
    for (uint32_t i = 0; i < n; i++)
        if (entries[i].type != VLMC_ENTRY_HARD_LINK)
            VLMC_TRY(parse_attributes(c, index, &n_used, &entries[i]));
    if (n_used != index->attributes.n)
        return vlmc_cursor_broken(c, "attributes of nothing");
    for (uint32_t i = 0; i < n; i++)
        if (entries[i].type != VLMC_ENTRY_HARD_LINK)
            VLMC_TRY(parse_seconds(c, &seconds, &entries[i]));
    for (uint32_t i = 0; i < n; i++)
        if (entries[i].type != VLMC_ENTRY_HARD_LINK)
            VLMC_TRY(parse_nanoseconds(c, &entries[i]));
    for (uint32_t i = 0; i < n; i++)
        if (entries[i].type == VLMC_ENTRY_HARD_LINK)
            take_attributes(&entries[i], &entries[entries[i].target]);
    return VLMC_OK;
}

// ---- Paths ----

static int by_path(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// No two entries have one path. Archives of a walk are in order already.
static vlmc_status check_paths(const vlmc_cursor *c, const vlmc_index *index)
{
    const size_t n = index->n_entries;
    size_t i = 1;
    while (i < n && strcmp(index->entries[i - 1].path, index->entries[i].path) < 0)
        i++;
    if (i >= n)
        return VLMC_OK;
    const char **paths = malloc(n * sizeof *paths);
    if (!paths)
        return vlmc_cursor_no_memory(c);
    for (i = 0; i < n; i++)
        paths[i] = index->entries[i].path;
    qsort(paths, n, sizeof *paths, by_path);
    for (i = 1; i < n && strcmp(paths[i - 1], paths[i]) != 0;)
        i++;
    free(paths);
    return i >= n ? VLMC_OK : vlmc_cursor_broken(c, "two entries with one path");
}

// ---- Content ----

static vlmc_status check_segment(const vlmc_cursor *c, const vlmc_index *index,
                                 const vlmc_segment_info *segment)
{
    if (segment->tokenizer > index->n_tokenizers || segment->n_tokens < 1 || segment->n_bytes < 1)
        return vlmc_cursor_broken(c, "an impossible segment");
    const uint64_t n = index->sequences[segment->tokenizer].n_tokens;
    if (segment->first_token > n || segment->n_tokens > n - segment->first_token)
        return vlmc_cursor_broken(c, "an entry outside of the content");
    return VLMC_OK;
}

// Margins cost a reader what they hold, so they are no larger than what is worth it.
static vlmc_status check_margins(const vlmc_cursor *c, const vlmc_segment_info *segment)
{
    const uint64_t most = VLMC_MARGIN_BYTES_MAX;
    if (segment->before == 0 && segment->after == 0)
        return VLMC_OK;
    if (segment->before > most || segment->after > most || segment->n_bytes > most ||
        segment->before + segment->n_bytes + segment->after > most ||
        segment->n_bytes < VLMC_MARGIN_TAKEN_MIN || segment->n_tokens > VLMC_MARGIN_TOKENS_MAX)
        return vlmc_cursor_broken(c, "impossible margins");
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

static vlmc_status take_segment(vlmc_cursor *c, bool margins, vlmc_segment_info *segment)
{
    uint64_t tokenizer;
    VLMC_TRY(vlmc_cursor_number(c, UINT64_MAX, &tokenizer));
    VLMC_TRY(vlmc_cursor_number(c, UINT64_MAX, &segment->first_token));
    VLMC_TRY(vlmc_cursor_number(c, UINT64_MAX, &segment->n_tokens));
    segment->n_bytes = segment->n_tokens;
    if (tokenizer > VLMC_TOKENIZERS_MAX)
        return vlmc_cursor_broken(c, "an impossible segment");
    segment->tokenizer = (uint32_t)tokenizer;
    if (tokenizer)
        VLMC_TRY(vlmc_cursor_number(c, UINT64_MAX, &segment->n_bytes));
    segment->before = segment->after = 0;
    if (tokenizer && margins) {
        VLMC_TRY(vlmc_cursor_number(c, UINT64_MAX, &segment->before));
        VLMC_TRY(vlmc_cursor_number(c, UINT64_MAX, &segment->after));
    }
    return VLMC_OK;
}

static vlmc_status parse_segments(vlmc_cursor *c, vlmc_index *index, vlmc_entry *entry)
{
    uint64_t n, sum = 0;
    bool any_margin = false;
    vlmc_segment_info segment = {0};
    entry->segments = c->at;
    VLMC_TRY(vlmc_cursor_number(c, UINT64_MAX, &n));
    if (n < 1 || n > UINT32_MAX)
        return vlmc_cursor_broken(c, "an impossible segment");
    for (uint64_t i = 0; i < n; i++) {
        VLMC_TRY(take_segment(c, entry->has_margins, &segment));
        VLMC_TRY(check_segment(c, index, &segment));
        VLMC_TRY(check_margins(c, &segment));
        count_duplicates(index, &segment);
        any_margin = any_margin || segment.before || segment.after;
        if (__builtin_add_overflow(sum, segment.n_bytes, &sum) || sum > INT64_MAX)
            return vlmc_cursor_broken(c, "an impossible segment");
    }
    if (n == 1 && segment.tokenizer == 0)
        return vlmc_cursor_broken(c, "a list of one segment");
    if (entry->has_margins && !any_margin)
        return vlmc_cursor_broken(c, "margins of nothing");
    return sum == entry->data_bytes ? VLMC_OK
                                    : vlmc_cursor_broken(c, "segments that do not add up");
}

static vlmc_status parse_start(vlmc_cursor *c, vlmc_index *index, vlmc_entry *entry)
{
    uint64_t difference;
    VLMC_TRY(vlmc_cursor_number(c, UINT64_MAX, &difference));
    const vlmc_segment_info segment = {
        .first_token = index->sequences[0].n_seen - vlmc_unzigzag(difference),
        .n_tokens = entry->data_bytes,
        .n_bytes = entry->data_bytes,
    };
    VLMC_TRY(check_segment(c, index, &segment));
    entry->first_token = segment.first_token;
    count_duplicates(index, &segment);
    return VLMC_OK;
}

static vlmc_status parse_size(vlmc_cursor *c, vlmc_entry *entry)
{
    VLMC_TRY(vlmc_cursor_number(c, INT64_MAX, &entry->size_bytes));
    entry->data_bytes = entry->size_bytes;
    return VLMC_OK;
}

static vlmc_status parse_holes(vlmc_cursor *c, vlmc_entry *entry)
{
    uint32_t n;
    uint64_t left = entry->size_bytes, data, hole;
    entry->holes = c->at;
    VLMC_TRY(vlmc_cursor_number32(c, VLMC_HOLES_MAX, &n));
    if (n == 0)
        return vlmc_cursor_broken(c, "holes of nothing");
    for (uint32_t i = 0; i < n; i++) {
        VLMC_TRY(vlmc_cursor_number(c, left, &data));
        VLMC_TRY(vlmc_cursor_number(c, left - data, &hole));
        if (hole == 0 || (i > 0 && data == 0))
            return vlmc_cursor_broken(c, "an impossible hole");
        left -= data + hole;
        entry->data_bytes -= hole;
    }
    return VLMC_OK;
}

static vlmc_status parse_digest(vlmc_cursor *c, vlmc_entry *entry)
{
    // SHA-256 of nothing
    static const uint8_t empty[VLMC_DIGEST_BYTES] = {
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
        0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
        0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};
    const uint8_t *digest = empty;
    if (entry->size_bytes > 0)
        VLMC_TRY(vlmc_cursor_take(c, VLMC_DIGEST_BYTES, &digest));
    memcpy(entry->sha256, digest, VLMC_DIGEST_BYTES);
    return VLMC_OK;
}

static vlmc_status parse_content(vlmc_cursor *c, vlmc_index *index)
{
    vlmc_entry *entries = index->entries;
    const uint32_t n = index->n_entries;
    for (uint32_t i = 0; i < n; i++)
        if (entries[i].type == VLMC_ENTRY_FILE)
            VLMC_TRY(parse_size(c, &entries[i]));
    for (uint32_t i = 0; i < n; i++)
        if (entries[i].holes)
            VLMC_TRY(parse_holes(c, &entries[i]));
    for (uint32_t i = 0; i < n; i++)
        if (entries[i].segments)
            VLMC_TRY(parse_segments(c, index, &entries[i]));
        else if (entries[i].data_bytes > 0)
            VLMC_TRY(parse_start(c, index, &entries[i]));
    for (uint32_t i = 0; i < n; i++)
        if (entries[i].type == VLMC_ENTRY_FILE)
            VLMC_TRY(parse_digest(c, &entries[i]));
    return VLMC_OK;
}

vlmc_status vlmc_index_parse_entries(vlmc_cursor *c, vlmc_index *index)
{
    VLMC_TRY(vlmc_attribute_sets_parse(c, &index->attributes));
    VLMC_TRY(vlmc_cursor_number32(c, UINT32_MAX - 1, &index->n_entries));
    if (index->n_entries > c->left / ENTRY_BYTES_MIN)
        return vlmc_cursor_broken(c, "it ends early");
    index->entries = calloc((size_t)index->n_entries + 1, sizeof *index->entries);
    if (!index->entries)
        return vlmc_cursor_no_memory(c);
    VLMC_TRY(parse_metadata(c, index));
    VLMC_TRY(check_paths(c, index));
    return parse_content(c, index);
}
