// SPDX-License-Identifier: Apache-2.0
#include "archive/seal.h"
#include "tiny_model.h"
#include "util/bytes.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_BYTES (1u << 20)

static const vlmc_seal_cost cheap = {.memory_kib = VLMC_SEAL_MEMORY_KIB_MIN, .passes = 1};

static vlmc_secret secret(const char *text)
{
    vlmc_secret s;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_secret_create(VLMC_PASSPHRASE_BYTES_MAX, &s, &error), VLMC_OK, "%s",
                 error.text);
    s.size = strlen(text);
    memcpy(s.bytes, text, s.size);
    return s;
}

static void make_header(uint8_t header[VLMC_HEADER_BYTES])
{
    memset(header, 7, VLMC_HEADER_BYTES);
}

static vlmc_seal *new_seal(const char *passphrase)
{
    uint8_t header[VLMC_HEADER_BYTES];
    vlmc_secret s = secret(passphrase);
    vlmc_seal *seal;
    vlmc_error error = {0};
    make_header(header);
    cr_assert_eq(vlmc_seal_create(header, &s, &cheap, &seal, &error), VLMC_OK, "%s", error.text);
    vlmc_secret_destroy(&s);
    return seal;
}

static vlmc_status open_key(const uint8_t *key, const char *passphrase, vlmc_seal **seal,
                            vlmc_error *error)
{
    uint8_t header[VLMC_HEADER_BYTES];
    vlmc_secret s = secret(passphrase);
    make_header(header);
    const vlmc_status status = vlmc_seal_open(header, key, &s, "a.vlmc", seal, error);
    vlmc_secret_destroy(&s);
    return status;
}

// A record of `n` bytes that are said to be packed.
static vlmc_record record_of(uint32_t n)
{
    return (vlmc_record){
        .type = VLMC_RECORD_GROUP,
        .method = 2,
        .tagged = true,
        .streams = 5,
        .number = 3,
        .raw_bytes = 123456,
        .packed_bytes = n,
        .raw_hash = 0x0123456789abcdef,
    };
}

static uint8_t *sealed_of(const vlmc_seal *seal, const vlmc_record *record, const uint8_t *payload,
                          uint32_t *size)
{
    *size = (uint32_t)vlmc_sealed_bytes(record->packed_bytes);
    uint8_t *sealed = malloc(*size);
    cr_assert(vlmc_seal_record(seal, record, payload, sealed));
    return sealed;
}

// Opens `sealed` as what stands at a place.
static bool opens(const vlmc_seal *seal, uint32_t number, uint32_t packed_bytes,
                  const uint8_t *sealed, const uint8_t *wanted)
{
    vlmc_record record = {.number = number, .packed_bytes = packed_bytes};
    uint8_t *payload = malloc(packed_bytes ? packed_bytes : 1);
    const bool good = vlmc_unseal_record(seal, &record, sealed, payload);
    if (good)
        cr_assert(memcmp(payload, wanted, packed_bytes) == 0, "wrong bytes");
    free(payload);
    return good;
}

Test(seal, records_of_all_sizes_come_back_with_what_their_header_said)
{
    static const uint32_t sizes[] = {0,
                                     1,
                                     1000,
                                     MESSAGE_BYTES - 1,
                                     MESSAGE_BYTES,
                                     MESSAGE_BYTES + 1,
                                     3 * MESSAGE_BYTES,
                                     3 * MESSAGE_BYTES + 77};
    vlmc_seal *seal = new_seal("open sesame"), *again;
    vlmc_error error = {0};
    uint8_t *payload = malloc(4 * MESSAGE_BYTES), *back = malloc(4 * MESSAGE_BYTES);
    fill_random(payload, 4 * MESSAGE_BYTES, 1);
    cr_assert_eq(open_key(vlmc_seal_key(seal), "open sesame", &again, &error), VLMC_OK, "%s",
                 error.text);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const vlmc_record record = record_of(sizes[i]);
        vlmc_record found = {.number = record.number, .packed_bytes = sizes[i]};
        uint32_t size, packed;
        uint8_t *sealed = sealed_of(seal, &record, payload, &size);
        cr_assert(vlmc_unsealed_bytes(size, &packed) && packed == sizes[i]);
        cr_assert(vlmc_unseal_record(again, &found, sealed, back));
        cr_assert(memcmp(back, payload, sizes[i]) == 0);
        cr_assert(found.type == record.type && found.method == record.method && found.tagged &&
                  found.streams == record.streams && found.raw_bytes == record.raw_bytes &&
                  found.raw_hash == record.raw_hash);
        free(sealed);
    }
    free(payload);
    free(back);
    vlmc_seal_destroy(&seal);
    vlmc_seal_destroy(&again);
}

Test(seal, lengths_that_no_record_has_are_refused)
{
    uint32_t packed;
    for (uint32_t size = 0; size < (uint32_t)vlmc_sealed_bytes(0); size++)
        cr_assert_not(vlmc_unsealed_bytes(size, &packed));
    // Between a record that fills its messages and the next one a new message begins.
    const uint32_t full = (uint32_t)vlmc_sealed_bytes(MESSAGE_BYTES);
    cr_assert(vlmc_unsealed_bytes(full, &packed) && packed == MESSAGE_BYTES);
    for (uint32_t size = full + 1; size < vlmc_sealed_bytes(MESSAGE_BYTES + 1); size++)
        cr_assert_not(vlmc_unsealed_bytes(size, &packed), "%u", size);
    cr_assert(vlmc_unsealed_bytes((uint32_t)vlmc_sealed_bytes(MESSAGE_BYTES + 1), &packed));
    cr_assert_eq(packed, MESSAGE_BYTES + 1);
    cr_assert(vlmc_sealed_bytes(UINT32_MAX) > UINT32_MAX);
}

Test(seal, another_passphrase_is_told_from_the_right_one)
{
    vlmc_seal *seal = new_seal("right"), *other;
    static const char *const wrong[] = {"wrong", "righ", "right ", "Right", "rightright"};
    vlmc_error error = {0};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_assert_eq(open_key(vlmc_seal_key(seal), wrong[i], &other, &error),
                     VLMC_ERROR_PASSPHRASE);
        cr_assert_null(other);
        cr_assert_not_null(strstr(error.text, "a.vlmc"));
    }
    cr_assert_eq(vlmc_exit_code(VLMC_ERROR_PASSPHRASE), 7);
    vlmc_seal_destroy(&seal);
}

Test(seal, every_flipped_bit_of_a_key_record_keeps_it_shut)
{
    vlmc_seal *seal = new_seal("right"), *other;
    uint8_t key[VLMC_KEY_BYTES];
    for (uint32_t bit = 0; bit < 8 * VLMC_KEY_BYTES; bit++) {
        vlmc_error error = {0};
        memcpy(key, vlmc_seal_key(seal), sizeof key);
        key[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (bit / 8 >= 4 && bit / 8 < 8 && vlmc_load32(key + 4) > 1u << 14 &&
            vlmc_load32(key + 4) <= VLMC_SEAL_MEMORY_KIB_MAX)
            continue; // within the bounds, but it would take the test's memory
        const vlmc_status status = open_key(key, "right", &other, &error);
        cr_assert_neq(status, VLMC_OK, "bit %u", bit);
        cr_assert_null(other);
        cr_assert(strlen(error.text) > 10);
    }
    vlmc_seal_destroy(&seal);
}

Test(seal, a_key_record_belongs_to_its_header)
{
    uint8_t header[VLMC_HEADER_BYTES];
    vlmc_seal *seal = new_seal("right"), *other;
    vlmc_secret s = secret("right");
    vlmc_error error = {0};
    make_header(header);
    header[10] ^= 2;
    cr_assert_eq(vlmc_seal_open(header, vlmc_seal_key(seal), &s, "a.vlmc", &other, &error),
                 VLMC_ERROR_PASSPHRASE);
    vlmc_secret_destroy(&s);
    vlmc_seal_destroy(&seal);
}

Test(seal, hostile_costs_are_refused_before_they_are_paid)
{
    static const struct {
        uint8_t derivation, passes;
        uint16_t zero;
        uint32_t memory_kib;
        vlmc_status status;
    } keys[] = {
        {1, 1, 0, UINT32_MAX, VLMC_ERROR_REFUSED},
        {1, 1, 0, VLMC_SEAL_MEMORY_KIB_MAX + 1, VLMC_ERROR_REFUSED},
        {1, 255, 0, 8, VLMC_ERROR_REFUSED},
        {1, VLMC_SEAL_PASSES_MAX + 1, 0, 8, VLMC_ERROR_REFUSED},
        {1, 5, 0, VLMC_SEAL_MEMORY_KIB_MAX, VLMC_ERROR_REFUSED},
        {1, 64, 0, (VLMC_SEAL_WORK_MAX / 64) + 1, VLMC_ERROR_REFUSED},
        {1, 0, 0, 8, VLMC_ERROR_DAMAGED},
        {1, 1, 0, 7, VLMC_ERROR_DAMAGED},
        {1, 1, 0, 0, VLMC_ERROR_DAMAGED},
        {2, 1, 0, 8, VLMC_ERROR_FORMAT},
        {0, 1, 0, 8, VLMC_ERROR_FORMAT},
        {1, 1, 1, 8, VLMC_ERROR_FORMAT},
    };
    vlmc_seal *seal = new_seal("right"), *other;
    uint8_t key[VLMC_KEY_BYTES];
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        vlmc_error error = {0};
        memcpy(key, vlmc_seal_key(seal), sizeof key);
        key[0] = keys[i].derivation;
        key[1] = keys[i].passes;
        vlmc_store16(key + 2, keys[i].zero);
        vlmc_store32(key + 4, keys[i].memory_kib);
        cr_assert_eq(open_key(key, "right", &other, &error), keys[i].status, "%zu: %s", i,
                     error.text);
        cr_assert_null(other);
    }
    vlmc_seal_destroy(&seal);
}

Test(seal, costs_and_passphrases_out_of_bounds_make_no_key)
{
    static const vlmc_seal_cost costs[] = {
        {7, 1}, {8, 0}, {8, VLMC_SEAL_PASSES_MAX + 1}, {VLMC_SEAL_MEMORY_KIB_MAX, 5}};
    uint8_t header[VLMC_HEADER_BYTES];
    vlmc_secret good = secret("right"), empty = secret("");
    vlmc_seal *seal;
    vlmc_error error = {0};
    make_header(header);
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++) {
        cr_assert_eq(vlmc_seal_create(header, &good, &costs[i], &seal, &error), VLMC_ERROR_USAGE);
        cr_assert_null(seal);
    }
    cr_assert_eq(vlmc_seal_create(header, &empty, &cheap, &seal, &error), VLMC_ERROR_USAGE);
    vlmc_secret_destroy(&good);
    vlmc_secret_destroy(&empty);
}

Test(seal, every_flipped_bit_of_a_record_is_noticed)
{
    vlmc_seal *seal = new_seal("right");
    uint8_t payload[100];
    uint32_t size;
    fill_random(payload, sizeof payload, 2);
    const vlmc_record record = record_of(sizeof payload);
    uint8_t *sealed = sealed_of(seal, &record, payload, &size);
    cr_assert(opens(seal, 3, sizeof payload, sealed, payload));
    for (uint32_t bit = 0; bit < 8 * size; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_not(opens(seal, 3, sizeof payload, sealed, payload), "bit %u", bit);
        sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(sealed);
    vlmc_seal_destroy(&seal);
}

Test(seal, a_record_opens_in_its_place_of_its_archive_only)
{
    vlmc_seal *seal = new_seal("right"), *other = new_seal("right");
    uint8_t payload[100];
    uint32_t size;
    fill_random(payload, sizeof payload, 2);
    const vlmc_record record = record_of(sizeof payload);
    uint8_t *sealed = sealed_of(seal, &record, payload, &size);
    for (uint32_t number = 0; number < 100; number++)
        cr_assert_eq(opens(seal, number, sizeof payload, sealed, payload), number == 3);
    cr_assert_not(opens(seal, 3 + (1u << 31), sizeof payload, sealed, payload));
    cr_assert_not(opens(other, 3, sizeof payload, sealed, payload));
    // A shorter record in the same bytes.
    for (uint32_t n = 0; n < sizeof payload; n++)
        cr_assert_not(opens(seal, 3, n, sealed, payload));
    free(sealed);
    vlmc_seal_destroy(&seal);
    vlmc_seal_destroy(&other);
}

Test(seal, messages_of_a_record_keep_their_order_and_their_record)
{
    const uint32_t n = 3 * MESSAGE_BYTES, message = MESSAGE_BYTES + 17, first = 24 + 33;
    vlmc_seal *seal = new_seal("right");
    uint8_t *payload = malloc(n), *copy = malloc(n + 4096);
    uint32_t size;
    fill_random(payload, n, 2);
    const vlmc_record record = record_of(n);
    uint8_t *sealed = sealed_of(seal, &record, payload, &size);
    cr_assert_eq(size, first + 3 * message);
    memcpy(copy, sealed, size);
    memcpy(copy + first, sealed + first + message, message);
    cr_assert_not(opens(seal, 3, n, copy, payload), "one message twice");
    memcpy(copy + first + message, sealed + first, message);
    cr_assert_not(opens(seal, 3, n, copy, payload), "two messages swapped");
    // The same content in the next record: the same place in the stream, another record.
    vlmc_record next = record;
    next.number++;
    uint8_t *sealed_next = sealed_of(seal, &next, payload, &size);
    memcpy(copy, sealed, size);
    memcpy(copy + first + message, sealed_next + first + message, message);
    cr_assert_not(opens(seal, 3, n, copy, payload), "a message of another record");
    free(sealed_next);
    free(sealed);
    free(payload);
    free(copy);
    vlmc_seal_destroy(&seal);
}

Test(seal, the_same_record_is_sealed_the_same_and_another_one_is_not)
{
    vlmc_seal *seal = new_seal("right"), *other = new_seal("right");
    uint8_t payload[1000];
    uint32_t size;
    fill_random(payload, sizeof payload, 2);
    const vlmc_record record = record_of(sizeof payload);
    vlmc_record streams = record, number = record;
    streams.streams++;
    number.number++;
    uint8_t *a = sealed_of(seal, &record, payload, &size);
    uint8_t *b = sealed_of(seal, &record, payload, &size);
    cr_assert(memcmp(a, b, size) == 0);
    free(b);
    // Streams that differ in anything begin with another header: no two share their key stream.
    b = sealed_of(seal, &streams, payload, &size);
    cr_assert(memcmp(a, b, 24) != 0);
    free(b);
    b = sealed_of(seal, &number, payload, &size);
    cr_assert(memcmp(a, b, 24) != 0);
    free(b);
    b = sealed_of(other, &record, payload, &size);
    cr_assert(memcmp(a, b, 24) != 0);
    free(b);
    payload[999] ^= 1;
    b = sealed_of(seal, &record, payload, &size);
    cr_assert(memcmp(a, b, 24) != 0);
    free(b);
    free(a);
    vlmc_seal_destroy(&seal);
    vlmc_seal_destroy(&other);
}

Test(seal, a_key_wrapped_again_opens_the_same_records_with_another_passphrase)
{
    vlmc_seal *seal = new_seal("old"), *again;
    uint8_t key[VLMC_KEY_BYTES], payload[100];
    vlmc_secret s = secret("new");
    vlmc_error error = {0};
    uint32_t size;
    fill_random(payload, sizeof payload, 2);
    const vlmc_record record = record_of(sizeof payload);
    uint8_t *sealed = sealed_of(seal, &record, payload, &size);
    cr_assert_eq(vlmc_seal_rewrap(seal, &s, &cheap, key, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(open_key(key, "old", &again, &error), VLMC_ERROR_PASSPHRASE);
    cr_assert_eq(open_key(key, "new", &again, &error), VLMC_OK, "%s", error.text);
    cr_assert(opens(again, 3, sizeof payload, sealed, payload));
    free(sealed);
    vlmc_secret_destroy(&s);
    vlmc_seal_destroy(&seal);
    vlmc_seal_destroy(&again);
}

Test(seal, a_blob_opens_in_its_place_unchanged_or_not_at_all)
{
    vlmc_seal *seal = new_seal("right"), *other = new_seal("right");
    uint8_t bytes[50], sealed[50 + VLMC_BLOB_EXTRA_BYTES], again[sizeof sealed], back[50];
    fill_random(bytes, sizeof bytes, 8);
    vlmc_seal_blob(seal, 1000, bytes, sizeof bytes, sealed);
    cr_assert(vlmc_unseal_blob(seal, 1000, sealed, sizeof bytes, back));
    cr_assert(memcmp(back, bytes, sizeof bytes) == 0);
    cr_assert_not(vlmc_unseal_blob(seal, 1001, sealed, sizeof bytes, back));
    cr_assert_not(vlmc_unseal_blob(other, 1000, sealed, sizeof bytes, back));
    cr_assert_not(vlmc_unseal_blob(seal, 1000, sealed, sizeof bytes - 1, back));
    vlmc_seal_blob(seal, 1000, bytes, sizeof bytes, again);
    cr_assert(memcmp(sealed, again, sizeof sealed) == 0);
    vlmc_seal_blob(seal, 1001, bytes, sizeof bytes, again);
    cr_assert(memcmp(sealed, again, 24) != 0);
    for (uint32_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_not(vlmc_unseal_blob(seal, 1000, sealed, sizeof bytes, back), "bit %u", bit);
        sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    vlmc_seal_destroy(&seal);
    vlmc_seal_destroy(&other);
}
