// SPDX-License-Identifier: Apache-2.0
// A writer that was interrupted, and the next one with the same partial file.
#include "archive/seal.h"
#include "plugin_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define N_CONTENTS 6u
#define GROUP_BYTES 65536u

typedef struct countdown {
    uint64_t done;    // bytes, that progress was told last
    uint64_t stop_at; // so many; 0: never
} countdown;

static bool count_down(void *user, uint64_t bytes_done, uint64_t packed_bytes)
{
    countdown *c = user;
    (void)packed_bytes;
    c->done = bytes_done;
    return bytes_done < c->stop_at || c->stop_at == 0;
}

typedef struct bench {
    kit *kit;
    uint8_t *bytes[N_CONTENTS];
    content contents[N_CONTENTS];
    vlmc_writer_params params;
    vlmc_seal *seal; // NULL: not encrypted
    countdown countdown;
    char path[512], partial[512], journal[512];
    uint8_t *expected; // (expected_size) the archive of an uninterrupted run
    size_t expected_size;
} bench;

static void set_content(bench *b, uint32_t i, const char *path, uint8_t *bytes, size_t n)
{
    b->bytes[i] = bytes;
    b->contents[i] = (content){path, bytes, n};
}

static vlmc_status write_once(bench *b, vlmc_writer_progress *state, vlmc_error *error)
{
    vlmc_writer *writer;
    uint64_t size;
    vlmc_status status = vlmc_writer_create(&b->params, &writer, error);
    for (uint32_t i = 0; i < N_CONTENTS && status == VLMC_OK; i++) {
        const vlmc_entry entry = {.path = b->contents[i].path, .mode = 0644};
        source s = {.content = &b->contents[i]};
        status = vlmc_writer_add(writer, &entry, read_source, &s, error);
    }
    if (status == VLMC_OK)
        status = vlmc_writer_finish(writer, &size, error);
    if (writer)
        *state = vlmc_writer_state(writer);
    vlmc_writer_destroy(&writer);
    return status;
}

// Plain bytes, a segment of one group, one of several, one that is not worth it, and noise.
// level 0: zstd only, which is fast
static bench *make_bench_with(uint32_t level, vlmc_seal *seal)
{
    static const char *const names[] = {"good", "longer", "joiner"};
    bench *b = calloc(1, sizeof *b);
    vlmc_writer_progress state;
    vlmc_error error = {0};
    b->kit = make_kit(names, 3, false);
    for (uint32_t i = 0; i < 2; i++) {
        uint8_t *text = malloc(200000);
        fill_text(text, 200000, i);
        set_content(b, i * 4, i ? "e" : "a", text, level == 0 ? 90000 : 20000);
    }
    set_content(b, 1, "b", claimed_bits("good", 30000, 2), 30000);
    set_content(b, 2, "c", claimed_bits("longer", 180000, 3), level == 0 ? 140000 : 70000);
    uint8_t *zeros = calloc(1, 50000);
    memcpy(zeros, "good!", 5);
    set_content(b, 3, "d", zeros, 50000);
    uint8_t *noise = malloc(70000);
    fill_random(noise, 70000, 4);
    set_content(b, 5, "f", noise, 70000);
    b->params = kit_params(b->kit, scratch(0, "whole.vlmc"));
    b->params.level = vlmc_level_of(level);
    if (level == 0)
        b->params.engine = (vlmc_engine_source){0};
    b->params.group_bytes = GROUP_BYTES;
    b->params.seal = b->seal = seal;
    b->params.progress = count_down;
    b->params.progress_user = &b->countdown;
    cr_assert_eq(write_once(b, &state, &error), VLMC_OK, "%s", error.text);
    b->expected = load_file(b->params.path, &b->expected_size);
    snprintf(b->path, sizeof b->path, "%s", scratch(0, "resumed.vlmc"));
    snprintf(b->partial, sizeof b->partial, "%s", scratch(0, ".resumed.vlmc.part"));
    snprintf(b->journal, sizeof b->journal, "%s", scratch(0, ".resumed.vlmc.log"));
    b->params.groups_at_once = 3; // which changes nothing
    b->params.path = b->path;
    b->params.partial = b->partial;
    b->params.journal = b->journal;
    unlink(b->path);
    unlink(b->partial);
    unlink(b->journal);
    return b;
}

static bench *make_bench(uint32_t level)
{
    return make_bench_with(level, NULL);
}

// With a master key of `byte`s.
static vlmc_seal *seal_of(uint8_t byte)
{
    const vlmc_seal_cost cheap = {.memory_kib = VLMC_SEAL_MEMORY_KIB_MIN, .passes = 1};
    const uint8_t salt[VLMC_SEAL_SALT_BYTES] = {0};
    uint8_t header[VLMC_HEADER_BYTES], master[VLMC_SEAL_MASTER_BYTES];
    vlmc_secret passphrase;
    vlmc_seal *seal;
    vlmc_error error = {0};
    memset(master, byte, sizeof master);
    vlmc_format_write_header(VLMC_FLAG_ENCRYPTED, header);
    cr_assert_eq(vlmc_secret_create(1, &passphrase, &error), VLMC_OK);
    passphrase.bytes[0] = 'x';
    passphrase.size = 1;
    cr_assert_eq(vlmc_seal_create_known(header, &passphrase, &cheap, master, salt, &seal, &error),
                 VLMC_OK, "%s", error.text);
    vlmc_secret_destroy(&passphrase);
    return seal;
}

static void free_bench(bench *b)
{
    vlmc_seal_destroy(&b->seal);
    for (uint32_t i = 0; i < N_CONTENTS; i++)
        free(b->bytes[i]);
    free(b->expected);
    free_kit(b->kit);
    free(b);
}

// Runs until the archive is there, and compares it.
static uint32_t finish(bench *b)
{
    vlmc_writer_progress state;
    vlmc_error error = {0};
    size_t size;
    b->countdown = (countdown){0};
    cr_assert_eq(write_once(b, &state, &error), VLMC_OK, "%s", error.text);
    uint8_t *bytes = load_file(b->path, &size);
    cr_assert(size == b->expected_size && memcmp(bytes, b->expected, size) == 0);
    free(bytes);
    cr_assert(!exists(b->partial) && !exists(b->journal));
    unlink(b->path);
    return state.taken;
}

static vlmc_status interrupt(bench *b, uint64_t stop_at, vlmc_writer_progress *state)
{
    vlmc_error error = {0};
    b->countdown = (countdown){.stop_at = stop_at};
    return write_once(b, state, &error);
}

static void check_stops(uint32_t level, uint32_t n, vlmc_seal *seal)
{
    bench *b = make_bench_with(level, seal);
    const uint64_t total = b->countdown.done;
    uint32_t most = 0;
    for (uint32_t i = 1; i <= n; i++) {
        vlmc_writer_progress state;
        cr_assert_eq(interrupt(b, i * total * 4 / 5 / n, &state), VLMC_ERROR_INTERRUPTED);
        cr_assert(!exists(b->path) && exists(b->partial));
        const uint32_t taken = finish(b);
        cr_assert_geq(taken, state.kept, "all that was packed is taken over");
        most = taken > most ? taken : most;
    }
    cr_assert_gt(most, 4);
    free_bench(b);
}

Test(resume, the_archive_is_the_same_wherever_the_run_was_interrupted)
{
    check_stops(0, 6, NULL);
}

Test(resume, the_archive_is_the_same_however_many_groups_are_packed_at_once)
{
    for (uint32_t level = 0; level <= 3; level += 3) {
        bench *b = make_bench_with(level, NULL);
        for (uint32_t at_once = 1; at_once <= 8; at_once += 7) {
            b->params.groups_at_once = at_once;
            cr_assert_eq(finish(b), 0);
        }
        free_bench(b);
    }
}

Test(resume, so_it_is_with_models)
{
    check_stops(3, 1, NULL);
}

Test(resume, an_interrupted_run_ends_with_the_group_in_work)
{
    bench *b = make_bench(1);
    const uint64_t half = b->countdown.done / 2;
    vlmc_writer_progress state;
    cr_assert_eq(interrupt(b, half, &state), VLMC_ERROR_INTERRUPTED);
    cr_assert_gt(b->countdown.done, half, "the group goes on");
    cr_assert_gt(state.kept, 0);
    free_bench(b);
}

// What a power cut leaves: the file is shorter, or has something else at its end.
static void tear(const char *path, size_t keep, size_t garbage, uint64_t seed)
{
    size_t size;
    uint8_t *bytes = load_file(path, &size);
    uint8_t *torn = malloc(size + garbage);
    keep = keep < size ? keep : size;
    memcpy(torn, bytes, keep);
    fill_random(torn + keep, garbage, seed);
    save_file(path, torn, keep + garbage);
    free(bytes);
    free(torn);
}

Test(resume, torn_and_lost_tails_cost_work_and_no_byte)
{
    bench *b = make_bench(0);
    const uint64_t total = b->countdown.done;
    vlmc_writer_progress state;
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_eq(interrupt(b, total * 4 / 5, &state), VLMC_ERROR_INTERRUPTED);
        size_t archive, journal;
        free(load_file(b->partial, &archive));
        free(load_file(b->journal, &journal));
        tear(b->partial, i % 3 == 1 ? archive : archive * i / 4, i % 2 ? 5000 : 0, i);
        tear(b->journal, i % 3 == 0 ? journal : journal * i / 4, i % 4 < 2 ? 300 : 0, i + 100);
        finish(b);
    }
    free_bench(b);
}

Test(resume, any_byte_of_the_partial_file_or_the_journal_may_be_wrong)
{
    bench *b = make_bench(0);
    const uint64_t total = b->countdown.done;
    vlmc_writer_progress state;
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_eq(interrupt(b, total * 4 / 5, &state), VLMC_ERROR_INTERRUPTED);
        const char *path = i % 2 ? b->partial : b->journal;
        size_t size;
        uint8_t *bytes = load_file(path, &size);
        bytes[size * i / 4] ^= (uint8_t)(1 + i);
        save_file(path, bytes, size);
        free(bytes);
        finish(b);
    }
    free_bench(b);
}

Test(resume, changed_files_are_archived_as_they_are_now)
{
    bench *b = make_bench(0);
    const uint64_t total = b->countdown.done;
    vlmc_writer_progress state;
    vlmc_error error = {0};
    cr_assert_eq(interrupt(b, total * 4 / 5, &state), VLMC_ERROR_INTERRUPTED);
    b->bytes[0][80000] ^= 1;
    b->contents[4].size -= 1000;
    b->countdown = (countdown){0};
    cr_assert_eq(write_once(b, &state, &error), VLMC_OK, "%s", error.text);
    cr_assert(state.taken > 0, "what is before the change");
    cr_assert_eq(kit_check(b->kit, b->path, b->contents, N_CONTENTS, &error), VLMC_OK, "%s",
                 error.text);
    free_bench(b);
}

Test(resume, another_level_takes_nothing_over)
{
    bench *b = make_bench(2);
    vlmc_writer_progress state;
    b->params.level = vlmc_level_of(1);
    cr_assert_eq(interrupt(b, b->countdown.done / 2, &state), VLMC_ERROR_INTERRUPTED);
    cr_assert_gt(state.kept, 0);
    b->params.level = vlmc_level_of(2);
    cr_assert_eq(finish(b), 0);
    free_bench(b);
}

Test(resume, two_writers_of_one_partial_file_are_refused)
{
    bench *b = make_bench(0);
    vlmc_writer *first, *second;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_writer_create(&b->params, &first, &error), VLMC_OK);
    cr_assert_eq(vlmc_writer_create(&b->params, &second, &error), VLMC_ERROR_REFUSED);
    cr_assert_not_null(strstr(error.text, "another vlmc is writing"));
    vlmc_writer_destroy(&first);
    finish(b);
    free_bench(b);
}

// ---- Encrypted archives ----

Test(resume, an_encrypted_archive_is_gone_on_with_under_its_key)
{
    check_stops(0, 4, seal_of(1));
}

Test(resume, so_it_is_with_models_and_tags)
{
    check_stops(3, 1, seal_of(1));
}

Test(resume, torn_tails_of_an_encrypted_archive_cost_work_and_no_byte)
{
    bench *b = make_bench_with(0, seal_of(1));
    const uint64_t total = b->countdown.done;
    vlmc_writer_progress state;
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_eq(interrupt(b, total * 4 / 5, &state), VLMC_ERROR_INTERRUPTED);
        size_t archive, journal;
        free(load_file(b->partial, &archive));
        free(load_file(b->journal, &journal));
        tear(b->partial, archive * (2 * i + 1) / 6, i % 2 ? 5000 : 0, i);
        tear(b->journal, i % 3 == 0 ? journal : journal * i / 3, i % 4 < 2 ? 300 : 0, i + 100);
        finish(b);
    }
    free_bench(b);
}

Test(resume, what_another_key_has_begun_is_not_taken_over)
{
    bench *b = make_bench_with(0, seal_of(1));
    vlmc_seal *other = seal_of(2);
    vlmc_writer_progress state;
    b->params.seal = other;
    cr_assert_eq(interrupt(b, b->countdown.done * 4 / 5, &state), VLMC_ERROR_INTERRUPTED);
    cr_assert_gt(state.kept, 0);
    b->params.seal = b->seal;
    cr_assert_eq(finish(b), 0);
    vlmc_seal_destroy(&other);
    free_bench(b);
}

// The journal of a plain archive has payloads and digests of what was packed; that of an encrypted
// one must have none of it where anybody can see it.
Test(resume, the_journal_of_an_encrypted_archive_shows_nothing)
{
    bench *plain = make_bench(0);
    vlmc_writer_progress state;
    size_t plain_size, size;
    cr_assert_eq(interrupt(plain, plain->countdown.done * 4 / 5, &state), VLMC_ERROR_INTERRUPTED);
    uint8_t *shown = load_file(plain->journal, &plain_size);
    bench *b = make_bench_with(0, seal_of(1));
    cr_assert_eq(interrupt(b, b->countdown.done * 4 / 5, &state), VLMC_ERROR_INTERRUPTED);
    uint8_t *hidden = load_file(b->journal, &size);
    cr_assert(size > plain_size && plain_size > 1000);
    for (size_t at = 16; at + 8 <= plain_size; at += 8) {
        static const uint8_t zeros[8];
        if (memcmp(shown + at, zeros, sizeof zeros) != 0)
            cr_assert_null(memmem(hidden, size, shown + at, 8), "at %zu", at);
    }
    free(shown);
    free(hidden);
    free_bench(plain);
    free_bench(b);
}
