// SPDX-License-Identifier: Apache-2.0
// Archives of every kind of entry: damage, and how little of them is read for one file.
#include "archive/format.h"
#include "archive_support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const vlmc_xattr xattr = {.name = "user.x", .value = (const uint8_t *)"y", .size = 1};
static const vlmc_attributes attributes = {
    .has_owner = true,
    .uid = 1000,
    .gid = 100,
    .user = "ann",
    .group = "users",
    .acl_access = "user::rw-\nuser:bob:r--:1001\ngroup::r--\nmask::r--\nother::---",
    .acl_default = "user::rwx\ngroup::r-x\nother::---",
    .xattrs = &xattr,
    .n_xattrs = 1,
};
static const vlmc_hole holes[] = {{0, 100}, {120, 3000}};
static const content contents[] = {
    {"d/sparse", (const uint8_t *)"twenty bytes of data and ten more", 30},
    {"d/text", (const uint8_t *)"text\n", 5},
};

// A folder, a sparse file, a file, another name of it and a symlink.
static void write_whole(const char *path)
{
    const vlmc_writer_params params = {.path = path, .replace = true};
    const vlmc_entry entries[] = {
        {.path = "d", .type = VLMC_ENTRY_FOLDER, .mode = 0755, .attributes = &attributes},
        {.path = "d/sparse", .mode = 0644, .mtime_seconds = -5},
        {.path = "d/text", .mode = 0644, .mtime_ns = 7, .attributes = &attributes},
        {.path = "e", .type = VLMC_ENTRY_HARD_LINK, .target = 2},
        {.path = "f", .type = VLMC_ENTRY_SYMLINK, .mode = 0777, .link = "d/text"},
    };
    vlmc_writer *writer;
    vlmc_error error = {0};
    uint64_t total;
    cr_assert_eq(vlmc_writer_create(&params, &writer, &error), VLMC_OK, "%s", error.text);
    for (uint32_t i = 0; i < 5; i++) {
        source s = {.content = &contents[i == 2]};
        const vlmc_content_source from = {
            .read = read_source,
            .user = &s,
            .size_bytes = 3130,
            .holes = holes,
            .n_holes = i == 1 ? 2 : 0,
        };
        cr_assert_eq(vlmc_writer_n_entries(writer), i);
        cr_assert_eq(vlmc_writer_add_file(writer, &entries[i],
                                          entries[i].type == VLMC_ENTRY_FILE ? &from : NULL,
                                          &error),
                     VLMC_OK, "%s", error.text);
    }
    cr_assert_eq(vlmc_writer_finish(writer, &total, &error), VLMC_OK, "%s", error.text);
    vlmc_writer_destroy(&writer);
}

// Data of a sparse file and what is said of its holes.
typedef struct sparse_check {
    comparison data;
    uint64_t hole_bytes;
} sparse_check;

static vlmc_status take_data(void *user, const void *bytes, size_t size, vlmc_error *error)
{
    return compare_bytes(&((sparse_check *)user)->data, bytes, size, error);
}

static vlmc_status take_hole(void *user, uint64_t bytes, vlmc_error *error)
{
    (void)error;
    ((sparse_check *)user)->hole_bytes += bytes;
    return VLMC_OK;
}

static bool same_metadata(vlmc_reader *reader)
{
    const vlmc_entry *folder = vlmc_reader_entry(reader, 0), *text = vlmc_reader_entry(reader, 2);
    const vlmc_entry *name = vlmc_reader_entry(reader, 3), *link = vlmc_reader_entry(reader, 4);
    return vlmc_reader_info(reader)->n_entries == 5 && folder->mode == 0755 &&
           vlmc_reader_entry(reader, 1)->mtime_seconds == -5 && text->mtime_ns == 7 &&
           text->attributes->gid == folder->attributes->gid &&
           strcmp(text->attributes->acl_default, attributes.acl_default) == 0 &&
           text->attributes->xattrs->value[0] == 'y' && name->target == 2 &&
           strcmp(name->link, "d/text") == 0 && strcmp(link->link, "d/text") == 0;
}

// VLMC_OK, or what an archive of these bytes fails with; anything else that is not as it was fails
// the test.
static vlmc_status verdict(const uint8_t *bytes, size_t size)
{
    static const uint32_t files[] = {1, 2, 3};
    const char *path = scratch(1, "hurt-whole.vlmc");
    vlmc_reader *reader;
    vlmc_error error = {0};
    save_file(path, bytes, size);
    vlmc_status status = vlmc_reader_open(path, NULL, &reader, &error);
    if (status != VLMC_OK)
        return status;
    cr_assert(same_metadata(reader));
    for (uint32_t i = 0; i < 3; i++) {
        sparse_check check = {.data.content = &contents[i > 0]};
        const vlmc_status result =
            vlmc_reader_read_sparse(reader, files[i], take_data, take_hole, &check, &error);
        if (result != VLMC_OK)
            status = result;
        else
            cr_assert(!check.data.differs && check.data.at == check.data.content->size &&
                      check.hole_bytes == (i ? 0 : 3100));
    }
    vlmc_reader_destroy(&reader);
    return status;
}

Test(whole, every_truncation_and_every_flipped_bit_of_every_kind_of_entry_is_an_error)
{
    write_whole(scratch(0, "whole.vlmc"));
    size_t size;
    uint8_t *bytes = load_file(scratch(0, "whole.vlmc"), &size);
    cr_assert_eq(verdict(bytes, size), VLMC_OK);
    for (size_t n = 0; n < size; n++)
        cr_assert_eq(verdict(bytes, n), n < 8 ? VLMC_ERROR_FORMAT : VLMC_ERROR_DAMAGED, "%zu", n);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_assert_eq(verdict(bytes, size), bit < 64 ? VLMC_ERROR_FORMAT : VLMC_ERROR_DAMAGED,
                     "bit %zu", bit);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    free(bytes);
}

// ---- One file of many ----

static bool note_packed(void *user, uint64_t bytes_done, uint64_t packed_bytes)
{
    (void)bytes_done;
    *(uint64_t *)user = packed_bytes;
    return true;
}

Test(whole, one_small_file_of_a_large_archive_decodes_one_group)
{
    enum { FILES = 320, FILE_BYTES = 10240 };
    const vlmc_writer_params params = {
        .path = scratch(0, "many.vlmc"), .replace = true, .group_bytes = 1 << 16};
    uint8_t *bytes = malloc((size_t)FILES * FILE_BYTES);
    vlmc_writer *writer;
    vlmc_reader *reader;
    vlmc_error error = {0};
    uint64_t total, packed = 0;
    fill_random(bytes, (size_t)FILES * FILE_BYTES, 3);
    cr_assert_eq(vlmc_writer_create(&params, &writer, &error), VLMC_OK, "%s", error.text);
    for (uint32_t i = 0; i < FILES; i++) {
        char name[8] = {'f', (char)('0' + i / 100), (char)('0' + i / 10 % 10),
                        (char)('0' + i % 10)};
        const content c = {name, bytes + (size_t)i * FILE_BYTES, FILE_BYTES};
        source s = {.content = &c};
        cr_assert_eq(vlmc_writer_add(writer, &(vlmc_entry){.path = name}, read_source, &s, &error),
                     VLMC_OK, "%s", error.text);
    }
    cr_assert_eq(vlmc_writer_finish(writer, &total, &error), VLMC_OK, "%s", error.text);
    vlmc_writer_destroy(&writer);

    cr_assert_eq(vlmc_reader_open(params.path, NULL, &reader, &error), VLMC_OK, "%s", error.text);
    cr_assert_geq(vlmc_reader_info(reader)->n_groups, 50);
    vlmc_reader_set_progress(reader, note_packed, &packed);
    // The first group has 65536 bytes: files 0 to 5, and a part of the next one.
    const content c = {"", bytes + (size_t)3 * FILE_BYTES, FILE_BYTES};
    comparison compare = {.content = &c};
    cr_assert_eq(vlmc_reader_read(reader, 3, compare_bytes, &compare, &error), VLMC_OK);
    cr_assert(!compare.differs && compare.at == FILE_BYTES);
    cr_assert_eq(packed, VLMC_RECORD_BYTES + vlmc_reader_group(reader, 0)->packed_bytes);
    vlmc_reader_destroy(&reader);
    free(bytes);
}
