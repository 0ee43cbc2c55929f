// SPDX-License-Identifier: Apache-2.0
#include "golden.h"

#include "tiny_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

golden_plugins golden_open_plugins(void)
{
    static const char *const names[] = {"good", "joiner"};
    const char *folder = getenv("VLMC_TEST_PLUGINS");
    char files[2][4096];
    const char *list[2];
    golden_plugins p = {0};
    vlmc_error error = {0};
    for (uint32_t i = 0; i < 2; i++) {
        snprintf(files[i], sizeof files[i], "%s/%s.so", folder ? folder : ".", names[i]);
        list[i] = files[i];
    }
    const vlmc_plugin_notices silent = {0};
    vlmc_status status = vlmc_plugins_open_files(list, 2, silent, &p.plugins, &error);
    const vlmc_worker_options options = {.plugins = p.plugins, .in_process = true};
    if (status == VLMC_OK)
        status = vlmc_worker_create(&options, &p.worker, &error);
    if (status != VLMC_OK || vlmc_plugins_count(p.plugins) != 2) {
        fprintf(stderr, "the plugins of VLMC_TEST_PLUGINS: %s\n", error.text);
        abort();
    }
    return p;
}

void golden_close_plugins(golden_plugins *plugins)
{
    vlmc_worker_destroy(&plugins->worker);
    vlmc_plugins_close(&plugins->plugins);
}

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
    const vlmc_content_source content = {
        .read = read_memory,
        .user = &m,
        .size_bytes = e->size_bytes,
        .holes = e->holes,
        .n_holes = e->n_holes,
    };
    const vlmc_status status =
        vlmc_writer_add_file(writer, &e->entry, file ? &content : NULL, error);
    free(bytes);
    return status;
}

static vlmc_status make_passphrase(vlmc_secret *secret, vlmc_error *error)
{
    VLMC_TRY(vlmc_secret_create(sizeof GOLDEN_PASSPHRASE, secret, error));
    secret->size = sizeof GOLDEN_PASSPHRASE - 1;
    memcpy(secret->bytes, GOLDEN_PASSPHRASE, secret->size);
    return VLMC_OK;
}

static vlmc_status make_seal(vlmc_seal **seal, vlmc_error *error)
{
    const vlmc_seal_cost cheap = {.memory_kib = VLMC_SEAL_MEMORY_KIB_MIN, .passes = 1};
    uint8_t header[VLMC_HEADER_BYTES], master[VLMC_SEAL_MASTER_BYTES], salt[VLMC_SEAL_SALT_BYTES];
    vlmc_secret passphrase;
    memset(master, GOLDEN_MASTER_BYTE, sizeof master);
    memset(salt, GOLDEN_MASTER_BYTE, sizeof salt);
    vlmc_format_write_header(VLMC_FLAG_ENCRYPTED, header);
    VLMC_TRY(make_passphrase(&passphrase, error));
    const vlmc_status status =
        vlmc_seal_create_known(header, &passphrase, &cheap, master, salt, seal, error);
    vlmc_secret_destroy(&passphrase);
    return status;
}

static vlmc_status give_passphrase(void *user, const char *name, uint32_t attempt,
                                   const vlmc_secret **passphrase, vlmc_error *error)
{
    *passphrase = user;
    return attempt == 0
               ? VLMC_OK
               : vlmc_fail(error, VLMC_ERROR_PASSPHRASE, "%s has another passphrase", name);
}

vlmc_status golden_open(const char *path, const vlmc_engine_source *engines, vlmc_reader **reader,
                        vlmc_error *error)
{
    vlmc_secret passphrase;
    *reader = NULL;
    VLMC_TRY(make_passphrase(&passphrase, error));
    const vlmc_reader_params params = {
        .path = path,
        .engine = engines,
        .passphrase = give_passphrase,
        .passphrase_user = &passphrase,
    };
    const vlmc_status status = vlmc_reader_open_with(&params, reader, error);
    vlmc_secret_destroy(&passphrase);
    return status;
}

// One that does not change with what levels are: a stream for each 32 Ki tokens.
static const vlmc_level level = {
    .models = true,
    .group_bytes = 2u << 20,
    .stream_tokens = 32u << 10,
    .mix = {VLMC_MIX_FAST, 20},
};

vlmc_status golden_write(const char *folder, const golden_archive *archive, const vlmc_model *model,
                         const golden_plugins *plugins, const char *path, vlmc_error *error)
{
    vlmc_writer_params params = {.path = path, .replace = true};
    if (archive->model) {
        params.level = &level;
        params.engine = tiny_engines(model);
        params.plugins.worker = plugins->worker;
    }
    vlmc_writer *writer = NULL;
    vlmc_seal *seal = NULL;
    uint64_t total;
    if (archive->encrypted)
        VLMC_TRY(make_seal(&seal, error));
    params.seal = seal;
    vlmc_status status = vlmc_writer_create(&params, &writer, error);
    for (uint32_t i = 0; i < archive->n_entries && status == VLMC_OK; i++)
        status = add(writer, folder, &archive->entries[i], error);
    if (status == VLMC_OK)
        status = vlmc_writer_finish(writer, &total, error);
    vlmc_writer_destroy(&writer);
    vlmc_seal_destroy(&seal);
    return status;
}
