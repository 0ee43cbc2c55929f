// SPDX-License-Identifier: Apache-2.0
#include "../../golden/golden.h"

#include "archive_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOOTER_BYTES 56

static const char *folder(void)
{
    static char path[2048];
    const char *source = getenv("VLMC_TEST_SOURCE");
    snprintf(path, sizeof path, "%s/tests/golden", source ? source : ".");
    return path;
}

static const char *golden_path(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder(), name);
    return path;
}

static vlmc_model *golden_model(void)
{
    vlmc_model *model;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_model_load(golden_path("tiny.gguf"), &model, &error), VLMC_OK, "%s",
                 error.text);
    return model;
}

static void check_entry(vlmc_reader *reader, uint32_t i, const golden_entry *golden)
{
    const vlmc_entry *e = vlmc_reader_entry(reader, i);
    cr_assert_str_eq(e->path, golden->entry.path);
    cr_assert_eq(e->type, golden->entry.type);
    cr_assert_eq(e->mode, golden->entry.mode);
    cr_assert_eq(e->mtime_seconds, golden->entry.mtime_seconds);
    cr_assert_eq(e->mtime_ns, golden->entry.mtime_ns);
    cr_assert_eq(e->link == NULL, golden->entry.link == NULL);
    cr_assert(!e->link || strcmp(e->link, golden->entry.link) == 0);
    if (e->type != VLMC_ENTRY_FILE)
        return;
    size_t size;
    uint8_t *bytes = golden_content(folder(), golden, &size);
    const content c = {e->path, bytes, size};
    comparison compare = {.content = &c};
    vlmc_error error = {0};
    cr_assert_eq(vlmc_reader_read(reader, i, compare_bytes, &compare, &error), VLMC_OK, "%s",
                 error.text);
    cr_assert(!compare.differs && compare.at == size);
    free(bytes);
}

Test(golden, old_archives_decode_to_their_contents)
{
    vlmc_model *model = golden_model();
    golden_plugins plugins = golden_open_plugins();
    const vlmc_engine_source engines = tiny_engines(model);
    for (size_t i = 0; i < GOLDEN_ARCHIVES; i++) {
        const golden_archive *golden = &golden_archives[i];
        vlmc_reader *reader;
        vlmc_error error = {0};
        cr_assert_eq(vlmc_reader_open(golden_path(golden->name), &engines, &reader, &error),
                     VLMC_OK, "%s", error.text);
        cr_assert_eq(vlmc_reader_info(reader)->n_entries, golden->n_entries);
        vlmc_reader_set_plugins(reader, plugins.plugins, plugins.worker);
        cr_assert_eq(vlmc_reader_info(reader)->n_groups, golden->n_groups);
        for (uint32_t g = 0; g < golden->n_groups; g++)
            cr_assert_eq(vlmc_reader_group(reader, g)->method, golden->methods[g]);
        for (uint32_t e = 0; e < golden->n_entries; e++)
            check_entry(reader, e, &golden->entries[e]);
        vlmc_reader_destroy(&reader);
    }
    golden_close_plugins(&plugins);
    vlmc_model_destroy(&model);
}

static uint64_t index_offset(const uint8_t *archive, size_t size)
{
    uint64_t offset = 0;
    for (size_t i = 0; i < 8; i++)
        offset |= (uint64_t)archive[size - FOOTER_BYTES + 32 + i] << 8 * i;
    return offset;
}

Test(golden, the_same_contents_pack_to_the_same_bytes)
{
    vlmc_model *model = golden_model();
    golden_plugins plugins = golden_open_plugins();
    for (size_t i = 0; i < GOLDEN_ARCHIVES; i++) {
        const golden_archive *golden = &golden_archives[i];
        if (golden->methods[0] == VLMC_GROUP_ZSTD)
            continue; // its bytes depend on the release of zstd
        vlmc_error error = {0};
        const char *path = scratch(0, golden->name);
        cr_assert_eq(golden_write(folder(), golden, model, &plugins, path, &error), VLMC_OK, "%s",
                     error.text);
        size_t size, again_size;
        uint8_t *bytes = load_file(golden_path(golden->name), &size);
        uint8_t *again = load_file(path, &again_size);
        const uint64_t records = index_offset(bytes, size);
        cr_assert(records < size && index_offset(again, again_size) == records);
        cr_assert(memcmp(bytes, again, records) == 0, "records of %s", golden->name);
        // The root digest is the SHA-256 of the index before zstd.
        cr_assert(memcmp(bytes + size - FOOTER_BYTES, again + again_size - FOOTER_BYTES, 32) == 0,
                  "index of %s", golden->name);
        free(bytes);
        free(again);
    }
    golden_close_plugins(&plugins);
    vlmc_model_destroy(&model);
}

Test(golden, the_model_file_is_the_random_model_of_its_seed)
{
    vlmc_model *model = golden_model(), *random = tiny_model(GOLDEN_MODEL_SEED);
    cr_assert(memcmp(model->digest, random->digest, VLMC_DIGEST_BYTES) == 0);
    vlmc_model_destroy(&model);
    vlmc_model_destroy(&random);
}
