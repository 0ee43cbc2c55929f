// SPDX-License-Identifier: Apache-2.0
// mutate_recovery ROUNDS ARCHIVE…: gives the archives recovery data, then repairs ROUNDS mutations
// of them, the same in each run. Half of them are of headers, which get right checks, so that
// layouts that lie are reached. What is said to be whole must be the archive; memory is limited.
#include "fuzz_recovery.h"

#include "recovery/recovery.h"
#include "tiny_model.h"
#include "util/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <xxhash.h>

#define INPUT_BYTES_MAX (1u << 20)
#define GROWTH_BYTES_MAX 4096u
#define MEMORY_BYTES (512u << 20) // of the process, its sanitizers not counted

typedef struct input {
    uint8_t *bytes; // (size), with recovery data
    size_t size;
    size_t archive_bytes;
    size_t headers[512]; // where headers begin
    size_t n_headers;
} input;

static uint64_t next_random(uint64_t *state)
{
    uint8_t bytes[8];
    fill_random(bytes, sizeof bytes, (*state)++);
    return vlmc_load64(bytes);
}

static void fail(const char *path)
{
    perror(path);
    exit(2);
}

static void find_headers(input *in)
{
    for (size_t at = in->archive_bytes; at + VLMC_RECOVERY_HEADER_BYTES <= in->size; at++)
        if (memcmp(in->bytes + at, vlmc_recovery_magic, 8) == 0 && in->n_headers < 512)
            in->headers[in->n_headers++] = at;
}

static void load(const char *path, input *in)
{
    FILE *f = fopen(path, "rb");
    const int fd = memfd_create("input", MFD_CLOEXEC);
    uint64_t size;
    vlmc_error error;
    in->bytes = malloc(INPUT_BYTES_MAX);
    if (!f || fd < 0 || !in->bytes)
        fail(path);
    in->archive_bytes = fread(in->bytes, 1, INPUT_BYTES_MAX / 4, f);
    fclose(f);
    if (write(fd, in->bytes, in->archive_bytes) != (ssize_t)in->archive_bytes ||
        vlmc_recovery_protect(fd, in->archive_bytes, 20, NULL, &size, &error) != VLMC_OK ||
        size > INPUT_BYTES_MAX || pread(fd, in->bytes, size, 0) != (ssize_t)size)
        fail(path);
    in->size = size;
    close(fd);
    find_headers(in);
}

// Changes a header and gives it a right check; a packet's hash stays what it was or becomes right.
static void mutate_header(const input *in, uint8_t *bytes, uint64_t *state)
{
    static const uint64_t values[] = {0,        1,          2,         63,        64,
                                      255,      256,        4096,      1u << 15,  1u << 18,
                                      1u << 31, UINT32_MAX, INT64_MAX, UINT64_MAX};
    static const struct {
        uint8_t at;
        uint8_t size;
    } fields[] = {{8, 8},  {16, 8}, {24, 4}, {28, 4}, {32, 4}, {36, 1},
                  {37, 1}, {38, 1}, {39, 1}, {40, 4}, {48, 8}};
    const uint64_t r = next_random(state);
    uint8_t *header = bytes + in->headers[r % in->n_headers];
    for (uint64_t changes = r / 1024 % 3 + 1; changes > 0; changes--) {
        const uint64_t q = next_random(state);
        const size_t f = q % (sizeof fields / sizeof *fields);
        uint8_t text[8], *field = header + fields[f].at;
        memcpy(text, field, fields[f].size);
        vlmc_store64(text, q & 4096 ? values[q / 8192 % (sizeof values / sizeof *values)]
                                    : vlmc_load64(text) + (q / 8192 % 17) - 8);
        memcpy(field, text, fields[f].size);
    }
    vlmc_store32(header + 44, (uint32_t)XXH3_64bits(header, 44));
}

static size_t mutate_bytes(uint8_t *bytes, size_t size, uint64_t *state)
{
    const uint64_t r = next_random(state);
    const size_t at = next_random(state) % size;
    const size_t span = r / 8 % 3000 < size - at ? r / 8 % 3000 : size - at;
    switch (r % 8) {
    case 0:
        return at; // cut
    case 1:        // bytes go
        memmove(bytes + at, bytes + at + span, size - at - span);
        return size - span;
    case 2: // bytes come in
        memmove(bytes + at + span, bytes + at, size - at);
        memset(bytes + at, 'x', span);
        return size + span;
    case 3:
        memset(bytes + at, 0, span);
        return size;
    default:
        bytes[at] ^= (uint8_t)(1u << r / 8 % 8);
        return size;
    }
}

// The last packets of the file are of the layout that is found first; an end that is cut to one of
// them makes it that.
static size_t mutate(const input *in, uint8_t *bytes, uint64_t *state)
{
    size_t size = in->size;
    memcpy(bytes, in->bytes, size);
    for (uint64_t changes = next_random(state) % 3 + 1; changes > 0; changes--) {
        const uint64_t kind = next_random(state) % 4;
        if (kind < 2 && size == in->size)
            mutate_header(in, bytes, state);
        else if (kind == 2 && size == in->size)
            size = in->headers[next_random(state) % in->n_headers] + VLMC_RECOVERY_HEADER_BYTES;
        else if (size > 0 && size < in->size + GROWTH_BYTES_MAX / 2)
            size = mutate_bytes(bytes, size, state);
    }
    return size;
}

static void run_round(const input *in, uint8_t *bytes, uint64_t *state, unsigned long *whole)
{
    const size_t size = mutate(in, bytes, state);
    uint8_t *exact = malloc(size ? size : 1), *archive; // a sanitizer sees one byte too many
    size_t archive_bytes;
    if (!exact)
        exit(2);
    memcpy(exact, bytes, size);
    if (fuzz_repairs(exact, size, &archive, &archive_bytes)) {
        if (archive_bytes != in->archive_bytes || memcmp(archive, in->bytes, archive_bytes) != 0)
            abort(); // something else is called whole
        ++*whole;
    }
    free(archive);
    free(exact);
}

static void limit_memory(void)
{
#if !defined(__SANITIZE_ADDRESS__) // which reserves terabytes
    const struct rlimit limit = {MEMORY_BYTES, MEMORY_BYTES};
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        fail("setrlimit");
#endif
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: mutate_recovery ROUNDS ARCHIVE...\n");
        return 64;
    }
    const unsigned long rounds = strtoul(argv[1], NULL, 10);
    const size_t n = (size_t)argc - 2;
    input *inputs = calloc(n, sizeof *inputs);
    uint8_t *bytes = malloc(INPUT_BYTES_MAX + GROWTH_BYTES_MAX);
    uint64_t state = 1;
    unsigned long whole = 0;
    if (!inputs || !bytes)
        return 2;
    limit_memory();
    for (size_t i = 0; i < n; i++)
        load(argv[2 + i], &inputs[i]);
    for (unsigned long round = 0; round < rounds; round++)
        run_round(&inputs[round % n], bytes, &state, &whole);
    printf("%lu mutations of %zu archives, %lu of them repaired\n", rounds, n, whole);
    for (size_t i = 0; i < n; i++)
        free(inputs[i].bytes);
    free(inputs);
    free(bytes);
    return whole > rounds / 4 ? 0 : 1; // or else mutations are too much to test anything
}
