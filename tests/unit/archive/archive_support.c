// SPDX-License-Identifier: Apache-2.0
#include "archive_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *scratch(uint32_t slot, const char *name)
{
    static char paths[8][512];
    const char *folder = getenv("VLMC_TEST_SCRATCH");
    snprintf(paths[slot], sizeof paths[slot], "%s/%s", folder ? folder : "/tmp", name);
    return paths[slot];
}

vlmc_status read_source(void *user, void *buffer, size_t capacity, size_t *got, vlmc_error *error)
{
    source *s = user;
    size_t n = s->content->size - s->at;
    if (n > capacity)
        n = capacity;
    if (s->at_most && n > s->at_most)
        n = s->at_most;
    if (s->fail_at && s->at + n >= s->fail_at)
        return vlmc_fail(error, VLMC_ERROR_IO, "the test's file cannot be read");
    if (s->content->bytes && n)
        memcpy(buffer, s->content->bytes + s->at, n);
    else
        memset(buffer, 0, n);
    s->at += n;
    *got = n;
    return VLMC_OK;
}

vlmc_status compare_bytes(void *user, const void *bytes, size_t size, vlmc_error *error)
{
    comparison *c = user;
    (void)error;
    if (size > c->content->size - c->at) {
        c->differs = true;
        return VLMC_OK;
    }
    if (c->content->bytes) {
        c->differs = c->differs || memcmp(bytes, c->content->bytes + c->at, size) != 0;
    } else {
        const uint8_t *p = bytes;
        for (size_t i = 0; i < size; i++)
            c->differs = c->differs || p[i] != 0;
    }
    c->at += size;
    return VLMC_OK;
}

void write_archive(const char *path, const content *contents, uint32_t n, const vlmc_model *model)
{
    vlmc_writer_params params = {.path = path, .replace = true};
    if (model)
        params.engine = tiny_engines(model);
    vlmc_writer *writer;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_writer_create(&params, &writer, &error), VLMC_OK, "%s", error.text);
    for (uint32_t i = 0; i < n; i++) {
        const vlmc_entry entry = {
            .path = contents[i].path,
            .mode = 0644,
            .mtime_seconds = 1,
            .mtime_ns = 500000000,
        };
        source s = {.content = &contents[i]};
        cr_assert_eq(vlmc_writer_add(writer, &entry, read_source, &s, &error), VLMC_OK, "%s",
                     error.text);
    }
    uint64_t bytes;
    cr_assert_eq(vlmc_writer_finish(writer, &bytes, &error), VLMC_OK, "%s", error.text);
    vlmc_writer_destroy(&writer);
}

vlmc_status check_entries(vlmc_reader *reader, const content *contents, uint32_t n,
                          vlmc_error *error)
{
    vlmc_status first = VLMC_OK;
    cr_assert_eq(vlmc_reader_info(reader)->n_entries, n);
    for (uint32_t i = 0; i < n; i++) {
        cr_assert_str_eq(vlmc_reader_entry(reader, i)->path, contents[i].path);
        comparison c = {.content = &contents[i]};
        vlmc_error detail = {0};
        const vlmc_status status = vlmc_reader_read(reader, i, compare_bytes, &c, &detail);
        if (status == VLMC_OK)
            cr_assert(!c.differs && c.at == contents[i].size, "wrong bytes of %s",
                      contents[i].path);
        if (status != VLMC_OK && first == VLMC_OK) {
            first = status;
            *error = detail;
        }
    }
    return first;
}

vlmc_status check_archive(const char *path, const content *contents, uint32_t n,
                          const vlmc_model *model, vlmc_error *error)
{
    vlmc_reader *reader;
    const vlmc_engine_source engines = model ? tiny_engines(model) : (vlmc_engine_source){0};
    vlmc_status status = vlmc_reader_open(path, &engines, &reader, error);
    if (status != VLMC_OK)
        return status;
    status = check_entries(reader, contents, n, error);
    vlmc_reader_destroy(&reader);
    return status;
}

uint8_t *load_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s", path);
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = malloc(*size ? *size : 1);
    cr_assert_eq(fread(bytes, 1, *size, f), *size);
    fclose(f);
    return bytes;
}

void save_file(const char *path, const uint8_t *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f, "%s", path);
    cr_assert_eq(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}
