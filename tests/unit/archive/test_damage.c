// SPDX-License-Identifier: Apache-2.0
#include "archive_support.h"
#include "codec/group.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// An archive with a model group of a few files, and what it holds.
typedef struct sample {
    vlmc_model *model;
    uint8_t bits[2500];
    content contents[3];
    uint8_t *bytes;
    size_t size;
} sample;

static sample *make_sample(void)
{
    sample *s = calloc(1, sizeof *s);
    s->model = tiny_model(4);
    fill_from_model(s->model, s->bits, sizeof s->bits, 4); // a small archive in which it wins
    s->contents[0] = (content){"a", s->bits, 1500};
    s->contents[1] = (content){"empty", s->bits, 0};
    s->contents[2] = (content){"b/c", s->bits + 1500, 1000};
    write_archive(scratch(0, "sample.vlmc"), s->contents, 3, s->model);
    s->bytes = load_file(scratch(0, "sample.vlmc"), &s->size);
    return s;
}

static void free_sample(sample *s)
{
    vlmc_model_destroy(&s->model);
    free(s->bytes);
    free(s);
}

// What an archive of these bytes says.
static vlmc_status verdict(const sample *s, const uint8_t *bytes, size_t size, vlmc_error *error)
{
    const char *path = scratch(1, "hurt.vlmc");
    save_file(path, bytes, size);
    return check_archive(path, s->contents, 3, s->model, error);
}

Test(damage, the_sample_is_whole_and_uses_the_model)
{
    sample *s = make_sample();
    vlmc_error error = {0};
    cr_assert_eq(verdict(s, s->bytes, s->size, &error), VLMC_OK, "%s", error.text);
    vlmc_reader *reader;
    cr_assert_eq(vlmc_reader_open(scratch(0, "sample.vlmc"), NULL, &reader, &error), VLMC_OK);
    cr_assert_eq(vlmc_reader_group(reader, 0)->method, VLMC_GROUP_MODEL);
    cr_assert_eq(vlmc_reader_group(reader, 0)->model, 1);
    vlmc_reader_destroy(&reader);
    free_sample(s);
}

Test(damage, every_truncation_is_an_error)
{
    sample *s = make_sample();
    for (size_t size = 0; size < s->size; size++) {
        vlmc_error error = {0};
        const vlmc_status status = verdict(s, s->bytes, size, &error);
        cr_assert_eq(status, size < 8 ? VLMC_ERROR_FORMAT : VLMC_ERROR_DAMAGED, "%zu bytes: %d %s",
                     size, status, error.text);
        cr_assert(strlen(error.text) > 10);
    }
    free_sample(s);
}

Test(damage, every_flipped_bit_is_an_error)
{
    sample *s = make_sample();
    for (size_t bit = 0; bit < 8 * s->size; bit++) {
        s->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        vlmc_error error = {0};
        const vlmc_status status = verdict(s, s->bytes, s->size, &error);
        cr_assert_eq(status, bit < 64 ? VLMC_ERROR_FORMAT : VLMC_ERROR_DAMAGED, "bit %zu: %d %s",
                     bit, status, error.text);
        s->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    free_sample(s);
}

Test(damage, bytes_that_are_missing_added_or_zero_are_an_error)
{
    sample *s = make_sample();
    uint8_t *changed = malloc(s->size + 1);
    vlmc_error error = {0};
    for (size_t at = 0; at < s->size; at += 3) {
        memcpy(changed, s->bytes, at);
        memcpy(changed + at, s->bytes + at + 1, s->size - at - 1);
        cr_assert_neq(verdict(s, changed, s->size - 1, &error), VLMC_OK);
        memcpy(changed + at, s->bytes + at - (at > 0), s->size - at + (at > 0));
        if (at > 0)
            cr_assert_neq(verdict(s, changed, s->size + 1, &error), VLMC_OK);
    }
    for (size_t at = 0; at + 40 < s->size; at += 20) {
        memcpy(changed, s->bytes, s->size);
        memset(changed + at, 0, 40);
        cr_assert_neq(verdict(s, changed, s->size, &error), VLMC_OK);
    }
    free(changed);
    free_sample(s);
}

Test(damage, a_bad_group_costs_its_own_bytes_only)
{
    const size_t n = 3 * VLMC_GROUP_BYTES_DEFAULT;
    uint8_t *bytes = malloc(n);
    fill_random(bytes, n, 2);
    const content contents[] = {
        {"first", bytes, VLMC_GROUP_BYTES_DEFAULT - 100},
        {"crossing", bytes + VLMC_GROUP_BYTES_DEFAULT - 100, 200},
        {"second", bytes + VLMC_GROUP_BYTES_DEFAULT + 100, 1000},
        {"third", bytes + 2 * VLMC_GROUP_BYTES_DEFAULT + 50, 5000},
        {"rest", bytes + VLMC_GROUP_BYTES_DEFAULT + 1100, VLMC_GROUP_BYTES_DEFAULT},
        {"last", bytes + 2 * VLMC_GROUP_BYTES_DEFAULT, 1000},
    };
    const char *path = scratch(0, "groups.vlmc");
    write_archive(path, contents, 6, NULL);
    size_t size;
    uint8_t *archive = load_file(path, &size);
    archive[VLMC_GROUP_BYTES_DEFAULT + 5000] ^= 1; // in the second group
    save_file(path, archive, size);

    vlmc_reader *reader;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_reader_open(path, NULL, &reader, &error), VLMC_OK, "%s", error.text);
    static const bool lost[] = {false, true, true, true, true, false};
    for (uint32_t i = 0; i < 6; i++) {
        comparison c = {.content = &contents[i]};
        const vlmc_status status = vlmc_reader_read(reader, i, compare_bytes, &c, &error);
        cr_assert_eq(status, lost[i] ? VLMC_ERROR_DAMAGED : VLMC_OK, "%s", contents[i].path);
        cr_assert_not(c.differs);
        if (lost[i])
            cr_assert_not_null(strstr(error.text, contents[i].path), "%s", error.text);
    }
    cr_assert_eq(vlmc_reader_check_group(reader, 0, &error), VLMC_OK);
    cr_assert_eq(vlmc_reader_check_group(reader, 1, &error), VLMC_ERROR_DAMAGED);
    cr_assert_eq(vlmc_reader_check_group(reader, 2, &error), VLMC_OK);
    cr_assert_eq(vlmc_reader_check_group(reader, 3, &error), VLMC_ERROR_USAGE);
    vlmc_reader_destroy(&reader);
    free(archive);
    free(bytes);
}

Test(damage, an_engine_that_computes_something_else_is_noticed)
{
    sample *s = make_sample();
    vlmc_model *other = tiny_model(2);
    memcpy(other->digest, s->model->digest, sizeof other->digest);
    vlmc_error error = {0};
    cr_assert_eq(check_archive(scratch(0, "sample.vlmc"), s->contents, 3, other, &error),
                 VLMC_ERROR_DAMAGED);
    cr_assert_not_null(strstr(error.text, "device"), "%s", error.text);
    vlmc_model_destroy(&other);
    free_sample(s);
}

Test(damage, another_model_or_none_is_said)
{
    sample *s = make_sample();
    vlmc_model *other = tiny_model(2);
    vlmc_error error = {0};
    cr_assert_eq(check_archive(scratch(0, "sample.vlmc"), s->contents, 3, other, &error),
                 VLMC_ERROR_MODEL_MISSING);
    cr_assert_eq(check_archive(scratch(0, "sample.vlmc"), s->contents, 3, NULL, &error),
                 VLMC_ERROR_MODEL_MISSING);
    cr_assert_not_null(strstr(error.text, s->model->name), "%s", error.text);
    vlmc_model_destroy(&other);
    free_sample(s);
}
