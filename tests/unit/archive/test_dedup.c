// SPDX-License-Identifier: Apache-2.0
// What an archive has already is not coded again, and comes back all the same.
#include "archive/dedup.h"
#include "archive/reader.h"
#include "plugin_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static vlmc_status rewind_source(void *user, vlmc_error *error)
{
    source *s = user;
    (void)error;
    s->at = 0;
    return VLMC_OK;
}

typedef struct how {
    size_t at_most;  // as in source
    bool rewinds;    // files can be read twice
    uint32_t failed; // a file, from 1, that cannot be read to its end
} how;

static void write_files(const vlmc_writer_params *params, const content *contents, uint32_t n,
                        how how)
{
    vlmc_writer *writer;
    vlmc_error error = {0};
    uint64_t bytes;
    cr_assert_eq(vlmc_writer_create(params, &writer, &error), VLMC_OK, "%s", error.text);
    for (uint32_t i = 0; i < n; i++) {
        const vlmc_entry entry = {.path = contents[i].path, .mode = 0600 + i % 64};
        source s = {.content = &contents[i], .at_most = how.at_most};
        const vlmc_content_source file = {
            .read = read_source,
            .rewind = how.rewinds ? rewind_source : NULL,
            .size_bytes = contents[i].size,
            .user = &s,
        };
        const bool fails = i + 1 == how.failed;
        if (fails)
            s.fail_at = contents[i].size;
        cr_assert_eq(vlmc_writer_add_file(writer, &entry, &file, &error),
                     fails ? VLMC_ERROR_IO : VLMC_OK, "%s", error.text);
    }
    cr_assert_eq(vlmc_writer_finish(writer, &bytes, &error), VLMC_OK, "%s", error.text);
    vlmc_writer_destroy(&writer);
}

static vlmc_writer_params no_model(const char *path)
{
    return (vlmc_writer_params){.path = path, .replace = true};
}

static size_t size_of(const char *path)
{
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    return (size_t)st.st_size;
}

// Size of an archive of these files without a model, which come back from it.
static size_t packed_size(const content *contents, uint32_t n, how how)
{
    const char *path = scratch(0, "packed.vlmc");
    const vlmc_writer_params params = no_model(path);
    vlmc_error error = {0};
    write_files(&params, contents, n, how);
    cr_assert_eq(check_archive(path, contents, n, NULL, &error), VLMC_OK, "%s", error.text);
    return size_of(path);
}

static uint8_t *noise(size_t n, uint64_t seed)
{
    uint8_t *bytes = malloc(n);
    fill_random(bytes, n, seed);
    return bytes;
}

Test(dedup, a_second_copy_of_a_file_costs_less_than_a_hundredth)
{
    const size_t n = 10000000;
    uint8_t *bytes = noise(n, 1);
    const content contents[] = {{"one", bytes, n}, {"two", bytes, n}};
    const size_t one = packed_size(contents, 1, (how){0});
    const size_t read_once = packed_size(contents, 2, (how){.at_most = 100000});
    const size_t read_twice = packed_size(contents, 2, (how){.rewinds = true});
    cr_assert_lt(read_once, one + one / 1000);
    cr_assert_lt(read_twice, one + 200);
    free(bytes);
}

Test(dedup, a_file_within_a_file_costs_little_wherever_it_stands)
{
    const size_t n = 2000000;
    uint8_t *bytes = noise(3 * n, 2);
    memcpy(bytes + n + 12345, bytes + 77, n);
    const content all = {"all", bytes, 3 * n};
    cr_assert_lt(packed_size(&all, 1, (how){0}), 2 * n + n / 50);
    free(bytes);
}

Test(dedup, changes_cost_what_is_near_them)
{
    const size_t n = 1000000, every = 100000;
    uint8_t *old = noise(n, 3), *new = malloc(n + n / every);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (i % every == every / 2) // ten bytes more, in ten places
            new[at++] = 'x';
        new[at++] = old[i];
    }
    const content contents[] = {{"old", old, n}, {"new", new, at}};
    const size_t one = packed_size(contents, 1, (how){0});
    const size_t both = packed_size(contents, 2, (how){0});
    cr_assert_lt(both, one + 10 * 3 * 4096, "%zu for ten changes", both - one);
    free(old);
    free(new);
}

Test(dedup, runs_that_are_too_short_are_coded_again)
{
    uint8_t *bytes = noise(60000, 4);
    memcpy(bytes + 50000, bytes + 10000, 1500);
    const content all = {"all", bytes, 60000};
    const vlmc_writer_params params = no_model(scratch(0, "short.vlmc"));
    write_files(&params, &all, 1, (how){0});
    vlmc_reader *reader;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_reader_open(params.path, NULL, &reader, &error), VLMC_OK);
    cr_assert_eq(vlmc_reader_info(reader)->duplicate_bytes, 0);
    cr_assert_eq(vlmc_reader_group(reader, 0)->raw_bytes, 60000);
    vlmc_reader_destroy(&reader);
    free(bytes);
}

Test(dedup, noise_grows_by_less_than_a_thousandth)
{
    const size_t n = 5000000;
    uint8_t *bytes = noise(n, 5);
    cr_assert_lt(packed_size(&(content){"noise", bytes, n}, 1, (how){0}), n + n / 1000);
    free(bytes);
}

// ---- With plugins ----

// A joined text, and another one with parts of it.
typedef struct texts {
    uint8_t *old, *new;
    content contents[4];
} texts;

#define OLD_BYTES 300000u
#define NEW_BYTES 200000u

static texts make_texts(void)
{
    texts t = {.old = claimed_bits("joiner", OLD_BYTES, 1),
               .new = claimed_bits("joiner", NEW_BYTES, 2)};
    memcpy(t.new + 20000, t.old + 100000, 70000);
    memcpy(t.new + 120000, t.old + 90000, 30000);
    t.contents[0] = (content){"old", t.old, OLD_BYTES};
    t.contents[1] = (content){"new", t.new, NEW_BYTES};
    t.contents[2] = (content){"plain", t.old + 5000, 60000};
    t.contents[3] = (content){"again", t.new, NEW_BYTES};
    return t;
}

static void free_texts(texts *t)
{
    free(t->old);
    free(t->new);
}

Test(dedup, parts_of_texts_are_parts_of_segments)
{
    static const char *const names[] = {"joiner"};
    kit *k = make_kit(names, 1, false);
    texts t = make_texts();
    const vlmc_writer_params params = kit_params(k, scratch(0, "parts.vlmc"));
    vlmc_error error = {0};
    write_files(&params, t.contents, 4, (how){.rewinds = true});
    cr_assert_eq(k->notices, 0, "%s", k->notice);
    cr_assert_lt(k->coded, OLD_BYTES + NEW_BYTES - 80000u, "%llu", (unsigned long long)k->coded);
    cr_assert_eq(kit_check(k, params.path, t.contents, 4, &error), VLMC_OK, "%s", error.text);
    vlmc_reader *reader = kit_open(k, params.path);
    cr_assert(vlmc_reader_entry(reader, 1)->has_margins);
    cr_assert(vlmc_reader_entry(reader, 3)->has_margins);
    cr_assert_gt(vlmc_reader_info(reader)->duplicate_bytes, NEW_BYTES + 130000u);
    uint64_t packed = 0;
    for (uint32_t i = 0; i < 4; i++)
        packed += vlmc_reader_packed_bytes(reader, i);
    cr_assert_gt(packed, vlmc_reader_packed_bytes(reader, 0));
    vlmc_reader_destroy(&reader);
    free_texts(&t);
    free_kit(k);
}

Test(dedup, the_archive_is_the_same_however_files_are_read)
{
    static const char *const names[] = {"joiner", "good"};
    texts t = make_texts();
    uint8_t *first = NULL;
    size_t first_size = 0, size;
    for (size_t at_most = 0; at_most < 400000; at_most = at_most * 13 + 1111) {
        kit *k = make_kit(names, 2, at_most % 2);
        const vlmc_writer_params params = kit_params(k, scratch(0, "same.vlmc"));
        write_files(&params, t.contents, 4, (how){.at_most = at_most, .rewinds = true});
        uint8_t *bytes = load_file(params.path, &size);
        if (!first) {
            first = bytes;
            first_size = size;
        } else {
            cr_assert(size == first_size && memcmp(first, bytes, size) == 0, "%zu", at_most);
            free(bytes);
        }
        free_kit(k);
    }
    free(first);
    free_texts(&t);
}

Test(dedup, a_plugin_never_sees_a_second_copy)
{
    static const char *const names[] = {"good"};
    kit *k = make_kit(names, 1, false);
    uint8_t *claimed = claimed_bits("good", 100000, 1), *other = claimed_bits("good", 100000, 2);
    const content contents[] = {
        {"a", claimed, 100000}, {"b", other, 100000}, {"dir/c", claimed, 100000}};
    const vlmc_writer_params params = kit_params(k, scratch(0, "copies.vlmc"));
    vlmc_error error = {0};
    write_files(&params, contents, 3, (how){.rewinds = true});
    cr_assert_eq(k->coded, 2 * (100000 - 5), "one of each");
    cr_assert_eq(kit_check(k, params.path, contents, 3, &error), VLMC_OK, "%s", error.text);
    vlmc_reader *reader = kit_open(k, params.path);
    cr_assert_eq(vlmc_reader_info(reader)->duplicate_bytes, 100000);
    cr_assert_eq(vlmc_reader_entry(reader, 2)->mode, 0602, "names, modes and times are its own");
    vlmc_reader_destroy(&reader);
    free(claimed);
    free(other);
    free_kit(k);
}

Test(dedup, nothing_refers_to_a_file_that_was_left_out)
{
    static const char *const names[] = {"joiner"};
    kit *k = make_kit(names, 1, false);
    texts t = make_texts();
    for (uint32_t failed = 1; failed <= 4; failed++) {
        const vlmc_writer_params params = kit_params(k, scratch(0, "left-out.vlmc"));
        content rest[3];
        uint32_t n = 0;
        vlmc_error error = {0};
        for (uint32_t i = 0; i < 4; i++)
            if (i + 1 != failed)
                rest[n++] = t.contents[i];
        write_files(&params, t.contents, 4, (how){.rewinds = true, .failed = failed});
        cr_assert_eq(kit_check(k, params.path, rest, 3, &error), VLMC_OK, "%s", error.text);
    }
    free_texts(&t);
    free_kit(k);
}

// ---- Reading ----

Test(dedup, a_damaged_group_is_said_of_all_files_that_have_its_bytes)
{
    const size_t n = 200000;
    uint8_t *bytes = noise(3 * n, 6), *mixed = malloc(n);
    memcpy(mixed, bytes + n + 20000, 100000); // of the second file
    memcpy(mixed + 100000, bytes + 2 * n, 100000);
    const content contents[] = {{"first", bytes, n},
                                {"second", bytes + n, n},
                                {"third", bytes + 2 * n, n},
                                {"copy", bytes + n, n},
                                {"mixed", mixed, n}};
    static const bool lost[] = {false, true, false, true, true};
    vlmc_writer_params params = no_model(scratch(0, "damaged.vlmc"));
    params.group_bytes = 65536;
    write_files(&params, contents, 5, (how){0});
    size_t size;
    uint8_t *archive = load_file(params.path, &size);
    archive[n + 70000] ^= 1; // about the 70000th byte of the second file
    save_file(params.path, archive, size);
    vlmc_reader *reader;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_reader_open(params.path, NULL, &reader, &error), VLMC_OK);
    for (uint32_t i = 0; i < 5; i++) {
        comparison c = {.content = &contents[i]};
        cr_assert_eq(vlmc_reader_read(reader, i, compare_bytes, &c, &error),
                     lost[i] ? VLMC_ERROR_DAMAGED : VLMC_OK, "%s", contents[i].path);
        cr_assert_not(c.differs);
    }
    vlmc_reader_destroy(&reader);
    free(archive);
    free(bytes);
    free(mixed);
}

typedef struct decoded {
    uint64_t bytes, packed;
} decoded;

static bool note_decoded(void *user, uint64_t bytes, uint64_t packed)
{
    decoded *d = user;
    cr_assert(bytes >= d->bytes && packed >= d->packed);
    *d = (decoded){bytes, packed};
    return true;
}

// Files that take from twenty groups in turn, in another order than they were written in.
Test(dedup, groups_that_are_needed_again_are_decoded_once)
{
    enum { GROUPS = 20, SIZE = 65536, PART = 30000 };
    uint8_t *bytes = noise(GROUPS * SIZE, 7), *parts = noise(GROUPS * PART, 8);
    for (uint32_t i = 0; i < GROUPS; i++)
        memcpy(parts + i * PART + 2000, bytes + (GROUPS - 1 - i) * SIZE + 9000, PART - 4000);
    const content contents[] = {
        {"bytes", bytes, GROUPS * SIZE}, {"parts", parts, GROUPS * PART}, {"again", bytes, 500000}};
    vlmc_writer_params params = no_model(scratch(0, "turns.vlmc"));
    params.group_bytes = SIZE;
    write_files(&params, contents, 3, (how){0});
    vlmc_reader *reader;
    vlmc_error error = {0};
    decoded d = {0};
    uint64_t packed = 0;
    cr_assert_eq(vlmc_reader_open(params.path, NULL, &reader, &error), VLMC_OK);
    vlmc_reader_set_progress(reader, note_decoded, &d);
    cr_assert_eq(check_entries(reader, contents, 3, &error), VLMC_OK, "%s", error.text);
    for (uint32_t i = 0; i < vlmc_reader_info(reader)->n_groups; i++)
        packed += VLMC_RECORD_BYTES + vlmc_reader_group(reader, i)->packed_bytes;
    cr_assert_eq(d.packed, packed);
    cr_assert_eq(d.bytes, vlmc_reader_info(reader)->content_bytes);
    vlmc_reader_destroy(&reader);
    free(bytes);
    free(parts);
}

static int open_spool(void *user)
{
    uint32_t *opened = user;
    FILE *f = tmpfile();
    const int fd = f ? dup(fileno(f)) : -1;
    if (f)
        fclose(f);
    ++*opened;
    return *opened == 1 ? fd : -1;
}

// Groups of the model, with no memory but for six of them.
static uint64_t packed_bytes_decoded(const char *path, const vlmc_model *model,
                                     const content *contents, uint32_t n, bool with_spool)
{
    const vlmc_engine_source engines = tiny_engines(model);
    vlmc_reader *reader;
    vlmc_error error = {0};
    decoded d = {0};
    uint32_t opened = 0;
    cr_assert_eq(vlmc_reader_open(path, &engines, &reader, &error), VLMC_OK);
    vlmc_reader_set_progress(reader, note_decoded, &d);
    reader->cache.limit_bytes = 0;
    if (with_spool)
        vlmc_reader_set_spool(reader, open_spool, &opened);
    cr_assert_eq(check_entries(reader, contents, n, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(reader->cache.n_held, VLMC_CACHE_GROUPS_MIN);
    cr_assert_eq(opened, with_spool);
    vlmc_reader_destroy(&reader);
    return d.packed;
}

Test(dedup, what_memory_has_no_room_for_is_decoded_once_with_a_temporary_file)
{
    enum { GROUPS = 10, SIZE = 65536, PART = 9000 };
    vlmc_model *model = tiny_model(1);
    uint8_t *bytes = malloc(GROUPS * SIZE), *parts = malloc(GROUPS * PART);
    fill_text(bytes, GROUPS * SIZE, 7);
    for (uint32_t i = 0; i < GROUPS; i++)
        memcpy(parts + i * PART, bytes + i * SIZE + 20000, PART);
    const content contents[] = {{"bytes", bytes, GROUPS * SIZE}, {"parts", parts, GROUPS * PART}};
    vlmc_writer_params params = no_model(scratch(0, "spooled.vlmc"));
    params.engine = tiny_engines(model);
    params.group_bytes = SIZE;
    write_files(&params, contents, 2, (how){0});
    vlmc_reader *reader;
    vlmc_error error = {0};
    uint64_t packed = 0;
    cr_assert_eq(vlmc_reader_open(params.path, NULL, &reader, &error), VLMC_OK);
    for (uint32_t i = 0; i < vlmc_reader_info(reader)->n_groups; i++) {
        cr_assert_eq(vlmc_reader_group(reader, i)->method, VLMC_GROUP_MODEL);
        packed += VLMC_RECORD_BYTES + vlmc_reader_group(reader, i)->packed_bytes;
    }
    vlmc_reader_destroy(&reader);
    cr_assert_eq(packed_bytes_decoded(params.path, model, contents, 2, true), packed);
    cr_assert_gt(packed_bytes_decoded(params.path, model, contents, 2, false), packed * 5 / 4);
    free(bytes);
    free(parts);
    vlmc_model_destroy(&model);
}

Test(dedup, groups_that_are_not_needed_again_are_not_kept)
{
    const size_t n = 40 * 65536;
    uint8_t *bytes = noise(n, 9);
    const content c = {"noise", bytes, n};
    vlmc_writer_params params = no_model(scratch(0, "once.vlmc"));
    params.group_bytes = 65536;
    write_files(&params, &c, 1, (how){0});
    vlmc_reader *reader;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_reader_open(params.path, NULL, &reader, &error), VLMC_OK);
    cr_assert_eq(check_entries(reader, &c, 1, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(reader->cache.n_held, VLMC_CACHE_GROUPS_MIN);
    cr_assert_leq(reader->cache.bytes, VLMC_CACHE_GROUPS_MIN * 65536u);
    vlmc_reader_destroy(&reader);
    free(bytes);
}

Test(reader_cache, memory_stays_within_its_bound)
{
    static vlmc_reader_cache cache = {.limit_bytes = VLMC_CACHE_BYTES};
    static const size_t sizes[] = {64u << 20, 1000, 40u << 20, 1u << 20, 64u << 20, 5};
    enum { GROUPS = 300 };
    cache.uses = calloc(GROUPS, sizeof *cache.uses);
    for (uint32_t i = 0; i < GROUPS; i++)
        cache.uses[i] = i % 7 != 0; // most are needed again
    for (uint32_t i = 0; i < GROUPS; i++) {
        vlmc_kept_group *kept = vlmc_reader_cache_place(&cache, sizes[i % 6]);
        cr_assert(kept && kept->capacity >= sizes[i % 6] && kept->tokens);
        kept->tokens[0] = (uint8_t)i;
        vlmc_reader_cache_keep(&cache, kept, i, false);
        const uint8_t *tokens = vlmc_reader_cache_find(&cache, i, sizes[i % 6]);
        cr_assert(tokens && tokens[0] == (uint8_t)i);
        size_t sum = 0;
        uint32_t held = 0;
        for (uint32_t j = 0; j < cache.n_kept; j++) {
            sum += cache.kept[j].capacity;
            held += cache.kept[j].tokens != NULL;
        }
        cr_assert(sum == cache.bytes && held == cache.n_held);
        cr_assert(held <= VLMC_CACHE_GROUPS_MIN || sum <= VLMC_CACHE_BYTES);
    }
    vlmc_reader_cache_destroy(&cache);
    cr_assert(cache.bytes == 0 && cache.n_kept == 0);
}
