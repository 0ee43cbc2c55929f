// SPDX-License-Identifier: Apache-2.0
// A writer that packs what comes later while it waits.
#include "codec/cut.h"
#include "codec/level.h"
#include "plugin_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES_MAX 24u

// Files that are added, and what is told of them before.
typedef struct bench {
    kit *kit;
    vlmc_worker *worker; // for what comes
    content added[FILES_MAX];
    content told[FILES_MAX]; // the same unless a test says otherwise
    uint8_t *bytes[FILES_MAX];
    uint32_t n;
    uint32_t next;
    uint32_t given; // files that were asked for
    source source;
    uint32_t choices; // models that were asked for: one for each group that is packed
    vlmc_engine_source inner;
    vlmc_writer_params params;
    uint32_t level;
    uint64_t stop_at; // bytes; 0: never
    uint64_t done;
    vlmc_writer_progress state; // at the end
} bench;

static vlmc_status choose(void *user, const vlmc_tokenizer *tokenizer, const vlmc_model **model,
                          vlmc_error *error)
{
    bench *b = user;
    b->choices++;
    return b->inner.choose(b->inner.user, tokenizer, model, error);
}

static vlmc_status open_engine(void *user, const vlmc_model *model, uint32_t max_streams,
                               uint32_t max_steps, vlmc_engine **engine, vlmc_error *error)
{
    const bench *b = user;
    return b->inner.open(b->inner.user, model, max_streams, max_steps, engine, error);
}

static bool next(void *user, uint64_t least, vlmc_coming_file *file)
{
    bench *b = user;
    if (b->next < least)
        b->next = (uint32_t)least;
    if (b->next >= b->n)
        return false;
    const content *content = &b->told[b->next];
    b->source = (source){.content = content};
    *file = (vlmc_coming_file){
        .number = b->next++,
        .path = content->path,
        .read = read_source,
        .user = &b->source,
        .size_bytes = content->size,
    };
    b->given++;
    return true;
}

static bool tell(void *user, uint64_t bytes_done, uint64_t packed_bytes)
{
    bench *b = user;
    (void)packed_bytes;
    cr_assert_geq(bytes_done, b->done, "progress never goes back");
    b->done = bytes_done;
    return bytes_done < b->stop_at || b->stop_at == 0;
}

static vlmc_status rewind_source(void *user, vlmc_error *error)
{
    (void)error;
    ((source *)user)->at = 0;
    return VLMC_OK;
}

static bench *make_bench(const char *const *names, uint32_t n_names)
{
    bench *b = calloc(1, sizeof *b);
    vlmc_error error = {0};
    b->kit = make_kit(names, n_names, false);
    const vlmc_worker_options options = {
        .plugins = b->kit->plugins,
        .program = getenv("VLMC_TEST_PROGRAM"),
        .seconds = 2,
    };
    cr_assert_eq(vlmc_worker_create(&options, &b->worker, &error), VLMC_OK, "%s", error.text);
    b->inner = tiny_engines(b->kit->model);
    b->level = 1;
    return b;
}

static void free_bench(bench *b)
{
    for (uint32_t i = 0; i < b->n; i++)
        free(b->bytes[i]);
    vlmc_worker_destroy(&b->worker);
    free_kit(b->kit);
    free(b);
}

// Takes `bytes` over.
static void add_content(bench *b, uint8_t *bytes, size_t n)
{
    static char paths[FILES_MAX][8];
    snprintf(paths[b->n], sizeof paths[b->n], "f%02u", b->n);
    b->bytes[b->n] = bytes;
    b->added[b->n] = b->told[b->n] = (content){paths[b->n], bytes, n};
    b->n++;
}

static uint8_t *text(size_t n, uint64_t seed)
{
    uint8_t *bytes = malloc(n);
    fill_text(bytes, n, seed);
    return bytes;
}

static uint8_t *copy(const uint8_t *bytes, size_t n)
{
    uint8_t *made = malloc(n);
    memcpy(made, bytes, n);
    return made;
}

// Segments of one group and of several, text between them, files twice, and some that are not worth
// their tokens.
static void fill(bench *b)
{
    for (uint32_t i = 0; i < 4; i++) {
        uint8_t *zeros = calloc(1, 30000);
        memcpy(zeros, "good!", 5);
        add_content(b, claimed_bits("good", 20000 + 1000 * i, 10 + i), 20000 + 1000 * i);
        add_content(b, text(20000, i), 20000);
        add_content(b, claimed_bits("longer", 150000, 20 + i), 150000);
        add_content(b, zeros, 30000);
        add_content(b, claimed_bits("joiner", 20000, 30 + i), 20000);
        add_content(b, copy(b->bytes[b->n - 3], 150000), 150000);
    }
}

// Into the file `name`, with what comes told or not.
static vlmc_status write_it(bench *b, const char *name, uint32_t at_once, bool ahead,
                            vlmc_error *error)
{
    vlmc_writer *writer;
    uint64_t size;
    b->params = kit_params(b->kit, scratch(0, name));
    b->params.engine.choose = choose;
    b->params.engine.open = open_engine;
    b->params.engine.user = b;
    b->params.group_bytes = VLMC_GROUP_BYTES_LEAST;
    b->params.groups_at_once = at_once;
    b->params.models_at_once = at_once / 2;
    b->params.level = vlmc_level_of(b->level);
    b->params.progress = tell;
    b->params.progress_user = b;
    if (ahead)
        b->params.coming = (vlmc_writer_coming){.worker = b->worker, .next = next, .user = b};
    if (at_once > 1) {
        b->params.partial = scratch(1, ".coming.part");
        b->params.journal = scratch(2, ".coming.log");
    }
    b->next = b->given = b->choices = 0;
    b->done = 0;
    vlmc_status status = vlmc_writer_create(&b->params, &writer, error);
    for (uint32_t i = 0; i < b->n && status == VLMC_OK; i++) {
        const vlmc_entry entry = {.path = b->added[i].path, .mode = 0644};
        source s = {.content = &b->added[i]};
        const vlmc_content_source content = {
            .read = read_source,
            .rewind = rewind_source,
            .size_bytes = b->added[i].size,
            .user = &s,
            .number = i,
        };
        status = vlmc_writer_add_file(writer, &entry, &content, error);
    }
    if (status == VLMC_OK)
        status = vlmc_writer_finish(writer, &size, error);
    if (writer)
        b->state = vlmc_writer_state(writer);
    vlmc_writer_destroy(&writer);
    return status;
}

static void write_whole(bench *b, const char *name, uint32_t at_once, bool ahead)
{
    vlmc_error error = {0};
    cr_assert_eq(write_it(b, name, at_once, ahead, &error), VLMC_OK, "%s", error.text);
}

static void check_same(const char *a, const char *b)
{
    size_t n, size;
    uint8_t *one = load_file(scratch(3, a), &n), *other = load_file(scratch(4, b), &size);
    cr_assert(n == size && memcmp(one, other, n) == 0);
    free(one);
    free(other);
}

static const char *const plugins[] = {"good", "longer", "joiner"};

Test(coming, the_archive_is_the_same)
{
    bench *b = make_bench(plugins, 3);
    fill(b);
    for (b->level = 1; b->level <= 3; b->level += 2) {
        write_whole(b, "alone.vlmc", 1, false);
        for (uint32_t at_once = 1; at_once <= 5; at_once += 2) {
            write_whole(b, "ahead.vlmc", at_once, true);
            check_same("alone.vlmc", "ahead.vlmc");
            cr_assert_eq(b->given > 0, at_once > 1);
        }
    }
    free_bench(b);
}

// Were a group packed early and then again, more models would be asked for.
Test(coming, what_was_packed_early_is_used)
{
    bench *b = make_bench(plugins, 3);
    b->level = 3; // others choose no model
    for (uint32_t i = 0; i < 8; i++)
        add_content(b, claimed_bits(i % 2 ? "longer" : "good", 100000, i), 100000);
    write_whole(b, "alone.vlmc", 4, false);
    const uint32_t choices = b->choices;
    cr_assert_gt(choices, b->n);
    write_whole(b, "ahead.vlmc", 4, true);
    cr_assert_eq(b->choices, choices);
    cr_assert_eq(b->given, b->n);
    check_same("alone.vlmc", "ahead.vlmc");
    free_bench(b);
}

Test(coming, files_may_come_otherwise_than_was_told)
{
    bench *b = make_bench(plugins, 3);
    fill(b);
    write_whole(b, "alone.vlmc", 1, false);
    for (uint32_t i = 0; i < b->n; i += 2) {
        b->told[i].bytes = b->added[(i + 3) % b->n].bytes;
        b->told[i].size = b->added[(i + 3) % b->n].size / 2;
    }
    write_whole(b, "ahead.vlmc", 3, true);
    check_same("alone.vlmc", "ahead.vlmc");
    free_bench(b);
}

Test(coming, a_plugin_that_fails_early_fails_in_its_turn_too)
{
    static const char *const bad[] = {"good", "crash", "lossy"};
    bench *b = make_bench(bad, 3);
    for (uint32_t i = 0; i < 9; i++)
        add_content(b, claimed_bits(i % 3 ? "good" : i ? "lossy" : "crash", 40000, i), 40000);
    vlmc_worker *isolated = b->kit->worker;
    vlmc_error error = {0};
    const vlmc_worker_options options = {
        .plugins = b->kit->plugins, .program = getenv("VLMC_TEST_PROGRAM"), .seconds = 2};
    cr_assert_eq(vlmc_worker_create(&options, &b->kit->worker, &error), VLMC_OK);
    vlmc_worker_destroy(&isolated);
    write_whole(b, "alone.vlmc", 1, false);
    const uint32_t notices = b->kit->notices;
    cr_assert_gt(notices, 0);
    write_whole(b, "ahead.vlmc", 3, true);
    cr_assert_eq(b->kit->notices, 2 * notices, "each once");
    check_same("alone.vlmc", "ahead.vlmc");
    free_bench(b);
}

Test(coming, an_interrupted_run_keeps_what_it_packed_early)
{
    bench *b = make_bench(plugins, 3);
    vlmc_error error = {0};
    for (uint32_t i = 0; i < 12; i++)
        add_content(b, claimed_bits(i % 3 ? "longer" : "good", 60000, i), 60000);
    write_whole(b, "alone.vlmc", 1, false);
    for (uint32_t i = 1; i < 5; i++) {
        b->stop_at = i * b->n * 60000 / 5;
        cr_assert_eq(write_it(b, "ahead.vlmc", 4, true, &error), VLMC_ERROR_INTERRUPTED);
        const uint32_t kept = b->state.kept;
        cr_assert_geq(kept * 60000u, b->done, "all that was told to be done");
        b->stop_at = 0;
        write_whole(b, "ahead.vlmc", 4, true);
        check_same("alone.vlmc", "ahead.vlmc");
        cr_assert_geq(b->state.taken, kept);
    }
    free_bench(b);
}
