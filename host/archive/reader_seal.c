// SPDX-License-Identifier: Apache-2.0
// Encrypted archives: the passphrase, and records behind it.
#include "reader.h"
#include "seal_file.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define DIGEST_PIECE_BYTES (64u << 10)

static vlmc_status damaged(const vlmc_reader *r, uint64_t offset, uint64_t bytes, vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s is damaged between bytes %llu and %llu",
                     r->path, (unsigned long long)offset, (unsigned long long)(offset + bytes));
}

// ---- The key ----

vlmc_status vlmc_reader_unlock(vlmc_reader *r, const uint8_t header[VLMC_HEADER_BYTES],
                               const vlmc_reader_params *params, vlmc_error *error)
{
    uint8_t start[VLMC_KEY_START_BYTES], key[VLMC_KEY_BYTES];
    VLMC_TRY(vlmc_reader_read_at(r, 0, start, sizeof start, error));
    if (!vlmc_key_read(start, key))
        return damaged(r, VLMC_HEADER_BYTES, sizeof start - VLMC_HEADER_BYTES, error);
    r->info.locked = !params->passphrase;
    if (!r->info.locked)
        return vlmc_seal_ask(header, key, r->path, params->passphrase, params->passphrase_user,
                             &r->seal, error);
    if (params->may_be_locked)
        return VLMC_OK;
    return vlmc_fail(error, VLMC_ERROR_PASSPHRASE, "%s is encrypted and needs its passphrase",
                     r->path);
}

// ---- Records ----

// A SEALED record's header.
static vlmc_status read_header(const vlmc_reader *r, uint64_t offset, uint64_t sealed_bytes,
                               vlmc_record *record, vlmc_error *error)
{
    uint8_t bytes[VLMC_RECORD_BYTES];
    VLMC_TRY(vlmc_reader_read_at(r, offset, bytes, sizeof bytes, error));
    if (!vlmc_format_read_record(bytes, record) || record->type != VLMC_RECORD_SEALED ||
        record->method != 0 || record->tagged || record->streams || record->raw_bytes ||
        record->raw_hash || record->packed_bytes != sealed_bytes)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s is damaged at byte %llu", r->path,
                         (unsigned long long)offset);
    return VLMC_OK;
}

static vlmc_status unseal(const vlmc_reader *r, uint64_t offset, uint64_t size, uint8_t *sealed,
                          vlmc_record *record, uint8_t *payload, vlmc_error *error)
{
    VLMC_TRY(vlmc_reader_read_at(r, offset + VLMC_RECORD_BYTES, sealed, size, error));
    if (vlmc_format_hash(sealed, size) != record->packed_hash)
        return damaged(r, offset, VLMC_RECORD_BYTES + size, error);
    vlmc_record inside = {.number = record->number};
    const bool fits = vlmc_unsealed_bytes((uint32_t)size, &inside.packed_bytes);
    if (!fits || !vlmc_unseal_record(r->seal, &inside, sealed, payload))
        return vlmc_fail(error, VLMC_ERROR_DAMAGED,
                         "%s is not what was written between bytes %llu and %llu: somebody changed "
                         "it; get another copy",
                         r->path, (unsigned long long)offset,
                         (unsigned long long)(offset + VLMC_RECORD_BYTES + size));
    inside.packed_hash = vlmc_format_hash(payload, inside.packed_bytes);
    *record = inside;
    return VLMC_OK;
}

vlmc_status vlmc_reader_sealed_record(const vlmc_reader *r, uint64_t offset, uint32_t expected,
                                      vlmc_record *record, uint8_t *payload, vlmc_error *error)
{
    const uint64_t size = vlmc_sealed_bytes(expected);
    VLMC_TRY(read_header(r, offset, size, record, error)); // so that size < 2^32
    uint8_t *sealed = malloc(size);
    if (!sealed)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to read %s", r->path);
    const vlmc_status status = unseal(r, offset, size, sealed, record, payload, error);
    free(sealed);
    return status;
}

static vlmc_status digest_payload(const vlmc_reader *r, uint64_t offset, uint64_t size,
                                  XXH3_state_t *hash, uint8_t digest[32], vlmc_error *error)
{
    uint8_t piece[DIGEST_PIECE_BYTES];
    crypto_hash_sha256_state sha256;
    crypto_hash_sha256_init(&sha256);
    XXH3_64bits_reset(hash);
    for (uint64_t at = 0; at < size;) {
        const size_t n = size - at < sizeof piece ? (size_t)(size - at) : sizeof piece;
        VLMC_TRY(vlmc_reader_read_at(r, offset + at, piece, n, error));
        crypto_hash_sha256_update(&sha256, piece, n);
        XXH3_64bits_update(hash, piece, n);
        at += n;
    }
    crypto_hash_sha256_final(&sha256, digest);
    return VLMC_OK;
}

vlmc_status vlmc_reader_sealed_digest(const vlmc_reader *r, uint64_t offset, uint32_t sealed_bytes,
                                      uint8_t digest[32], vlmc_error *error)
{
    vlmc_record record;
    VLMC_TRY(read_header(r, offset, sealed_bytes, &record, error));
    XXH3_state_t *hash = XXH3_createState();
    if (!hash)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to read %s", r->path);
    vlmc_status status =
        digest_payload(r, offset + VLMC_RECORD_BYTES, sealed_bytes, hash, digest, error);
    if (status == VLMC_OK && XXH3_64bits_digest(hash) != record.packed_hash)
        status = damaged(r, offset, VLMC_RECORD_BYTES + (uint64_t)sealed_bytes, error);
    XXH3_freeState(hash);
    return status;
}
