// SPDX-License-Identifier: Apache-2.0
// Raw indexes as only a hostile writer would make them, column by column.
#include "archive/holes.h"
#include "archive/index.h"
#include "archive_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct piece {
    const char *bytes;
    size_t n;
} piece;

#define P(literal)                                                                                 \
    {                                                                                              \
        literal, sizeof literal - 1                                                                \
    }

// A raw index without records: a file of nothing, a hard link to it, a symlink, a file that is one
// hole, a folder.
typedef struct raw_index {
    piece records, sets, count, kinds, paths, targets, attributes, seconds, nanoseconds, sizes,
        holes, content, digests, rest;
} raw_index;

#define DIGEST "0123456789abcdef0123456789abcdef"

static const raw_index sound = {
    .records = P("\0"),
    // Two: mode 0644; mode 0755 with an owner, both lists and two extended attributes.
    .sets = P("\2"
              "\0\xA4\3"
              "\17\xED\3\1\2ann\0\0a\0d\0\2u\0\1vw\0\0"),
    .count = P("\5"),
    .kinds = P("\0\3\2\40\1"),
    .paths = P("a\0b\0c\0d\0e\0"),
    .targets = P("\1t\0"),
    .attributes = P("\0\1\0\1"),
    .seconds = P("\2\1\0\0"), // 1, 0, 0, 0
    .nanoseconds = P("\xFF\xC9\x9A\x3B\0\0\0\0\0\0\0\0\0\0\0\0"),
    .sizes = P("\0\5"),
    .holes = P("\1\0\5"),
    .digests = P(DIGEST),
};

static vlmc_status parse(const raw_index *r, vlmc_index *index, vlmc_error *error)
{
    const piece *pieces = (const piece *)r;
    uint8_t *bytes = malloc(1000);
    size_t n = 0;
    for (size_t i = 0; i < sizeof *r / sizeof *pieces; i++) {
        if (pieces[i].n)
            memcpy(bytes + n, pieces[i].bytes, pieces[i].n);
        n += pieces[i].n;
    }
    return vlmc_index_parse(realloc(bytes, n), (uint32_t)n, "test", index, error);
}

Test(index, a_sound_raw_index_says_what_it_holds)
{
    vlmc_index index;
    vlmc_error error = {0};
    cr_assert_eq(parse(&sound, &index, &error), VLMC_OK, "%s", error.text);
    const vlmc_entry *e = index.entries;
    cr_assert(index.n_entries == 5 && index.attributes.n == 2);
    cr_assert(e[0].mode == 0644 && !e[0].attributes && e[0].mtime_seconds == 1);
    cr_assert_eq(e[0].mtime_ns, 999999999);
    cr_assert(e[1].type == VLMC_ENTRY_HARD_LINK && e[1].target == 0 && e[1].mtime_seconds == 1);
    cr_assert_str_eq(e[1].link, "a");
    cr_assert_str_eq(e[2].link, "t");
    const vlmc_attributes *a = e[2].attributes;
    cr_assert(a->has_owner && a->uid == 1 && a->gid == 2 && a->n_xattrs == 2);
    cr_assert_str_eq(a->user, "ann");
    cr_assert_str_eq(a->acl_access, "a");
    cr_assert_str_eq(a->acl_default, "d");
    cr_assert(a->xattrs[0].size == 1 && a->xattrs[0].value[0] == 'v');
    cr_assert(e[3].size_bytes == 5 && e[3].data_bytes == 0 && e[3].holes && !e[4].holes);
    vlmc_index_destroy(&index);
}

static void refuse(const char *what, const char *because, raw_index r, vlmc_status status)
{
    vlmc_index index;
    vlmc_error error = {0};
    cr_assert_eq(parse(&r, &index, &error), status, "%s: %s", what, error.text);
    cr_assert_not_null(strstr(error.text, because), "%s: %s", what, error.text);
    vlmc_index_destroy(&index);
}

#define REFUSE(what, because, field, literal)                                                      \
    do {                                                                                           \
        raw_index r = sound;                                                                       \
        r.field = (piece)P(literal);                                                               \
        refuse(what, because, r, VLMC_ERROR_DAMAGED);                                              \
    } while (0)

Test(index, two_entries_with_one_path_are_damage)
{
    REFUSE("neighbours", "two entries with one path", paths, "a\0a\0c\0d\0e\0");
    REFUSE("in any order", "two entries with one path", paths, "c\0b\0a\0b\0e\0");
    raw_index r = sound;
    vlmc_index index;
    vlmc_error error;
    r.paths = (piece)P("e\0d\0c\0b\0a\0");
    cr_assert_eq(parse(&r, &index, &error), VLMC_OK, "another order is no damage");
    vlmc_index_destroy(&index);
}

Test(index, entries_that_cannot_be_are_damage)
{
    REFUSE("content of a folder", "content of what is no file", kinds, "\0\3\2\40\11");
    REFUSE("holes of a symlink", "content of what is no file", kinds, "\0\3\42\40\1");
    REFUSE("an absolute path", "unsafe path", paths, "a\0/b\0c\0d\0e\0");
    REFUSE("a path out of the folder", "unsafe path", paths, "a\0b\0c/../../x\0d\0e\0");
    REFUSE("no path", "unsafe path", paths, "a\0\0c\0d\0e\0");
    REFUSE("a hard link to itself", "hard link to no file", targets, "\0t\0");
    REFUSE("a hard link to what comes later", "impossible number", targets, "\2t\0");
    REFUSE("a symlink to nothing", "impossible text", targets, "\1\0");
    REFUSE("attributes that are not there", "attributes that are not there", attributes,
           "\0\1\2\1");
    REFUSE("attributes out of order", "impossible number", attributes, "\1\0\0\1");
    REFUSE("attributes that nobody has", "attributes of nothing", attributes, "\0\0\0\0");
    REFUSE("a second of 10^9 nanoseconds", "impossible time", nanoseconds,
           "\0\xCA\x9A\x3B\0\0\0\0\0\0\0\0\0\0\0\0");
    REFUSE("a size beyond 2^63", "impossible number", sizes,
           "\0\x80\x80\x80\x80\x80\x80\x80\x80\x80\1");
    REFUSE("more bytes than there are", "outside of the content", holes, "\1\0\4");
    REFUSE("a hole beyond the end", "impossible number", holes, "\1\1\5");
    REFUSE("a hole of nothing", "impossible hole", holes, "\1\5\0");
    REFUSE("holes side by side", "impossible hole", holes, "\2\0\3\0\2");
    REFUSE("no holes", "holes of nothing", holes, "\0");
    REFUSE("more entries than there is room for", "ends early", count, "\x80\1");
    REFUSE("bytes behind the end", "too long", rest, "x");
    REFUSE("half a digest", "ends early", digests, "0123");
    raw_index r = sound;
    r.kinds = (piece)P("\0\3\3\40\1");
    r.targets = (piece)P("\1\1");
    refuse("a hard link to a hard link", "hard link to no file", r, VLMC_ERROR_DAMAGED);
}

Test(index, attribute_sets_that_cannot_be_are_damage)
{
    REFUSE("a mode beyond 07777", "impossible number", sets,
           "\2\0\x80\x20\17\xED\3\1\2ann\0\0a\0d\0\2u\0\1vw\0\0");
    REFUSE("an empty list of permissions", "impossible text", sets,
           "\2\0\xA4\3\17\xED\3\1\2ann\0\0\0d\0\2u\0\1vw\0\0");
    REFUSE("extended attributes out of order", "out of order", sets,
           "\2\0\xA4\3\17\xED\3\1\2ann\0\0a\0d\0\2w\0\1vu\0\0");
    REFUSE("one extended attribute twice", "out of order", sets,
           "\2\0\xA4\3\17\xED\3\1\2ann\0\0a\0d\0\2w\0\1vw\0\0");
    REFUSE("no extended attributes", "list of nothing", sets,
           "\2\0\xA4\3\17\xED\3\1\2ann\0\0a\0d\0\0");
    REFUSE("an extended attribute beyond its limit", "impossible number", sets,
           "\2\0\xA4\3\17\xED\3\1\2ann\0\0a\0d\0\2u\0\x81\x80\4v");
    REFUSE("more sets than there is room for", "ends early", sets, "\xFF\x7F");
}

Test(index, kinds_and_attributes_of_a_newer_vlmc_ask_for_it)
{
    raw_index r = sound;
    r.kinds = (piece)P("\0\3\2\40\4");
    refuse("a type", "newer vlmc", r, VLMC_ERROR_FORMAT);
    r.kinds = (piece)P("\0\3\2\140\1");
    refuse("a flag", "newer vlmc", r, VLMC_ERROR_FORMAT);
    r.kinds = (piece)P("\30\3\2\40\1");
    refuse("a kind of content", "newer vlmc", r, VLMC_ERROR_FORMAT);
    r = sound;
    r.sets = (piece)P("\1\20\xA4\3");
    refuse("a part of attributes", "newer vlmc", r, VLMC_ERROR_FORMAT);
}

Test(index, content_that_nobody_has_room_for_is_damage)
{
    // A file of 2^60 bytes, of which none are in the archive.
    raw_index r = sound;
    r.kinds = (piece)P("\0\3\2\0\1");
    r.sizes = (piece)P("\0\x80\x80\x80\x80\x80\x80\x80\x80\x10");
    r.holes = (piece){0};
    r.content = (piece)P("\0");
    refuse("2^60 bytes", "outside of the content", r, VLMC_ERROR_DAMAGED);
    r.sizes = (piece)P("\0\1");
    r.content = (piece)P("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\1");
    refuse("a start at the end of numbers", "outside of the content", r, VLMC_ERROR_DAMAGED);
}

// ---- Sparse files ----

typedef struct sparse {
    const uint8_t *wanted; // (size), holes as zeros
    size_t size, at;
    uint64_t hole_bytes;
} sparse;

static vlmc_status take_data(void *user, const void *bytes, size_t size, vlmc_error *error)
{
    sparse *s = user;
    (void)error;
    cr_assert(size <= s->size - s->at && memcmp(bytes, s->wanted + s->at, size) == 0);
    s->at += size;
    return VLMC_OK;
}

static vlmc_status take_hole(void *user, uint64_t bytes, vlmc_error *error)
{
    sparse *s = user;
    (void)error;
    s->hole_bytes += bytes;
    s->at += bytes;
    return VLMC_OK;
}

// Writes data with these holes, reads it both ways and compares.
static void go_through(const vlmc_hole *holes, uint32_t n, size_t size)
{
    const char *path = scratch(0, "sparse.vlmc");
    const vlmc_writer_params params = {.path = path, .replace = true};
    uint8_t *whole = malloc(size), *data = malloc(size);
    uint64_t hole_bytes = 0, total;
    vlmc_writer *writer;
    vlmc_reader *reader;
    vlmc_error error = {0};
    fill_random(whole, size, 5);
    for (uint32_t i = 0; i < n; i++) {
        memset(whole + holes[i].offset, 0, holes[i].bytes);
        hole_bytes += holes[i].bytes;
    }
    size_t at = 0, n_data = 0;
    for (uint32_t i = 0; i <= n; i++) {
        const size_t end = i < n ? holes[i].offset : size;
        memcpy(data + n_data, whole + at, end - at);
        n_data += end - at;
        at = i < n ? end + holes[i].bytes : end;
    }
    const content c = {"s", data, n_data};
    source s = {.content = &c, .at_most = 1000};
    const vlmc_content_source from = {
        .read = read_source, .user = &s, .size_bytes = size, .holes = holes, .n_holes = n};
    cr_assert_eq(vlmc_writer_create(&params, &writer, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(vlmc_writer_add_file(writer, &(vlmc_entry){.path = "s"}, &from, &error), VLMC_OK,
                 "%s", error.text);
    cr_assert_eq(vlmc_writer_finish(writer, &total, &error), VLMC_OK, "%s", error.text);
    vlmc_writer_destroy(&writer);

    cr_assert_eq(vlmc_reader_open(path, NULL, &reader, &error), VLMC_OK, "%s", error.text);
    const vlmc_entry *e = vlmc_reader_entry(reader, 0);
    cr_assert(e->size_bytes == size && e->data_bytes == n_data);
    sparse dense = {.wanted = whole, .size = size}, kept = dense;
    cr_assert_eq(vlmc_reader_read(reader, 0, take_data, &dense, &error), VLMC_OK);
    cr_assert_eq(vlmc_reader_read_sparse(reader, 0, take_data, take_hole, &kept, &error), VLMC_OK);
    cr_assert(dense.at == size && kept.at == size && kept.hole_bytes == hole_bytes);
    vlmc_reader_destroy(&reader);
    free(whole);
    free(data);
}

Test(index, holes_come_back_where_they_were)
{
    go_through((const vlmc_hole[]){{0, 1}}, 1, 1);
    go_through((const vlmc_hole[]){{0, 5000000}}, 1, 5000000);
    go_through((const vlmc_hole[]){{0, 4096}, {8192, 4096}, {20000, 100000}}, 3, 120000);
    go_through((const vlmc_hole[]){{1, 4096}, {9000000, 1}}, 2, 9000002);
}

Test(index, holes_that_do_not_fit_leave_the_file_out)
{
    static const uint8_t bytes[100] = {1};
    const content c = {"s", bytes, sizeof bytes};
    const vlmc_writer_params params = {.path = scratch(0, "holes.vlmc"), .replace = true};
    const vlmc_hole early = {10, 10}, late = {150, 60};
    vlmc_writer *writer;
    vlmc_error error = {0};
    uint64_t total;
    cr_assert_eq(vlmc_writer_create(&params, &writer, &error), VLMC_OK);
    source s = {.content = &c};
    vlmc_content_source from = {
        .read = read_source, .user = &s, .size_bytes = 111, .holes = &early, .n_holes = 1};
    cr_assert_eq(vlmc_writer_add_file(writer, &(vlmc_entry){.path = "s"}, &from, &error),
                 VLMC_ERROR_IO, "one byte is missing");
    const content rest = {"r", bytes, 50};
    s = (source){.content = &rest};
    cr_assert_eq(vlmc_writer_add(writer, &(vlmc_entry){.path = "r"}, read_source, &s, &error),
                 VLMC_OK, "%s", error.text);
    cr_assert_eq(vlmc_writer_finish(writer, &total, &error), VLMC_OK, "%s", error.text);
    vlmc_writer_destroy(&writer);
    cr_assert_eq(check_archive(params.path, &rest, 1, NULL, &error), VLMC_OK, "%s", error.text);

    uint64_t sum;
    cr_assert_not(vlmc_holes_valid(&late, 1, 200, &sum));
    cr_assert(vlmc_holes_valid(&late, 1, 210, &sum) && sum == 60);
    cr_assert_not(vlmc_holes_valid((const vlmc_hole[]){{0, 5}, {5, 5}}, 2, 20, &sum));
    cr_assert_not(vlmc_holes_valid((const vlmc_hole[]){{9, 5}, {0, 5}}, 2, 20, &sum));
    cr_assert_not(vlmc_holes_valid(&(vlmc_hole){UINT64_MAX, 2}, 1, 20, &sum));
}
