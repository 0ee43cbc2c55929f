// SPDX-License-Identifier: Apache-2.0
#include "plugin_support.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 8u

kit *make_kit(const char *const *names, uint32_t n, bool isolated)
{
    char files[NAMES_MAX][PATH_MAX];
    const char *list[NAMES_MAX];
    kit *k = calloc(1, sizeof *k);
    vlmc_error error = {0};
    for (uint32_t i = 0; i < n; i++) {
        snprintf(files[i], PATH_MAX, "%s/%s.so", getenv("VLMC_TEST_PLUGINS"), names[i]);
        list[i] = files[i];
    }
    cr_assert_eq(vlmc_plugins_open_files(list, n, (vlmc_plugin_notices){0}, &k->plugins, &error),
                 VLMC_OK, "%s", error.text);
    const vlmc_worker_options options = {
        .plugins = k->plugins,
        .program = getenv("VLMC_TEST_PROGRAM"),
        .seconds = 2,
        .in_process = !isolated,
    };
    cr_assert_eq(vlmc_worker_create(&options, &k->worker, &error), VLMC_OK, "%s", error.text);
    k->model = tiny_model(1);
    return k;
}

void free_kit(kit *k)
{
    vlmc_worker_destroy(&k->worker);
    vlmc_plugins_close(&k->plugins);
    vlmc_model_destroy(&k->model);
    free(k);
}

static void note(void *user, const char *path, const char *text)
{
    kit *k = user;
    k->notices++;
    snprintf(k->notice, sizeof k->notice, "%s", text);
    snprintf(k->noticed, sizeof k->noticed, "%s", path);
}

static void count_coded(void *user, const char *path, const vlmc_tokenizer *tokenizer,
                        uint64_t bytes)
{
    kit *k = user;
    cr_assert(*path && tokenizer);
    k->coded += bytes;
}

vlmc_writer_params kit_params(kit *k, const char *path)
{
    return (vlmc_writer_params){
        .path = path,
        .replace = true,
        .engine = tiny_engines(k->model),
        .plugins = {.worker = k->worker, .notice = note, .coded = count_coded, .user = k},
    };
}

void write_with(const vlmc_writer_params *params, const content *contents, uint32_t n,
                size_t at_most)
{
    vlmc_writer *writer;
    vlmc_error error = {0};
    uint64_t bytes;
    cr_assert_eq(vlmc_writer_create(params, &writer, &error), VLMC_OK, "%s", error.text);
    for (uint32_t i = 0; i < n; i++) {
        const vlmc_entry entry = {.path = contents[i].path, .mode = 0644};
        source s = {.content = &contents[i], .at_most = at_most};
        cr_assert_eq(vlmc_writer_add(writer, &entry, read_source, &s, &error), VLMC_OK, "%s",
                     error.text);
    }
    cr_assert_eq(vlmc_writer_finish(writer, &bytes, &error), VLMC_OK, "%s", error.text);
    vlmc_writer_destroy(&writer);
}

void kit_write(kit *k, const char *path, const content *contents, uint32_t n, size_t at_most)
{
    const vlmc_writer_params params = kit_params(k, path);
    write_with(&params, contents, n, at_most);
}

vlmc_reader *kit_open(kit *k, const char *path)
{
    const vlmc_engine_source engines = tiny_engines(k->model);
    vlmc_reader *reader;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_reader_open(path, &engines, &reader, &error), VLMC_OK, "%s", error.text);
    vlmc_reader_set_plugins(reader, k->plugins, k->worker);
    return reader;
}

vlmc_status kit_check(kit *k, const char *path, const content *contents, uint32_t n,
                      vlmc_error *error)
{
    const vlmc_engine_source engines = tiny_engines(k->model);
    vlmc_reader *reader;
    vlmc_status status = vlmc_reader_open(path, &engines, &reader, error);
    if (status != VLMC_OK)
        return status;
    vlmc_reader_set_plugins(reader, k->plugins, k->worker);
    status = check_entries(reader, contents, n, error);
    vlmc_reader_destroy(&reader);
    return status;
}

uint8_t *claimed_bits(const char *plugin, size_t n, uint64_t seed)
{
    const size_t magic = strlen(plugin);
    uint8_t *bytes = malloc(n);
    fill_random(bytes, n, seed);
    for (size_t i = 0; i < n; i++)
        bytes[i] = bytes[i] < 8 ? 'x' : 'o';
    memcpy(bytes, plugin, magic);
    bytes[magic] = '!';
    return bytes;
}
