// SPDX-License-Identifier: Apache-2.0
// A reader whose groups are decoded ahead.
#include "archive_support.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define N_CONTENTS 6u
#define AT_ONCE 3u

typedef struct bench {
    uint8_t *bytes[N_CONTENTS];
    content contents[N_CONTENTS];
    const char *path;
    vlmc_engine_source engines;
} bench;

// Files of several groups each, one of them once more.
static bench make_bench(uint32_t level)
{
    static const char *const names[N_CONTENTS] = {"a", "b", "c", "d", "e", "f"};
    bench b = {.path = scratch(0, "ahead.vlmc"), .engines = tiny_engines(tiny_model(1))};
    for (uint32_t i = 0; i < N_CONTENTS; i++) {
        const size_t n = level > 2 ? 30000 : 150000 + 20000 * i;
        b.bytes[i] = malloc(n);
        if (i == 3) // no work for a model
            fill_random(b.bytes[i], n, i);
        else
            fill_text(b.bytes[i], n, i % 5);
        b.contents[i] = (content){names[i], b.bytes[i], n};
    }
    const vlmc_writer_params params = {
        .path = b.path,
        .replace = true,
        .engine = b.engines,
        .level = vlmc_level_of(level),
        .group_bytes = 65536,
        .groups_at_once = 2,
    };
    vlmc_writer *writer;
    vlmc_error error;
    uint64_t total;
    cr_assert_eq(vlmc_writer_create(&params, &writer, &error), VLMC_OK, "%s", error.text);
    for (uint32_t i = 0; i < N_CONTENTS; i++) {
        const vlmc_entry entry = {.path = names[i]};
        source s = {.content = &b.contents[i]};
        cr_assert_eq(vlmc_writer_add(writer, &entry, read_source, &s, &error), VLMC_OK);
    }
    cr_assert_eq(vlmc_writer_finish(writer, &total, &error), VLMC_OK, "%s", error.text);
    vlmc_writer_destroy(&writer);
    return b;
}

static void free_bench(bench *b)
{
    for (uint32_t i = 0; i < N_CONTENTS; i++)
        free(b->bytes[i]);
}

static vlmc_reader *open_ahead(const bench *b, uint64_t memory_bytes)
{
    vlmc_reader *reader;
    vlmc_error error;
    cr_assert_eq(vlmc_reader_open(b->path, &b->engines, &reader, &error), VLMC_OK, "%s",
                 error.text);
    cr_assert_eq(vlmc_reader_set_ahead(reader, AT_ONCE, memory_bytes, &error), VLMC_OK);
    return reader;
}

static vlmc_status read_one(vlmc_reader *reader, const bench *b, uint32_t i, vlmc_error *error)
{
    comparison c = {.content = &b->contents[i]};
    const vlmc_status status = vlmc_reader_read(reader, i, compare_bytes, &c, error);
    cr_assert(!c.differs);
    cr_assert(status != VLMC_OK || c.at == b->contents[i].size);
    return status;
}

static void announce_all(vlmc_reader *reader)
{
    vlmc_error error;
    for (uint32_t i = 0; i < N_CONTENTS; i++)
        cr_assert_eq(vlmc_reader_announce(reader, i, &error), VLMC_OK, "%s", error.text);
}

Test(ahead, contents_are_the_same_in_whatever_order_they_are_read)
{
    static const uint32_t orders[][N_CONTENTS] = {
        {0, 1, 2, 3, 4, 5}, {5, 4, 3, 2, 1, 0}, {4, 4, 0, 0, 5, 1}, {2, 5, 2, 5, 2, 5}};
    for (uint32_t level = 1; level <= 3; level += 2) {
        bench b = make_bench(level);
        const size_t n = level > 2 ? 2 : sizeof orders / sizeof *orders;
        for (size_t o = 0; o < n; o++) {
            vlmc_reader *reader = open_ahead(&b, o % 2 ? 0 : UINT64_MAX);
            vlmc_error error = {0};
            announce_all(reader);
            for (uint32_t i = 0; i < N_CONTENTS; i++)
                cr_assert_eq(read_one(reader, &b, orders[o][i], &error), VLMC_OK, "%s", error.text);
            vlmc_reader_destroy(&reader);
        }
        free_bench(&b);
    }
}

Test(ahead, what_was_not_announced_is_read_all_the_same)
{
    bench b = make_bench(1);
    vlmc_reader *reader = open_ahead(&b, UINT64_MAX);
    vlmc_error error = {0};
    cr_assert_eq(vlmc_reader_announce(reader, 4, &error), VLMC_OK);
    for (uint32_t i = 0; i < N_CONTENTS; i++)
        cr_assert_eq(read_one(reader, &b, i, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(vlmc_reader_set_ahead(reader, 1, 0, &error), VLMC_OK);
    cr_assert_eq(read_one(reader, &b, 0, &error), VLMC_OK);
    vlmc_reader_destroy(&reader);
    free_bench(&b);
}

Test(ahead, damage_costs_the_files_that_lie_in_it_and_is_told_as_always)
{
    bench b = make_bench(1);
    size_t size;
    uint8_t *bytes = load_file(b.path, &size);
    bytes[200] ^= 4; // in the first group
    save_file(b.path, bytes, size);
    free(bytes);
    for (uint32_t ahead = 0; ahead < 2; ahead++) {
        vlmc_reader *reader = open_ahead(&b, UINT64_MAX);
        vlmc_error error = {0};
        if (ahead)
            announce_all(reader);
        cr_assert_eq(read_one(reader, &b, 0, &error), VLMC_ERROR_DAMAGED);
        cr_assert(strstr(error.text, "is damaged between bytes") != NULL, "%s", error.text);
        for (uint32_t i = 1; i < N_CONTENTS - 1; i++)
            cr_assert_eq(read_one(reader, &b, i, &error), VLMC_OK, "%s", error.text);
        cr_assert_eq(read_one(reader, &b, 5, &error), VLMC_ERROR_DAMAGED, "it is like the first");
        vlmc_reader_destroy(&reader);
    }
    free_bench(&b);
}

static uint32_t count_threads(void)
{
    uint32_t n = 0;
    DIR *tasks = opendir("/proc/self/task");
    cr_assert_not_null(tasks);
    while (readdir(tasks))
        n++;
    closedir(tasks);
    return n;
}

Test(ahead, threads_decode_what_was_announced_and_nothing_else)
{
    bench b = make_bench(1);
    const uint32_t before = count_threads();
    for (uint32_t announced = 0; announced < 2; announced++) {
        vlmc_reader *reader = open_ahead(&b, UINT64_MAX);
        vlmc_error error = {0};
        if (announced)
            announce_all(reader);
        cr_assert_eq(read_one(reader, &b, 0, &error), VLMC_OK, "%s", error.text);
        cr_assert_eq(count_threads() > before, announced == 1);
        vlmc_reader_destroy(&reader);
    }
    free_bench(&b);
}

static bool stop_at_half(void *user, uint64_t bytes_done, uint64_t packed_bytes)
{
    uint64_t *last = user;
    cr_assert(bytes_done >= *last);
    (void)packed_bytes;
    *last = bytes_done;
    return bytes_done < 100000;
}

Test(ahead, a_reader_can_be_stopped_while_threads_decode)
{
    bench b = make_bench(1);
    vlmc_reader *reader = open_ahead(&b, UINT64_MAX);
    vlmc_error error = {0};
    uint64_t last = 0;
    announce_all(reader);
    vlmc_reader_set_progress(reader, stop_at_half, &last);
    cr_assert_eq(read_one(reader, &b, 0, &error), VLMC_ERROR_INTERRUPTED);
    vlmc_reader_destroy(&reader);
    free_bench(&b);
}
