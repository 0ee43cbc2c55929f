// SPDX-License-Identifier: Apache-2.0
#include "seal.h"

#include "util/bytes.h"

#include <assert.h>
#include <sodium.h>
#include <stddef.h>
#include <string.h>

#define ARGON2ID_13 1u // version 1.3, one lane
#define PARAMS_BYTES 24u
#define SALT_AT 8u

#define STREAM_HEADER_BYTES crypto_secretstream_xchacha20poly1305_HEADERBYTES
#define MESSAGE_EXTRA_BYTES crypto_secretstream_xchacha20poly1305_ABYTES
#define HEAD_BYTES 16u           // of a record, in its first message
#define MESSAGE_BYTES (1u << 20) // of payload in each message but the last
#define PLACE_BYTES (VLMC_HEADER_BYTES + 8u)

#define BLOB_NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES

static_assert(VLMC_BLOB_EXTRA_BYTES == BLOB_NONCE_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES,
              "nonce and tag");

static_assert(VLMC_KEY_BYTES ==
                  PARAMS_BYTES + VLMC_SEAL_MASTER_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES,
              "parameters and wrapped key");
static_assert(VLMC_SEAL_SALT_BYTES == crypto_pwhash_argon2id_SALTBYTES, "Argon2id's salt");

typedef struct seal_keys {
    uint8_t master[VLMC_SEAL_MASTER_BYTES];
    uint8_t records[crypto_secretstream_xchacha20poly1305_KEYBYTES];
    uint8_t nonces[crypto_generichash_KEYBYTES];
    uint8_t blobs[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
    uint8_t blob_nonces[crypto_generichash_KEYBYTES];
} seal_keys;

// All of it lies in memory of sodium_malloc.
struct vlmc_seal {
    seal_keys keys;
    uint8_t header[VLMC_HEADER_BYTES];
    uint8_t key[VLMC_KEY_BYTES];
};

// ---- The passphrase ----

static bool within_bounds(const vlmc_seal_cost *cost)
{
    return cost->memory_kib >= VLMC_SEAL_MEMORY_KIB_MIN &&
           cost->memory_kib <= VLMC_SEAL_MEMORY_KIB_MAX && cost->passes >= 1 &&
           cost->passes <= VLMC_SEAL_PASSES_MAX &&
           (uint64_t)cost->memory_kib * cost->passes <= VLMC_SEAL_WORK_MAX;
}

vlmc_status vlmc_seal_check_cost(const vlmc_seal_cost *cost, vlmc_error *error)
{
    if (!cost || within_bounds(cost))
        return VLMC_OK;
    return vlmc_fail(error, VLMC_ERROR_USAGE,
                     "a passphrase is made a key in %u KiB to %u MiB of memory and 1 to %u passes, "
                     "at most %u MiB times the passes; not %u KiB and %u passes",
                     VLMC_SEAL_MEMORY_KIB_MIN, VLMC_SEAL_MEMORY_KIB_MAX >> 10, VLMC_SEAL_PASSES_MAX,
                     VLMC_SEAL_WORK_MAX >> 10, cost->memory_kib, cost->passes);
}

// The key that wraps the master key // (32).
static vlmc_status derive(const vlmc_secret *passphrase, const vlmc_seal_cost *cost,
                          const uint8_t *salt, vlmc_secret *wrapping, vlmc_error *error)
{
    const size_t bytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
    if (passphrase->size == 0 || passphrase->size > VLMC_PASSPHRASE_BYTES_MAX)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "a passphrase has 1 to %u bytes, not %zu",
                         VLMC_PASSPHRASE_BYTES_MAX, passphrase->size);
    VLMC_TRY(vlmc_secret_create(bytes, wrapping, error));
    if (crypto_pwhash(wrapping->bytes, bytes, (const char *)passphrase->bytes, passphrase->size,
                      salt, cost->passes, (size_t)cost->memory_kib << 10,
                      crypto_pwhash_ALG_ARGON2ID13) == 0)
        return VLMC_OK;
    vlmc_secret_destroy(wrapping);
    return vlmc_fail(error, VLMC_ERROR_MEMORY,
                     "not enough memory for the passphrase, which takes %u MiB to check",
                     (cost->memory_kib >> 10) + 1);
}

// A wrapping key belongs to one salt and wraps one master key, so that its nonce may be zero.
static const uint8_t wrap_nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES];

// What the wrapping is bound to: the archive's header and the parameters.
static void wrap_place(const uint8_t *header, const uint8_t *params,
                       uint8_t place[VLMC_HEADER_BYTES + PARAMS_BYTES])
{
    memcpy(place, header, VLMC_HEADER_BYTES);
    memcpy(place + VLMC_HEADER_BYTES, params, PARAMS_BYTES);
}

static vlmc_status wrap(const vlmc_seal *seal, const vlmc_secret *passphrase,
                        const vlmc_seal_cost *cost, const uint8_t *salt,
                        uint8_t key[VLMC_KEY_BYTES], vlmc_error *error)
{
    const vlmc_seal_cost usual = {VLMC_SEAL_MEMORY_KIB_DEFAULT, VLMC_SEAL_PASSES_DEFAULT};
    uint8_t place[VLMC_HEADER_BYTES + PARAMS_BYTES];
    vlmc_secret wrapping;
    VLMC_TRY(vlmc_seal_check_cost(cost, error));
    if (!cost)
        cost = &usual;
    VLMC_TRY(derive(passphrase, cost, salt, &wrapping, error));
    memset(key, 0, VLMC_KEY_BYTES);
    key[0] = ARGON2ID_13;
    key[1] = (uint8_t)cost->passes;
    vlmc_store32(key + 4, cost->memory_kib);
    memcpy(key + SALT_AT, salt, VLMC_SEAL_SALT_BYTES);
    wrap_place(seal->header, key, place);
    crypto_aead_xchacha20poly1305_ietf_encrypt(key + PARAMS_BYTES, NULL, seal->keys.master,
                                               VLMC_SEAL_MASTER_BYTES, place, sizeof place, NULL,
                                               wrap_nonce, wrapping.bytes);
    vlmc_secret_destroy(&wrapping);
    return VLMC_OK;
}

// ---- The keys ----

static vlmc_status allocate(const uint8_t *header, vlmc_seal **seal, vlmc_error *error)
{
    vlmc_secret room;
    VLMC_TRY(vlmc_secret_create(sizeof **seal, &room, error));
    *seal = (vlmc_seal *)(void *)room.bytes; // at the end of pages: aligned for bytes, all it has
    memcpy((*seal)->header, header, VLMC_HEADER_BYTES);
    return VLMC_OK;
}

static void make_keys(vlmc_seal *seal)
{
    seal_keys *keys = &seal->keys;
    crypto_kdf_derive_from_key(keys->records, sizeof keys->records, 1, "vlmcseal", keys->master);
    crypto_kdf_derive_from_key(keys->nonces, sizeof keys->nonces, 2, "vlmcseal", keys->master);
    crypto_kdf_derive_from_key(keys->blobs, sizeof keys->blobs, 3, "vlmcseal", keys->master);
    crypto_kdf_derive_from_key(keys->blob_nonces, sizeof keys->blob_nonces, 4, "vlmcseal",
                               keys->master);
}

static_assert(VLMC_SEAL_MASTER_BYTES == crypto_kdf_KEYBYTES, "derived by crypto_kdf");
static_assert(_Alignof(vlmc_seal) == 1, "sodium_malloc aligns to nothing");

static vlmc_status create(const uint8_t *header, const vlmc_secret *passphrase,
                          const vlmc_seal_cost *cost, const uint8_t *master, const uint8_t *salt,
                          vlmc_seal **seal, vlmc_error *error)
{
    *seal = NULL;
    VLMC_TRY(vlmc_seal_check_cost(cost, error));
    VLMC_TRY(allocate(header, seal, error));
    uint8_t random_salt[VLMC_SEAL_SALT_BYTES];
    if (master)
        memcpy((*seal)->keys.master, master, VLMC_SEAL_MASTER_BYTES);
    else
        randombytes_buf((*seal)->keys.master, VLMC_SEAL_MASTER_BYTES);
    randombytes_buf(random_salt, sizeof random_salt);
    make_keys(*seal);
    const vlmc_status status =
        wrap(*seal, passphrase, cost, salt ? salt : random_salt, (*seal)->key, error);
    if (status != VLMC_OK)
        vlmc_seal_destroy(seal);
    else
        sodium_mprotect_readonly(*seal);
    return status;
}

vlmc_status vlmc_seal_create(const uint8_t header[VLMC_HEADER_BYTES], const vlmc_secret *passphrase,
                             const vlmc_seal_cost *cost, vlmc_seal **seal, vlmc_error *error)
{
    return create(header, passphrase, cost, NULL, NULL, seal, error);
}

vlmc_status vlmc_seal_create_known(const uint8_t header[VLMC_HEADER_BYTES],
                                   const vlmc_secret *passphrase, const vlmc_seal_cost *cost,
                                   const uint8_t master[VLMC_SEAL_MASTER_BYTES],
                                   const uint8_t salt[VLMC_SEAL_SALT_BYTES], vlmc_seal **seal,
                                   vlmc_error *error)
{
    return create(header, passphrase, cost, master, salt, seal, error);
}

static vlmc_status read_cost(const uint8_t *key, const char *path, vlmc_seal_cost *cost,
                             vlmc_error *error)
{
    *cost = (vlmc_seal_cost){.memory_kib = vlmc_load32(key + 4), .passes = key[1]};
    if (key[0] != ARGON2ID_13 || vlmc_load16(key + 2) != 0)
        return vlmc_fail(error, VLMC_ERROR_FORMAT,
                         "%s is encrypted in a way that this vlmc does not know (%u); use a newer "
                         "vlmc",
                         path, key[0]);
    if (cost->memory_kib < VLMC_SEAL_MEMORY_KIB_MIN || cost->passes < 1)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED,
                         "the key record of %s is damaged; get another copy", path);
    if (!within_bounds(cost))
        return vlmc_fail(error, VLMC_ERROR_REFUSED,
                         "%s asks for %u MiB and %u passes to check a passphrase, more than the "
                         "%u MiB and %u passes that are given; do not trust it",
                         path, cost->memory_kib >> 10, cost->passes, VLMC_SEAL_MEMORY_KIB_MAX >> 10,
                         VLMC_SEAL_WORK_MAX / VLMC_SEAL_MEMORY_KIB_MAX);
    return VLMC_OK;
}

static vlmc_status unwrap(vlmc_seal *seal, const vlmc_secret *passphrase, const char *path,
                          vlmc_error *error)
{
    vlmc_seal_cost cost;
    uint8_t place[VLMC_HEADER_BYTES + PARAMS_BYTES];
    vlmc_secret wrapping;
    VLMC_TRY(read_cost(seal->key, path, &cost, error));
    VLMC_TRY(derive(passphrase, &cost, seal->key + SALT_AT, &wrapping, error));
    wrap_place(seal->header, seal->key, place);
    const int wrong = crypto_aead_xchacha20poly1305_ietf_decrypt(
        seal->keys.master, NULL, NULL, seal->key + PARAMS_BYTES, VLMC_KEY_BYTES - PARAMS_BYTES,
        place, sizeof place, wrap_nonce, wrapping.bytes);
    vlmc_secret_destroy(&wrapping);
    if (wrong)
        return vlmc_fail(error, VLMC_ERROR_PASSPHRASE, "that is not the passphrase of %s", path);
    make_keys(seal);
    return VLMC_OK;
}

vlmc_status vlmc_seal_open(const uint8_t header[VLMC_HEADER_BYTES],
                           const uint8_t key[VLMC_KEY_BYTES], const vlmc_secret *passphrase,
                           const char *path, vlmc_seal **seal, vlmc_error *error)
{
    *seal = NULL;
    VLMC_TRY(allocate(header, seal, error));
    memcpy((*seal)->key, key, VLMC_KEY_BYTES);
    const vlmc_status status = unwrap(*seal, passphrase, path, error);
    if (status != VLMC_OK)
        vlmc_seal_destroy(seal);
    else
        sodium_mprotect_readonly(*seal);
    return status;
}

void vlmc_seal_destroy(vlmc_seal **seal)
{
    sodium_free(*seal); // wipes first
    *seal = NULL;
}

const uint8_t *vlmc_seal_key(const vlmc_seal *seal)
{
    return seal->key;
}

const uint8_t *vlmc_seal_header(const vlmc_seal *seal)
{
    return seal->header;
}

vlmc_status vlmc_seal_rewrap(const vlmc_seal *seal, const vlmc_secret *passphrase,
                             const vlmc_seal_cost *cost, uint8_t key[VLMC_KEY_BYTES],
                             vlmc_error *error)
{
    uint8_t salt[VLMC_SEAL_SALT_BYTES];
    randombytes_buf(salt, sizeof salt);
    return wrap(seal, passphrase, cost, salt, key, error);
}

// ---- Records ----

uint64_t vlmc_sealed_bytes(uint32_t packed_bytes)
{
    const uint64_t messages = 1 + ((uint64_t)packed_bytes + MESSAGE_BYTES - 1) / MESSAGE_BYTES;
    return messages * MESSAGE_EXTRA_BYTES + packed_bytes + STREAM_HEADER_BYTES + HEAD_BYTES;
}

bool vlmc_unsealed_bytes(uint32_t sealed_bytes, uint32_t *packed_bytes)
{
    const uint32_t fixed = STREAM_HEADER_BYTES + HEAD_BYTES + MESSAGE_EXTRA_BYTES;
    if (sealed_bytes < fixed)
        return false;
    const uint32_t rest = sealed_bytes - fixed, whole = MESSAGE_BYTES + MESSAGE_EXTRA_BYTES;
    const uint32_t messages = rest / whole + (rest % whole != 0);
    if (rest < messages * MESSAGE_EXTRA_BYTES)
        return false;
    *packed_bytes = rest - messages * MESSAGE_EXTRA_BYTES;
    return vlmc_sealed_bytes(*packed_bytes) == sealed_bytes;
}

// What each message of a record is bound to, beside its stream: the archive's header, the record's
// number, the length of its payload.
static void record_place(const vlmc_seal *seal, const vlmc_record *record,
                         uint8_t place[PLACE_BYTES])
{
    memcpy(place, seal->header, VLMC_HEADER_BYTES);
    vlmc_store32(place + VLMC_HEADER_BYTES, record->number);
    vlmc_store32(place + VLMC_HEADER_BYTES + 4, record->packed_bytes);
}

static void write_head(const vlmc_record *record, uint8_t head[HEAD_BYTES])
{
    vlmc_store16(head, record->type);
    head[2] = (uint8_t)(record->method | (record->tagged ? VLMC_METHOD_TAGGED : 0));
    head[3] = record->streams;
    vlmc_store32(head + 4, record->raw_bytes);
    vlmc_store64(head + 8, record->raw_hash);
}

static void read_head(const uint8_t head[HEAD_BYTES], vlmc_record *record)
{
    record->type = vlmc_load16(head);
    record->method = head[2] & (uint8_t)~VLMC_METHOD_TAGGED;
    record->tagged = (head[2] & VLMC_METHOD_TAGGED) != 0;
    record->streams = head[3];
    record->raw_bytes = vlmc_load32(head + 4);
    record->raw_hash = vlmc_load64(head + 8);
}

// The stream's header is a keyed hash of all that the stream says: two streams of one key differ in
// it unless they are the same. No random number is needed, and none can be bad.
static void choose_stream(const vlmc_seal *seal, const uint8_t *place, const uint8_t *head,
                          const uint8_t *payload, uint32_t n, uint8_t *stream_header)
{
    crypto_generichash_state hash;
    crypto_generichash_init(&hash, seal->keys.nonces, sizeof seal->keys.nonces,
                            STREAM_HEADER_BYTES);
    crypto_generichash_update(&hash, place, PLACE_BYTES);
    crypto_generichash_update(&hash, head, HEAD_BYTES);
    crypto_generichash_update(&hash, payload, n);
    crypto_generichash_final(&hash, stream_header, STREAM_HEADER_BYTES);
    sodium_memzero(&hash, sizeof hash);
}

static uint32_t next_message(uint32_t left)
{
    return left < MESSAGE_BYTES ? left : MESSAGE_BYTES;
}

static uint8_t message_tag(uint32_t left)
{
    return left ? crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
                : crypto_secretstream_xchacha20poly1305_TAG_FINAL;
}

bool vlmc_seal_record(const vlmc_seal *seal, const vlmc_record *record, const uint8_t *payload,
                      uint8_t *sealed)
{
    crypto_secretstream_xchacha20poly1305_state stream;
    uint8_t place[PLACE_BYTES], head[HEAD_BYTES];
    uint32_t left = record->packed_bytes;
    if (vlmc_sealed_bytes(left) > UINT32_MAX)
        return false;
    record_place(seal, record, place);
    write_head(record, head);
    choose_stream(seal, place, head, payload, left, sealed);
    // A stream that is begun from a given header is the same for writing as for reading.
    crypto_secretstream_xchacha20poly1305_init_pull(&stream, sealed, seal->keys.records);
    sealed += STREAM_HEADER_BYTES;
    crypto_secretstream_xchacha20poly1305_push(&stream, sealed, NULL, head, HEAD_BYTES, place,
                                               PLACE_BYTES, message_tag(left));
    sealed += HEAD_BYTES + MESSAGE_EXTRA_BYTES;
    while (left > 0) {
        const uint32_t n = next_message(left);
        left -= n;
        crypto_secretstream_xchacha20poly1305_push(&stream, sealed, NULL, payload, n, place,
                                                   PLACE_BYTES, message_tag(left));
        payload += n;
        sealed += n + MESSAGE_EXTRA_BYTES;
    }
    sodium_memzero(&stream, sizeof stream);
    return true;
}

static bool pull(crypto_secretstream_xchacha20poly1305_state *stream, const uint8_t *place,
                 const uint8_t *sealed, uint32_t n, uint32_t left, uint8_t *bytes)
{
    uint8_t tag;
    return crypto_secretstream_xchacha20poly1305_pull(stream, bytes, NULL, &tag, sealed,
                                                      n + MESSAGE_EXTRA_BYTES, place,
                                                      PLACE_BYTES) == 0 &&
           tag == message_tag(left);
}

static bool pull_payload(crypto_secretstream_xchacha20poly1305_state *stream, const uint8_t *place,
                         const uint8_t *sealed, uint32_t left, uint8_t *payload)
{
    while (left > 0) {
        const uint32_t n = next_message(left);
        left -= n;
        if (!pull(stream, place, sealed, n, left, payload))
            return false;
        payload += n;
        sealed += n + MESSAGE_EXTRA_BYTES;
    }
    return true;
}

bool vlmc_unseal_record(const vlmc_seal *seal, vlmc_record *record, const uint8_t *sealed,
                        uint8_t *payload)
{
    crypto_secretstream_xchacha20poly1305_state stream;
    uint8_t place[PLACE_BYTES], head[HEAD_BYTES];
    const uint8_t *messages = sealed + STREAM_HEADER_BYTES;
    const uint32_t n = record->packed_bytes;
    record_place(seal, record, place);
    const bool good =
        crypto_secretstream_xchacha20poly1305_init_pull(&stream, sealed, seal->keys.records) == 0 &&
        pull(&stream, place, messages, HEAD_BYTES, n, head) &&
        pull_payload(&stream, place, messages + HEAD_BYTES + MESSAGE_EXTRA_BYTES, n, payload);
    sodium_memzero(&stream, sizeof stream);
    if (good)
        read_head(head, record);
    return good;
}

// ---- What lies beside the archive until it is complete ----

void vlmc_seal_blob(const vlmc_seal *seal, uint64_t place, const uint8_t *bytes, uint32_t n,
                    uint8_t *sealed)
{
    uint8_t where[8];
    crypto_generichash_state hash;
    vlmc_store64(where, place);
    // The nonce is chosen as the header of a record's stream is.
    crypto_generichash_init(&hash, seal->keys.blob_nonces, sizeof seal->keys.blob_nonces,
                            BLOB_NONCE_BYTES);
    crypto_generichash_update(&hash, where, sizeof where);
    crypto_generichash_update(&hash, bytes, n);
    crypto_generichash_final(&hash, sealed, BLOB_NONCE_BYTES);
    sodium_memzero(&hash, sizeof hash);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + BLOB_NONCE_BYTES, NULL, bytes, n, where,
                                               sizeof where, NULL, sealed, seal->keys.blobs);
}

bool vlmc_unseal_blob(const vlmc_seal *seal, uint64_t place, const uint8_t *sealed, uint32_t n,
                      uint8_t *bytes)
{
    uint8_t where[8];
    vlmc_store64(where, place);
    return crypto_aead_xchacha20poly1305_ietf_decrypt(
               bytes, NULL, NULL, sealed + BLOB_NONCE_BYTES,
               (uint64_t)n + VLMC_BLOB_EXTRA_BYTES - BLOB_NONCE_BYTES, where, sizeof where, sealed,
               seal->keys.blobs) == 0;
}
