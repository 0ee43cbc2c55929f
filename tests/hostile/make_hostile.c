// SPDX-License-Identifier: Apache-2.0
// make_hostile KIND ARCHIVE: an archive as no writer makes it: sound, but for what its index says,
// with right sizes and hashes.
#include "archive/archive.h"
#include "archive/format.h"
#include "codec/group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MAX (1u << 16)

typedef struct bytes {
    const char *at;
    size_t n;
} bytes;

#define B(literal)                                                                                 \
    {                                                                                              \
        literal, sizeof literal - 1                                                                \
    }

typedef struct lie {
    const char *kind;
    bytes from; // in the raw index of the sound archive
    bytes to;
} lie;

// The sound archive: a file "aa/bb" of "content\n", a file "aa/cc" of a hole of two bytes, a
// symlink "dd" to "/tmp".
static const lie lies[] = {
    {"sound", {"", 0}, {"", 0}},
    {"absolute", B("aa/bb\0"), B("/a/bb\0")},
    {"dotdot", B("aa/bb\0"), B("../bb\0")},
    {"twice", B("aa/cc\0"), B("aa/bb\0")},
    {"behind_link", B("aa/bb\0aa/cc\0"), B("dd/bb\0aa/cc\0")},
    {"names", B("aa/bb\0"), B("\033[31m\n\0")},
    {"count", B("\3\0\40\2"), B("\2\0\40\2")},
    {"many", B("\3\0\40\2"), B("\xFF\xFF\xFF\xFF\7\0\40\2")},
    {"size", B("\10\2\1\0\2"), B("\11\2\1\0\2")},
    {"short", B("\10\2\1\0\2"), B("\7\2\1\0\2")},
    {"offset", B("\1\0\2\0"), B("\1\0\2\1")},
    // 2^60 bytes of nothing; 2^60 bytes that are not there.
    {"bomb", B("\10\2\1\0\2"),
     B("\10\x80\x80\x80\x80\x80\x80\x80\x80\x10\1\0\x80\x80\x80\x80\x80\x80\x80\x80\x10")},
    {"data_bomb", B("\10\2\1\0\2"), B("\x80\x80\x80\x80\x80\x80\x80\x80\x10\2\1\0\2")},
};

static vlmc_status read_text(void *user, void *buffer, size_t capacity, size_t *got,
                             vlmc_error *error)
{
    const char **text = user;
    (void)error;
    *got = strlen(*text) < capacity ? strlen(*text) : capacity;
    memcpy(buffer, *text, *got);
    *text += *got;
    return VLMC_OK;
}

static vlmc_status write_sound(const char *path, vlmc_error *error)
{
    const vlmc_writer_params params = {.path = path, .replace = true};
    const char *content = "content\n", *nothing = "";
    const vlmc_hole hole = {0, 2};
    const vlmc_content_source sparse = {
        .read = read_text, .user = &nothing, .size_bytes = 2, .holes = &hole, .n_holes = 1};
    const vlmc_entry file = {.path = "aa/bb", .mode = 0644},
                     empty = {.path = "aa/cc", .mode = 0644};
    const vlmc_entry link = {
        .path = "dd", .type = VLMC_ENTRY_SYMLINK, .link = "/tmp", .mode = 0777};
    vlmc_writer *writer;
    uint64_t total;
    VLMC_TRY(vlmc_writer_create(&params, &writer, error));
    vlmc_status status = vlmc_writer_add(writer, &file, read_text, &content, error);
    if (status == VLMC_OK)
        status = vlmc_writer_add_file(writer, &empty, &sparse, error);
    if (status == VLMC_OK)
        status = vlmc_writer_add(writer, &link, NULL, NULL, error);
    if (status == VLMC_OK)
        status = vlmc_writer_finish(writer, &total, error);
    vlmc_writer_destroy(&writer);
    return status;
}

// Replaces `from` in raw // (n); false unless it is there once.
static bool tell_lie(const lie *lie, uint8_t *raw, size_t *n)
{
    size_t at = 0, found = 0;
    if (lie->from.n == 0)
        return true;
    for (size_t i = 0; i + lie->from.n <= *n; i++)
        if (memcmp(raw + i, lie->from.at, lie->from.n) == 0) {
            at = i;
            found++;
        }
    if (found != 1)
        return false;
    memmove(raw + at + lie->to.n, raw + at + lie->from.n, *n - at - lie->from.n);
    memcpy(raw + at, lie->to.at, lie->to.n);
    *n += lie->to.n - lie->from.n;
    return true;
}

// Seals the archive // (*size) again with what the lie makes of its index.
static bool change_index(const lie *lie, uint8_t *archive, size_t *size)
{
    uint8_t raw[BYTES_MAX];
    vlmc_footer footer;
    vlmc_record record;
    vlmc_error error;
    if (!vlmc_format_read_footer(archive + *size - VLMC_FOOTER_BYTES, &footer))
        return false;
    uint8_t *at =
        archive + *size - VLMC_FOOTER_BYTES - footer.index_packed_bytes - VLMC_RECORD_BYTES;
    if (!vlmc_format_read_record(at, &record) ||
        vlmc_group_unpack_plain(record.method, at + VLMC_RECORD_BYTES, record.packed_bytes, raw,
                                record.raw_bytes, &error) != VLMC_OK)
        return false;
    size_t n = record.raw_bytes;
    if (!tell_lie(lie, raw, &n))
        return false;
    record.method = VLMC_GROUP_STORED;
    record.raw_bytes = record.packed_bytes = footer.index_packed_bytes = (uint32_t)n;
    record.raw_hash = record.packed_hash = vlmc_format_hash(raw, n);
    vlmc_format_write_record(&record, at);
    memcpy(at + VLMC_RECORD_BYTES, raw, n);
    vlmc_format_write_footer(&footer, at + VLMC_RECORD_BYTES + n);
    *size = (size_t)(at - archive) + VLMC_RECORD_BYTES + n + VLMC_FOOTER_BYTES;
    return true;
}

static int make(const lie *lie, const char *path)
{
    static uint8_t archive[2 * BYTES_MAX];
    vlmc_error error;
    if (write_sound(path, &error) != VLMC_OK) {
        fprintf(stderr, "make_hostile: %s\n", error.text);
        return 2;
    }
    FILE *f = fopen(path, "rb");
    size_t size = f ? fread(archive, 1, BYTES_MAX, f) : 0;
    if (!f || fclose(f) != 0 || size < VLMC_FOOTER_BYTES || !change_index(lie, archive, &size)) {
        fprintf(stderr, "make_hostile: %s has another index than this program knows\n", path);
        return 2;
    }
    f = fopen(path, "wb");
    return f && fwrite(archive, 1, size, f) == size && fclose(f) == 0 ? 0 : 2;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 3 && i < sizeof lies / sizeof *lies; i++)
        if (strcmp(lies[i].kind, argv[1]) == 0)
            return make(&lies[i], argv[2]);
    fprintf(stderr, "usage: make_hostile KIND ARCHIVE\n");
    return 64;
}
