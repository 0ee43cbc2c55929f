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
    const vlmc_entry entry = {.path = path, .type = VLMC_ENTRY_FOLDER};
    uint8_t *bytes;
    uint32_t size;
    vlmc_index index;
    cr_assert_eq(vlmc_index_add_entry(&builder, &entry, NULL, 0, error), VLMC_OK);
    cr_assert_eq(vlmc_index_build(&builder, &bytes, &size, error), VLMC_OK);
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

// A raw index of two models, a tokenizer, groups of both kinds and files of several segments;
// malloc'ed. `hurt` changes one thing of it as only a hostile writer would.
typedef struct parts {
    uint32_t model_bytes;
    vlmc_record groups[3];
    vlmc_group_tag tags[3];
    vlmc_tokenizer_identity tokenizer;
    vlmc_record tokenizer_record;
    vlmc_segment_info segments[3]; // of one file
    uint64_t size_bytes;           // of that file
} parts;

static const parts sound = {
    .model_bytes = 39,
    .groups =
        {
            {VLMC_RECORD_GROUP, VLMC_GROUP_MODEL, false, 1, .raw_bytes = 100, .packed_bytes = 50},
            {VLMC_RECORD_GROUP, VLMC_GROUP_MODEL, true, 2, .raw_bytes = 5000, .packed_bytes = 3000},
            {VLMC_RECORD_GROUP, VLMC_GROUP_STORED, true, 0, .raw_bytes = 70, .packed_bytes = 73},
        },
    .tags = {{.model = 1}, {.tokenizer = 1, .model = 2}, {.tokenizer = 1, .first_token = 5000}},
    .tokenizer = {.version = 3, .id = "image.pixels"},
    .tokenizer_record = {VLMC_RECORD_TOKENIZER, .raw_bytes = 33, .packed_bytes = 33},
    .segments = {{.n_tokens = 40, .n_bytes = 40},
                 {.tokenizer = 1, .n_tokens = 5070, .n_bytes = 5000},
                 {.first_token = 40, .n_tokens = 60, .n_bytes = 60}},
    .size_bytes = 5100,
};

static void add_parts(vlmc_index_builder *builder, const parts *p, vlmc_error *error)
{
    const vlmc_record model = {.type = VLMC_RECORD_MODEL, .packed_bytes = p->model_bytes};
    static const uint8_t payload[VLMC_MODEL_IDENTITY_BYTES_MAX + 1] = {1};
    const vlmc_record optional = {.type = VLMC_RECORD_OPTIONAL | 9, .packed_bytes = 7};
    const vlmc_entry folder = {.path = "a", .type = VLMC_ENTRY_FOLDER};
    const vlmc_entry file = {.path = "a/b", .size_bytes = p->size_bytes};
    const vlmc_entry link = {.path = "l", .link = "a/b", .type = VLMC_ENTRY_SYMLINK};
    const vlmc_entry plain = {.path = "p", .size_bytes = 100};
    const vlmc_segment_info all = {.n_tokens = 100, .n_bytes = 100};
    const vlmc_index_content segments = {.segments = p->segments, .n_segments = 3};
    const vlmc_index_content stretch = {.segments = &all, .n_segments = 1};
    cr_assert_eq(vlmc_index_add_model(builder, &model, payload, error), VLMC_OK);
    cr_assert_eq(vlmc_index_add_group(builder, &p->groups[0], &p->tags[0], error), VLMC_OK);
    cr_assert_eq(vlmc_index_add_tokenizer(builder, &p->tokenizer_record, &p->tokenizer, error),
                 VLMC_OK);
    cr_assert_eq(vlmc_index_add_model(builder, &model, payload, error), VLMC_OK);
    for (uint32_t i = 1; i < 3; i++)
        cr_assert_eq(vlmc_index_add_group(builder, &p->groups[i], &p->tags[i], error), VLMC_OK);
    cr_assert_eq(vlmc_index_add_record(builder, &optional, error), VLMC_OK);
    cr_assert_eq(vlmc_index_add_entry(builder, &folder, NULL, 0, error), VLMC_OK);
    cr_assert_eq(vlmc_index_add_entry(builder, &file, &segments, NULL, error), VLMC_OK);
    cr_assert_eq(vlmc_index_add_entry(builder, &link, NULL, 0, error), VLMC_OK);
    cr_assert_eq(vlmc_index_add_entry(builder, &plain, &stretch, NULL, error), VLMC_OK);
}

static vlmc_status parse_parts(const parts *p, vlmc_index *index, vlmc_error *error)
{
    vlmc_index_builder builder = {0};
    uint8_t *bytes;
    uint32_t size;
    add_parts(&builder, p, error);
    cr_assert_eq(vlmc_index_build(&builder, &bytes, &size, error), VLMC_OK);
    vlmc_index_builder_destroy(&builder);
    return vlmc_index_parse(bytes, size, "test", index, error);
}

Test(refusals, an_index_of_models_tokenizers_and_segments_says_what_was_put_in)
{
    vlmc_index index;
    vlmc_error error = {0};
    cr_assert_eq(parse_parts(&sound, &index, &error), VLMC_OK, "%s", error.text);
    cr_assert(index.n_models == 2 && index.n_tokenizers == 1 && index.n_groups == 3);
    cr_assert_eq(index.model_records[1].archive_offset, 16 + 39 + 50 + 33 + 3 * 40);
    cr_assert_str_eq(index.tokenizers[0].id, "image.pixels");
    cr_assert_eq(index.tokenizers[0].version, 3);
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_eq(index.groups[i].tokenizer, sound.tags[i].tokenizer);
        cr_assert_eq(index.groups[i].model, sound.tags[i].model);
        cr_assert_eq(index.groups[i].first_token, sound.tags[i].first_token);
    }
    cr_assert(index.sequences[0].n_tokens == 100 && index.sequences[1].n_tokens == 5070);
    cr_assert_eq(index.order[vlmc_index_find(&index, 0, 99)], 0);
    cr_assert_eq(index.order[vlmc_index_find(&index, 1, 4999)], 1);
    cr_assert_eq(index.order[vlmc_index_find(&index, 1, 5000)], 2);
    vlmc_segment_walk walk = vlmc_segment_walk_begin(&index.entries[1]);
    vlmc_segment_info segment;
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert(vlmc_segment_walk_next(&walk, &segment));
        cr_assert_eq(segment.tokenizer, sound.segments[i].tokenizer);
        cr_assert_eq(segment.first_token, sound.segments[i].first_token);
        cr_assert_eq(segment.n_tokens, sound.segments[i].n_tokens);
        cr_assert_eq(segment.n_bytes, sound.segments[i].n_bytes);
    }
    cr_assert_not(vlmc_segment_walk_next(&walk, &segment));
    walk = vlmc_segment_walk_begin(&index.entries[3]);
    cr_assert(vlmc_segment_walk_next(&walk, &segment) && segment.n_bytes == 100);
    cr_assert_not(vlmc_segment_walk_next(&walk, &segment));
    vlmc_index_destroy(&index);
}

// `change` makes the sound parts unsound.
static void refuse_parts(const char *what, parts p)
{
    vlmc_index index;
    vlmc_error error = {0};
    cr_assert_eq(parse_parts(&p, &index, &error), VLMC_ERROR_DAMAGED, "%s", what);
    vlmc_index_destroy(&index);
}

#define REFUSE(what, change)                                                                       \
    do {                                                                                           \
        parts p = sound;                                                                           \
        change;                                                                                    \
        refuse_parts(what, p);                                                                     \
    } while (0)

Test(refusals, an_index_whose_models_tokenizers_or_segments_cannot_be_is_damaged)
{
    REFUSE("a model that comes later", p.tags[0].model = 2; p.groups[0].tagged = true);
    REFUSE("a model that is not there", p.tags[1].model = 3);
    REFUSE("a model that says too much", p.model_bytes = VLMC_MODEL_IDENTITY_BYTES_MAX + 1);
    REFUSE("a tokenizer that comes later", p.tags[0].tokenizer = 1; p.groups[0].tagged = true);
    REFUSE("a tokenizer that is not there", p.tags[2].tokenizer = 2);
    REFUSE("a tag that says nothing", p.tags[2] = (vlmc_group_tag){0});
    REFUSE("plain bytes within a segment",
           p.tags[1] = ((vlmc_group_tag){.first_token = 5, .model = 2}));
    REFUSE("stored bytes that grew", p.groups[2].packed_bytes = 74);
    REFUSE("stored bytes that shrank", p.groups[2].packed_bytes = 72);
    REFUSE("a payload without its tag", p.groups[1].packed_bytes = 2);
    REFUSE("a group beyond its limit", p.groups[1].raw_bytes = (1u << 26) + 1);
    REFUSE("more streams than tokens", p.groups[1].raw_bytes = 1);
    REFUSE("an id of capitals", memcpy(p.tokenizer.id, "IMAGE", 6));
    REFUSE("an id of nothing", p.tokenizer.id[0] = 0);
    REFUSE("parameters beyond their limit",
           p.tokenizer_record.raw_bytes = p.tokenizer_record.packed_bytes = 70000);
    REFUSE("a packed tokenizer that grew", p.tokenizer_record.packed_bytes = 34);
    REFUSE("a segment beyond its sequence", p.segments[1].n_tokens = 5071);
    REFUSE("a segment behind its sequence", p.segments[1].first_token = 1);
    REFUSE("a segment at the end of numbers", p.segments[1].first_token = UINT64_MAX);
    REFUSE("a segment of an unknown tokenizer", p.segments[1].tokenizer = 2);
    REFUSE("a segment without tokens", p.segments[1].n_tokens = 0);
    REFUSE("a segment without bytes", p.segments[1].n_bytes = 0; p.size_bytes = 100);
    REFUSE("segments that are less than the file", p.size_bytes = 5101);
    REFUSE("segments that are more than the file", p.size_bytes = 5099);
    REFUSE("segments beyond all numbers", p.segments[1].n_bytes = UINT64_MAX; p.size_bytes = 99);
    REFUSE("segments beyond what a file can be", p.segments[1].n_bytes = (uint64_t)INT64_MAX;
           p.size_bytes = (uint64_t)INT64_MAX + 100);
}

Test(refusals, an_index_with_margins_says_what_was_put_in)
{
    vlmc_index index;
    vlmc_error error = {0};
    parts p = sound;
    p.segments[1].before = 7;
    p.segments[1].after = (1u << 22) - 5007;
    cr_assert_eq(parse_parts(&p, &index, &error), VLMC_OK, "%s", error.text);
    cr_assert(index.entries[1].has_margins && !index.entries[3].has_margins);
    vlmc_segment_info segment;
    vlmc_segment_walk walk = vlmc_segment_walk_begin(&index.entries[1]);
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert(vlmc_segment_walk_next(&walk, &segment));
        cr_assert(segment.before == p.segments[i].before && segment.after == p.segments[i].after);
        cr_assert_eq(segment.n_bytes, p.segments[i].n_bytes);
    }
    // The last file has the plain bytes of the first one.
    cr_assert_eq(index.duplicate_bytes, 100);
    vlmc_index_destroy(&index);
}

Test(refusals, an_index_whose_margins_cannot_be_is_damaged)
{
    const uint64_t most = 1u << 22;
    REFUSE("a margin beyond its limit", p.segments[1].before = most + 1);
    REFUSE("a margin with bytes beyond the limit", p.segments[1].after = most - 4999);
    REFUSE("two margins beyond it", p.segments[1].before = p.segments[1].after = most - 5000);
    REFUSE("margins beyond all numbers", p.segments[1].before = UINT64_MAX;
           p.segments[1].after = 2);
    REFUSE("margins around more than the limit", p.segments[1].before = 1;
           p.segments[1].n_bytes = most; p.size_bytes = most + 100);
    REFUSE("margins for a few bytes", p.segments[1].before = 1; p.segments[1].n_bytes = 511;
           p.size_bytes = 611);
    REFUSE("margins of too many tokens", p.segments[1].before = 1;
           p.groups[1].raw_bytes = p.groups[1].packed_bytes = 1u << 23;
           p.segments[1].n_tokens = most + 1);
    REFUSE("segments with margins that are more than the file", p.segments[1].before = 1;
           p.size_bytes = 5101);
}

Test(refusals, margins_of_nothing_are_damage)
{
    // A margin of 1, none, and the segment of plain bytes behind them.
    static const uint8_t tail[] = {1, 0, 0, 40, 60};
    vlmc_index_builder builder = {0};
    vlmc_error error = {0};
    vlmc_index index;
    uint8_t *bytes;
    uint32_t size, at = 0;
    parts p = sound;
    p.segments[1].before = 1;
    add_parts(&builder, &p, &error);
    cr_assert_eq(vlmc_index_build(&builder, &bytes, &size, &error), VLMC_OK);
    vlmc_index_builder_destroy(&builder);
    while (memcmp(bytes + at, tail, sizeof tail) != 0)
        cr_assert(++at + sizeof tail <= size);
    bytes[at] = 0;
    cr_assert_eq(vlmc_index_parse(bytes, size, "test", &index, &error), VLMC_ERROR_DAMAGED);
    cr_assert_not_null(strstr(error.text, "margins of nothing"), "%s", error.text);
    vlmc_index_destroy(&index);
}

// Segments lie within their sequences, in groups that are there, and add up.
static void check_segments(const vlmc_index *index, const vlmc_entry *entry)
{
    vlmc_segment_info segment;
    uint64_t sum = 0;
    for (vlmc_segment_walk walk = vlmc_segment_walk_begin(entry);
         vlmc_segment_walk_next(&walk, &segment);) {
        const uint64_t last = segment.first_token + segment.n_tokens - 1;
        const uint32_t at = vlmc_index_find(index, segment.tokenizer, last);
        cr_assert_lt(at, index->n_groups);
        cr_assert_eq(index->groups[index->order[at]].tokenizer, segment.tokenizer);
        cr_assert_lt(last - index->starts[at], index->groups[index->order[at]].raw_bytes);
        sum += segment.n_bytes;
    }
    cr_assert_eq(sum, entry->size_bytes);
}

Test(refusals, an_index_of_random_changes_is_parsed_without_harm)
{
    vlmc_index_builder builder = {0};
    vlmc_error error = {0};
    uint8_t *bytes;
    uint32_t size;
    parts p = sound;
    p.segments[1].before = 300;
    add_parts(&builder, &p, &error);
    cr_assert_eq(vlmc_index_build(&builder, &bytes, &size, &error), VLMC_OK);
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
        for (uint32_t i = 0; status == VLMC_OK && i < index.n_entries; i++) {
            cr_assert(vlmc_path_valid(index.entries[i].path));
            check_segments(&index, &index.entries[i]);
        }
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
        const vlmc_record record = {.type = (uint16_t)(77 | (optional ? VLMC_RECORD_OPTIONAL : 0)),
                                    .packed_bytes = 10};
        uint8_t *bytes;
        uint32_t size;
        vlmc_index index;
        cr_assert_eq(vlmc_index_add_record(&builder, &record, &error), VLMC_OK);
        cr_assert_eq(vlmc_index_build(&builder, &bytes, &size, &error), VLMC_OK);
        cr_assert_eq(vlmc_index_parse(bytes, size, "test", &index, &error),
                     optional ? VLMC_OK : VLMC_ERROR_FORMAT);
        vlmc_index_destroy(&index);
        vlmc_index_builder_destroy(&builder);
    }
}
