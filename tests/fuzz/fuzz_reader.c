// SPDX-License-Identifier: Apache-2.0
// Reads any bytes as an archive: open, every entry, every group. Nothing may crash, read out of
// bounds or take memory out of proportion; wrong content without an error aborts.
//
//     clang -fsanitize=fuzzer,address … tests/fuzz/fuzz_reader.c     libFuzzer
//     afl-clang-fast … with libFuzzer's driver                       AFL++
// mutate_reader.c runs the same function on mutations of a real archive, for CTest.
#include "fuzz_reader.h"

#include "archive/archive.h"
#include "tiny_model.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BOMB_BYTES (64u << 20) // an input that asks for more content is read no further

static vlmc_status hash_bytes(void *user, const void *bytes, size_t size, vlmc_error *error)
{
    (void)error;
    crypto_hash_sha256_update(user, bytes, size);
    return VLMC_OK;
}

// False when an entry of reasonable size cannot be read.
static bool read_entry(vlmc_reader *reader, uint32_t i)
{
    const vlmc_entry *e = vlmc_reader_entry(reader, i);
    crypto_hash_sha256_state hash;
    uint8_t digest[32];
    vlmc_error error;
    if (strstr(e->path, "..") == e->path && (e->path[2] == '/' || !e->path[2]))
        abort(); // an unsafe path came through
    if ((e->type != VLMC_ENTRY_FILE && e->type != VLMC_ENTRY_HARD_LINK) ||
        e->size_bytes > BOMB_BYTES)
        return true;
    crypto_hash_sha256_init(&hash);
    if (vlmc_reader_read(reader, i, hash_bytes, &hash, &error) != VLMC_OK)
        return false;
    crypto_hash_sha256_final(&hash, digest);
    if (e->type == VLMC_ENTRY_HARD_LINK)
        e = vlmc_reader_entry(reader, e->target);
    if (memcmp(digest, e->sha256, sizeof digest) != 0)
        abort(); // wrong bytes without an error
    return true;
}

// The segments of an entry add up to its data, whatever they say.
static bool add_bytes(void *user, const vlmc_segment_info *segment)
{
    uint64_t *sum = user;
    *sum += segment->n_bytes;
    return true;
}

static bool read_all(const char *path, const fuzz_tools *tools)
{
    const vlmc_engine_source engines = tiny_engines(tools->model);
    const vlmc_reader_params params = {.path = path, .engine = &engines, .may_be_locked = true};
    vlmc_reader *reader;
    vlmc_error error;
    uint32_t n_blocks;
    if (vlmc_reader_open_with(&params, &reader, &error) != VLMC_OK)
        return false;
    const vlmc_archive_info *info = vlmc_reader_info(reader);
    bool whole = vlmc_reader_count_blocks(reader, &n_blocks, &error) == VLMC_OK;
    vlmc_reader_set_plugins(reader, tools->plugins, tools->worker);
    for (uint32_t i = 0; i < info->n_entries && i < 1000; i++) {
        uint64_t sum = 0;
        vlmc_reader_segments(reader, i, add_bytes, &sum);
        if (sum != vlmc_reader_entry(reader, i)->data_bytes)
            abort();
        whole = read_entry(reader, i) && whole;
        vlmc_reader_packed_bytes(reader, i);
    }
    for (uint32_t i = 0; i < info->n_groups && i < 64; i++)
        whole = vlmc_reader_check_group(reader, i, &error) == VLMC_OK && whole;
    for (uint32_t i = 0; whole && i < n_blocks && i < 64; i++)
        whole = vlmc_reader_check_block(reader, i, &error) == VLMC_OK;
    vlmc_reader_destroy(&reader);
    return whole;
}

bool fuzz_reads_whole(const fuzz_tools *tools, const uint8_t *data, size_t size)
{
    const int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
        perror("memfd");
        abort();
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const bool whole = read_all(path, tools);
    close(fd);
    return whole;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_tools tools = {.model = tiny_model(FUZZ_MODEL_SEED)};
    fuzz_reads_whole(&tools, data, size);
    vlmc_model_destroy(&tools.model);
    return 0;
}
