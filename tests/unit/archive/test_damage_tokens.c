// SPDX-License-Identifier: Apache-2.0
// Damage of archives with tokens of plugins and with content that is there once for several files:
// those of tests/golden.
#include "plugin_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define MAGIC_BYTES 8u

typedef struct golden {
    kit *kit;
    vlmc_model *model;
    uint8_t *bytes;
    size_t size;
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
    vlmc_status status = vlmc_reader_open(path, &engines, &reader, &error);
    if (status != VLMC_OK)
        return status;
    vlmc_reader_set_plugins(reader, g->kit->plugins, g->kit->worker);
    for (uint32_t i = 0; i < vlmc_reader_info(reader)->n_entries && status == VLMC_OK; i++)
        if (vlmc_reader_entry(reader, i)->type == VLMC_ENTRY_FILE)
            status = vlmc_reader_read(reader, i, drop, &read, &error);
    vlmc_reader_destroy(&reader);
    cr_assert(status != VLMC_OK || read > 0);
    return status;
}

static void check_bit(golden *g, size_t bit)
{
    g->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    const vlmc_status status = verdict(g, g->size);
    cr_assert_eq(status, bit < 8 * MAGIC_BYTES ? VLMC_ERROR_FORMAT : VLMC_ERROR_DAMAGED,
                 "bit %zu: %d", bit, status);
    g->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

static void check_truncation(const golden *g, size_t size)
{
    const vlmc_status status = verdict(g, size);
    cr_assert_eq(status, size < MAGIC_BYTES ? VLMC_ERROR_FORMAT : VLMC_ERROR_DAMAGED,
                 "%zu bytes: %d", size, status);
}

// One bit of each byte: another one where VLMC_TEST_BIT says so (0..7), to walk through them all.
static size_t bit_of(size_t at)
{
    const char *which = getenv("VLMC_TEST_BIT");
    return 8 * at + (at + (which ? strtoul(which, NULL, 10) : 0)) % 8;
}

Test(damage_tokens, flipped_bits_and_truncations_of_an_archive_with_tokens_are_errors)
{
    golden g = load("v0-tokens.vlmc");
    cr_assert_eq(verdict(&g, g.size), VLMC_OK);
    for (size_t at = 0; at < g.size; at++)
        check_bit(&g, bit_of(at));
    for (size_t size = 0; size < g.size; size++)
        check_truncation(&g, size);
    unload(&g);
}

// It is larger; the index, which says what is whose, lies at the end.
Test(damage_tokens, flipped_bits_and_truncations_of_an_archive_with_copies_are_errors)
{
    golden g = load("v0-copies.vlmc");
    const size_t index = g.size - 1500;
    cr_assert_eq(verdict(&g, g.size), VLMC_OK);
    for (size_t at = 0; at < g.size; at += at < index ? 61 : 5)
        check_bit(&g, bit_of(at));
    for (size_t size = 0; size < g.size; size += 1 + size / 64)
        check_truncation(&g, size);
    unload(&g);
}
