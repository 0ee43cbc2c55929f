// SPDX-License-Identifier: Apache-2.0
// Files that plugins turn into tokens.
#include "codec/group.h"
#include "plugin_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENTS_MAX 16u

// The segments of one entry.
typedef struct segments {
    vlmc_segment_info list[SEGMENTS_MAX];
    uint32_t n;
} segments;

static bool collect(void *user, const vlmc_segment_info *segment)
{
    segments *s = user;
    s->list[s->n++] = *segment;
    return s->n < SEGMENTS_MAX;
}

static segments segments_of(const vlmc_reader *reader, uint32_t entry)
{
    segments s = {0};
    vlmc_reader_segments(reader, entry, collect, &s);
    return s;
}

static void check_ok(kit *k, const char *path, const content *contents, uint32_t n)
{
    vlmc_error error = {0};
    cr_assert_eq(kit_check(k, path, contents, n, &error), VLMC_OK, "%s", error.text);
}

Test(tokens, what_a_plugin_claims_comes_back_between_plain_files)
{
    static const char *const names[] = {"good"};
    kit *k = make_kit(names, 1, true);
    uint8_t *plain = malloc(60000), *claimed = claimed_bits("good", 50000, 2);
    fill_from_model(k->model, plain, 60000, 1);
    const content contents[] = {
        {"a", plain, 20000}, {"b", claimed, 50000}, {"c", plain + 20000, 40000}, {"d", plain, 0}};
    const char *path = scratch(0, "claimed.vlmc");
    kit_write(k, path, contents, 4, 0);
    check_ok(k, path, contents, 4);
    cr_assert_eq(k->notices, 0, "%s", k->notice);
    cr_assert_eq(k->coded, 50000 - 5);

    vlmc_reader *reader = kit_open(k, path);
    const vlmc_archive_info *info = vlmc_reader_info(reader);
    cr_assert_eq(info->content_bytes, 110000);
    cr_assert_eq(info->n_tokenizers, 1);
    cr_assert_str_eq(vlmc_reader_tokenizer(reader, 1).id, "good.xor");
    cr_assert_eq(vlmc_reader_tokenizer(reader, 1).version, 1);
    cr_assert_null(vlmc_reader_tokenizer(reader, 2).id);
    const segments b = segments_of(reader, 1);
    cr_assert(b.n == 2 && b.list[0].tokenizer == 0 && b.list[0].n_bytes == 5);
    cr_assert(b.list[1].tokenizer == 1 && b.list[1].n_bytes == 49995);
    // The plain bytes around it are one sequence, and one group.
    const segments c = segments_of(reader, 2);
    cr_assert(c.n == 1 && c.list[0].first_token == 20005 && c.list[0].n_tokens == 40000);
    cr_assert_eq(info->n_groups, 2);
    cr_assert(vlmc_reader_group(reader, 0)->tokenizer == 1 &&
              vlmc_reader_group(reader, 0)->method == VLMC_GROUP_MODEL &&
              vlmc_reader_group(reader, 0)->model == 0);
    cr_assert(vlmc_reader_group(reader, 1)->tokenizer == 0 &&
              vlmc_reader_group(reader, 1)->model == 1);
    uint64_t packed = 0;
    for (uint32_t i = 0; i < 4; i++)
        packed += vlmc_reader_packed_bytes(reader, i);
    cr_assert(packed > 0 && packed <= vlmc_reader_group(reader, 0)->packed_bytes +
                                          vlmc_reader_group(reader, 1)->packed_bytes);
    vlmc_reader_destroy(&reader);
    free(plain);
    free(claimed);
    free_kit(k);
}

Test(tokens, tokens_that_join_share_groups_and_are_decoded_once)
{
    enum { N = 40 };
    static const char *const names[] = {"joiner"};
    kit *k = make_kit(names, 1, false);
    content contents[N];
    static char paths[N][8];
    size_t total = 0;
    for (uint32_t i = 0; i < N; i++) {
        snprintf(paths[i], sizeof paths[i], "f%02u", i);
        const size_t n = i == 0 ? 20000 : 5000 + 100 * i;
        uint8_t *bytes = claimed_bits(i % 2 ? "nobody" : "joiner", n, i);
        contents[i] = (content){paths[i], bytes, n};
        total += n;
    }
    const char *path = scratch(0, "joined.vlmc");
    kit_write(k, path, contents, N, 777);
    vlmc_reader *reader = kit_open(k, path);
    const vlmc_archive_info *info = vlmc_reader_info(reader);
    cr_assert(info->n_groups == 2 && info->n_tokenizers == 1 && info->content_bytes == total);
    for (uint32_t i = 0; i < N; i++) {
        const segments s = segments_of(reader, i);
        cr_assert(s.n == 1 && s.list[0].tokenizer == (i % 2 ? 0 : 1), "%u", i);
    }
    // All of it, in turn from both groups: their bytes are read once.
    vlmc_error error = {0};
    cr_assert_eq(check_entries(reader, contents, N, &error), VLMC_OK, "%s", error.text);
    vlmc_reader_destroy(&reader);
    for (uint32_t i = 0; i < N; i++) {
        union {
            const uint8_t *in;
            void *out;
        } bytes = {contents[i].bytes};
        free(bytes.out);
    }
    free_kit(k);
}

typedef struct read_progress {
    uint64_t bytes, packed;
} read_progress;

static bool note_progress(void *user, uint64_t bytes, uint64_t packed)
{
    read_progress *p = user;
    cr_assert(bytes >= p->bytes && packed >= p->packed);
    *p = (read_progress){bytes, packed};
    return true;
}

Test(tokens, progress_of_reading_never_goes_back_and_ends_at_the_files_bytes)
{
    static const char *const names[] = {"good"};
    kit *k = make_kit(names, 1, false);
    const size_t n = VLMC_GROUP_BYTES_DEFAULT + 30777;
    uint8_t *claimed = claimed_bits("good", n, 2);
    const content c = {"c", claimed, n};
    kit_write(k, scratch(0, "progress.vlmc"), &c, 1, 0);
    vlmc_reader *reader = kit_open(k, scratch(0, "progress.vlmc"));
    read_progress p = {0};
    vlmc_error error = {0};
    vlmc_reader_set_progress(reader, note_progress, &p);
    cr_assert_eq(check_entries(reader, &c, 1, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(p.bytes, c.size);
    vlmc_reader_destroy(&reader);
    free(claimed);
    free_kit(k);
}

Test(tokens, a_long_segment_is_cut_evenly_where_its_tokenizer_permits)
{
    static const char *const names[] = {"longer"};
    kit *k = make_kit(names, 1, false);
    const size_t n = VLMC_GROUP_BYTES_DEFAULT + 12345;
    uint8_t *claimed = claimed_bits("longer", n, 5);
    const content c = {"c", claimed, n};
    const char *path = scratch(0, "long.vlmc");
    kit_write(k, path, &c, 1, 0);
    cr_assert_eq(k->notices, 0, "%s", k->notice);
    check_ok(k, path, &c, 1);
    vlmc_reader *reader = kit_open(k, path);
    cr_assert_eq(vlmc_reader_info(reader)->n_groups, 2);
    uint64_t first = 0;
    for (uint32_t g = 0; g < 2; g++) {
        const vlmc_group_info *group = vlmc_reader_group(reader, g);
        cr_assert(group->first_token == first && first % 3000 == 0);
        cr_assert(group->raw_bytes > n / 2 - 3000 && group->raw_bytes < n / 2 + 3000);
        first += group->raw_bytes;
    }
    cr_assert_eq(first, n);
    vlmc_reader_destroy(&reader);
    free(claimed);
    free_kit(k);
}

Test(tokens, tokens_that_pack_worse_than_the_bytes_are_given_up_without_a_word)
{
    static const char *const names[] = {"good"};
    kit *k = make_kit(names, 1, false);
    const size_t n = 200000;
    uint8_t *zeros = calloc(1, n), *noise = malloc(n);
    memcpy(zeros, "good!", 5);
    fill_random(noise, n, 1);
    memcpy(noise, "good!", 5);
    const content contents[] = {{"zeros", zeros, n}, {"noise", noise, n}};
    const char *path = scratch(0, "worse.vlmc");
    kit_write(k, path, contents, 2, 0);
    check_ok(k, path, contents, 2);
    cr_assert(k->coded == 0 && k->notices == 0);
    vlmc_reader *reader = kit_open(k, path);
    cr_assert_eq(vlmc_reader_info(reader)->n_tokenizers, 0);
    for (uint32_t i = 0; i < 2; i++)
        cr_assert_eq(segments_of(reader, i).n, 1, "one stretch of plain bytes");
    vlmc_reader_destroy(&reader);
    free(zeros);
    free(noise);
    free_kit(k);
}

Test(tokens, small_files_and_small_first_joins_are_plain_bytes)
{
    static const char *const names[] = {"good", "joiner"};
    kit *k = make_kit(names, 2, false);
    uint8_t *good = claimed_bits("good", 511, 1), *joiner = claimed_bits("joiner", 16383, 2);
    const content contents[] = {{"good", good, 511}, {"joiner", joiner, 16383}};
    kit_write(k, scratch(0, "small.vlmc"), contents, 2, 0);
    check_ok(k, scratch(0, "small.vlmc"), contents, 2);
    cr_assert_eq(k->coded, 0);
    free(good);
    free(joiner);
    free_kit(k);
}

Test(tokens, a_plugin_that_fails_costs_a_notice_and_no_byte)
{
    static const char *const bad[] = {"crash", "hang", "lossy"};
    for (uint32_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        kit *k = make_kit(&bad[i], 1, true);
        uint8_t *claimed = claimed_bits(bad[i], 30000, i), *plain = malloc(30000);
        fill_text(plain, 30000, 9);
        claimed[20000] = 0x07 ^ 0x55; // what lossy changes, whatever its key
        for (size_t at = 20001; at < 20257; at++)
            claimed[at] = (uint8_t)at;
        const content contents[] = {{"claimed", claimed, 30000}, {"plain", plain, 30000}};
        const char *path = scratch(0, "bad.vlmc");
        kit_write(k, path, contents, 2, 0);
        cr_assert_eq(k->notices, 1, "%s: %u", bad[i], k->notices);
        cr_assert_str_eq(k->noticed, "claimed");
        cr_assert_not_null(strstr(k->notice, bad[i]), "%s", k->notice);
        cr_assert_eq(k->coded, 0);
        check_ok(k, path, contents, 2);
        free(claimed);
        free(plain);
        free_kit(k);
    }
}

Test(tokens, the_archive_is_the_same_however_the_file_is_read_and_wherever_plugins_run)
{
    static const char *const names[] = {"good", "joiner"};
    uint8_t *good = claimed_bits("good", 150000, 1), *joiner = claimed_bits("joiner", 90000, 2);
    const content contents[] = {{"good", good, 150000}, {"joiner", joiner, 90000}};
    size_t first_size = 0, size;
    uint8_t *first = NULL;
    for (size_t at_most = 0; at_most < 400000; at_most = at_most * 13 + 1111) {
        kit *k = make_kit(names, 2, at_most % 2);
        kit_write(k, scratch(0, "same.vlmc"), contents, 2, at_most);
        cr_assert_eq(k->coded, 150000 - 5 + 90000);
        uint8_t *bytes = load_file(scratch(0, "same.vlmc"), &size);
        if (!first) {
            first = bytes;
            first_size = size;
        } else {
            cr_assert(size == first_size && memcmp(first, bytes, size) == 0, "%zu", at_most);
            free(bytes);
        }
        free_kit(k);
    }
    free(first);
    free(good);
    free(joiner);
}

Test(tokens, a_claimed_file_that_cannot_be_read_to_its_end_is_left_out)
{
    static const char *const names[] = {"good", "joiner"};
    kit *k = make_kit(names, 2, false);
    const size_t n = 3 * VLMC_GROUP_BYTES_DEFAULT;
    uint8_t *good = claimed_bits("good", n, 1), *joiner = claimed_bits("joiner", n, 2);
    uint8_t *other = claimed_bits("joiner", 9000, 3);
    const content contents[] = {{"a", joiner, 40000},
                                {"b", joiner, n},
                                {"c", good, n},
                                {"d", good, 30000},
                                {"e", other, 9000}};
    static const size_t fail_at[] = {0, 1200000, 50000, 0, 0};
    vlmc_writer_params params = kit_params(k, scratch(0, "partial.vlmc"));
    vlmc_writer *writer;
    vlmc_error error = {0};
    uint64_t total;
    cr_assert_eq(vlmc_writer_create(&params, &writer, &error), VLMC_OK);
    for (uint32_t i = 0; i < 5; i++) {
        source s = {.content = &contents[i], .fail_at = fail_at[i], .at_most = 10000};
        const vlmc_entry entry = {.path = contents[i].path};
        cr_assert_eq(vlmc_writer_add(writer, &entry, read_source, &s, &error),
                     fail_at[i] ? VLMC_ERROR_IO : VLMC_OK, "%s", error.text);
    }
    cr_assert_eq(vlmc_writer_finish(writer, &total, &error), VLMC_OK, "%s", error.text);
    vlmc_writer_destroy(&writer);
    const content rest[] = {contents[0], contents[3], contents[4]};
    check_ok(k, params.path, rest, 3);
    vlmc_reader *reader = kit_open(k, params.path);
    const segments e = segments_of(reader, 2);
    cr_assert(e.n == 1 && e.list[0].tokenizer != 0 && e.list[0].first_token == 40000);
    vlmc_reader_destroy(&reader);
    free(good);
    free(joiner);
    free(other);
    free_kit(k);
}

Test(tokens, without_the_plugin_the_other_files_are_read_and_the_archive_is_listed)
{
    static const char *const names[] = {"good"}, *const others[] = {"joiner"};
    kit *k = make_kit(names, 1, false), *other = make_kit(others, 1, false);
    uint8_t *plain = malloc(20000), *claimed = claimed_bits("good", 50000, 2);
    fill_text(plain, 20000, 1);
    const content contents[] = {{"a", plain, 20000}, {"b", claimed, 50000}, {"c", plain, 9000}};
    const char *path = scratch(0, "missing.vlmc");
    kit_write(k, path, contents, 3, 0);
    for (uint32_t round = 0; round < 2; round++) {
        vlmc_reader *reader = kit_open(other, path);
        vlmc_error error = {0};
        if (round == 1)
            vlmc_reader_set_plugins(reader, NULL, NULL);
        cr_assert_str_eq(vlmc_reader_tokenizer(reader, 1).id, "good.xor");
        cr_assert_gt(vlmc_reader_packed_bytes(reader, 1), 1000);
        for (uint32_t i = 0; i < 3; i++) {
            comparison c = {.content = &contents[i]};
            const vlmc_status status = vlmc_reader_read(reader, i, compare_bytes, &c, &error);
            cr_assert_eq(status, i == 1 ? VLMC_ERROR_PLUGIN_MISSING : VLMC_OK);
            cr_assert_not(c.differs);
        }
        cr_assert_not_null(strstr(error.text, "good.xor"), "%s", error.text);
        vlmc_reader_destroy(&reader);
    }
    free(plain);
    free(claimed);
    free_kit(k);
    free_kit(other);
}

// Flips each bit, or with a larger `step` some of them; cuts at some bytes.
static void check_damage(kit *k, const content *c, size_t step)
{
    const char *path = scratch(0, "whole.vlmc"), *hurt = scratch(1, "hurt.vlmc");
    vlmc_error error = {0};
    k->coded = 0;
    kit_write(k, path, c, 1, 0);
    check_ok(k, path, c, 1);
    cr_assert_gt(k->coded, 4000);
    size_t size;
    uint8_t *bytes = load_file(path, &size);
    for (size_t bit = 0; bit < 8 * size; bit += step) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        save_file(hurt, bytes, size);
        const vlmc_status status = kit_check(k, hurt, c, 1, &error);
        cr_assert_eq(status, bit < 64 ? VLMC_ERROR_FORMAT : VLMC_ERROR_DAMAGED, "bit %zu: %d %s",
                     bit, status, error.text);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t n = 0; n < size; n += step + 2) {
        save_file(hurt, bytes, n);
        cr_assert_neq(kit_check(k, hurt, c, 1, &error), VLMC_OK, "%zu bytes", n);
    }
    free(bytes);
}

Test(tokens, every_flipped_bit_and_every_truncation_is_noticed)
{
    static const char *const names[] = {"good", "joiner"};
    static const size_t sizes[] = {4200, 16400};
    kit *k = make_kit(names, 2, false);
    for (uint32_t i = 0; i < 2; i++) {
        uint8_t *bytes = claimed_bits(names[i], sizes[i], 1);
        check_damage(k, &(content){"file", bytes, sizes[i]}, i == 0 ? 1 : 7);
        free(bytes);
    }
    free_kit(k);
}

// Two models in one archive, with engines for both.
typedef struct two_models {
    vlmc_model *plain, *tokens;
    uint32_t opened; // engines
} two_models;

static vlmc_status choose_one(void *user, const vlmc_tokenizer *tokenizer, const vlmc_model **model,
                              vlmc_error *error)
{
    const two_models *m = user;
    (void)error;
    *model = tokenizer ? m->tokens : m->plain;
    return VLMC_OK;
}

static vlmc_status find_one(void *user, const uint8_t *digest, const char *name,
                            const vlmc_model **model, vlmc_error *error)
{
    const two_models *m = user;
    *model = m->plain && memcmp(digest, m->plain->digest, 32) == 0     ? m->plain
             : m->tokens && memcmp(digest, m->tokens->digest, 32) == 0 ? m->tokens
                                                                       : NULL;
    return *model ? VLMC_OK : vlmc_fail(error, VLMC_ERROR_MODEL_MISSING, "no model \"%s\"", name);
}

static vlmc_status open_one(void *user, const vlmc_model *model, uint32_t max_streams,
                            uint32_t max_steps, vlmc_engine **engine, vlmc_error *error)
{
    two_models *m = user;
    const vlmc_engine_source tiny = tiny_engines(model);
    m->opened++;
    return tiny.open(tiny.user, model, max_streams, max_steps, engine, error);
}

Test(tokens, plain_bytes_and_tokens_have_models_of_their_own)
{
    static const char *const names[] = {"good"};
    kit *k = make_kit(names, 1, false);
    two_models models = {.plain = tiny_model(1), .tokens = tiny_model(2)};
    const vlmc_engine_source source = {
        .choose = choose_one, .find = find_one, .open = open_one, .user = &models};
    uint8_t *plain = malloc(60000), *claimed = claimed_bits("good", 40000, 3);
    fill_from_model(models.plain, plain, 60000, 1);
    const content contents[] = {{"a", plain, 30000},
                                {"b", claimed, 40000},
                                {"c", plain + 30000, 30000},
                                {"d", claimed, 40000}};
    vlmc_writer_params params = kit_params(k, scratch(0, "two.vlmc"));
    vlmc_error error = {0};
    params.engine = source;
    strcpy(models.tokens->modality, "test");
    write_with(&params, contents, 4, 0);
    cr_assert_eq(models.opened, 2, "one engine for each: %u", models.opened);

    vlmc_reader *reader;
    cr_assert_eq(vlmc_reader_open(params.path, &source, &reader, &error), VLMC_OK);
    vlmc_reader_set_plugins(reader, k->plugins, k->worker);
    cr_assert_eq(vlmc_reader_info(reader)->n_models, 2);
    cr_assert(memcmp(vlmc_reader_model(reader, 1).digest, models.tokens->digest, 32) == 0);
    cr_assert(memcmp(vlmc_reader_model(reader, 2).digest, models.plain->digest, 32) == 0);
    cr_assert_null(vlmc_reader_model(reader, 3).name);
    cr_assert_eq(check_entries(reader, contents, 4, &error), VLMC_OK, "%s", error.text);
    vlmc_reader_destroy(&reader);

    // Without the model of the tokens the other files are read.
    vlmc_model *gone = models.tokens;
    models.tokens = NULL;
    cr_assert_eq(vlmc_reader_open(params.path, &source, &reader, &error), VLMC_OK);
    vlmc_reader_set_plugins(reader, k->plugins, k->worker);
    for (uint32_t i = 0; i < 4; i++) {
        comparison c = {.content = &contents[i]};
        cr_assert_eq(vlmc_reader_read(reader, i, compare_bytes, &c, &error),
                     i % 2 ? VLMC_ERROR_MODEL_MISSING : VLMC_OK);
    }
    vlmc_reader_destroy(&reader);
    vlmc_model_destroy(&gone);
    vlmc_model_destroy(&models.plain);
    free(plain);
    free(claimed);
    free_kit(k);
}
