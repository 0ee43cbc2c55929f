// SPDX-License-Identifier: Apache-2.0
// mutate_reader ROUNDS ARCHIVE…: reads the archives, then ROUNDS mutations of them, the same in
// each run, with the plugins of the golden archives (VLMC_TEST_PLUGINS). Half of the mutations get
// new checks and hashes, so that the parsers behind them are reached and not only the checks.
#include "archive/format.h"
#include "codec/group.h"
#include "fuzz_reader.h"
#include "golden/golden.h"
#include "tiny_model.h"
#include "util/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define INPUT_BYTES_MAX (1u << 20)
#define GROWTH_BYTES_MAX 64u

typedef struct input {
    uint8_t *bytes; // (INPUT_BYTES_MAX)
    size_t size;
} input;

static uint64_t next_random(uint64_t *state)
{
    uint8_t bytes[8];
    fill_random(bytes, sizeof bytes, (*state)++);
    return vlmc_load64(bytes);
}

static void load(const char *path, input *in)
{
    FILE *f = fopen(path, "rb");
    in->bytes = malloc(INPUT_BYTES_MAX);
    if (!f || !in->bytes) {
        perror(path);
        exit(2);
    }
    in->size = fread(in->bytes, 1, INPUT_BYTES_MAX - GROWTH_BYTES_MAX, f);
    fclose(f);
}

static uint8_t interesting(uint64_t r)
{
    static const uint8_t values[] = {0, 1, 2, 0x7F, 0x80, 0xFF, 16, 32};
    return r & 8 ? values[r & 7] : (uint8_t)(r >> 8);
}

// One to four changes of bytes, a block or the length.
static void mutate(uint8_t *bytes, size_t *size, uint64_t *state)
{
    for (uint64_t changes = next_random(state) % 4 + 1; changes > 0 && *size > 0; changes--) {
        const uint64_t r = next_random(state);
        const size_t at = next_random(state) % *size;
        const size_t span = r / 256 % 16 < *size - at ? r / 256 % 16 : *size - at;
        switch (r % 8) {
        case 0:
            bytes[at] ^= (uint8_t)(1u << (r >> 20) % 8);
            break;
        case 1:
            memset(bytes + at, interesting(r >> 20), span);
            break;
        case 2:
            memmove(bytes + next_random(state) % (*size - span + 1), bytes + at, span);
            break;
        case 3:
            if (r & 4096) // rarely cut: most of what follows would be gone
                *size = at;
            break;
        default:
            bytes[at] = interesting(r >> 20);
        }
    }
}

// Mutates the raw index of an archive and seals it with right sizes and hashes.
static size_t mutate_index(const input *in, uint8_t *bytes, uint64_t *state)
{
    vlmc_footer footer;
    vlmc_record record;
    uint8_t *raw = malloc(INPUT_BYTES_MAX);
    if (!raw || in->size < VLMC_FOOTER_BYTES ||
        !vlmc_format_read_footer(in->bytes + in->size - VLMC_FOOTER_BYTES, &footer))
        exit(2);
    const size_t index =
        in->size - VLMC_FOOTER_BYTES - footer.index_packed_bytes - VLMC_RECORD_BYTES;
    vlmc_error error;
    if (!vlmc_format_read_record(in->bytes + index, &record) ||
        vlmc_group_unpack_plain(record.method, in->bytes + index + VLMC_RECORD_BYTES,
                                record.packed_bytes, raw, record.raw_bytes, &error) != VLMC_OK)
        exit(2);
    size_t size = record.raw_bytes;
    mutate(raw, &size, state);
    record.method = VLMC_GROUP_STORED;
    record.raw_bytes = record.packed_bytes = footer.index_packed_bytes = (uint32_t)size;
    record.raw_hash = record.packed_hash = vlmc_format_hash(raw, size);
    uint8_t *p = bytes + index;
    memcpy(bytes, in->bytes, index);
    vlmc_format_write_record(&record, p);
    memcpy(p + VLMC_RECORD_BYTES, raw, size);
    vlmc_format_write_footer(&footer, p + VLMC_RECORD_BYTES + size);
    free(raw);
    return index + VLMC_RECORD_BYTES + size + VLMC_FOOTER_BYTES;
}

// Mutates the payloads of groups and tokenizers and seals their records: also as raw bytes where
// these are the payload, so that tokens reach their decoder.
static size_t mutate_group(const input *in, uint8_t *bytes, uint64_t *state)
{
    memcpy(bytes, in->bytes, in->size);
    for (size_t at = VLMC_HEADER_BYTES; at + VLMC_RECORD_BYTES < in->size;) {
        vlmc_record record;
        if (!vlmc_format_read_record(bytes + at, &record))
            break;
        uint8_t *payload = bytes + at + VLMC_RECORD_BYTES;
        size_t size = record.packed_bytes;
        if (record.type == VLMC_RECORD_GROUP || record.type == VLMC_RECORD_TOKENIZER) {
            if (next_random(state) % 2)
                mutate(payload, &size, state);
            record.packed_hash = vlmc_format_hash(payload, record.packed_bytes);
            if (record.method == VLMC_GROUP_STORED && record.packed_bytes >= record.raw_bytes)
                record.raw_hash = vlmc_format_hash(payload + record.packed_bytes - record.raw_bytes,
                                                   record.raw_bytes);
            vlmc_format_write_record(&record, bytes + at);
        }
        at += VLMC_RECORD_BYTES + record.packed_bytes;
    }
    return in->size;
}

static bool is_encrypted(const input *in)
{
    uint16_t flags;
    return vlmc_format_read_header(in->bytes, (uint32_t)in->size, "", &flags, NULL) == VLMC_OK &&
           flags & VLMC_FLAG_ENCRYPTED;
}

// Mutates the headers and payloads of the records of an encrypted archive, which nobody can look
// into without its key, and makes new checks and hashes.
static size_t mutate_sealed(const input *in, uint8_t *bytes, uint64_t *state)
{
    memcpy(bytes, in->bytes, in->size);
    for (size_t at = VLMC_HEADER_BYTES; at + VLMC_RECORD_BYTES < in->size;) {
        vlmc_record record;
        if (!vlmc_format_read_record(in->bytes + at, &record))
            break;
        uint8_t *header = bytes + at, *payload = header + VLMC_RECORD_BYTES;
        size_t payload_bytes = record.packed_bytes, header_bytes = VLMC_RECORD_BYTES - 4;
        if (next_random(state) % 2)
            mutate(payload, &payload_bytes, state);
        record.packed_hash = vlmc_format_hash(payload, record.packed_bytes);
        vlmc_format_write_record(&record, header);
        if (next_random(state) % 4 == 0)
            mutate(header, &header_bytes, state);
        vlmc_store32(header + VLMC_RECORD_BYTES - 4,
                     (uint32_t)vlmc_format_hash(header, VLMC_RECORD_BYTES - 4));
        at += VLMC_RECORD_BYTES + record.packed_bytes;
    }
    return in->size;
}

static void run_round(const input *in, const fuzz_tools *tools, uint8_t *bytes, uint64_t *state)
{
    size_t size = in->size;
    uint64_t kind = next_random(state) % 8;
    if (kind < 4 && is_encrypted(in)) {
        size = mutate_sealed(in, bytes, state);
        kind = 8;
    }
    switch (kind) {
    case 8:
        break;
    case 0: // the model is slow
        size = mutate_group(in, bytes, state);
        break;
    case 1:
    case 2:
    case 3:
        size = mutate_index(in, bytes, state);
        break;
    default:
        memcpy(bytes, in->bytes, in->size);
        mutate(bytes, &size, state);
    }
    uint8_t *exact = malloc(size ? size : 1); // so that a sanitizer sees one byte too many
    if (!exact)
        exit(2);
    memcpy(exact, bytes, size);
    fuzz_reads_whole(tools, exact, size);
    free(exact);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: mutate_reader ROUNDS ARCHIVE...\n");
        return 64;
    }
    const unsigned long rounds = strtoul(argv[1], NULL, 10);
    const size_t n = (size_t)argc - 2;
    input *inputs = calloc(n, sizeof *inputs);
    uint8_t *bytes = malloc(2 * INPUT_BYTES_MAX);
    if (!inputs || !bytes)
        return 2;
    golden_plugins plugins = golden_open_plugins();
    fuzz_tools tools = {tiny_model(FUZZ_MODEL_SEED), plugins.plugins, plugins.worker};
    for (size_t i = 0; i < n; i++) {
        load(argv[2 + i], &inputs[i]);
        if (!fuzz_reads_whole(&tools, inputs[i].bytes, inputs[i].size)) {
            fprintf(stderr, "mutate_reader: %s is no whole archive to start with\n", argv[2 + i]);
            return 1;
        }
    }
    uint64_t state = 1;
    for (unsigned long round = 0; round < rounds; round++)
        run_round(&inputs[round % n], &tools, bytes, &state);
    printf("%lu mutations of %zu archives read without harm\n", rounds, n);
    for (size_t i = 0; i < n; i++)
        free(inputs[i].bytes);
    free(inputs);
    free(bytes);
    vlmc_model_destroy(&tools.model);
    golden_close_plugins(&plugins);
    return 0;
}
