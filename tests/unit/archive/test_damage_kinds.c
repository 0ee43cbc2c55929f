// SPDX-License-Identifier: Apache-2.0
// Damage of a small archive of each kind: those of tests/golden, and one with recovery data.
// VLMC_TEST_BIT, 0 to 7, takes one bit of each byte and all truncations, so that eight runs go
// through all of them; without it large archives are tried here and there.
#include "../../golden/golden.h"

#include "plugin_support.h"
#include "recovery/recovery.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAGIC_BYTES 8u
#define STUMP_BYTES 48u // of a header of recovery data: what its check covers, and the check

typedef struct golden {
    kit *kit;
    vlmc_model *model;
    uint8_t *bytes;
    size_t size;
    size_t archive_bytes;   // before recovery data
    uint64_t content_bytes; // that reading it all gives
    bool locked;            // it is checked without its passphrase, and not read
} golden;

static const char *golden_path(const char *name)
{
    static char path[4096];
    const char *source = getenv("VLMC_TEST_SOURCE");
    snprintf(path, sizeof path, "%s/tests/golden/%s", source ? source : ".", name);
    return path;
}

static golden load(const char *name)
{
    static const char *const names[] = {"good", "joiner"};
    golden g = {.kit = make_kit(names, 2, false)};
    vlmc_error error = {0};
    cr_assert_eq(vlmc_model_load(golden_path("tiny.gguf"), &g.model, &error), VLMC_OK, "%s",
                 error.text);
    g.bytes = load_file(golden_path(name), &g.size);
    g.archive_bytes = g.size;
    return g;
}

static void unload(golden *g)
{
    vlmc_model_destroy(&g->model);
    free_kit(g->kit);
    free(g->bytes);
}

static vlmc_status drop(void *user, const void *bytes, size_t size, vlmc_error *error)
{
    (void)bytes;
    (void)error;
    *(uint64_t *)user += size;
    return VLMC_OK;
}

static vlmc_status verdict_of_locked(const char *path)
{
    const vlmc_reader_params params = {.path = path, .may_be_locked = true};
    vlmc_reader *reader;
    vlmc_error error = {0};
    uint32_t n;
    vlmc_status status = vlmc_reader_open_with(&params, &reader, &error);
    if (status != VLMC_OK)
        return status;
    status = vlmc_reader_count_blocks(reader, &n, &error);
    cr_assert(status != VLMC_OK || n > 0);
    for (uint32_t i = 0; status == VLMC_OK && i < n; i++)
        status = vlmc_reader_check_block(reader, i, &error);
    cr_assert(status != VLMC_OK || vlmc_reader_check_block(reader, n, &error) == VLMC_ERROR_USAGE);
    vlmc_reader_destroy(&reader);
    return status;
}

// What an archive of the first `size` bytes says, all entries read; bytes that do not have their
// SHA-256 are an error.
static vlmc_status verdict(const golden *g, size_t size)
{
    const char *path = scratch(0, "hurt.vlmc");
    const vlmc_engine_source engines = tiny_engines(g->model);
    vlmc_reader *reader;
    vlmc_error error = {0};
    uint64_t read = 0;
    save_file(path, g->bytes, size);
    if (g->locked)
        return verdict_of_locked(path);
    vlmc_status status = golden_open(path, &engines, &reader, &error);
    if (status != VLMC_OK)
        return status;
    vlmc_reader_set_plugins(reader, g->kit->plugins, g->kit->worker);
    for (uint32_t i = 0; i < vlmc_reader_info(reader)->n_entries && status == VLMC_OK; i++)
        if (vlmc_reader_entry(reader, i)->type == VLMC_ENTRY_FILE)
            status = vlmc_reader_read(reader, i, drop, &read, &error);
    vlmc_reader_destroy(&reader);
    cr_assert(status != VLMC_OK || read == g->content_bytes, "%llu bytes",
              (unsigned long long)read);
    return status;
}

// Recovery data take no part in reading.
static vlmc_status expected(const golden *g, size_t at)
{
    return at < MAGIC_BYTES        ? VLMC_ERROR_FORMAT
           : at < g->archive_bytes ? VLMC_ERROR_DAMAGED
                                   : VLMC_OK;
}

static void check_bit(const golden *g, size_t bit)
{
    g->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    const vlmc_status status = verdict(g, g->size);
    cr_assert_eq(status, expected(g, bit / 8), "bit %zu: %d", bit, status);
    g->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

// What is left of the first header behind an archive says nothing; "vlmc repair" cuts it off.
static void check_truncation(const golden *g, size_t size)
{
    const bool stump = size > g->archive_bytes && size < g->archive_bytes + STUMP_BYTES;
    const vlmc_status status = verdict(g, size);
    cr_assert_eq(status, stump ? VLMC_ERROR_DAMAGED : expected(g, size), "%zu bytes: %d", size,
                 status);
}

// Every bit_step-th byte, but all of the last `end_bytes` where the index lies, and the truncations
// that `grain` leaves: those whose sizes differ by more than a grain-th.
typedef struct plan {
    size_t bit_step;
    size_t end_bytes;
    size_t grain;
} plan;

static void check_all(golden *g, plan plan)
{
    const char *which = getenv("VLMC_TEST_BIT");
    const size_t turn = which ? strtoul(which, NULL, 10) : 0;
    if (which)
        plan = (struct plan){.bit_step = 1, .grain = SIZE_MAX};
    for (size_t at = 0; at < g->size; at += at + plan.end_bytes < g->size ? plan.bit_step : 1)
        check_bit(g, 8 * at + (at + turn) % 8);
    for (size_t size = 0; size < g->size; size += 1 + size / plan.grain)
        check_truncation(g, size);
}

// content_bytes: of all its files.
static void check_kind(const char *name, uint64_t content_bytes, plan plan)
{
    golden g = load(name);
    g.content_bytes = content_bytes;
    cr_assert_eq(verdict(&g, g.size), VLMC_OK);
    check_all(&g, plan);
    unload(&g);
}

static const plan everything = {.bit_step = 1, .grain = SIZE_MAX};

Test(damage_kinds, stored)
{
    check_kind("v0-stored.vlmc", 3000, everything);
}

Test(damage_kinds, zstd)
{
    check_kind("v0-zstd.vlmc", GOLDEN_ZEROS_BYTES, everything);
}

Test(damage_kinds, model)
{
    check_kind("v0-model.vlmc", 52000, (plan){.bit_step = 97, .end_bytes = 400, .grain = 32});
}

Test(damage_kinds, tokens)
{
    check_kind("v0-tokens.vlmc", 16507 + 9005 + 6007,
               (plan){.bit_step = 5, .end_bytes = 100, .grain = 64});
}

Test(damage_kinds, copies)
{
    check_kind("v0-copies.vlmc", 2 * 17007 + 10362 + 12802,
               (plan){.bit_step = 61, .end_bytes = 1500, .grain = 64});
}

Test(damage_kinds, every_kind_of_entry)
{
    check_kind("v0-whole.vlmc", 3000 + 3000000 + 72640,
               (plan){.bit_step = 7, .end_bytes = 400, .grain = 64});
}

Test(damage_kinds, encrypted)
{
    check_kind("v0-sealed.vlmc", 3000, (plan){.bit_step = 3, .end_bytes = 400, .grain = 256});
}

Test(damage_kinds, encrypted_without_its_passphrase)
{
    golden g = load("v0-sealed.vlmc");
    g.locked = true;
    cr_assert_eq(verdict(&g, g.size), VLMC_OK);
    check_all(&g, (plan){.bit_step = 3, .end_bytes = 400, .grain = 256});
    unload(&g);
}

// What is read of it does not depend on recovery data, whatever becomes of them; test_repair.c has
// what becomes of the archive.
Test(damage_kinds, with_recovery_data)
{
    golden g = load("v0-stored.vlmc");
    const char *path = scratch(1, "protected.vlmc");
    uint64_t size;
    vlmc_error error;
    save_file(path, g.bytes, g.size);
    const int fd = open(path, O_RDWR);
    cr_assert_eq(vlmc_recovery_protect(fd, g.size, 10, NULL, &size, &error), VLMC_OK);
    close(fd);
    free(g.bytes);
    g.bytes = load_file(path, &g.size);
    g.content_bytes = 3000;
    cr_assert_gt(g.size, g.archive_bytes);
    check_all(&g, everything);
    unload(&g);
}
