// SPDX-License-Identifier: Apache-2.0
#include "archive/reader.h"
#include "archive/seal.h"
#include "archive_support.h"
#include "util/bytes.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PASSPHRASE "correct horse"
#define FIRST_SEALED (VLMC_HEADER_BYTES + VLMC_RECORD_BYTES + VLMC_KEY_BYTES)

static const vlmc_seal_cost cheap = {.memory_kib = VLMC_SEAL_MEMORY_KIB_MIN, .passes = 1};

static vlmc_secret secret(const char *text)
{
    vlmc_secret s;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_secret_create(VLMC_PASSPHRASE_BYTES_MAX, &s, &error), VLMC_OK);
    s.size = strlen(text);
    memcpy(s.bytes, text, s.size);
    return s;
}

// With a master key of `byte`s.
static vlmc_seal *seal_of(uint8_t byte)
{
    uint8_t header[VLMC_HEADER_BYTES], master[VLMC_SEAL_MASTER_BYTES];
    const uint8_t salt[VLMC_SEAL_SALT_BYTES] = {1, 2, 3};
    vlmc_secret s = secret(PASSPHRASE);
    vlmc_seal *seal;
    vlmc_error error = {0};
    memset(master, byte, sizeof master);
    vlmc_format_write_header(VLMC_FLAG_ENCRYPTED, header);
    cr_assert_eq(vlmc_seal_create_known(header, &s, &cheap, master, salt, &seal, &error), VLMC_OK,
                 "%s", error.text);
    vlmc_secret_destroy(&s);
    return seal;
}

static void write_sealed(const char *path, const content *contents, uint32_t n,
                         const vlmc_model *model, const vlmc_seal *seal, uint32_t group_bytes)
{
    vlmc_writer_params params = {
        .path = path, .replace = true, .seal = seal, .group_bytes = group_bytes};
    if (model)
        params.engine = tiny_engines(model);
    vlmc_writer *writer;
    vlmc_error error = {0};
    uint64_t bytes;
    cr_assert_eq(vlmc_writer_create(&params, &writer, &error), VLMC_OK, "%s", error.text);
    for (uint32_t i = 0; i < n; i++) {
        const vlmc_entry entry = {.path = contents[i].path, .mode = 0644, .mtime_seconds = 1};
        source s = {.content = &contents[i]};
        cr_assert_eq(vlmc_writer_add(writer, &entry, read_source, &s, &error), VLMC_OK, "%s",
                     error.text);
    }
    cr_assert_eq(vlmc_writer_finish(writer, &bytes, &error), VLMC_OK, "%s", error.text);
    vlmc_writer_destroy(&writer);
}

// A vlmc_passphrase_fn: user is what it gives, attempt by attempt, until NULL.
static vlmc_status give(void *user, const char *name, uint32_t attempt,
                        const vlmc_secret **passphrase, vlmc_error *error)
{
    static vlmc_secret given;
    const char *const *texts = user;
    vlmc_secret_destroy(&given);
    *passphrase = NULL;
    if (!texts[attempt])
        return vlmc_fail(error, VLMC_ERROR_PASSPHRASE, "%s: no passphrase after attempt %u", name,
                         attempt);
    given = secret(texts[attempt]);
    *passphrase = &given;
    return VLMC_OK;
}

static vlmc_status open_sealed(const char *path, const vlmc_model *model, const char *const *texts,
                               bool may_be_locked, vlmc_reader **reader, vlmc_error *error)
{
    const vlmc_engine_source engines = model ? tiny_engines(model) : (vlmc_engine_source){0};
    const vlmc_reader_params params = {
        .path = path,
        .engine = &engines,
        .passphrase = texts ? give : NULL,
        .passphrase_user = (void *)(uintptr_t)texts,
        .may_be_locked = may_be_locked,
    };
    return vlmc_reader_open_with(&params, reader, error);
}

static const char *const right[] = {PASSPHRASE, NULL};

// What an archive says of these contents.
static vlmc_status check_sealed(const char *path, const content *contents, uint32_t n,
                                const vlmc_model *model, vlmc_error *error)
{
    vlmc_reader *reader;
    const vlmc_status status = open_sealed(path, model, right, false, &reader, error);
    if (status != VLMC_OK)
        return status;
    const vlmc_status read = check_entries(reader, contents, n, error);
    vlmc_reader_destroy(&reader);
    return read;
}

// ---- A small archive ----

typedef struct sample {
    uint8_t noise[300];
    content contents[2];
    vlmc_seal *seal;
    uint8_t *bytes;
    size_t size;
} sample;

static sample *make_sample(void)
{
    sample *s = calloc(1, sizeof *s);
    fill_random(s->noise, sizeof s->noise, 3);
    s->contents[0] = (content){"secret-name", s->noise, sizeof s->noise};
    s->contents[1] = (content){"zeros", NULL, 1000};
    s->seal = seal_of(5);
    write_sealed(scratch(0, "sealed.vlmc"), s->contents, 2, NULL, s->seal, 0);
    s->bytes = load_file(scratch(0, "sealed.vlmc"), &s->size);
    return s;
}

static void free_sample(sample *s)
{
    vlmc_seal_destroy(&s->seal);
    free(s->bytes);
    free(s);
}

static vlmc_status verdict(const sample *s, const uint8_t *bytes, size_t size, vlmc_error *error)
{
    save_file(scratch(1, "hurt.vlmc"), bytes, size);
    return check_sealed(scratch(1, "hurt.vlmc"), s->contents, 2, NULL, error);
}

Test(encryption, an_encrypted_archive_comes_back_whatever_its_groups_are)
{
    vlmc_model *model = tiny_model(4);
    vlmc_seal *seal = seal_of(5);
    const size_t n = 150000;
    uint8_t *noise = malloc(n), *text = malloc(n);
    fill_random(noise, n, 2);
    fill_text(text, 20000, 2);
    const content contents[] = {
        {"noise", noise, n}, {"text", text, 20000}, {"empty", NULL, 0}, {"zeros", NULL, n}};
    const char *path = scratch(0, "all.vlmc");
    vlmc_error error = {0};
    write_sealed(path, contents, 4, model, seal, 65536);
    cr_assert_eq(check_sealed(path, contents, 4, model, &error), VLMC_OK, "%s", error.text);
    write_sealed(path, contents, 0, NULL, seal, 65536);
    cr_assert_eq(check_sealed(path, contents, 0, NULL, &error), VLMC_OK, "%s", error.text);
    free(noise);
    free(text);
    vlmc_seal_destroy(&seal);
    vlmc_model_destroy(&model);
}

Test(encryption, the_same_contents_under_the_same_key_make_the_same_archive)
{
    sample *s = make_sample();
    size_t size;
    write_sealed(scratch(1, "again.vlmc"), s->contents, 2, NULL, s->seal, 0);
    uint8_t *again = load_file(scratch(1, "again.vlmc"), &size);
    cr_assert_eq(size, s->size);
    cr_assert(memcmp(again, s->bytes, size) == 0);
    free(again);
    vlmc_seal *other = seal_of(6);
    write_sealed(scratch(1, "again.vlmc"), s->contents, 2, NULL, other, 0);
    again = load_file(scratch(1, "again.vlmc"), &size);
    cr_assert_eq(size, s->size);
    for (size_t at = FIRST_SEALED + VLMC_RECORD_BYTES; at < FIRST_SEALED + 300; at += 16)
        cr_assert(memcmp(again + at, s->bytes + at, 16) != 0);
    free(again);
    vlmc_seal_destroy(&other);
    free_sample(s);
}

// ---- What can be seen ----

static bool contains(const uint8_t *bytes, size_t size, const void *what, size_t n)
{
    return memmem(bytes, size, what, n) != NULL;
}

Test(encryption, names_and_contents_cannot_be_seen)
{
    sample *s = make_sample();
    size_t size;
    write_archive(scratch(1, "plain.vlmc"), s->contents, 2, NULL);
    uint8_t *plain = load_file(scratch(1, "plain.vlmc"), &size);
    cr_assert(contains(plain, size, s->noise, 16), "a plain archive would show it");
    cr_assert(contains(plain, size, "secret", 6));
    cr_assert_not(contains(s->bytes, s->size, "secret", 6));
    for (size_t at = 0; at + 8 <= sizeof s->noise; at += 8)
        cr_assert_not(contains(s->bytes, s->size, s->noise + at, 8));
    free(plain);
    free_sample(s);
}

Test(encryption, a_record_shows_its_number_and_its_size_and_nothing_else)
{
    sample *s = make_sample();
    uint32_t number = 1;
    for (size_t at = FIRST_SEALED; at < s->size - VLMC_FOOTER_BYTES; number++) {
        vlmc_record record;
        cr_assert(vlmc_format_read_record(s->bytes + at, &record));
        const vlmc_record wanted = {.type = VLMC_RECORD_SEALED,
                                    .number = number,
                                    .packed_bytes = record.packed_bytes,
                                    .packed_hash = record.packed_hash};
        uint8_t bytes[VLMC_RECORD_BYTES];
        vlmc_format_write_record(&wanted, bytes);
        cr_assert(memcmp(bytes, s->bytes + at, sizeof bytes) == 0);
        const uint8_t *payload = s->bytes + at + VLMC_RECORD_BYTES;
        cr_assert_eq(vlmc_format_hash(payload, record.packed_bytes), record.packed_hash);
        at += VLMC_RECORD_BYTES + record.packed_bytes;
    }
    cr_assert_gt(number, 2);
    free_sample(s);
}

Test(encryption, without_the_passphrase_an_archive_is_said_to_be_encrypted)
{
    sample *s = make_sample();
    vlmc_reader *reader, *open;
    vlmc_error error = {0};
    const char *path = scratch(0, "sealed.vlmc");
    cr_assert_eq(vlmc_reader_open(path, NULL, &reader, &error), VLMC_ERROR_PASSPHRASE);
    cr_assert_null(reader);
    cr_assert_not_null(strstr(error.text, "encrypted"));
    cr_assert_eq(open_sealed(path, NULL, NULL, true, &reader, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(open_sealed(path, NULL, right, true, &open, &error), VLMC_OK, "%s", error.text);
    const vlmc_archive_info *locked = vlmc_reader_info(reader), *info = vlmc_reader_info(open);
    cr_assert(locked->encrypted && locked->locked && info->encrypted && !info->locked);
    cr_assert(locked->n_entries == 0 && locked->n_groups == 0 && info->n_entries == 2);
    cr_assert_null(vlmc_reader_entry(reader, 0));
    cr_assert_eq(locked->archive_bytes, s->size);
    // The identity is what it is, with the passphrase or without.
    cr_assert(memcmp(locked->root_digest, info->root_digest, VLMC_DIGEST_BYTES) == 0);
    vlmc_reader_destroy(&reader);
    vlmc_reader_destroy(&open);
    free_sample(s);
}

Test(encryption, a_plain_archive_asks_for_no_passphrase)
{
    sample *s = make_sample();
    vlmc_error error = {0};
    static const char *const none[] = {NULL};
    vlmc_reader *reader;
    write_archive(scratch(1, "plain.vlmc"), s->contents, 2, NULL);
    cr_assert_eq(open_sealed(scratch(1, "plain.vlmc"), NULL, none, false, &reader, &error), VLMC_OK,
                 "%s", error.text);
    cr_assert_not(vlmc_reader_info(reader)->encrypted);
    vlmc_reader_destroy(&reader);
    free_sample(s);
}

Test(encryption, passphrases_are_tried_until_there_is_none)
{
    sample *s = make_sample();
    static const char *const wrong[] = {"a", "b", NULL};
    static const char *const late[] = {"a", "b", PASSPHRASE, NULL};
    const char *path = scratch(0, "sealed.vlmc");
    vlmc_reader *reader;
    vlmc_error error = {0};
    cr_assert_eq(open_sealed(path, NULL, wrong, true, &reader, &error), VLMC_ERROR_PASSPHRASE);
    cr_assert_null(reader);
    cr_assert_not_null(strstr(error.text, "after attempt 2"), "%s", error.text);
    cr_assert_eq(open_sealed(path, NULL, late, false, &reader, &error), VLMC_OK, "%s", error.text);
    vlmc_reader_destroy(&reader);
    free_sample(s);
}

// ---- Damage ----

Test(encryption, every_truncation_is_an_error)
{
    sample *s = make_sample();
    for (size_t size = 0; size < s->size; size++) {
        vlmc_error error = {0};
        cr_assert_eq(verdict(s, s->bytes, size, &error),
                     size < 8 ? VLMC_ERROR_FORMAT : VLMC_ERROR_DAMAGED, "%zu bytes: %s", size,
                     error.text);
    }
    free_sample(s);
}

// So that damage is not taken for a wrong passphrase.
Test(encryption, every_flipped_bit_is_damage)
{
    sample *s = make_sample();
    for (size_t bit = 0; bit < 8 * s->size; bit++) {
        s->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        vlmc_error error = {0};
        cr_assert_eq(verdict(s, s->bytes, s->size, &error),
                     bit < 64 ? VLMC_ERROR_FORMAT : VLMC_ERROR_DAMAGED, "bit %zu: %s", bit,
                     error.text);
        s->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    free_sample(s);
}

// ---- Somebody who knows the format ----

// Puts right what needs no key: the hash and the check of the record at `at`, and its number.
static void forge(uint8_t *bytes, size_t at, uint32_t number)
{
    vlmc_record record;
    cr_assert(vlmc_format_read_record(bytes + at, &record));
    record.number = number;
    record.packed_hash = vlmc_format_hash(bytes + at + VLMC_RECORD_BYTES, record.packed_bytes);
    if (record.type == VLMC_RECORD_KEY)
        record.raw_hash = record.packed_hash;
    vlmc_format_write_record(&record, bytes + at);
}

// Where the records are // (up to 16): the KEY record, groups, the index; then their end.
static uint32_t find_records(const uint8_t *bytes, size_t size, size_t *places)
{
    uint32_t n = 0;
    size_t at = VLMC_HEADER_BYTES;
    for (; at < size - VLMC_FOOTER_BYTES; n++) {
        vlmc_record record;
        cr_assert(vlmc_format_read_record(bytes + at, &record));
        places[n] = at;
        at += VLMC_RECORD_BYTES + record.packed_bytes;
    }
    places[n] = at;
    return n;
}

Test(encryption, changed_payloads_are_damage_whatever_their_hashes_say)
{
    sample *s = make_sample();
    size_t places[16];
    const uint32_t n = find_records(s->bytes, s->size, places);
    for (uint32_t i = 1; i < n; i++)
        for (size_t at = places[i] + VLMC_RECORD_BYTES; at < places[i + 1]; at++) {
            uint8_t *hurt = malloc(s->size);
            vlmc_error error = {0};
            memcpy(hurt, s->bytes, s->size);
            hurt[at] ^= 1;
            forge(hurt, places[i], i);
            cr_assert_eq(verdict(s, hurt, s->size, &error), VLMC_ERROR_DAMAGED, "byte %zu: %s", at,
                         error.text);
            free(hurt);
        }
    free_sample(s);
}

Test(encryption, a_changed_key_record_with_right_hashes_is_a_wrong_passphrase_or_a_refusal)
{
    sample *s = make_sample();
    for (size_t at = 0; at < VLMC_KEY_BYTES; at++) {
        uint8_t *hurt = malloc(s->size);
        vlmc_error error = {0};
        memcpy(hurt, s->bytes, s->size);
        hurt[FIRST_SEALED - VLMC_KEY_BYTES + at] ^= 1;
        forge(hurt, VLMC_HEADER_BYTES, 0);
        const vlmc_status status = verdict(s, hurt, s->size, &error);
        cr_assert(at >= 24 || at == 4 || at == 5 || (at >= 8 && at < 24)
                      ? status == VLMC_ERROR_PASSPHRASE
                      : status == VLMC_ERROR_FORMAT || status == VLMC_ERROR_REFUSED ||
                            status == VLMC_ERROR_DAMAGED || status == VLMC_ERROR_PASSPHRASE,
                  "byte %zu: %d %s", at, status, error.text);
        free(hurt);
    }
    free_sample(s);
}

// Three groups of one size.
static sample *make_groups(uint8_t *noise, size_t n)
{
    sample *s = calloc(1, sizeof *s);
    fill_random(noise, n, 9);
    s->contents[0] = (content){"first", noise, n / 2};
    s->contents[1] = (content){"second", noise + n / 2, n - n / 2};
    s->seal = seal_of(5);
    write_sealed(scratch(0, "sealed.vlmc"), s->contents, 2, NULL, s->seal, 65536);
    s->bytes = load_file(scratch(0, "sealed.vlmc"), &s->size);
    return s;
}

Test(encryption, records_cannot_be_swapped_dropped_or_repeated)
{
    const size_t n = 3 * 65536;
    uint8_t *noise = malloc(n);
    sample *s = make_groups(noise, n);
    size_t places[16];
    vlmc_error error = {0};
    const uint32_t records = find_records(s->bytes, s->size, places);
    cr_assert_eq(records, 5); // key, three groups, index
    const size_t group = places[2] - places[1];
    cr_assert(places[3] - places[2] == group && places[4] - places[3] == group);
    uint8_t *hurt = malloc(s->size + group);

    for (uint32_t number = 1; number <= 2; number++) { // as it was, or where it would be
        memcpy(hurt, s->bytes, s->size);
        memcpy(hurt + places[1], s->bytes + places[2], group);
        memcpy(hurt + places[2], s->bytes + places[1], group);
        forge(hurt, places[1], number);
        forge(hurt, places[2], 3 - number);
        cr_assert_eq(verdict(s, hurt, s->size, &error), VLMC_ERROR_DAMAGED, "swapped");
        memcpy(hurt + places[2], s->bytes + places[2], group);
        memcpy(hurt + places[1], s->bytes + places[2], group);
        forge(hurt, places[1], number);
        cr_assert_eq(verdict(s, hurt, s->size, &error), VLMC_ERROR_DAMAGED, "repeated");
    }
    for (uint32_t i = 1; i <= 3; i++) {
        memcpy(hurt, s->bytes, places[i]);
        memcpy(hurt + places[i], s->bytes + places[i + 1], s->size - places[i + 1]);
        cr_assert_eq(verdict(s, hurt, s->size - group, &error), VLMC_ERROR_DAMAGED, "dropped");
        memcpy(hurt, s->bytes, places[i + 1]);
        memcpy(hurt + places[i + 1], s->bytes + places[i], s->size - places[i]);
        cr_assert_eq(verdict(s, hurt, s->size + group, &error), VLMC_ERROR_DAMAGED, "one more");
    }
    free(hurt);
    free(noise);
    free_sample(s);
}

Test(encryption, records_of_another_archive_are_damage_even_under_the_same_key)
{
    const size_t n = 3 * 65536;
    uint8_t *noise = malloc(n), *noise2 = malloc(n);
    sample *s = make_groups(noise, n);
    size_t places[16], size;
    vlmc_error error = {0};
    find_records(s->bytes, s->size, places);
    memcpy(noise2, noise, n);
    noise2[70000] ^= 1; // in the second group
    const content others[] = {{"first", noise2, n / 2}, {"second", noise2 + n / 2, n - n / 2}};
    uint8_t *hurt = malloc(s->size);
    for (uint8_t key = 5; key <= 6; key++) {
        vlmc_seal *seal = seal_of(key);
        write_sealed(scratch(2, "other.vlmc"), others, 2, NULL, seal, 65536);
        uint8_t *other = load_file(scratch(2, "other.vlmc"), &size);
        cr_assert_eq(size, s->size);
        for (uint32_t i = key == 5 ? 2 : 0; i < 5; i++) {
            if (i == 3 && key == 5)
                continue; // the same bytes
            memcpy(hurt, s->bytes, size);
            memcpy(hurt + places[i], other + places[i], places[i + 1] - places[i]);
            if (i == 4) // what everybody can compute of the index
                memcpy(hurt + places[5], other + places[5], size - places[5]);
            cr_assert_eq(verdict(s, hurt, size, &error), VLMC_ERROR_DAMAGED, "record %u: %s", i,
                         error.text);
        }
        free(other);
        vlmc_seal_destroy(&seal);
    }
    free(hurt);
    free(noise);
    free(noise2);
    free_sample(s);
}

Test(encryption, the_flag_cannot_be_taken_away_or_added)
{
    sample *s = make_sample();
    vlmc_error error = {0};
    vlmc_format_write_header(0, s->bytes);
    cr_assert_eq(verdict(s, s->bytes, s->size, &error), VLMC_ERROR_DAMAGED, "%s", error.text);
    size_t size;
    write_archive(scratch(2, "plain.vlmc"), s->contents, 2, NULL);
    uint8_t *plain = load_file(scratch(2, "plain.vlmc"), &size);
    vlmc_format_write_header(VLMC_FLAG_ENCRYPTED, plain);
    cr_assert_eq(verdict(s, plain, size, &error), VLMC_ERROR_DAMAGED, "%s", error.text);
    vlmc_format_write_header(VLMC_FLAG_ENCRYPTED | 2, s->bytes);
    cr_assert_eq(verdict(s, s->bytes, s->size, &error), VLMC_ERROR_FORMAT, "%s", error.text);
    free(plain);
    free_sample(s);
}

// ---- The temporary file ----

static int open_temporary(void *user)
{
    FILE *f = tmpfile();
    int *kept = user;
    *kept = dup(fileno(f));
    const int fd = dup(*kept);
    fclose(f);
    return fd;
}

Test(encryption, what_a_reader_puts_into_a_temporary_file_cannot_be_read_there)
{
    enum { N = 200000 };
    vlmc_spool spool = {.open = open_temporary};
    int fd = -1;
    uint8_t *tokens = calloc(1, N), *back = malloc(N);
    spool.user = &fd;
    fill_text(tokens, N / 2, 1);
    cr_assert(vlmc_spool_encrypt(&spool));
    cr_assert(vlmc_spool_put(&spool, 5, 2, tokens, N));
    cr_assert(vlmc_spool_put(&spool, 5, 4, tokens, 1000));
    cr_assert(vlmc_spool_get(&spool, 2, back, N));
    cr_assert(memcmp(back, tokens, N) == 0);
    cr_assert(vlmc_spool_get(&spool, 4, back, 1000));
    cr_assert(memcmp(back, tokens, 1000) == 0);
    cr_assert_eq(pread(fd, back, N, 0), N);
    for (size_t at = 0; at + 32 <= N; at += 32) {
        cr_assert(memcmp(back + at, tokens + at, 32) != 0);
        cr_assert_not(at > 0 && memcmp(back + at, back, 32) == 0);
    }
    uint8_t first[32];
    cr_assert_eq(pread(fd, first, 32, N), 32);
    cr_assert(memcmp(first, back, 32) != 0, "another group, another key stream");
    vlmc_spool_destroy(&spool);
    close(fd);
    free(tokens);
    free(back);
}
