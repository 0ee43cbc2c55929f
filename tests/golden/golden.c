// SPDX-License-Identifier: Apache-2.0
#include "golden.h"

#include "tiny_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint8_t *golden_content(const char *folder, const golden_entry *entry, size_t *size)
{
    *size = entry->zeros ? GOLDEN_ZEROS_BYTES : 0;
    if (!entry->content)
        return calloc(1, *size + 1);
    char path[4096];
    snprintf(path, sizeof path, "%s/content/%s", folder, entry->content);
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = malloc(1 << 20);
    if (!f || !bytes) {
        perror(path);
        abort();
    }
    *size = fread(bytes, 1, 1 << 20, f);
    fclose(f);
    return bytes;
}

typedef struct memory {
    const uint8_t *bytes;
    size_t left;
} memory;

static vlmc_status read_memory(void *user, void *buffer, size_t capacity, size_t *got,
                               vlmc_error *error)
{
    (void)error;
    memory *m = user;
    *got = m->left < capacity ? m->left : capacity;
    memcpy(buffer, m->bytes, *got);
    m->bytes += *got;
    m->left -= *got;
    return VLMC_OK;
}

static vlmc_status add(vlmc_writer *writer, const char *folder, const golden_entry *e,
                       vlmc_error *error)
{
    size_t size;
    uint8_t *bytes = golden_content(folder, e, &size);
    memory m = {bytes, size};
    const bool file = e->entry.type == VLMC_ENTRY_FILE;
    const vlmc_status status =
        vlmc_writer_add(writer, &e->entry, file ? read_memory : NULL, &m, error);
    free(bytes);
    return status;
}

vlmc_status golden_write(const char *folder, const golden_archive *archive, const vlmc_model *model,
                         const char *path, vlmc_error *error)
{
    vlmc_writer_params params = {.path = path, .replace = true};
    if (archive->model)
        params.engine = tiny_engines(model);
    vlmc_writer *writer;
    uint64_t total;
    VLMC_TRY(vlmc_writer_create(&params, &writer, error));
    vlmc_status status = VLMC_OK;
    for (uint32_t i = 0; i < archive->n_entries && status == VLMC_OK; i++)
        status = add(writer, folder, &archive->entries[i], error);
    if (status == VLMC_OK)
        status = vlmc_writer_finish(writer, &total, error);
    vlmc_writer_destroy(&writer);
    return status;
}
