// SPDX-License-Identifier: Apache-2.0
#include "../../golden/golden.h"

#include "archive/format.h"
#include "archive_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void check_text(const char *found, const char *wanted)
{
    cr_assert_eq(found == NULL, wanted == NULL);
    cr_assert(!found || strcmp(found, wanted) == 0, "%s", found);
}

static void check_attributes(const vlmc_attributes *found, const vlmc_attributes *wanted)
{
    cr_assert_eq(found == NULL, wanted == NULL);
    if (!found)
        return;
    cr_assert_eq(found->has_owner, wanted->has_owner);
    cr_assert(found->uid == wanted->uid && found->gid == wanted->gid);
    check_text(found->user, wanted->user);
    check_text(found->group, wanted->group);
    check_text(found->acl_access, wanted->acl_access);
    check_text(found->acl_default, wanted->acl_default);
    cr_assert_eq(found->n_xattrs, wanted->n_xattrs);
    for (uint32_t i = 0; i < found->n_xattrs; i++) {
        check_text(found->xattrs[i].name, wanted->xattrs[i].name);
        cr_assert_eq(found->xattrs[i].size, wanted->xattrs[i].size);
        cr_assert(memcmp(found->xattrs[i].value, wanted->xattrs[i].value, found->xattrs[i].size) ==
                  0);
    }
}

// Data are compared, holes counted.
typedef struct sparse_comparison {
    comparison data;
    uint64_t hole_bytes;
} sparse_comparison;

static vlmc_status compare_data(void *user, const void *bytes, size_t size, vlmc_error *error)
{
    return compare_bytes(&((sparse_comparison *)user)->data, bytes, size, error);
}

static vlmc_status count_hole(void *user, uint64_t bytes, vlmc_error *error)
{
    (void)error;
    ((sparse_comparison *)user)->hole_bytes += bytes;
    return VLMC_OK;
}

static void check_metadata(const vlmc_reader *reader, const vlmc_entry *e, const vlmc_entry *wanted)
{
    cr_assert_str_eq(e->path, wanted->path);
    cr_assert_eq(e->type, wanted->type);
    if (e->type == VLMC_ENTRY_HARD_LINK) {
        cr_assert_eq(e->target, wanted->target);
        wanted = vlmc_reader_entry(reader, e->target);
        check_text(e->link, wanted->path);
    } else {
        check_text(e->link, wanted->link);
    }
    cr_assert_eq(e->mode, wanted->mode);
    cr_assert_eq(e->mtime_seconds, wanted->mtime_seconds);
    cr_assert_eq(e->mtime_ns, wanted->mtime_ns);
    check_attributes(e->attributes, wanted->attributes);
}

static void check_entry(vlmc_reader *reader, uint32_t i, const golden_entry *golden)
{
    const vlmc_entry *e = vlmc_reader_entry(reader, i);
    check_metadata(reader, e, &golden->entry);
    if (e->type != VLMC_ENTRY_FILE)
        return;
    size_t size;
    uint8_t *bytes = golden_content(folder(), golden, &size);
    const content c = {e->path, bytes, size};
    sparse_comparison compare = {.data.content = &c};
    vlmc_error error = {0};
    cr_assert_eq(vlmc_reader_read_sparse(reader, i, compare_data, count_hole, &compare, &error),
                 VLMC_OK, "%s", error.text);
    cr_assert(!compare.data.differs && compare.data.at == size);
    cr_assert_eq(compare.hole_bytes + size, e->size_bytes);
    cr_assert(golden->n_holes == 0 || e->size_bytes == golden->size_bytes);
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
        cr_assert_eq(golden_open(golden_path(golden->name), &engines, &reader, &error), VLMC_OK,
                     "%s", error.text);
        cr_assert_eq(vlmc_reader_info(reader)->encrypted, golden->encrypted);
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

static vlmc_status ignore_bytes(void *user, const void *bytes, size_t size, vlmc_error *error)
{
    (void)user, (void)bytes, (void)size, (void)error;
    return VLMC_OK;
}

Test(golden, groups_that_an_earlier_vlmc_coded_otherwise_are_refused_and_not_called_damaged)
{
    vlmc_model *model = golden_model();
    const vlmc_engine_source engines = tiny_engines(model);
    vlmc_reader *reader;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_reader_open(golden_path("v0-earlier-model.vlmc"), &engines, &reader, &error),
                 VLMC_OK, "%s", error.text);
    uint32_t refused = 0;
    for (uint32_t i = 0; i < vlmc_reader_info(reader)->n_entries; i++) {
        const vlmc_entry *e = vlmc_reader_entry(reader, i);
        if (e->type != VLMC_ENTRY_FILE || e->size_bytes == 0)
            continue;
        cr_assert_eq(vlmc_reader_read(reader, i, ignore_bytes, NULL, &error), VLMC_ERROR_FORMAT);
        cr_assert(strstr(error.text, "packed by an earlier vlmc"), "%s", error.text);
        refused++;
    }
    cr_assert_eq(refused, 2);
    vlmc_reader_destroy(&reader);
    vlmc_model_destroy(&model);
}

// Where the index record begins: before it, every byte is that of the writer's choice.
static uint64_t index_offset(const uint8_t *archive, size_t size)
{
    vlmc_footer footer;
    cr_assert(vlmc_format_read_footer(archive + size - VLMC_FOOTER_BYTES, &footer));
    return size - VLMC_FOOTER_BYTES - footer.index_packed_bytes - VLMC_RECORD_BYTES;
}

// The root digest is the SHA-256 of the index before zstd.
static void check_same_root(const char *a, const char *b)
{
    vlmc_reader *left, *right;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_reader_open(a, NULL, &left, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(vlmc_reader_open(b, NULL, &right, &error), VLMC_OK, "%s", error.text);
    cr_assert(memcmp(vlmc_reader_info(left)->root_digest, vlmc_reader_info(right)->root_digest,
                     VLMC_DIGEST_BYTES) == 0,
              "index of %s", a);
    vlmc_reader_destroy(&left);
    vlmc_reader_destroy(&right);
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
        if (!golden->encrypted) // the root digest is that of what zstd has made
            check_same_root(golden_path(golden->name), path);
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
