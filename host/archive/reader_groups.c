// SPDX-License-Identifier: Apache-2.0
// Records and groups of an open archive: read, checked, decoded.
#include "reader.h"

#include "codec/group.h"
#include "reader_ahead.h"
#include "util/room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

vlmc_status vlmc_reader_read_at(const vlmc_reader *r, uint64_t offset, void *buffer, size_t size,
                                vlmc_error *error)
{
    uint8_t *at = buffer;
    while (size > 0) {
        const ssize_t got = pread(r->fd, at, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read %s", r->path);
        if (got == 0)
            return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s is cut short; get a whole copy",
                             r->path);
        at += got;
        size -= (size_t)got;
        offset += (uint64_t)got;
    }
    return VLMC_OK;
}

vlmc_status vlmc_reader_bare_record(const vlmc_reader *r, uint64_t offset, uint32_t expected,
                                    vlmc_record *record, uint8_t *payload, vlmc_error *error)
{
    uint8_t bytes[VLMC_RECORD_BYTES];
    VLMC_TRY(vlmc_reader_read_at(r, offset, bytes, sizeof bytes, error));
    if (!vlmc_format_read_record(bytes, record) || record->packed_bytes != expected)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s is damaged at byte %llu", r->path,
                         (unsigned long long)offset);
    VLMC_TRY(vlmc_reader_read_at(r, offset + sizeof bytes, payload, expected, error));
    if (vlmc_format_hash(payload, expected) != record->packed_hash)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s is damaged between bytes %llu and %llu",
                         r->path, (unsigned long long)offset,
                         (unsigned long long)(offset + sizeof bytes + expected));
    return VLMC_OK;
}

vlmc_status vlmc_reader_record(const vlmc_reader *r, uint64_t offset, uint32_t expected,
                               vlmc_record *record, uint8_t *payload, vlmc_error *error)
{
    return r->seal ? vlmc_reader_sealed_record(r, offset, expected, record, payload, error)
                   : vlmc_reader_bare_record(r, offset, expected, record, payload, error);
}

static vlmc_status damaged_at(const vlmc_reader *r, uint64_t offset, vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s is damaged at byte %llu", r->path,
                     (unsigned long long)offset);
}

static vlmc_status no_memory(const vlmc_reader *r, vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to read %s", r->path);
}

// Reads a record into r->packed. `bytes` of payload are in the file: the index adds up to it.
static vlmc_status read_packed(vlmc_reader *r, uint64_t offset, uint32_t bytes, vlmc_record *record,
                               vlmc_error *error)
{
    if (!vlmc_make_room(&r->packed, &r->packed_capacity, bytes ? bytes : 1))
        return no_memory(r, error);
    return vlmc_reader_record(r, offset, bytes, record, r->packed, error);
}

// ---- Tokenizers ----

// The raw bytes of a TOKENIZER record, which fit into VLMC_TOKENIZER_BYTES_MAX as the index was
// parsed.
static vlmc_status read_tokenizer(vlmc_reader *r, const vlmc_tokenizer_record *t, vlmc_error *error)
{
    vlmc_record record;
    if (!r->tokenizer.bytes)
        r->tokenizer.bytes = malloc(VLMC_TOKENIZER_BYTES_MAX);
    if (!r->tokenizer.bytes)
        return no_memory(r, error);
    VLMC_TRY(read_packed(r, t->archive_offset, t->packed_bytes, &record, error));
    if (record.type != VLMC_RECORD_TOKENIZER || record.raw_bytes != t->raw_bytes ||
        record.number != t->number)
        return damaged_at(r, t->archive_offset, error);
    VLMC_TRY(vlmc_group_unpack_plain(record.method, r->packed, t->packed_bytes, r->tokenizer.bytes,
                                     t->raw_bytes, error));
    vlmc_tokenizer_identity identity;
    const uint32_t head = vlmc_format_read_tokenizer(r->tokenizer.bytes, t->raw_bytes, &identity);
    if (!head || strcmp(identity.id, t->id) != 0 || identity.version != t->version ||
        t->raw_bytes - head > VLMC_PLUGIN_PARAMS_BYTES_MAX ||
        vlmc_format_hash(r->tokenizer.bytes, t->raw_bytes) != record.raw_hash)
        return damaged_at(r, t->archive_offset, error);
    r->tokenizer.params = r->tokenizer.bytes + head;
    r->tokenizer.params_bytes = t->raw_bytes - head;
    return VLMC_OK;
}

static vlmc_status find_tokenizer(const vlmc_reader *r, uint32_t number,
                                  const vlmc_tokenizer **tokenizer, vlmc_error *error)
{
    const vlmc_tokenizer_record *t = &r->index.tokenizers[number - 1];
    vlmc_error why = {0};
    *tokenizer = NULL;
    if (!r->plugins)
        return vlmc_fail(error, VLMC_ERROR_PLUGIN_MISSING,
                         "%s needs the tokenizer \"%s\", version %u, and plugins are not in use",
                         r->path, t->id, t->version);
    const vlmc_status status = vlmc_plugins_find(r->plugins, t->id, t->version, tokenizer, &why);
    if (status == VLMC_OK)
        return VLMC_OK;
    return vlmc_fail(error, status, "%s needs the tokenizer \"%s\", version %u: %s", r->path, t->id,
                     t->version, why.text);
}

vlmc_status vlmc_reader_open_tokenizer(vlmc_reader *r, uint32_t number, vlmc_error *error)
{
    const vlmc_tokenizer *tokenizer;
    if (r->tokenizer.number == number)
        return VLMC_OK;
    r->tokenizer.number = 0;
    VLMC_TRY(find_tokenizer(r, number, &tokenizer, error));
    VLMC_TRY(read_tokenizer(r, &r->index.tokenizers[number - 1], error));
    r->tokenizer.tokenizer = tokenizer;
    r->tokenizer.number = number;
    return VLMC_OK;
}

// ---- Models ----

static vlmc_status find_model(vlmc_reader *r, uint32_t number, const vlmc_model **model,
                              vlmc_error *error)
{
    const vlmc_model_identity *wanted = &r->index.models[number - 1];
    if (wanted->numerics > VLMC_NUMERICS_VERSION)
        return vlmc_fail(error, VLMC_ERROR_FORMAT,
                         "%s needs numerics version %u, this vlmc has %u; use a newer vlmc",
                         r->path, wanted->numerics, VLMC_NUMERICS_VERSION);
    if (!r->source.find)
        return vlmc_fail(error, VLMC_ERROR_MODEL_MISSING, "%s needs the model \"%s\"", r->path,
                         wanted->name);
    VLMC_TRY(r->source.find(r->source.user, wanted->digest, wanted->name, model, error));
    if (memcmp((*model)->digest, wanted->digest, VLMC_DIGEST_BYTES) != 0)
        return vlmc_fail(error, VLMC_ERROR_MODEL_MISSING,
                         "%s needs another model than the one offered: \"%s\"", r->path,
                         wanted->name);
    return VLMC_OK;
}

// Model `number`, 0: none. A search that failed is not repeated: it reads every model there is.
static vlmc_status use_model(vlmc_reader *r, uint32_t number, const vlmc_model **model,
                             vlmc_error *error)
{
    *model = NULL;
    if (number == 0)
        return VLMC_OK;
    vlmc_reader_model_slot *slot = &r->models[number - 1];
    vlmc_error detail = {0};
    vlmc_status status = VLMC_OK;
    if (slot->failure) {
        detail = *slot->failure;
        status = detail.status;
    } else if (!slot->model) {
        status = find_model(r, number, &slot->model, &detail);
    }
    if (status == VLMC_OK) {
        *model = slot->model;
        return VLMC_OK;
    }
    slot->model = NULL;
    if (!slot->failure && (slot->failure = malloc(sizeof *slot->failure)) != NULL)
        *slot->failure = detail;
    if (error)
        *error = detail;
    return status;
}

// ---- Groups ----

vlmc_status vlmc_reader_check_needs(vlmc_reader *r, const vlmc_segment_info *segment,
                                    vlmc_error *error)
{
    const vlmc_index *index = &r->index;
    const uint64_t end = segment->first_token + segment->n_tokens;
    const uint32_t first = vlmc_index_find(index, segment->tokenizer, segment->first_token);
    const vlmc_sequence *sequence = &index->sequences[segment->tokenizer];
    const vlmc_tokenizer *tokenizer;
    const vlmc_model *model;
    if (segment->tokenizer)
        VLMC_TRY(find_tokenizer(r, segment->tokenizer, &tokenizer, error));
    for (uint32_t i = first; i < sequence->first + sequence->n_groups && index->starts[i] < end;
         i++) {
        const vlmc_group_info *group = &index->groups[index->order[i]];
        if (group->method == VLMC_GROUP_MODEL)
            VLMC_TRY(use_model(r, group->model, &model, error));
    }
    return VLMC_OK;
}

static bool group_tick(void *user, uint32_t tokens_done)
{
    const vlmc_reader *r = user;
    const uint64_t skipped = tokens_done < r->tokens_ahead ? tokens_done : r->tokens_ahead;
    return vlmc_reader_tell(r, skipped);
}

// The tag in the payload serves those who rebuild an index; it says the same.
static bool tag_agrees(const vlmc_group_info *info, const uint8_t *payload)
{
    vlmc_group_tag tag;
    return info->tag_bytes == 0 ||
           (vlmc_format_read_tag(info->method, payload, info->packed_bytes, &tag) ==
                info->tag_bytes &&
            tag.tokenizer == info->tokenizer && tag.first_token == info->first_token &&
            tag.model == info->model);
}

// Reads a group's record into r->packed: it is whole and says the same as the index.
static vlmc_status read_group(vlmc_reader *r, uint32_t g, vlmc_record *record, vlmc_error *error)
{
    const vlmc_group_info *info = &r->index.groups[g];
    VLMC_TRY(read_packed(r, info->archive_offset, info->packed_bytes, record, error));
    if (record->type != VLMC_RECORD_GROUP || record->method != info->method ||
        record->tagged != (info->tag_bytes != 0) || record->streams != info->streams ||
        record->raw_bytes != info->raw_bytes || record->number != r->index.group_numbers[g] ||
        !tag_agrees(info, r->packed))
        return damaged_at(r, info->archive_offset, error);
    return VLMC_OK;
}

// Opens what a group needs, and reads it: opening a tokenizer reads its record into the same
// buffer.
vlmc_status vlmc_reader_group_open(vlmc_reader *r, uint32_t g, vlmc_reader_group_parts *parts,
                                   vlmc_error *error)
{
    const vlmc_group_info *info = &r->index.groups[g];
    vlmc_record record;
    *parts = (vlmc_reader_group_parts){.coding = {.first_token = info->first_token}};
    if (info->tokenizer) {
        VLMC_TRY(vlmc_reader_open_tokenizer(r, info->tokenizer, error));
        parts->coding.tokenizer = r->tokenizer.tokenizer;
        parts->coding.params = r->tokenizer.params;
        parts->coding.params_bytes = r->tokenizer.params_bytes;
    }
    VLMC_TRY(use_model(r, info->model, &parts->model, error));
    VLMC_TRY(read_group(r, g, &record, error));
    parts->packed = r->packed + info->tag_bytes;
    parts->size = info->packed_bytes - info->tag_bytes;
    parts->raw_hash = record.raw_hash;
    return VLMC_OK;
}

static vlmc_status decode_model(vlmc_reader *r, const vlmc_group_info *info,
                                const vlmc_reader_group_parts *parts, uint8_t *tokens,
                                vlmc_error *error)
{
    vlmc_lockstep *lockstep;
    vlmc_mix_settings settings;
    VLMC_TRY(vlmc_lockstep_settings(parts->packed, parts->size, &settings, error));
    VLMC_TRY(vlmc_coders_get(r->coders, parts->model, parts->coding.tokenizer, &settings,
                             info->raw_bytes, &lockstep, error));
    vlmc_coders_by_halves(r->coders, info->streams);
    return vlmc_lockstep_decode(lockstep, info->tokenizer ? &parts->coding : NULL, parts->packed,
                                parts->size, info->streams, tokens, info->raw_bytes, group_tick, r,
                                error);
}

static vlmc_status decode_by_any(vlmc_reader *r, const vlmc_group_info *info,
                                 const vlmc_reader_group_parts *parts, uint8_t *tokens,
                                 vlmc_error *error)
{
    vlmc_error detail = {0};
    vlmc_status status;
    do
        status = decode_model(r, info, parts, tokens, &detail);
    while (vlmc_coders_retry(r->coders, status, &detail));
    if (status != VLMC_OK && error)
        *error = detail;
    return status;
}

// Memory is asked for when the record is known to be sound.
static vlmc_status decode_group(vlmc_reader *r, uint32_t g, vlmc_kept_group **kept,
                                vlmc_error *error)
{
    const vlmc_group_info *info = &r->index.groups[g];
    vlmc_reader_group_parts parts;
    vlmc_record record;
    if (info->method == VLMC_GROUP_MODEL) {
        VLMC_TRY(vlmc_reader_group_open(r, g, &parts, error));
    } else {
        VLMC_TRY(read_group(r, g, &record, error));
        parts.raw_hash = record.raw_hash;
    }
    *kept = vlmc_reader_cache_place(&r->cache, info->raw_bytes);
    if (!*kept)
        return no_memory(r, error);
    uint8_t *tokens = (*kept)->tokens;
    if (info->method == VLMC_GROUP_MODEL) {
        VLMC_TRY(decode_by_any(r, info, &parts, tokens, error));
    } else {
        VLMC_TRY(vlmc_group_unpack_plain(info->method, r->packed + info->tag_bytes,
                                         info->packed_bytes - info->tag_bytes, tokens,
                                         info->raw_bytes, error));
    }
    if (vlmc_format_hash(tokens, info->raw_bytes) != parts.raw_hash)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED,
                         "a part of %s is whole but does not decode to what was packed; try "
                         "another device",
                         r->path);
    r->packed_done += VLMC_RECORD_BYTES + info->packed_bytes;
    return VLMC_OK;
}

vlmc_status vlmc_reader_group_tokens(vlmc_reader *r, uint32_t g, const uint8_t **tokens,
                                     vlmc_error *error)
{
    vlmc_kept_group *kept;
    const vlmc_group_info *info = &r->index.groups[g];
    *tokens = vlmc_reader_cache_find(&r->cache, g, info->raw_bytes);
    if (!*tokens && r->ahead) {
        VLMC_TRY(vlmc_reader_ahead_need(r->ahead, g, error));
        *tokens = vlmc_reader_cache_find(&r->cache, g, info->raw_bytes);
    }
    if (*tokens)
        return VLMC_OK;
    VLMC_TRY(decode_group(r, g, &kept, error));
    vlmc_reader_cache_keep(&r->cache, kept, g, info->method == VLMC_GROUP_MODEL);
    *tokens = kept->tokens;
    return VLMC_OK;
}

vlmc_status vlmc_reader_count_blocks(vlmc_reader *r, uint32_t *n, vlmc_error *error)
{
    if (r->info.locked)
        return vlmc_reader_count_sealed(r, n, error);
    *n = r->index.n_groups + r->index.n_tokenizers;
    return VLMC_OK;
}

vlmc_status vlmc_reader_check_block(vlmc_reader *r, uint32_t block, vlmc_error *error)
{
    if (r->info.locked)
        return vlmc_reader_check_sealed(r, block, error);
    vlmc_record record;
    const vlmc_index *index = &r->index;
    if (block < index->n_groups)
        return read_group(r, block, &record, error);
    const uint32_t tokenizer = block - index->n_groups;
    if (tokenizer >= index->n_tokenizers)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "%s has no block %u", r->path, block);
    r->tokenizer.number = 0;
    return read_tokenizer(r, &index->tokenizers[tokenizer], error);
}

vlmc_status vlmc_reader_check_group(vlmc_reader *reader, uint32_t index, vlmc_error *error)
{
    const uint8_t *tokens;
    if (index >= reader->index.n_groups)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "%s has no group %u", reader->path, index);
    reader->tokens_ahead = 0;
    return vlmc_reader_group_tokens(reader, index, &tokens, error);
}
