// SPDX-License-Identifier: Apache-2.0
#include "records.h"

#include "model/model.h"
#include "seal_file.h"
#include "util/room.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>

#define ZSTD_LEVEL 19
#define BIG_INDEX_LEVEL 9
#define BIG_INDEX_BYTES (4u << 20)

#define TOKENIZER_SLOTS_MIN 64u

// A tokenizer with its parameters, by a hash of all of its record.
typedef struct tokenizer_slot {
    XXH128_hash_t key;
    uint32_t number; // 0: free
} tokenizer_slot;

struct vlmc_records {
    vlmc_output *output;
    vlmc_index_builder index;
    vlmc_model_identity models[VLMC_MODELS_MAX];
    uint32_t n_models;
    tokenizer_slot *slots; // (n_slots), a power of two, at most half of them taken
    uint32_t n_slots;
    uint32_t n_tokenizers;
    uint64_t *tokens; // (n_slots) of each sequence
    XXH3_state_t *hash;
    uint64_t last_offset;  // where the last record begins
    const vlmc_seal *seal; // NULL: nothing is encrypted
    uint8_t *plain;        // (plain_capacity) a tag and its group, one after the other
    size_t plain_capacity;
    uint8_t *sealed; // (sealed_capacity) payload of a SEALED record
    size_t sealed_capacity;
};

// A record as it stands in the file.
static vlmc_status write_bare(vlmc_records *r, const vlmc_record *record, const void *payload,
                              vlmc_error *error)
{
    uint8_t header[VLMC_RECORD_BYTES];
    vlmc_format_write_record(record, header);
    VLMC_TRY(vlmc_output_write(r->output, header, sizeof header, error));
    return vlmc_output_write(r->output, payload, record->packed_bytes, error);
}

static vlmc_status write_start(vlmc_records *r, vlmc_error *error)
{
    uint8_t header[VLMC_HEADER_BYTES];
    vlmc_format_write_header(r->seal ? VLMC_FLAG_ENCRYPTED : 0, header);
    VLMC_TRY(vlmc_output_write(r->output, header, sizeof header, error));
    if (!r->seal)
        return VLMC_OK;
    uint8_t record[VLMC_RECORD_BYTES + VLMC_KEY_BYTES];
    vlmc_key_write(vlmc_seal_key(r->seal), record);
    return vlmc_output_write(r->output, record, sizeof record, error);
}

vlmc_status vlmc_records_create(vlmc_output *output, const vlmc_seal *seal, vlmc_records **records,
                                vlmc_error *error)
{
    vlmc_records *r = *records = calloc(1, sizeof *r);
    if (r) {
        r->output = output;
        r->seal = seal;
        r->n_slots = TOKENIZER_SLOTS_MIN;
        r->slots = calloc(r->n_slots, sizeof *r->slots);
        r->tokens = calloc(r->n_slots, sizeof *r->tokens);
        r->hash = XXH3_createState();
    }
    if (!r || !r->slots || !r->tokens || !r->hash) {
        vlmc_records_destroy(records);
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
    }
    return write_start(*records, error);
}

void vlmc_records_destroy(vlmc_records **records)
{
    vlmc_records *r = *records;
    if (!r)
        return;
    vlmc_index_builder_destroy(&r->index);
    free(r->slots);
    free(r->tokens);
    XXH3_freeState(r->hash);
    free(r->plain);
    free(r->sealed);
    free(r);
    *records = NULL;
}

vlmc_index_builder *vlmc_records_index(vlmc_records *r)
{
    return &r->index;
}

uint64_t vlmc_records_last_offset(const vlmc_records *r)
{
    return r->last_offset;
}

uint64_t vlmc_records_tokens(const vlmc_records *r, uint32_t number)
{
    return r->tokens[number];
}

static vlmc_status no_memory(vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
}

// The same as write_record, as a SEALED record.
static vlmc_status write_sealed(vlmc_records *r, vlmc_record *record, const void *raw,
                                const uint8_t *tag, uint32_t tag_bytes, const void *packed,
                                vlmc_error *error)
{
    const uint64_t size = vlmc_sealed_bytes(record->packed_bytes);
    const void *payload = packed;
    if (tag_bytes) {
        if (!vlmc_make_room(&r->plain, &r->plain_capacity, record->packed_bytes))
            return no_memory(error);
        memcpy(r->plain, tag, tag_bytes);
        memcpy(r->plain + tag_bytes, packed, record->packed_bytes - tag_bytes);
        payload = r->plain;
    }
    if (!vlmc_make_room(&r->sealed, &r->sealed_capacity, size))
        return no_memory(error);
    record->number = r->index.n_records + 1; // after the KEY record
    record->raw_hash = vlmc_format_hash(raw, record->raw_bytes);
    if (!vlmc_seal_record(r->seal, record, payload, r->sealed))
        return vlmc_fail(error, VLMC_ERROR_REFUSED,
                         "too many files for one archive; make several archives");
    const vlmc_record outside = {
        .type = VLMC_RECORD_SEALED,
        .number = record->number,
        .packed_bytes = (uint32_t)size,
        .packed_hash = vlmc_format_hash(r->sealed, size),
    };
    return write_bare(r, &outside, r->sealed, error);
}

// A record's number, hashes and header; then its payload, of which the first `tag_bytes` lie in
// `tag`.
static vlmc_status write_record(vlmc_records *r, vlmc_record *record, const void *raw,
                                const uint8_t *tag, uint32_t tag_bytes, const void *packed,
                                vlmc_error *error)
{
    uint8_t header[VLMC_RECORD_BYTES];
    const uint32_t rest = record->packed_bytes - tag_bytes;
    r->last_offset = vlmc_output_size(r->output);
    if (r->seal)
        return write_sealed(r, record, raw, tag, tag_bytes, packed, error);
    XXH3_64bits_reset(r->hash);
    if (tag_bytes)
        XXH3_64bits_update(r->hash, tag, tag_bytes);
    XXH3_64bits_update(r->hash, packed, rest);
    record->number = r->index.n_records;
    record->raw_hash = vlmc_format_hash(raw, record->raw_bytes);
    record->packed_hash = XXH3_64bits_digest(r->hash);
    vlmc_format_write_record(record, header);
    VLMC_TRY(vlmc_output_write(r->output, header, sizeof header, error));
    if (tag_bytes)
        VLMC_TRY(vlmc_output_write(r->output, tag, tag_bytes, error));
    return vlmc_output_write(r->output, packed, rest, error);
}

// ---- Models ----

// 0 when it is not there.
static uint32_t find_model(const vlmc_records *r, const vlmc_model *model)
{
    for (uint32_t i = 0; i < r->n_models; i++)
        if (memcmp(r->models[i].digest, model->digest, VLMC_DIGEST_BYTES) == 0)
            return i + 1;
    return 0;
}

uint32_t vlmc_records_model_cost(const vlmc_records *r, const vlmc_model *model)
{
    if (!model || find_model(r, model))
        return 0;
    return r->n_models < VLMC_MODELS_MAX ? VLMC_RECORD_BYTES + VLMC_MODEL_IDENTITY_BYTES_MAX
                                         : UINT32_MAX;
}

// The model's number; its record comes before the first group that needs it.
static vlmc_status number_model(vlmc_records *r, const vlmc_model *model, uint32_t *number,
                                vlmc_error *error)
{
    *number = model ? find_model(r, model) : 0;
    if (!model || *number)
        return VLMC_OK;
    vlmc_model_identity *identity = &r->models[r->n_models];
    *identity = (vlmc_model_identity){.numerics = (uint16_t)model->hp.numerics};
    memcpy(identity->digest, model->digest, VLMC_DIGEST_BYTES);
    memcpy(identity->name, model->name, sizeof identity->name - 1);
    uint8_t bytes[VLMC_MODEL_IDENTITY_BYTES_MAX];
    const uint32_t size = vlmc_format_write_model(identity, bytes);
    vlmc_record record = {.type = VLMC_RECORD_MODEL, .raw_bytes = size, .packed_bytes = size};
    VLMC_TRY(write_record(r, &record, bytes, NULL, 0, bytes, error));
    VLMC_TRY(vlmc_index_add_model(&r->index, &record, bytes, error));
    *number = ++r->n_models;
    return VLMC_OK;
}

// ---- Tokenizers ----

static XXH128_hash_t tokenizer_key(const vlmc_records *r, const vlmc_token_coding *coding)
{
    const vlmc_tokenizer *t = coding->tokenizer;
    XXH3_128bits_reset(r->hash);
    XXH3_128bits_update(r->hash, &t->version, sizeof t->version);
    XXH3_128bits_update(r->hash, t->id, strlen(t->id) + 1);
    if (coding->params_bytes)
        XXH3_128bits_update(r->hash, coding->params, coding->params_bytes);
    return XXH3_128bits_digest(r->hash);
}

// Where the key is, or where it goes.
static tokenizer_slot *find_slot(tokenizer_slot *slots, uint32_t n_slots, XXH128_hash_t key)
{
    uint32_t i = (uint32_t)key.low64 & (n_slots - 1);
    while (slots[i].number && !XXH128_isEqual(slots[i].key, key))
        i = (i + 1) & (n_slots - 1);
    return &slots[i];
}

static vlmc_status grow(vlmc_records *r, vlmc_error *error)
{
    if (2 * (r->n_tokenizers + 1) <= r->n_slots)
        return VLMC_OK;
    const uint32_t n = 2 * r->n_slots;
    tokenizer_slot *slots = calloc(n, sizeof *slots);
    uint64_t *tokens = realloc(r->tokens, n * sizeof *tokens);
    if (tokens)
        r->tokens = tokens;
    if (!slots || !tokens) {
        free(slots);
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the archive's index");
    }
    memset(tokens + r->n_slots, 0, r->n_slots * sizeof *tokens);
    for (uint32_t i = 0; i < r->n_slots; i++)
        if (r->slots[i].number)
            *find_slot(slots, n, r->slots[i].key) = r->slots[i];
    free(r->slots);
    r->slots = slots;
    r->n_slots = n;
    return VLMC_OK;
}

uint32_t vlmc_records_tokenizer_cost(const vlmc_records *r, const vlmc_token_coding *coding)
{
    if (find_slot(r->slots, r->n_slots, tokenizer_key(r, coding))->number)
        return 0;
    if (r->n_tokenizers == VLMC_TOKENIZERS_MAX)
        return UINT32_MAX;
    return VLMC_RECORD_BYTES + 5 + (uint32_t)strlen(coding->tokenizer->id) + coding->params_bytes;
}

// The record's raw bytes: identity, then parameters. *raw is malloc'ed.
static vlmc_status make_tokenizer(const vlmc_token_coding *coding,
                                  vlmc_tokenizer_identity *identity, uint8_t **raw, uint32_t *size,
                                  vlmc_error *error)
{
    *identity = (vlmc_tokenizer_identity){.version = coding->tokenizer->version};
    memcpy(identity->id, coding->tokenizer->id,
           strnlen(coding->tokenizer->id, VLMC_TOKENIZER_ID_BYTES_MAX));
    *raw = malloc(VLMC_TOKENIZER_IDENTITY_BYTES_MAX + coding->params_bytes);
    if (!*raw)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
    *size = vlmc_format_write_tokenizer(identity, *raw);
    if (coding->params_bytes)
        memcpy(*raw + *size, coding->params, coding->params_bytes);
    *size += coding->params_bytes;
    return VLMC_OK;
}

static vlmc_status write_tokenizer(vlmc_records *r, const vlmc_tokenizer_identity *identity,
                                   const uint8_t *raw, uint32_t size, vlmc_error *error)
{
    const size_t capacity = ZSTD_compressBound(size);
    uint8_t *packed = malloc(capacity);
    if (!packed)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
    const size_t result = ZSTD_compress(packed, capacity, raw, size, ZSTD_LEVEL);
    const bool smaller = !ZSTD_isError(result) && result < size;
    vlmc_record record = {
        .type = VLMC_RECORD_TOKENIZER,
        .method = smaller ? VLMC_GROUP_ZSTD : VLMC_GROUP_STORED,
        .raw_bytes = size,
        .packed_bytes = smaller ? (uint32_t)result : size,
    };
    vlmc_status status = write_record(r, &record, raw, NULL, 0, smaller ? packed : raw, error);
    free(packed);
    VLMC_TRY(status);
    return vlmc_index_add_tokenizer(&r->index, &record, identity, error);
}

vlmc_status vlmc_records_tokenizer(vlmc_records *r, const vlmc_token_coding *coding,
                                   uint32_t *number, vlmc_error *error)
{
    const XXH128_hash_t key = tokenizer_key(r, coding);
    *number = find_slot(r->slots, r->n_slots, key)->number;
    if (*number)
        return VLMC_OK;
    vlmc_tokenizer_identity identity;
    uint8_t *raw;
    uint32_t size;
    VLMC_TRY(grow(r, error));
    VLMC_TRY(make_tokenizer(coding, &identity, &raw, &size, error));
    const vlmc_status status = write_tokenizer(r, &identity, raw, size, error);
    free(raw);
    VLMC_TRY(status);
    *number = ++r->n_tokenizers;
    *find_slot(r->slots, r->n_slots, key) = (tokenizer_slot){key, *number};
    return VLMC_OK;
}

// ---- Groups ----

vlmc_status vlmc_records_group(vlmc_records *r, const vlmc_packed_group *packed,
                               const vlmc_model *model, uint32_t tokenizer, uint64_t first_token,
                               const uint8_t *tokens, uint32_t n, vlmc_error *error)
{
    vlmc_group_tag tag = {.tokenizer = tokenizer, .first_token = first_token};
    if (packed->method == VLMC_GROUP_MODEL)
        VLMC_TRY(number_model(r, model, &tag.model, error));
    vlmc_record record = {
        .type = VLMC_RECORD_GROUP,
        .method = (uint8_t)packed->method,
        .tagged = vlmc_format_needs_tag(packed->method, &tag),
        .streams = (uint8_t)packed->streams,
        .raw_bytes = n,
    };
    uint8_t bytes[VLMC_GROUP_TAG_BYTES_MAX];
    const uint32_t tag_bytes =
        record.tagged ? vlmc_format_write_tag(packed->method, &tag, bytes) : 0;
    record.packed_bytes = tag_bytes + packed->size;
    VLMC_TRY(write_record(r, &record, tokens, bytes, tag_bytes, packed->bytes, error));
    r->tokens[tokenizer] += n;
    return vlmc_index_add_group(&r->index, &record, &tag, error);
}

// ---- The end ----

// The payload of the index record: zstd when that is smaller and within the reader's limits.
static vlmc_status pack_index(const uint8_t *raw, uint32_t size, uint8_t **packed,
                              vlmc_record *record, vlmc_error *error)
{
    const size_t capacity = ZSTD_compressBound(size);
    *packed = malloc(capacity);
    if (!*packed)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the archive's index");
    const size_t result = ZSTD_compress(*packed, capacity, raw, size,
                                        size > BIG_INDEX_BYTES ? BIG_INDEX_LEVEL : ZSTD_LEVEL);
    if (ZSTD_isError(result))
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "zstd failed: %s", ZSTD_getErrorName(result));
    const bool smaller =
        result < size && size <= VLMC_INDEX_SLACK_BYTES + (uint64_t)VLMC_INDEX_RATIO_MAX * result;
    record->method = smaller ? VLMC_GROUP_ZSTD : VLMC_GROUP_STORED;
    record->packed_bytes = smaller ? (uint32_t)result : size;
    return VLMC_OK;
}

static vlmc_status write_end(vlmc_records *r, uint8_t *raw, uint32_t size, uint8_t **packed,
                             vlmc_error *error)
{
    vlmc_record record = {.type = VLMC_RECORD_INDEX, .raw_bytes = size};
    VLMC_TRY(pack_index(raw, size, packed, &record, error));
    const vlmc_footer footer = {
        .index_packed_bytes =
            r->seal ? (uint32_t)vlmc_sealed_bytes(record.packed_bytes) : record.packed_bytes,
    };
    const uint8_t *payload = record.method == VLMC_GROUP_STORED ? raw : *packed;
    VLMC_TRY(write_record(r, &record, raw, NULL, 0, payload, error));
    uint8_t bytes[VLMC_FOOTER_BYTES];
    vlmc_format_write_footer(&footer, bytes);
    return vlmc_output_write(r->output, bytes, sizeof bytes, error);
}

vlmc_status vlmc_records_finish(vlmc_records *r, vlmc_error *error)
{
    uint8_t *raw = NULL, *packed = NULL;
    uint32_t size;
    vlmc_status status = vlmc_index_build(&r->index, &raw, &size, error);
    if (status == VLMC_OK)
        status = write_end(r, raw, size, &packed, error);
    free(packed);
    free(raw);
    return status;
}
