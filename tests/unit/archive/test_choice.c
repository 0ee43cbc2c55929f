// SPDX-License-Identifier: Apache-2.0
// Which of model, mixer alone, zstd and stored a group gets.
#include "archive_support.h"
#include "codec/level.h"
#include "codec/method.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static vlmc_status choose_none(void *user, const vlmc_tokenizer *tokenizer,
                               const vlmc_model **model, vlmc_error *error)
{
    (void)user;
    (void)tokenizer;
    (void)error;
    *model = NULL;
    return VLMC_OK;
}

static size_t pack_as(const char *path, const vlmc_model *model, bool alone, uint32_t level,
                      uint32_t group_bytes, uint64_t beside_bytes, const content *content)
{
    vlmc_writer_params params = {
        .path = path,
        .replace = true,
        .beside_bytes = beside_bytes,
        .engine = tiny_engines(model),
        .level = vlmc_level_of(level),
        .group_bytes = group_bytes,
    };
    if (alone)
        params.engine.choose = choose_none;
    vlmc_writer *writer;
    uint64_t size;
    const vlmc_entry entry = {.path = content->path, .mode = 0644};
    source s = {.content = content};
    vlmc_error error = {0};
    cr_assert_eq(vlmc_writer_create(&params, &writer, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(vlmc_writer_add(writer, &entry, read_source, &s, &error), VLMC_OK, "%s",
                 error.text);
    cr_assert_eq(vlmc_writer_finish(writer, &size, &error), VLMC_OK, "%s", error.text);
    vlmc_writer_destroy(&writer);
    return (size_t)size;
}

// Packs one file, with the model or with the mixer alone, and reads it back; the archive's size. It
// is the same with a second thread.
static size_t pack(const vlmc_model *model, bool alone, uint32_t level, uint32_t group_bytes,
                   const uint8_t *bytes, size_t n)
{
    const content c = {"file", bytes, n};
    const char *path = scratch(0, "choice.vlmc"), *other = scratch(1, "second.vlmc");
    vlmc_error error = {0};
    const size_t size = pack_as(path, model, alone, level, group_bytes, 0, &c);
    cr_assert_eq(pack_as(other, model, alone, level, group_bytes, UINT64_MAX, &c), size);
    size_t sizes[2];
    uint8_t *one = load_file(path, &sizes[0]), *two = load_file(other, &sizes[1]);
    cr_assert(sizes[0] == size && sizes[1] == size && memcmp(one, two, size) == 0);
    free(one);
    free(two);
    cr_assert_eq(check_archive(path, &c, 1, model, &error), VLMC_OK, "%s", error.text);
    return size;
}

// What programs write about themselves: lines that say nearly the same again and again.
static void fill_transcript(uint8_t *bytes, size_t n)
{
    static const char *const calls[] = {"read_file", "list_folder", "run_tests", "write_file"};
    uint8_t chance[4];
    for (size_t at = 0, line = 0; at < n; line++) {
        char text[400];
        fill_random(chance, sizeof chance, line);
        const int length = snprintf(
            text, sizeof text,
            "{\"time\":\"2026-01-07T%02zu:%02zu:%02u.%03uZ\",\"role\":\"%s\",\"call\":\"%s\","
            "\"path\":\"src/part_%u/file_%u.c\",\"text\":\"The quick brown fox jumps over the lazy "
            "dog, and nobody asks why it was the dog.\"}\n",
            line / 60 % 24, line % 60, chance[0] % 60u, chance[1] * 3u,
            line % 3 ? "assistant" : "user", calls[chance[2] % 4], chance[3] % 7u, chance[3] % 50u);
        for (int i = 0; i < length && at < n; i++)
            bytes[at++] = (uint8_t)text[i];
    }
}

static void check_no_larger(uint32_t level, uint32_t group_bytes, const uint8_t *bytes, size_t n)
{
    vlmc_model *model = tiny_model(1);
    const size_t with = pack(model, false, level, group_bytes, bytes, n);
    const size_t without = pack(model, true, level, group_bytes, bytes, n);
    cr_assert_leq(with, without, "%zu bytes with a model, %zu without", with, without);
    vlmc_model_destroy(&model);
}

Test(choice, a_model_never_makes_an_archive_larger_than_the_mixer_alone_does)
{
    enum { N = 300000 };
    uint8_t *bytes = malloc(N);
    fill_transcript(bytes, N);
    check_no_larger(0, 0, bytes, N);
    check_no_larger(3, 1u << 16, bytes, N);
    fill_text(bytes, N / 4, 1);
    check_no_larger(0, 0, bytes, N / 4);
    fill_random(bytes, N / 10, 1); // noise that repeats
    memcpy(bytes + N / 10, bytes, N / 10);
    check_no_larger(VLMC_LEVEL_MAX, 0, bytes, N / 5);
    free(bytes);
}

Test(choice, a_group_of_the_mixer_alone_needs_no_model_to_be_read)
{
    enum { N = 100000 };
    vlmc_model *model = tiny_model(1);
    uint8_t *bytes = malloc(N);
    fill_transcript(bytes, N);
    pack(model, false, 0, 0, bytes, N); // the model is random, and says nothing
    vlmc_reader *reader;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_reader_open(scratch(0, "choice.vlmc"), NULL, &reader, &error), VLMC_OK, "%s",
                 error.text);
    cr_assert_eq(vlmc_reader_group(reader, 0)->method, VLMC_GROUP_MODEL);
    cr_assert_eq(vlmc_reader_group(reader, 0)->model, 0);
    const content c = {"file", bytes, N};
    cr_assert_eq(check_entries(reader, &c, 1, &error), VLMC_OK, "%s", error.text);
    vlmc_reader_destroy(&reader);
    free(bytes);
    vlmc_model_destroy(&model);
}

Test(choice, levels_without_models_never_need_one)
{
    enum { N = 20000 };
    vlmc_model *model = tiny_model(1);
    uint8_t *bytes = malloc(N);
    fill_text(bytes, N, 2);
    for (uint32_t level = VLMC_LEVEL_MIN; level <= VLMC_LEVEL_MAX; level++) {
        pack(model, false, level, 0, bytes, N);
        vlmc_reader *reader;
        vlmc_error error = {0};
        cr_assert_eq(vlmc_reader_open(scratch(0, "choice.vlmc"), NULL, &reader, &error), VLMC_OK);
        cr_assert_eq(vlmc_reader_group(reader, 0)->method, VLMC_GROUP_MODEL, "level %u", level);
        if (!vlmc_level_of(level)->models)
            cr_assert_eq(vlmc_reader_info(reader)->n_models, 0, "level %u", level);
        vlmc_reader_destroy(&reader);
    }
    free(bytes);
    vlmc_model_destroy(&model);
}
