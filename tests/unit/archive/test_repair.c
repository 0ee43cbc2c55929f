// SPDX-License-Identifier: Apache-2.0
#include "archive/repair.h"
#include "archive_support.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct sample {
    uint8_t noise[3000];
    content contents[2];
    uint8_t *bytes; // (size) of the file
    size_t size;
    size_t archive_bytes;
} sample;

static sample *make_sample(void)
{
    sample *s = calloc(1, sizeof *s);
    vlmc_error error;
    uint64_t size;
    const char *path = scratch(0, "sample.vlmc");
    fill_random(s->noise, sizeof s->noise, 11);
    s->contents[0] = (content){"a", s->noise, sizeof s->noise};
    s->contents[1] = (content){"b/c", NULL, 2000};
    write_archive(path, s->contents, 2, NULL);
    free(load_file(path, &s->archive_bytes));
    const int fd = open(path, O_RDWR);
    cr_assert_eq(vlmc_recovery_protect(fd, s->archive_bytes, 10, NULL, &size, &error), VLMC_OK);
    close(fd);
    s->bytes = load_file(path, &s->size);
    cr_assert_eq(s->size, size);
    return s;
}

static void free_sample(sample *s)
{
    free(s->bytes);
    free(s);
}

static int file_of(const uint8_t *bytes, size_t size)
{
    const int fd = memfd_create("repair", MFD_CLOEXEC);
    cr_assert(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    return fd;
}

typedef struct outcome {
    vlmc_status status;
    vlmc_repair_need need;
    bool whole;
    uint8_t *bytes; // (size) of what was written
    size_t size;
} outcome;

// What comes of a file when it is repaired.
static outcome repaired(const uint8_t *bytes, size_t size)
{
    outcome o = {0};
    vlmc_error error;
    vlmc_repair *repair;
    const int from = file_of(bytes, size), to = memfd_create("repaired", MFD_CLOEXEC);
    o.status = vlmc_repair_create(from, size, "it", NULL, &repair, &error);
    if (o.status == VLMC_OK) {
        o.need = vlmc_repair_info_of(repair)->need;
        if (o.need != VLMC_REPAIR_NOTHING)
            cr_assert_eq(vlmc_repair_write(repair, to, NULL, &o.whole, &error), VLMC_OK);
    }
    vlmc_repair_destroy(&repair);
    o.size = (size_t)lseek(to, 0, SEEK_END);
    o.bytes = malloc(o.size + 1);
    cr_assert_eq(pread(to, o.bytes, o.size, 0), (ssize_t)o.size);
    close(from);
    close(to);
    return o;
}

static bool same(const outcome *o, const uint8_t *bytes, size_t size)
{
    return o->size == size && memcmp(o->bytes, bytes, size) == 0;
}

Test(repair, a_whole_file_needs_nothing)
{
    sample *s = make_sample();
    outcome o = repaired(s->bytes, s->size);
    cr_assert_eq(o.status, VLMC_OK);
    cr_assert_eq(o.need, VLMC_REPAIR_NOTHING);
    free(o.bytes);
    o = repaired(s->bytes, s->archive_bytes); // without recovery data
    cr_assert_eq(o.status, VLMC_OK);
    cr_assert_eq(o.need, VLMC_REPAIR_NOTHING);
    free(o.bytes);
    free_sample(s);
}

// VLMC_TEST_BIT, 0 to 7: that bit of each byte.
Test(repair, damage_to_any_byte_is_repaired_to_the_file_that_was)
{
    sample *s = make_sample();
    const char *which = getenv("VLMC_TEST_BIT");
    const uint8_t flip = (uint8_t)(which ? 1 << atoi(which) % 8 : 0x41);
    for (size_t at = 0; at < s->size; at++) {
        s->bytes[at] ^= flip;
        outcome o = repaired(s->bytes, s->size);
        s->bytes[at] ^= flip;
        cr_expect(o.status == VLMC_OK && o.whole && same(&o, s->bytes, s->size), "byte %zu", at);
        cr_expect_eq(o.need, at < s->archive_bytes ? VLMC_REPAIR_ARCHIVE : VLMC_REPAIR_REST,
                     "byte %zu", at);
        free(o.bytes);
    }
    free_sample(s);
}

// The end of the file, which is recovery data, is repaired to all; without its recovery data an
// archive is repaired to itself; and what cannot be repaired is never called whole.
Test(repair, every_truncation_is_repaired_or_refused)
{
    sample *s = make_sample();
    size_t repaired_to_all = 0, repaired_to_archive = 0;
    for (size_t size = 0; size < s->size; size++) {
        outcome o = repaired(s->bytes, size);
        const bool all = same(&o, s->bytes, s->size);
        const bool archive = same(&o, s->bytes, s->archive_bytes);
        cr_expect(!o.whole || all || archive, "%zu bytes", size);
        cr_expect(o.whole || o.need == VLMC_REPAIR_NOTHING || o.status == VLMC_OK);
        cr_expect(size < s->archive_bytes || o.whole || size == s->archive_bytes, "%zu bytes",
                  size);
        repaired_to_all += all;
        repaired_to_archive += archive;
        free(o.bytes);
    }
    cr_expect_geq(repaired_to_all, s->size - s->archive_bytes - 56);
    cr_expect_geq(repaired_to_archive, 50u);
    free_sample(s);
}

Test(repair, damaged_recovery_data_keep_nobody_from_the_archive)
{
    sample *s = make_sample();
    const char *path = scratch(1, "hurt.vlmc");
    for (size_t at = s->archive_bytes; at < s->size; at += 3) {
        vlmc_error error = {0};
        s->bytes[at] ^= 0x41;
        save_file(path, s->bytes, s->size);
        s->bytes[at] ^= 0x41;
        cr_expect_eq(check_archive(path, s->contents, 2, NULL, &error), VLMC_OK, "byte %zu: %s", at,
                     error.text);
    }
    // All of them but the head; then all but the tail.
    memset(s->bytes + s->archive_bytes + 56, 0, s->size - s->archive_bytes - 56);
    save_file(path, s->bytes, s->size);
    vlmc_error error = {0};
    cr_expect_eq(check_archive(path, s->contents, 2, NULL, &error), VLMC_OK, "%s", error.text);
    free_sample(s);
}

Test(repair, bytes_at_the_end_that_are_not_the_archives_are_cut_off)
{
    sample *s = make_sample();
    uint8_t *longer = calloc(1, s->size + 5000);
    memcpy(longer, s->bytes, s->size);
    for (size_t more = 1; more < 5000; more = more * 7 + 1) {
        outcome o = repaired(longer, s->size + more);
        cr_expect(o.whole && same(&o, s->bytes, s->size), "%zu bytes more", more);
        free(o.bytes);
    }
    memset(longer + s->archive_bytes, 'x', 5000); // no recovery data
    outcome o = repaired(longer, s->archive_bytes + 5000);
    cr_expect(o.whole && same(&o, s->bytes, s->archive_bytes));
    free(o.bytes);
    free(longer);
    free_sample(s);
}

Test(repair, bytes_that_went_from_the_middle_come_back)
{
    sample *s = make_sample();
    uint8_t *shorter = malloc(s->size);
    for (size_t at = 20; at < s->size - 600; at += 500) {
        memcpy(shorter, s->bytes, at);
        memcpy(shorter + at, s->bytes + at + 90, s->size - at - 90);
        outcome o = repaired(shorter, s->size - 90);
        cr_expect(o.whole && same(&o, s->bytes, s->size), "90 bytes at %zu", at);
        free(o.bytes);
    }
    free(shorter);
    free_sample(s);
}

Test(repair, a_protected_archive_within_an_archive_is_not_taken_for_it)
{
    sample *inner = make_sample();
    const content outer = {"inner.vlmc", inner->bytes, inner->size};
    size_t size;
    write_archive(scratch(2, "outer.vlmc"), &outer, 1, NULL);
    uint8_t *bytes = load_file(scratch(2, "outer.vlmc"), &size);
    bytes[size - 1] ^= 1; // its own end is lost
    outcome o = repaired(bytes, size);
    cr_expect_eq(o.status, VLMC_ERROR_DAMAGED);
    free(o.bytes);
    free(bytes);
    free_sample(inner);
}
