// SPDX-License-Identifier: Apache-2.0
#include "reader.h"

#include "codec/group.h"
#include "extent.h"
#include "reader_ahead.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static vlmc_status open_file(vlmc_reader *r, const char *path, vlmc_error *error)
{
    // Not to hang on a FIFO without a writer.
    r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (r->fd < 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot open %s", r->path);
    struct stat st;
    if (fstat(r->fd, &st) != 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read %s", r->path);
    if (!S_ISREG(st.st_mode))
        return vlmc_fail(error, VLMC_ERROR_FORMAT,
                         "%s is not a regular file; copy the archive into one first", r->path);
    r->info.archive_bytes = (uint64_t)st.st_size;
    vlmc_archive_extent extent;
    if (vlmc_archive_find_extent(r->fd, r->info.archive_bytes, "", &extent, NULL) == VLMC_OK) {
        r->info.recovery_bytes = extent.recovery_bytes;
        r->info.recovery_damaged = extent.recovery_damaged;
        r->info.shards = extent.shards;
        r->info.spare_shards = extent.spare_shards;
        r->info.shard_bytes = extent.shard_bytes;
    }
    return VLMC_OK;
}

static vlmc_status read_frame(vlmc_reader *r, uint8_t header[VLMC_HEADER_BYTES],
                              vlmc_footer *footer, uint64_t *index_offset, vlmc_error *error)
{
    const uint64_t size = r->info.archive_bytes - r->info.recovery_bytes;
    uint8_t end[VLMC_FOOTER_BYTES];
    uint16_t flags;
    const uint32_t head = size < VLMC_HEADER_BYTES ? (uint32_t)size : VLMC_HEADER_BYTES;
    VLMC_TRY(vlmc_reader_read_at(r, 0, header, head, error));
    VLMC_TRY(vlmc_format_read_header(header, head, r->path, &flags, error));
    r->info.encrypted = flags & VLMC_FLAG_ENCRYPTED;
    if (size < VLMC_HEADER_BYTES + VLMC_RECORD_BYTES + VLMC_FOOTER_BYTES)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s is cut short; get a whole copy", r->path);
    VLMC_TRY(vlmc_reader_read_at(r, size - sizeof end, end, sizeof end, error));
    if (!vlmc_format_read_footer(end, footer))
        return vlmc_fail(error, VLMC_ERROR_DAMAGED,
                         "the end of %s is damaged or missing; try \"vlmc repair\" or get a whole "
                         "copy",
                         r->path);
    // No overflow: index_packed_bytes is 32 bits wide and size is an off_t.
    const uint64_t tail = VLMC_RECORD_BYTES + (uint64_t)footer->index_packed_bytes + sizeof end;
    if (size < VLMC_HEADER_BYTES + tail)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED,
                         "%s is not as long as it was written; get a whole copy", r->path);
    *index_offset = size - tail;
    return VLMC_OK;
}

static vlmc_status unpack_index(const vlmc_reader *r, const uint8_t *packed,
                                const vlmc_record *record, uint8_t **raw, vlmc_error *error)
{
    if (record->type != VLMC_RECORD_INDEX || record->raw_bytes > VLMC_INDEX_BYTES_MAX ||
        record->raw_bytes >
            VLMC_INDEX_SLACK_BYTES + (uint64_t)VLMC_INDEX_RATIO_MAX * record->packed_bytes)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "the index of %s is damaged; get another copy",
                         r->path);
    *raw = malloc(record->raw_bytes ? record->raw_bytes : 1);
    if (!*raw)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the index of %s",
                         r->path);
    vlmc_status status = vlmc_group_unpack_plain(record->method, packed, record->packed_bytes, *raw,
                                                 record->raw_bytes, error);
    if (status != VLMC_OK || vlmc_format_hash(*raw, record->raw_bytes) != record->raw_hash)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "the index of %s is damaged; get another copy",
                         r->path);
    return VLMC_OK;
}

static vlmc_status read_index(vlmc_reader *r, const vlmc_footer *footer, uint64_t offset,
                              vlmc_error *error)
{
    uint32_t packed_bytes = footer->index_packed_bytes; // <= size of the file
    if (r->seal && !vlmc_unsealed_bytes(footer->index_packed_bytes, &packed_bytes))
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "the index of %s is damaged; get another copy",
                         r->path);
    uint8_t *raw = NULL, *packed = malloc(packed_bytes ? packed_bytes : 1);
    if (!packed)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the index of %s",
                         r->path);
    vlmc_record record;
    vlmc_status status = vlmc_reader_record(r, offset, packed_bytes, &record, packed, error);
    if (status == VLMC_OK)
        status = unpack_index(r, packed, &record, &raw, error);
    free(packed);
    if (status != VLMC_OK) {
        free(raw);
        return status;
    }
    if (!r->seal)
        crypto_hash_sha256(r->info.root_digest, raw, record.raw_bytes);
    VLMC_TRY(r->seal ? vlmc_index_parse_sealed(raw, record.raw_bytes, r->path, &r->index, error)
                     : vlmc_index_parse(raw, record.raw_bytes, r->path, &r->index, error));
    if (r->index.records_bytes != offset - VLMC_HEADER_BYTES ||
        record.number != r->index.n_records + r->index.sealed)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED,
                         "%s is not as long as it was written; get a whole copy", r->path);
    return VLMC_OK;
}

// A MODEL record is read at its place; the index says what it must hold.
static vlmc_status read_model(vlmc_reader *r, uint32_t i, vlmc_error *error)
{
    const vlmc_model_record *model = &r->index.model_records[i];
    uint8_t payload[VLMC_MODEL_IDENTITY_BYTES_MAX], pin[VLMC_MODEL_PIN_BYTES];
    vlmc_record record;
    VLMC_TRY(vlmc_reader_record(r, model->archive_offset, model->bytes, &record, payload, error));
    vlmc_format_pin_model(payload, model->bytes, pin);
    if (record.type != VLMC_RECORD_MODEL || record.method != VLMC_GROUP_STORED || record.tagged ||
        record.streams != 0 || record.number != model->number || record.raw_bytes != model->bytes ||
        record.raw_hash != record.packed_hash || memcmp(pin, model->pin, sizeof pin) != 0 ||
        vlmc_format_read_model(payload, model->bytes, &r->index.models[i]) != model->bytes)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s is damaged at byte %llu", r->path,
                         (unsigned long long)model->archive_offset);
    return VLMC_OK;
}

static void fill_info(vlmc_reader *r)
{
    vlmc_archive_info *info = &r->info;
    const vlmc_index *index = &r->index;
    info->format_version = VLMC_FORMAT_VERSION;
    for (uint32_t i = 0; i < index->n_models; i++)
        if (index->models[i].numerics > info->numerics_version)
            info->numerics_version = index->models[i].numerics;
    for (uint32_t i = 0; i < index->n_entries; i++)
        if (__builtin_add_overflow(info->content_bytes, index->entries[i].size_bytes,
                                   &info->content_bytes))
            info->content_bytes = UINT64_MAX;
    info->duplicate_bytes = index->duplicate_bytes;
    info->n_entries = index->n_entries;
    info->n_groups = index->n_groups;
    info->n_models = index->n_models;
    info->n_tokenizers = index->n_tokenizers;
    info->has_model = index->n_models > 0;
    memcpy(info->model_digest, index->models[0].digest, sizeof info->model_digest);
    memcpy(info->model_name, index->models[0].name, sizeof info->model_name);
}

// What is known of an encrypted archive without its key, and the key if there is one.
static vlmc_status unlock(vlmc_reader *r, const uint8_t header[VLMC_HEADER_BYTES],
                          const vlmc_footer *footer, uint64_t index_offset,
                          const vlmc_reader_params *params, vlmc_error *error)
{
    VLMC_TRY(vlmc_reader_sealed_digest(r, index_offset, footer->index_packed_bytes,
                                       r->info.root_digest, error));
    return vlmc_reader_unlock(r, header, params, error);
}

static vlmc_status open_archive(vlmc_reader *r, const vlmc_reader_params *params, vlmc_error *error)
{
    uint8_t header[VLMC_HEADER_BYTES];
    vlmc_footer footer;
    uint64_t index_offset;
    VLMC_TRY(open_file(r, params->path, error));
    VLMC_TRY(read_frame(r, header, &footer, &index_offset, error));
    if (r->info.encrypted)
        VLMC_TRY(unlock(r, header, &footer, index_offset, params, error));
    if (!r->info.locked)
        VLMC_TRY(read_index(r, &footer, index_offset, error));
    for (uint32_t i = 0; i < r->index.n_models; i++)
        VLMC_TRY(read_model(r, i, error));
    fill_info(r);
    return vlmc_coders_create(&r->source, 1, &r->coders, error);
}

vlmc_status vlmc_reader_open(const char *path, const vlmc_engine_source *engine,
                             vlmc_reader **reader, vlmc_error *error)
{
    return vlmc_reader_open_as(path, path, engine, reader, error);
}

vlmc_status vlmc_reader_open_as(const char *path, const char *name,
                                const vlmc_engine_source *engine, vlmc_reader **reader,
                                vlmc_error *error)
{
    const vlmc_reader_params params = {.path = path, .name = name, .engine = engine};
    return vlmc_reader_open_with(&params, reader, error);
}

vlmc_status vlmc_reader_open_with(const vlmc_reader_params *params, vlmc_reader **reader,
                                  vlmc_error *error)
{
    const char *name = params->name ? params->name : params->path;
    *reader = NULL;
    vlmc_reader *r = calloc(1, sizeof *r);
    if (!r)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to read %s", name);
    r->fd = -1;
    r->cache.limit_bytes = VLMC_CACHE_BYTES;
    if (params->engine)
        r->source = *params->engine;
    r->path = strdup(name);
    const vlmc_status status =
        r->path ? open_archive(r, params, error)
                : vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to read %s", name);
    if (status != VLMC_OK)
        vlmc_reader_destroy(&r);
    *reader = r;
    return status;
}

void vlmc_reader_destroy(vlmc_reader **reader)
{
    vlmc_reader *r = *reader;
    if (!r)
        return;
    vlmc_reader_ahead_destroy(&r->ahead);
    vlmc_coders_destroy(&r->coders);
    vlmc_index_destroy(&r->index);
    vlmc_seal_destroy(&r->seal);
    if (r->fd >= 0)
        close(r->fd);
    vlmc_reader_cache_destroy(&r->cache);
    free(r->sealed_offsets);
    free(r->part.bytes);
    for (uint32_t i = 0; i < VLMC_MODELS_MAX; i++)
        free(r->models[i].failure);
    free(r->packed);
    free(r->tokenizer.bytes);
    free(r->path);
    free(r);
    *reader = NULL;
}

const vlmc_archive_info *vlmc_reader_info(const vlmc_reader *reader)
{
    return &reader->info;
}

const vlmc_entry *vlmc_reader_entry(const vlmc_reader *reader, uint32_t index)
{
    return index < reader->index.n_entries ? &reader->index.entries[index] : NULL;
}

const vlmc_group_info *vlmc_reader_group(const vlmc_reader *reader, uint32_t index)
{
    return index < reader->index.n_groups ? &reader->index.groups[index] : NULL;
}

vlmc_model_info vlmc_reader_model(const vlmc_reader *reader, uint32_t number)
{
    if (number < 1 || number > reader->index.n_models)
        return (vlmc_model_info){0};
    const vlmc_model_identity *model = &reader->index.models[number - 1];
    return (vlmc_model_info){.name = model->name, .digest = model->digest};
}

vlmc_tokenizer_info vlmc_reader_tokenizer(const vlmc_reader *reader, uint32_t number)
{
    if (number < 1 || number > reader->index.n_tokenizers)
        return (vlmc_tokenizer_info){0};
    const vlmc_tokenizer_record *record = &reader->index.tokenizers[number - 1];
    return (vlmc_tokenizer_info){.id = record->id, .version = record->version};
}

void vlmc_reader_segments(const vlmc_reader *reader, uint32_t entry, vlmc_segment_fn visit,
                          void *user)
{
    const vlmc_entry *e = vlmc_reader_entry(reader, entry);
    vlmc_segment_info segment;
    if (!e)
        return;
    for (vlmc_segment_walk walk = vlmc_segment_walk_begin(e);
         vlmc_segment_walk_next(&walk, &segment);)
        if (!visit(user, &segment))
            return;
}

static uint64_t segment_packed_bytes(const vlmc_index *index, const vlmc_segment_info *segment)
{
    const uint64_t begin = segment->first_token, end = begin + segment->n_tokens;
    const vlmc_sequence *sequence = &index->sequences[segment->tokenizer];
    const uint32_t last = sequence->first + sequence->n_groups;
    uint64_t sum = 0;
    for (uint32_t i = vlmc_index_find(index, segment->tokenizer, begin);
         i < last && index->starts[i] < end; i++) {
        const vlmc_group_info *group = &index->groups[index->order[i]];
        const uint64_t first = index->starts[i], after = first + group->raw_bytes;
        const uint64_t from = begin > first ? begin : first, to = end < after ? end : after;
        sum += (to - from) * group->packed_bytes / group->raw_bytes;
    }
    // Below 2^22 bytes where there are margins, so that the product stays below 2^51 then.
    const uint64_t margins = segment->before + segment->after;
    return margins ? sum * segment->n_bytes / (segment->n_bytes + margins) : sum;
}

static bool segment_needs(const vlmc_index *index, const vlmc_segment_info *segment,
                          const bool *bad)
{
    const uint64_t end = segment->first_token + segment->n_tokens;
    const vlmc_sequence *sequence = &index->sequences[segment->tokenizer];
    const uint32_t last = sequence->first + sequence->n_groups;
    if (segment->tokenizer && bad[index->n_groups + segment->tokenizer - 1])
        return true;
    for (uint32_t i = vlmc_index_find(index, segment->tokenizer, segment->first_token);
         i < last && index->starts[i] < end; i++)
        if (bad[index->order[i]])
            return true;
    return false;
}

bool vlmc_reader_needs_block(const vlmc_reader *reader, uint32_t entry, const bool *bad)
{
    const vlmc_entry *e = vlmc_reader_entry(reader, entry);
    vlmc_segment_info segment;
    if (!e)
        return false;
    for (vlmc_segment_walk walk = vlmc_segment_walk_begin(e);
         vlmc_segment_walk_next(&walk, &segment);)
        if (segment_needs(&reader->index, &segment, bad))
            return true;
    return false;
}

uint64_t vlmc_reader_packed_bytes(const vlmc_reader *reader, uint32_t entry)
{
    const vlmc_entry *e = vlmc_reader_entry(reader, entry);
    vlmc_segment_info segment;
    uint64_t sum = 0;
    if (!e)
        return 0;
    for (vlmc_segment_walk walk = vlmc_segment_walk_begin(e);
         vlmc_segment_walk_next(&walk, &segment);)
        sum += segment_packed_bytes(&reader->index, &segment);
    return sum;
}

void vlmc_reader_set_plugins(vlmc_reader *reader, vlmc_plugins *plugins, vlmc_worker *worker)
{
    reader->plugins = plugins;
    reader->worker = worker;
}

vlmc_status vlmc_reader_set_ahead(vlmc_reader *r, uint32_t groups_at_once, uint64_t memory_bytes,
                                  vlmc_error *error)
{
    vlmc_reader_ahead_destroy(&r->ahead);
    return groups_at_once < 2
               ? VLMC_OK
               : vlmc_reader_ahead_create(r, groups_at_once, memory_bytes, &r->ahead, error);
}

vlmc_status vlmc_reader_announce(vlmc_reader *r, uint32_t entry, vlmc_error *error)
{
    const vlmc_index *index = &r->index;
    const vlmc_entry *e = vlmc_reader_entry(r, entry);
    vlmc_segment_info segment;
    if (!e || !r->ahead)
        return VLMC_OK;
    for (vlmc_segment_walk walk = vlmc_segment_walk_begin(e);
         vlmc_segment_walk_next(&walk, &segment);) {
        const uint64_t end = segment.first_token + segment.n_tokens;
        const vlmc_sequence *sequence = &index->sequences[segment.tokenizer];
        const uint32_t last = sequence->first + sequence->n_groups;
        for (uint32_t i = vlmc_index_find(index, segment.tokenizer, segment.first_token);
             i < last && index->starts[i] < end; i++)
            VLMC_TRY(vlmc_reader_ahead_add(r->ahead, index->order[i], error));
    }
    return VLMC_OK;
}

void vlmc_reader_set_spool(vlmc_reader *reader, int (*open_file)(void *user), void *user)
{
    reader->cache.spool.open = open_file;
    reader->cache.spool.user = user;
    if (reader->seal)
        vlmc_spool_encrypt(&reader->cache.spool);
}

void vlmc_reader_set_progress(vlmc_reader *reader, vlmc_progress_fn progress, void *user)
{
    reader->progress = progress;
    reader->progress_user = user;
}
