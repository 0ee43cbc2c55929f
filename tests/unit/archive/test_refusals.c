// SPDX-License-Identifier: Apache-2.0
#include "archive/format.h"
#include "archive/index.h"
#include "archive_support.h"
#include "util/bytes.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

static vlmc_status open_status(const char *path, vlmc_error *error)
{
    vlmc_reader *reader;
    const vlmc_status status = vlmc_reader_open(path, NULL, &reader, error);
    cr_assert_eq(reader != NULL, status == VLMC_OK);
    vlmc_reader_destroy(&reader);
    return status;
}

static vlmc_status write_one(vlmc_writer_params params, const content *c, vlmc_error *error)
{
    vlmc_writer *writer;
    uint64_t total;
    vlmc_status status = vlmc_writer_create(&params, &writer, error);
    if (status != VLMC_OK)
        return status;
    source s = {.content = c};
    status = vlmc_writer_add(writer, &(vlmc_entry){.path = c->path}, read_source, &s, error);
    if (status == VLMC_OK)
        status = vlmc_writer_finish(writer, &total, error);
    vlmc_writer_destroy(&writer);
    return status;
}

// No name of the scratch folder starts with `name`.
static bool nothing_left(const char *name)
{
    DIR *folder = opendir(scratch(7, "."));
    bool nothing = true;
    for (struct dirent *e; (e = readdir(folder));)
        nothing = nothing && strncmp(e->d_name, name, strlen(name)) != 0;
    closedir(folder);
    return nothing;
}

Test(refusals, what_is_not_an_archive_is_said)
{
    vlmc_error error = {0};
    const char *path = scratch(0, "plain.txt");
    uint8_t bytes[5000];
    for (size_t n = 0; n < sizeof bytes; n = 3 * n + 1) {
        fill_text(bytes, n, 1);
        save_file(path, bytes, n);
        cr_assert_eq(open_status(path, &error), VLMC_ERROR_FORMAT);
        cr_assert_not_null(strstr(error.text, "not a vlmc archive"), "%s", error.text);
    }
    cr_assert_eq(open_status(scratch(1, "is-not-there"), &error), VLMC_ERROR_IO);
    cr_assert_not_null(strstr(error.text, "No such file"), "%s", error.text);
    cr_assert_eq(open_status(scratch(1, "."), &error), VLMC_ERROR_FORMAT);
    cr_assert_eq(open_status("/dev/null", &error), VLMC_ERROR_FORMAT);
}

Test(refusals, an_archive_of_a_newer_version_asks_for_a_newer_vlmc)
{
    const content c = {"x", (const uint8_t *)"x", 1};
    const char *path = scratch(0, "newer.vlmc");
    write_archive(path, &c, 1, NULL);
    size_t size;
    uint8_t *bytes = load_file(path, &size);
    vlmc_store16(bytes + 8, VLMC_FORMAT_VERSION + 1);
    vlmc_store32(bytes + 12, (uint32_t)XXH3_64bits(bytes, 12));
    save_file(path, bytes, size);
    vlmc_error error = {0};
    cr_assert_eq(open_status(path, &error), VLMC_ERROR_FORMAT);
    cr_assert_not_null(strstr(error.text, "newer vlmc"), "%s", error.text);
    free(bytes);
}

Test(refusals, an_existing_output_is_kept_unless_replacing_is_permitted)
{
    const content c = {"x", (const uint8_t *)"x", 1};
    const char *path = scratch(0, "kept.vlmc");
    save_file(path, (const uint8_t *)"precious", 8);
    vlmc_error error = {0};
    cr_assert_eq(write_one((vlmc_writer_params){.path = path}, &c, &error), VLMC_ERROR_EXISTS);
    size_t size;
    uint8_t *bytes = load_file(path, &size);
    cr_assert(size == 8 && memcmp(bytes, "precious", 8) == 0);
    free(bytes);
    cr_assert_eq(write_one((vlmc_writer_params){.path = path, .replace = true}, &c, &error),
                 VLMC_OK, "%s", error.text);
    cr_assert_eq(check_archive(path, &c, 1, NULL, &error), VLMC_OK);
    cr_assert(nothing_left("kept.vlmc.tmp"));
}

Test(refusals, a_name_of_full_length_can_be_written)
{
    const content c = {"x", (const uint8_t *)"x", 1};
    char name[256];
    memset(name, 'n', 255);
    name[255] = '\0';
    const char *path = scratch(0, name);
    vlmc_error error = {0};
    cr_assert_eq(write_one((vlmc_writer_params){.path = path, .replace = true}, &c, &error),
                 VLMC_OK, "%s", error.text);
    cr_assert_eq(check_archive(path, &c, 1, NULL, &error), VLMC_OK);
    unlink(path);
}

Test(refusals, an_output_that_appears_while_writing_is_kept)
{
    const char *path = scratch(0, "raced.vlmc");
    unlink(path);
    const vlmc_writer_params params = {.path = path};
    vlmc_writer *writer;
    vlmc_error error = {0};
    uint64_t total;
    cr_assert_eq(vlmc_writer_create(&params, &writer, &error), VLMC_OK, "%s", error.text);
    cr_assert_not(exists(path));
    save_file(path, (const uint8_t *)"precious", 8);
    cr_assert_eq(vlmc_writer_finish(writer, &total, &error), VLMC_ERROR_EXISTS);
    vlmc_writer_destroy(&writer);
    size_t size;
    free(load_file(path, &size));
    cr_assert_eq(size, 8);
    cr_assert(nothing_left("raced.vlmc.tmp"));
}

Test(refusals, devices_and_folders_are_not_replaced)
{
    const content c = {"x", (const uint8_t *)"x", 1};
    vlmc_error error = {0};
    const char *folder = scratch(0, "folder.vlmc");
    mkdir(folder, 0777);
    cr_assert_eq(write_one((vlmc_writer_params){.path = folder, .replace = true}, &c, &error),
                 VLMC_ERROR_REFUSED);
    const char *fifo = scratch(1, "fifo.vlmc");
    unlink(fifo);
    cr_assert_eq(mkfifo(fifo, 0666), 0);
    cr_assert_eq(write_one((vlmc_writer_params){.path = fifo, .replace = true}, &c, &error),
                 VLMC_ERROR_REFUSED);
    cr_assert_eq(open_status(fifo, &error), VLMC_ERROR_FORMAT);
    cr_assert_eq(write_one((vlmc_writer_params){.path = scratch(2, "no/such/x")}, &c, &error),
                 VLMC_ERROR_IO);
}

Test(refusals, a_full_disk_is_said_and_leaves_nothing)
{
    const int full = open("/dev/full", O_WRONLY);
    cr_assert(full >= 0);
    const content c = {"x", (const uint8_t *)"x", 1};
    vlmc_error error = {0};
    cr_assert_eq(write_one((vlmc_writer_params){.fd = full}, &c, &error), VLMC_ERROR_IO);
    cr_assert_not_null(strstr(error.text, "No space left"), "%s", error.text);
    close(full);

    // A limit on the file's size stands for a disk that is full later on.
    uint8_t *bytes = malloc(3000000);
    fill_random(bytes, 3000000, 1);
    const content big = {"big", bytes, 3000000};
    struct rlimit before, limit;
    getrlimit(RLIMIT_FSIZE, &before);
    limit = (struct rlimit){.rlim_cur = 2000000, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    const char *path = scratch(0, "full.vlmc");
    unlink(path);
    const vlmc_status status = write_one((vlmc_writer_params){.path = path}, &big, &error);
    setrlimit(RLIMIT_FSIZE, &before);
    cr_assert_eq(status, VLMC_ERROR_IO);
    cr_assert_not_null(strstr(error.text, path), "%s", error.text);
    cr_assert_eq(error.os_error, EFBIG);
    cr_assert(nothing_left("full.vlmc"));
    free(bytes);
}

Test(refusals, a_file_that_fails_is_left_out_and_the_others_are_not)
{
    uint8_t *bytes = malloc(3000000);
    fill_random(bytes, 3000000, 1);
    const content contents[] = {{"a", bytes, 1000}, {"b", bytes + 7, 3000000 - 7}, {"c", bytes, 9}};
    static const size_t fail_at[] = {500, 2500000};
    for (uint32_t round = 0; round < 2; round++) {
        const vlmc_writer_params params = {.path = scratch(0, "partial.vlmc"), .replace = true};
        vlmc_writer *writer;
        vlmc_error error = {0};
        uint64_t total;
        cr_assert_eq(vlmc_writer_create(&params, &writer, &error), VLMC_OK);
        for (uint32_t i = 0; i < 3; i++) {
            source s = {
                .content = &contents[i], .fail_at = i == 1 ? fail_at[round] : 0, .at_most = 100000};
            const vlmc_entry entry = {.path = contents[i].path};
            cr_assert_eq(vlmc_writer_add(writer, &entry, read_source, &s, &error),
                         i == 1 ? VLMC_ERROR_IO : VLMC_OK);
        }
        cr_assert_eq(vlmc_writer_finish(writer, &total, &error), VLMC_OK, "%s", error.text);
        vlmc_writer_destroy(&writer);
        const content rest[] = {contents[0], contents[2]};
        cr_assert_eq(check_archive(params.path, rest, 2, NULL, &error), VLMC_OK, "%s", error.text);
    }
    free(bytes);
}

Test(refusals, unsafe_paths_are_neither_written_nor_read)
{
    static const char *const good[] = {"a", "a/b", "...", "..a", "a/..b/c.", ".a", "a b\n"};
    static const char *const bad[] = {"",    "/",    "/a",   "a/",     "a//b",  ".",    "..", "./a",
                                      "a/.", "../a", "a/..", "a/../b", "a/./b", "..//", "//"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_assert(vlmc_path_valid(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_not(vlmc_path_valid(bad[i]), "%s", bad[i]);
    char *longest = malloc(VLMC_PATH_BYTES_MAX + 2);
    memset(longest, 'a', VLMC_PATH_BYTES_MAX + 1);
    longest[VLMC_PATH_BYTES_MAX + 1] = '\0';
    cr_assert_not(vlmc_path_valid(longest));
    cr_assert(vlmc_path_valid(longest + 1));
    free(longest);

    const vlmc_writer_params params = {.path = scratch(0, "paths.vlmc"), .replace = true};
    vlmc_writer *writer;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_writer_create(&params, &writer, &error), VLMC_OK);
    cr_assert_eq(vlmc_writer_add(writer, &(vlmc_entry){.path = "../x", .type = VLMC_ENTRY_FOLDER},
                                 NULL, NULL, &error),
                 VLMC_ERROR_REFUSED);
    cr_assert_eq(vlmc_writer_add(writer, &(vlmc_entry){.path = "x", .type = VLMC_ENTRY_SYMLINK},
                                 NULL, NULL, &error),
                 VLMC_ERROR_REFUSED);
    cr_assert_eq(vlmc_writer_add(writer, &(vlmc_entry){.path = "x", .type = VLMC_ENTRY_FOLDER},
                                 NULL, NULL, &error),
                 VLMC_OK, "the writer goes on");
    vlmc_writer_destroy(&writer);
}

// A raw index with one folder of this path, as a hostile writer would make it.
static vlmc_status parse_with_path(const char *path, vlmc_error *error)
{
    vlmc_index_builder builder = {0};
    const vlmc_model_identity none = {0};
    const vlmc_entry entry = {.path = path, .type = VLMC_ENTRY_FOLDER};
    uint8_t *bytes;
    uint32_t size;
    vlmc_index index;
    cr_assert_eq(vlmc_index_add_entry(&builder, &entry, error), VLMC_OK);
    cr_assert_eq(vlmc_index_build(&builder, &none, &bytes, &size, error), VLMC_OK);
    const vlmc_status status = vlmc_index_parse(bytes, size, "test", &index, error);
    vlmc_index_destroy(&index);
    vlmc_index_builder_destroy(&builder);
    return status;
}

Test(refusals, an_index_with_an_unsafe_path_is_refused)
{
    vlmc_error error = {0};
    cr_assert_eq(parse_with_path("a/b", &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(parse_with_path("/etc/passwd", &error), VLMC_ERROR_DAMAGED);
    cr_assert_eq(parse_with_path("a/../../b", &error), VLMC_ERROR_DAMAGED);
    cr_assert_eq(parse_with_path("", &error), VLMC_ERROR_DAMAGED);
}

Test(refusals, an_index_of_random_changes_is_parsed_without_harm)
{
    vlmc_index_builder builder = {0};
    const vlmc_model_identity model = {.present = true, .name = "tiny"};
    const vlmc_record records[] = {{.type = VLMC_RECORD_MODEL, .packed_bytes = 39},
                                   {.type = VLMC_RECORD_GROUP,
                                    .method = VLMC_GROUP_MODEL,
                                    .streams = 1,
                                    .raw_bytes = 100,
                                    .packed_bytes = 50},
                                   {.type = VLMC_RECORD_OPTIONAL | 9, .packed_bytes = 7}};
    const vlmc_entry entries[] = {
        {.path = "a", .type = VLMC_ENTRY_FOLDER},
        {.path = "a/b", .size_bytes = 100},
        {.path = "l", .link = "a/b", .type = VLMC_ENTRY_SYMLINK},
    };
    vlmc_error error = {0};
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_eq(vlmc_index_add_record(&builder, &records[i], &error), VLMC_OK);
        cr_assert_eq(vlmc_index_add_entry(&builder, &entries[i], &error), VLMC_OK);
    }
    uint8_t *bytes;
    uint32_t size;
    cr_assert_eq(vlmc_index_build(&builder, &model, &bytes, &size, &error), VLMC_OK);
    for (uint32_t round = 0; round < 20000; round++) {
        uint8_t random[8], *changed = malloc(size);
        fill_random(random, sizeof random, round);
        memcpy(changed, bytes, size);
        const uint32_t at = vlmc_load32(random) % size;
        if (round % 2)
            changed[at] = random[4];
        else
            changed[at] ^= (uint8_t)(1u << random[4] % 8);
        vlmc_index index;
        const uint32_t cut = round % 5 ? size : vlmc_load32(random + 4) % size;
        const vlmc_status status =
            round == 0
                ? vlmc_index_parse(memcpy(changed, bytes, size), size, "test", &index, &error)
                : vlmc_index_parse(changed, cut, "test", &index, &error);
        cr_assert(status == VLMC_OK || status == VLMC_ERROR_DAMAGED || status == VLMC_ERROR_FORMAT);
        cr_assert(round || status == VLMC_OK, "%s", error.text);
        for (uint32_t i = 0; status == VLMC_OK && i < index.n_entries; i++)
            cr_assert(vlmc_path_valid(index.entries[i].path));
        vlmc_index_destroy(&index);
    }
    free(bytes);
    vlmc_index_builder_destroy(&builder);
}

Test(refusals, an_unknown_part_is_skipped_only_when_it_is_optional)
{
    vlmc_error error = {0};
    for (uint32_t optional = 0; optional < 2; optional++) {
        vlmc_index_builder builder = {0};
        const vlmc_model_identity none = {0};
        const vlmc_record record = {.type = (uint16_t)(77 | (optional ? VLMC_RECORD_OPTIONAL : 0)),
                                    .packed_bytes = 10};
        uint8_t *bytes;
        uint32_t size;
        vlmc_index index;
        cr_assert_eq(vlmc_index_add_record(&builder, &record, &error), VLMC_OK);
        cr_assert_eq(vlmc_index_build(&builder, &none, &bytes, &size, &error), VLMC_OK);
        cr_assert_eq(vlmc_index_parse(bytes, size, "test", &index, &error),
                     optional ? VLMC_OK : VLMC_ERROR_FORMAT);
        vlmc_index_destroy(&index);
        vlmc_index_builder_destroy(&builder);
    }
}
