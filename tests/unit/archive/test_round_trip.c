// SPDX-License-Identifier: Apache-2.0
#include "archive_support.h"
#include "codec/group.h"
#include "codec/level.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void check_one(const content *c, const vlmc_model *model, uint32_t n_groups)
{
    const char *path = scratch(0, "one.vlmc");
    vlmc_error error = {0};
    write_archive(path, c, 1, model);
    cr_assert_eq(check_archive(path, c, 1, model, &error), VLMC_OK, "%s", error.text);
    vlmc_reader *reader;
    cr_assert_eq(vlmc_reader_open(path, NULL, &reader, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(vlmc_reader_info(reader)->n_groups, n_groups);
    cr_assert_eq(vlmc_reader_info(reader)->content_bytes, c->size);
    vlmc_reader_destroy(&reader);
}

Test(archive, files_of_all_sizes_and_kinds_come_back)
{
    vlmc_model *model = tiny_model(1);
    static const size_t sizes[] = {0, 1, 2, 300, 6145, 70000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t n = sizes[i];
        uint8_t *bytes = malloc(n ? n : 1);
        const content c = {"file", bytes, n}, zeros = {"zeros", NULL, n};
        fill_random(bytes, n, i);
        check_one(&c, model, n > 0);
        fill_text(bytes, n, i);
        check_one(&c, model, n > 0);
        check_one(&zeros, model, n > 0);
        check_one(&c, NULL, n > 0);
        free(bytes);
    }
    vlmc_model_destroy(&model);
}

Test(archive, content_beyond_a_group_is_cut_into_groups)
{
    const size_t n = 2 * VLMC_GROUP_BYTES_DEFAULT + 5;
    uint8_t *bytes = malloc(n);
    fill_random(bytes, n, 3);
    check_one(&(content){"three", bytes, n}, NULL, 3);
    check_one(&(content){"two", bytes, n - 5}, NULL, 2);
    check_one(&(content){"zeros", NULL, 40 * n}, NULL, 81);
    free(bytes);
}

// Writes one file in groups of up to group_bytes and reads it back; returns the reader.
static vlmc_reader *check_groups_of(uint32_t group_bytes, const content *c, const vlmc_model *model)
{
    const vlmc_writer_params params = {
        .path = scratch(0, "groups.vlmc"),
        .replace = true,
        .engine = model ? tiny_engines(model) : (vlmc_engine_source){0},
        .group_bytes = group_bytes,
    };
    const vlmc_engine_source engines = params.engine;
    vlmc_writer *writer;
    vlmc_reader *reader;
    vlmc_error error = {0};
    uint64_t bytes;
    source s = {.content = c};
    cr_assert_eq(vlmc_writer_create(&params, &writer, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(vlmc_writer_add(writer, &(vlmc_entry){.path = c->path}, read_source, &s, &error),
                 VLMC_OK, "%s", error.text);
    cr_assert_eq(vlmc_writer_finish(writer, &bytes, &error), VLMC_OK, "%s", error.text);
    vlmc_writer_destroy(&writer);
    cr_assert_eq(vlmc_reader_open(params.path, &engines, &reader, &error), VLMC_OK, "%s",
                 error.text);
    cr_assert_eq(check_entries(reader, c, 1, &error), VLMC_OK, "%s", error.text);
    return reader;
}

Test(archive, groups_are_as_large_as_the_writer_is_told)
{
    static const struct {
        uint32_t group_bytes, groups;
    } cases[] = {{1u << 16, 81}, {0, 6}, {3000000, 2}, {1u << 26, 1}};
    const size_t n = 5 * VLMC_GROUP_BYTES_DEFAULT + 100;
    uint8_t *bytes = malloc(n);
    fill_random(bytes, n, 3);
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vlmc_reader *reader =
            check_groups_of(cases[i].group_bytes, &(content){"noise", bytes, n}, NULL);
        cr_assert_eq(vlmc_reader_info(reader)->n_groups, cases[i].groups);
        vlmc_reader_destroy(&reader);
    }
    free(bytes);
    vlmc_writer *writer;
    vlmc_error error = {0};
    for (uint32_t i = 0; i < 2; i++) {
        const vlmc_writer_params params = {.path = scratch(0, "none.vlmc"),
                                           .group_bytes = i ? (1u << 26) + 1 : 65535};
        cr_assert_eq(vlmc_writer_create(&params, &writer, &error), VLMC_ERROR_USAGE);
    }
}

Test(archive, a_group_beyond_a_mebibyte_goes_through_the_mixer)
{
    vlmc_model *model = tiny_model(1);
    const size_t n = VLMC_GROUP_BYTES_DEFAULT + VLMC_GROUP_BYTES_DEFAULT / 3;
    uint8_t *bytes = malloc(n);
    fill_text(bytes, n, 5);
    vlmc_reader *reader = check_groups_of(1u << 21, &(content){"text", bytes, n}, model);
    cr_assert_eq(vlmc_reader_info(reader)->n_groups, 1);
    cr_assert_eq(vlmc_reader_group(reader, 0)->method, VLMC_GROUP_MODEL);
    cr_assert_eq(vlmc_reader_group(reader, 0)->model, 0, "a random model says nothing of it");
    cr_assert_eq(vlmc_reader_group(reader, 0)->streams, 1);
    vlmc_reader_destroy(&reader);
    free(bytes);
    vlmc_model_destroy(&model);
}

Test(archive, zstd_finds_what_a_large_group_repeats_far_behind)
{
    const size_t part = 100000, n = 9u << 20;
    uint8_t *bytes = calloc(1, n);
    fill_random(bytes, part, 1);
    memcpy(bytes + n - part, bytes, part);
    vlmc_reader *reader = check_groups_of(1u << 24, &(content){"far", bytes, n}, NULL);
    cr_assert_eq(vlmc_reader_info(reader)->n_groups, 1);
    cr_assert_lt(vlmc_reader_group(reader, 0)->packed_bytes, part + part / 10);
    vlmc_reader_destroy(&reader);
    free(bytes);
}

Test(archive, a_long_run_of_noise_within_a_file_is_a_group_of_its_own)
{
    const size_t n = 3000000, from = 800000, to = 2000000;
    uint8_t *bytes = malloc(n);
    fill_text(bytes, n, 1);
    fill_random(bytes + from, to - from, 1);
    vlmc_reader *reader = check_groups_of(1u << 22, &(content){"mixed", bytes, n}, NULL);
    cr_assert_eq(vlmc_reader_info(reader)->n_groups, 3);
    for (uint32_t g = 0; g < 3; g++)
        cr_assert_eq(vlmc_reader_group(reader, g)->method,
                     g == 1 ? VLMC_GROUP_STORED : VLMC_GROUP_ZSTD);
    cr_assert_gt(vlmc_reader_group(reader, 1)->raw_bytes, to - from - (2u << 18));
    vlmc_reader_destroy(&reader);
    // A shorter one is not worth it.
    fill_text(bytes, n, 1);
    fill_random(bytes + from, 200000, 1);
    reader = check_groups_of(1u << 22, &(content){"mixed", bytes, n}, NULL);
    cr_assert_eq(vlmc_reader_info(reader)->n_groups, 1);
    vlmc_reader_destroy(&reader);
    free(bytes);
}

Test(archive, what_a_model_predicts_is_packed_by_it_and_names_it)
{
    vlmc_model *model = tiny_model(7);
    uint8_t *bytes = malloc(50000);
    fill_from_model(model, bytes, 50000, 7);
    const content c = {"text", bytes, 50000};
    write_archive(scratch(0, "text.vlmc"), &c, 1, model);
    vlmc_reader *reader;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_reader_open(scratch(0, "text.vlmc"), NULL, &reader, &error), VLMC_OK);
    const vlmc_archive_info *info = vlmc_reader_info(reader);
    cr_assert(info->has_model);
    cr_assert(memcmp(info->model_digest, model->digest, 32) == 0);
    cr_assert_str_eq(info->model_name, model->name);
    const vlmc_group_info *group = vlmc_reader_group(reader, 0);
    cr_assert_eq(group->method, VLMC_GROUP_MODEL);
    cr_assert_eq(group->model, 1);
    cr_assert_eq(group->streams, vlmc_cut_streams(50000, 1, vlmc_level_of(0)->stream_tokens));
    cr_assert_eq(vlmc_reader_packed_bytes(reader, 0), group->packed_bytes);
    vlmc_reader_destroy(&reader);
    free(bytes);
    vlmc_model_destroy(&model);
}

Test(archive, many_small_files_share_a_group_and_are_prorated)
{
    enum { N = 3000 };
    static content contents[N];
    static char paths[N][24];
    static uint8_t bytes[N * 20];
    fill_text(bytes, sizeof bytes, 2);
    size_t at = 0;
    for (uint32_t i = 0; i < N; i++) {
        snprintf(paths[i], sizeof paths[i], "d%u/f%u", i / 100, i);
        contents[i] = (content){paths[i], bytes + at, i % 20};
        at += i % 20;
    }
    vlmc_model *model = tiny_model(1);
    const char *path = scratch(0, "many.vlmc");
    vlmc_error error = {0};
    write_archive(path, contents, N, model);
    cr_assert_eq(check_archive(path, contents, N, model, &error), VLMC_OK, "%s", error.text);
    vlmc_reader *reader;
    cr_assert_eq(vlmc_reader_open(path, NULL, &reader, &error), VLMC_OK);
    cr_assert_eq(vlmc_reader_info(reader)->n_groups, 1);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < N; i++)
        sum += vlmc_reader_packed_bytes(reader, i);
    const uint64_t packed = vlmc_reader_group(reader, 0)->packed_bytes;
    cr_assert(sum <= packed && sum > packed / 2);
    vlmc_reader_destroy(&reader);
    vlmc_model_destroy(&model);
}

Test(archive, text_and_packed_files_do_not_share_a_group)
{
    enum { N = 300000 };
    uint8_t *text = malloc(N), *noise = malloc(2 * N);
    fill_text(text, N, 1);
    fill_random(noise, 2 * N, 1);
    const content contents[] = {
        {"a", text, 100000},
        {"noise", noise, N},
        {"little-noise", noise, 900},
        {"b", text + 100000, 9000},
        {"c", text, 0},
        {"d", text + 109000, 100},
        {"e", text + 109100, 120000},
        {"noise2", noise + N, 70000},
    };
    const uint32_t n = sizeof contents / sizeof *contents;
    const char *path = scratch(0, "mixed.vlmc");
    vlmc_error error = {0};
    write_archive(path, contents, n, NULL);
    cr_assert_eq(check_archive(path, contents, n, NULL, &error), VLMC_OK, "%s", error.text);
    vlmc_reader *reader;
    cr_assert_eq(vlmc_reader_open(path, NULL, &reader, &error), VLMC_OK);
    static const uint32_t sizes[] = {100000, N + 900, 9000 + 100 + 120000, 70000};
    cr_assert_eq(vlmc_reader_info(reader)->n_groups, 4);
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_eq(vlmc_reader_group(reader, i)->raw_bytes, sizes[i]);
        cr_assert_eq(vlmc_reader_group(reader, i)->method,
                     i % 2 ? VLMC_GROUP_STORED : VLMC_GROUP_ZSTD);
    }
    vlmc_reader_destroy(&reader);
    free(text);
    free(noise);
}

Test(archive, names_links_modes_and_times_come_back)
{
    const vlmc_entry entries[] = {
        {.path = "a", .type = VLMC_ENTRY_FOLDER, .mode = 0755, .mtime_seconds = -5},
        {.path = "a/\xff\x01 name",
         .mode = 04711,
         .mtime_seconds = INT64_MAX,
         .mtime_ns = 999999999},
        {.path = "a/l", .type = VLMC_ENTRY_SYMLINK, .link = "../b", .mode = 0777},
        {.path = "..a/...", .mtime_seconds = INT64_MIN},
    };
    enum { N = sizeof entries / sizeof *entries };
    const content c = {"", (const uint8_t *)"hello", 5};
    const vlmc_writer_params params = {.path = scratch(0, "meta.vlmc"), .replace = true};
    vlmc_writer *writer;
    vlmc_error error = {0};
    uint64_t bytes;
    cr_assert_eq(vlmc_writer_create(&params, &writer, &error), VLMC_OK, "%s", error.text);
    for (uint32_t i = 0; i < N; i++) {
        source s = {.content = &c};
        const bool file = entries[i].type == VLMC_ENTRY_FILE;
        cr_assert_eq(vlmc_writer_add(writer, &entries[i], file ? read_source : NULL, &s, &error),
                     VLMC_OK, "%s", error.text);
    }
    cr_assert_eq(vlmc_writer_finish(writer, &bytes, &error), VLMC_OK, "%s", error.text);
    vlmc_writer_destroy(&writer);

    vlmc_reader *reader;
    cr_assert_eq(vlmc_reader_open(params.path, NULL, &reader, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(vlmc_reader_info(reader)->n_entries, N);
    cr_assert_eq(vlmc_reader_info(reader)->archive_bytes, bytes);
    for (uint32_t i = 0; i < N; i++) {
        const vlmc_entry *e = vlmc_reader_entry(reader, i);
        cr_assert_str_eq(e->path, entries[i].path);
        cr_assert_eq(e->type, entries[i].type);
        cr_assert_eq(e->mode, entries[i].mode);
        cr_assert_eq(e->mtime_seconds, entries[i].mtime_seconds);
        cr_assert_eq(e->mtime_ns, entries[i].mtime_ns);
        cr_assert_eq(e->size_bytes, e->type == VLMC_ENTRY_FILE ? 5 : 0);
        if (entries[i].link)
            cr_assert_str_eq(e->link, entries[i].link);
        else
            cr_assert_null(e->link);
    }
    cr_assert_null(vlmc_reader_entry(reader, N));
    cr_assert_null(vlmc_reader_group(reader, 1));
    comparison compare = {.content = &c};
    cr_assert_eq(vlmc_reader_read(reader, 0, compare_bytes, &compare, &error), VLMC_ERROR_USAGE);
    vlmc_reader_destroy(&reader);
}

Test(archive, the_same_input_gives_the_same_archive_however_it_is_read)
{
    vlmc_model *model = tiny_model(1);
    uint8_t *bytes = malloc(40000);
    fill_text(bytes, 40000, 4);
    const content c = {"text", bytes, 40000};
    size_t first_size, size;
    write_archive(scratch(0, "first.vlmc"), &c, 1, model);
    uint8_t *first = load_file(scratch(0, "first.vlmc"), &first_size);
    for (size_t at_most = 1; at_most < 50000; at_most = at_most * 13 + 4) {
        vlmc_writer_params params = {
            .path = scratch(1, "again.vlmc"), .replace = true, .engine = tiny_engines(model)};
        const vlmc_entry entry = {
            .path = "text", .mode = 0644, .mtime_seconds = 1, .mtime_ns = 500000000};
        vlmc_writer *writer;
        vlmc_error error = {0};
        uint64_t total;
        source s = {.content = &c, .at_most = at_most};
        cr_assert_eq(vlmc_writer_create(&params, &writer, &error), VLMC_OK, "%s", error.text);
        cr_assert_eq(vlmc_writer_add(writer, &entry, read_source, &s, &error), VLMC_OK);
        cr_assert_eq(vlmc_writer_finish(writer, &total, &error), VLMC_OK, "%s", error.text);
        vlmc_writer_destroy(&writer);
        uint8_t *again = load_file(params.path, &size);
        cr_assert(size == first_size && memcmp(first, again, size) == 0);
        free(again);
    }
    free(first);
    free(bytes);
    vlmc_model_destroy(&model);
}

typedef struct drain {
    int fd;
    uint8_t bytes[100000];
    size_t size;
} drain;

static void *drain_pipe(void *user)
{
    drain *d = user;
    ssize_t got;
    while ((got = read(d->fd, d->bytes + d->size, sizeof d->bytes - d->size)) > 0)
        d->size += (size_t)got;
    return NULL;
}

Test(archive, a_pipe_receives_the_same_bytes_as_a_file)
{
    uint8_t *bytes = malloc(90000);
    fill_random(bytes, 90000, 4);
    const content c = {"noise", bytes, 90000};
    write_archive(scratch(0, "file.vlmc"), &c, 1, NULL);
    size_t size;
    uint8_t *expected = load_file(scratch(0, "file.vlmc"), &size);

    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    static drain d;
    d.fd = ends[0];
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, drain_pipe, &d), 0);
    const vlmc_writer_params params = {.fd = ends[1]};
    const vlmc_entry entry = {
        .path = "noise", .mode = 0644, .mtime_seconds = 1, .mtime_ns = 500000000};
    vlmc_writer *writer;
    vlmc_error error = {0};
    uint64_t total;
    source s = {.content = &c};
    cr_assert_eq(vlmc_writer_create(&params, &writer, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(vlmc_writer_add(writer, &entry, read_source, &s, &error), VLMC_OK);
    cr_assert_eq(vlmc_writer_finish(writer, &total, &error), VLMC_OK, "%s", error.text);
    vlmc_writer_destroy(&writer);
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
    cr_assert_eq(total, size);
    cr_assert(d.size == size && memcmp(d.bytes, expected, size) == 0);
    free(expected);
    free(bytes);
}

Test(archive, random_data_grows_by_less_than_a_thousandth)
{
    const size_t n = 3 * VLMC_GROUP_BYTES_DEFAULT;
    uint8_t *bytes = malloc(n);
    fill_random(bytes, n, 11);
    write_archive(scratch(0, "noise.vlmc"), &(content){"noise", bytes, n}, 1, NULL);
    struct stat st;
    cr_assert_eq(stat(scratch(0, "noise.vlmc"), &st), 0);
    cr_assert((size_t)st.st_size > n && (size_t)st.st_size < n + n / 1000);
    free(bytes);
}

typedef struct progress {
    uint64_t last, packed;
    uint32_t calls, stop_after;
} progress;

static bool note(void *user, uint64_t bytes_done, uint64_t packed_bytes)
{
    progress *p = user;
    cr_assert(bytes_done >= p->last && packed_bytes >= p->packed);
    p->last = bytes_done;
    p->packed = packed_bytes;
    return ++p->calls < p->stop_after;
}

Test(archive, progress_is_told_and_can_stop_writing_and_reading)
{
    vlmc_model *model = tiny_model(1);
    const size_t n = VLMC_GROUP_BYTES_DEFAULT + 60000;
    uint8_t *bytes = malloc(n);
    fill_text(bytes, n, 5);
    const content c = {"text", bytes, n};
    const char *path = scratch(0, "stopped.vlmc");
    unlink(path);
    for (uint32_t stop = 1; stop <= 2; stop++) {
        progress p = {.stop_after = stop == 1 ? 5 : UINT32_MAX};
        const vlmc_writer_params params = {
            .path = path,
            .engine = tiny_engines(model),
            .progress = note,
            .progress_user = &p,
        };
        const vlmc_entry entry = {.path = "text"};
        source s = {.content = &c};
        vlmc_writer *writer;
        vlmc_error error = {0};
        uint64_t total;
        cr_assert_eq(vlmc_writer_create(&params, &writer, &error), VLMC_OK, "%s", error.text);
        // The group may still be in work when its file has been added.
        const vlmc_status added = vlmc_writer_add(writer, &entry, read_source, &s, &error);
        const vlmc_status finished = vlmc_writer_finish(writer, &total, &error);
        cr_assert(stop == 1 ? added == VLMC_ERROR_INTERRUPTED || finished == VLMC_ERROR_INTERRUPTED
                            : added == VLMC_OK && finished == VLMC_OK);
        cr_assert_eq(finished == VLMC_ERROR_USAGE, added != VLMC_OK);
        vlmc_writer_destroy(&writer);
        cr_assert_eq(exists(path), stop == 2);
        cr_assert(stop == 1 || p.last == n);
    }
    const vlmc_engine_source engines = tiny_engines(model);
    vlmc_reader *reader;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_reader_open(path, &engines, &reader, &error), VLMC_OK);
    progress p = {.stop_after = 3};
    vlmc_reader_set_progress(reader, note, &p);
    comparison compare = {.content = &c};
    cr_assert_eq(vlmc_reader_read(reader, 0, compare_bytes, &compare, &error),
                 VLMC_ERROR_INTERRUPTED);
    vlmc_reader_destroy(&reader);
    free(bytes);
    vlmc_model_destroy(&model);
}

Test(archive, an_archive_of_nothing_is_an_archive)
{
    write_archive(scratch(0, "nothing.vlmc"), NULL, 0, NULL);
    vlmc_error error = {0};
    cr_assert_eq(check_archive(scratch(0, "nothing.vlmc"), NULL, 0, NULL, &error), VLMC_OK, "%s",
                 error.text);
}
