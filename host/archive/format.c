// SPDX-License-Identifier: Apache-2.0
#include "format.h"

#include "util/bytes.h"

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

void vlmc_format_write_header(uint8_t bytes[VLMC_HEADER_BYTES])
{
    memcpy(bytes, header_magic, 8);
    vlmc_store16(bytes + 8, VLMC_FORMAT_VERSION);
    vlmc_store16(bytes + 10, 0);
    vlmc_store32(bytes + 12, check32(bytes, 12));
}

vlmc_status vlmc_format_read_header(const uint8_t *bytes, uint32_t size, const char *path,
                                    vlmc_error *error)
{
    if (size < 8 || memcmp(bytes, header_magic, 8) != 0)
        return vlmc_fail(error, VLMC_ERROR_FORMAT, "%s is not a vlmc archive", path);
    if (size < VLMC_HEADER_BYTES)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s is cut short; get a whole copy", path);
    if (vlmc_load32(bytes + 12) != check32(bytes, 12))
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "the header of %s is damaged; get another copy",
                         path);
    const uint16_t version = vlmc_load16(bytes + 8);
    if (version > VLMC_FORMAT_VERSION || vlmc_load16(bytes + 10) != 0)
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
    bytes[6] = record->method;
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
        .method = bytes[6],
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
    memcpy(bytes, footer->root_digest, VLMC_DIGEST_BYTES);
    vlmc_store64(bytes + 32, footer->index_offset);
    vlmc_store32(bytes + 40, footer->index_packed_bytes);
    vlmc_store32(bytes + 44, check32(bytes, 44));
    memcpy(bytes + 48, footer_magic, 8);
}

bool vlmc_format_read_footer(const uint8_t bytes[VLMC_FOOTER_BYTES], vlmc_footer *footer)
{
    if (memcmp(bytes + 48, footer_magic, 8) != 0 || vlmc_load32(bytes + 44) != check32(bytes, 44))
        return false;
    memcpy(footer->root_digest, bytes, VLMC_DIGEST_BYTES);
    footer->index_offset = vlmc_load64(bytes + 32);
    footer->index_packed_bytes = vlmc_load32(bytes + 40);
    return true;
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
    *model = (vlmc_model_identity){.present = true, .numerics = vlmc_load16(bytes)};
    memcpy(model->digest, bytes + 2, VLMC_DIGEST_BYTES);
    memcpy(model->name, name, length);
    return 3 + VLMC_DIGEST_BYTES + length;
}
