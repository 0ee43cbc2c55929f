// SPDX-License-Identifier: Apache-2.0
#include "format.h"

#include "codec/method.h"
#include "util/bytes.h"

#include <sodium.h>
#include <string.h>
#include <xxhash.h>

// As in PNG: a byte above 127 and both line ends show a transfer that was not binary.
static const uint8_t header_magic[8] = {0x89, 'V', 'L', 'M', 'C', '\r', '\n', 0x1A};
static const uint8_t record_magic[4] = {0xF4, 'v', 'r', 'c'};
static const uint8_t footer_magic[8] = {0xF4, 'v', 'l', 'm', 'c', 'e', 'n', 'd'};

uint64_t vlmc_format_hash(const void *bytes, uint64_t size)
{
    return XXH3_64bits(bytes, size);
}

static uint32_t check32(const uint8_t *bytes, uint32_t size)
{
    return (uint32_t)vlmc_format_hash(bytes, size);
}

void vlmc_format_write_header(uint16_t flags, uint8_t bytes[VLMC_HEADER_BYTES])
{
    memcpy(bytes, header_magic, 8);
    vlmc_store16(bytes + 8, VLMC_FORMAT_VERSION);
    vlmc_store16(bytes + 10, flags);
    vlmc_store32(bytes + 12, check32(bytes, 12));
}

vlmc_status vlmc_format_read_header(const uint8_t *bytes, uint32_t size, const char *path,
                                    uint16_t *flags, vlmc_error *error)
{
    if (size < 8 || memcmp(bytes, header_magic, 8) != 0)
        return vlmc_fail(error, VLMC_ERROR_FORMAT, "%s is not a vlmc archive", path);
    if (size < VLMC_HEADER_BYTES)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s is cut short; get a whole copy", path);
    if (vlmc_load32(bytes + 12) != check32(bytes, 12))
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "the header of %s is damaged; get another copy",
                         path);
    const uint16_t version = vlmc_load16(bytes + 8);
    *flags = vlmc_load16(bytes + 10);
    if (version > VLMC_FORMAT_VERSION || *flags & ~VLMC_FLAG_ENCRYPTED)
        return vlmc_fail(error, VLMC_ERROR_FORMAT,
                         "%s was written by a newer vlmc (format %u, this one reads up to %u); "
                         "use a newer vlmc",
                         path, version, VLMC_FORMAT_VERSION);
    return VLMC_OK;
}

void vlmc_format_write_record(const vlmc_record *record, uint8_t bytes[VLMC_RECORD_BYTES])
{
    memcpy(bytes, record_magic, 4);
    vlmc_store16(bytes + 4, record->type);
    bytes[6] = (uint8_t)(record->method | (record->tagged ? VLMC_METHOD_TAGGED : 0));
    bytes[7] = record->streams;
    vlmc_store32(bytes + 8, record->number);
    vlmc_store32(bytes + 12, record->raw_bytes);
    vlmc_store32(bytes + 16, record->packed_bytes);
    vlmc_store64(bytes + 20, record->raw_hash);
    vlmc_store64(bytes + 28, record->packed_hash);
    vlmc_store32(bytes + 36, check32(bytes, 36));
}

bool vlmc_format_read_record(const uint8_t bytes[VLMC_RECORD_BYTES], vlmc_record *record)
{
    if (memcmp(bytes, record_magic, 4) != 0 || vlmc_load32(bytes + 36) != check32(bytes, 36))
        return false;
    *record = (vlmc_record){
        .type = vlmc_load16(bytes + 4),
        .method = bytes[6] & (uint8_t)~VLMC_METHOD_TAGGED,
        .tagged = (bytes[6] & VLMC_METHOD_TAGGED) != 0,
        .streams = bytes[7],
        .number = vlmc_load32(bytes + 8),
        .raw_bytes = vlmc_load32(bytes + 12),
        .packed_bytes = vlmc_load32(bytes + 16),
        .raw_hash = vlmc_load64(bytes + 20),
        .packed_hash = vlmc_load64(bytes + 28),
    };
    return true;
}

void vlmc_format_write_footer(const vlmc_footer *footer, uint8_t bytes[VLMC_FOOTER_BYTES])
{
    vlmc_store32(bytes, footer->index_packed_bytes);
    vlmc_store32(bytes + 4, check32(bytes, 4));
    memcpy(bytes + 8, footer_magic, 8);
}

bool vlmc_format_read_footer(const uint8_t bytes[VLMC_FOOTER_BYTES], vlmc_footer *footer)
{
    if (memcmp(bytes + 8, footer_magic, 8) != 0 || vlmc_load32(bytes + 4) != check32(bytes, 4))
        return false;
    footer->index_packed_bytes = vlmc_load32(bytes);
    return true;
}

uint32_t vlmc_varint_write(uint64_t value, uint8_t bytes[VLMC_VARINT_BYTES_MAX])
{
    uint32_t n = 0;
    for (; value > 0x7F; value >>= 7)
        bytes[n++] = (uint8_t)(value | 0x80);
    bytes[n++] = (uint8_t)value;
    return n;
}

uint32_t vlmc_varint_read(const uint8_t *bytes, uint64_t size, uint64_t *value)
{
    *value = 0;
    for (uint32_t n = 0; n < size && n < VLMC_VARINT_BYTES_MAX; n++) {
        const uint64_t digit = bytes[n] & 0x7F;
        if (n == VLMC_VARINT_BYTES_MAX - 1 && digit > 1)
            return 0;
        *value |= digit << 7 * n;
        if (!(bytes[n] & 0x80))
            return n > 0 && digit == 0 ? 0 : n + 1;
    }
    return 0;
}

void vlmc_format_pin_model(const uint8_t *payload, uint32_t size, uint8_t pin[VLMC_MODEL_PIN_BYTES])
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, payload, size);
    memcpy(pin, digest, VLMC_MODEL_PIN_BYTES);
}

uint32_t vlmc_format_write_model(const vlmc_model_identity *model,
                                 uint8_t bytes[VLMC_MODEL_IDENTITY_BYTES_MAX])
{
    const size_t length = strnlen(model->name, sizeof model->name - 1);
    vlmc_store16(bytes, model->numerics);
    memcpy(bytes + 2, model->digest, VLMC_DIGEST_BYTES);
    bytes[2 + VLMC_DIGEST_BYTES] = (uint8_t)length;
    memcpy(bytes + 3 + VLMC_DIGEST_BYTES, model->name, length);
    return (uint32_t)(3 + VLMC_DIGEST_BYTES + length);
}

uint32_t vlmc_format_read_model(const uint8_t *bytes, uint64_t size, vlmc_model_identity *model)
{
    if (size < 3 + VLMC_DIGEST_BYTES)
        return 0;
    const uint32_t length = bytes[2 + VLMC_DIGEST_BYTES];
    if (length >= sizeof model->name || size < 3 + VLMC_DIGEST_BYTES + length)
        return 0;
    const uint8_t *name = bytes + 3 + VLMC_DIGEST_BYTES;
    for (uint32_t i = 0; i < length; i++)
        if (name[i] < 0x20 || name[i] > 0x7E)
            return 0;
    *model = (vlmc_model_identity){.numerics = vlmc_load16(bytes)};
    memcpy(model->digest, bytes + 2, VLMC_DIGEST_BYTES);
    memcpy(model->name, name, length);
    return 3 + VLMC_DIGEST_BYTES + length;
}

bool vlmc_format_is_tokenizer_id(const char *id, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!((id[i] >= 'a' && id[i] <= 'z') || (id[i] >= '0' && id[i] <= '9') || id[i] == '.'))
            return false;
    return length > 0 && length <= VLMC_TOKENIZER_ID_BYTES_MAX;
}

uint32_t vlmc_format_write_tokenizer(const vlmc_tokenizer_identity *tokenizer,
                                     uint8_t bytes[VLMC_TOKENIZER_IDENTITY_BYTES_MAX])
{
    const size_t length = strnlen(tokenizer->id, VLMC_TOKENIZER_ID_BYTES_MAX);
    vlmc_store32(bytes, tokenizer->version);
    bytes[4] = (uint8_t)length;
    memcpy(bytes + 5, tokenizer->id, length);
    return (uint32_t)(5 + length);
}

uint32_t vlmc_format_read_tokenizer(const uint8_t *bytes, uint64_t size,
                                    vlmc_tokenizer_identity *tokenizer)
{
    if (size < 5)
        return 0;
    const uint32_t length = bytes[4];
    if (size < 5 + length || !vlmc_format_is_tokenizer_id((const char *)bytes + 5, length))
        return 0;
    *tokenizer = (vlmc_tokenizer_identity){.version = vlmc_load32(bytes)};
    memcpy(tokenizer->id, bytes + 5, length);
    return 5 + length;
}

bool vlmc_format_needs_tag(uint32_t method, const vlmc_group_tag *tag)
{
    return tag->tokenizer != 0 || (method == VLMC_GROUP_MODEL && tag->model != 1);
}

uint32_t vlmc_format_write_tag(uint32_t method, const vlmc_group_tag *tag,
                               uint8_t bytes[VLMC_GROUP_TAG_BYTES_MAX])
{
    uint32_t n = vlmc_varint_write(tag->tokenizer, bytes);
    n += vlmc_varint_write(tag->first_token, bytes + n);
    if (method == VLMC_GROUP_MODEL)
        n += vlmc_varint_write(tag->model, bytes + n);
    return n;
}

uint32_t vlmc_format_read_tag(uint32_t method, const uint8_t *bytes, uint64_t size,
                              vlmc_group_tag *tag)
{
    uint64_t tokenizer, first, model = 0;
    const uint32_t a = vlmc_varint_read(bytes, size, &tokenizer);
    const uint32_t b = a ? vlmc_varint_read(bytes + a, size - a, &first) : 0;
    uint32_t c = 0;
    if (!b || tokenizer > VLMC_TOKENIZERS_MAX || first > VLMC_FIRST_TOKEN_MAX)
        return 0;
    if (method == VLMC_GROUP_MODEL) {
        c = vlmc_varint_read(bytes + a + b, size - a - b, &model);
        if (!c || model > VLMC_MODELS_MAX)
            return 0;
    }
    *tag = (vlmc_group_tag){(uint32_t)tokenizer, first, (uint32_t)model};
    return a + b + c;
}
