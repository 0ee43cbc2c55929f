// SPDX-License-Identifier: Apache-2.0
// JPEG files as anything may bring them: whole files, and parameters and tokens from archives.
//
//     clang -g -O1 -fsanitize=fuzzer,address,undefined -DVLMC_FUZZER -I. -Ihost/include
//     -Itests/unit
//         tests/fuzz/fuzz_jpeg.c tests/unit/image/image_support.c plugins/image/*.c
//         -lz -ljpeg -o fuzz_jpeg && ./fuzz_jpeg tests/fuzz/corpus/jpeg
// Without VLMC_FUZZER: fuzz_jpeg ROUNDS FILE… runs the files, then ROUNDS mutations of them, the
// same in each run.
#include "image/image_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALKED_TOKENS_MAX 20000u

static void run_file(const uint8_t *data, size_t size)
{
    image_report report = image_check_file(data, size, size % 3 ? 0 : 777, size);
    // A file may have redundant codes that libjpeg writes otherwise or not at all. The host finds
    // out, as this does, and codes plain bytes.
    static const char *const allowed[] = {"the encoder refused", "the decoder refused",
                                          "other bytes came back"};
    bool fine = !report.fault;
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed && !fine; i++)
        fine = strcmp(report.fault, allowed[i]) == 0;
    if (!fine) {
        fprintf(stderr, "%s\n", report.fault);
        abort();
    }
    image_report_free(&report);
}

// One stream, as every group of this tokenizer has; from a later unit of the segment too.
static void walk_contexts(const vlmc_tokenizer *t, const uint8_t *params, uint32_t params_bytes,
                          const uint8_t *tokens, size_t n, uint64_t first)
{
    uint32_t contexts[VLMC_PLUGIN_CONTEXTS_MAX], centre;
    void *state;
    if (t->contexts_create(params, params_bytes, 1, &first, &state) != VLMC_PLUGIN_OK)
        return;
    for (size_t i = 0; i < n && i < WALKED_TOKENS_MAX; i++) {
        t->next_context(state, 0, contexts, &centre);
        for (uint32_t c = 0; c < t->n_contexts; c++)
            if (t->contexts[c].cardinality > 0 && contexts[c] >= t->contexts[c].cardinality)
                abort();
        t->push_token(state, 0, tokens[i]);
    }
    t->contexts_destroy(state);
}

static void run_archive(const uint8_t *params, size_t params_bytes, const uint8_t *tokens, size_t n)
{
    const vlmc_tokenizer *t = image_tokenizer("image.jpeg");
    vlmc_token_geometry geometry;
    image_bytes out = {0};
    if (params_bytes > VLMC_PLUGIN_PARAMS_BYTES_MAX)
        return;
    image_convert(t, false, params, (uint32_t)params_bytes, tokens, n, n % 2 ? 0 : 100, 1, &out);
    image_free(&out);
    if (t->geometry(params, (uint32_t)params_bytes, &geometry) != VLMC_PLUGIN_OK)
        return;
    walk_contexts(t, params, (uint32_t)params_bytes, tokens, n, 0);
    walk_contexts(t, params, (uint32_t)params_bytes, tokens, n, geometry.align_tokens);
}

// A file; or, behind a first byte of 0, the length of parameters (16 bits), these, and tokens.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || data[0] != 0) {
        run_file(data, size);
        return 0;
    }
    const size_t wish = (size_t)data[1] << 8 | data[2];
    const size_t params_bytes = wish < size - 3 ? wish : size - 3;
    run_archive(data + 3, params_bytes, data + 3 + params_bytes, size - 3 - params_bytes);
    return 0;
}

#ifndef VLMC_FUZZER
static void load(const char *path, image_bytes *file)
{
    uint8_t piece[4096];
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(2);
    }
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;)
        image_put(file, piece, n);
    fclose(f);
}

static void mutate(uint8_t *bytes, size_t *n, uint64_t *random)
{
    for (uint32_t changes = image_random(random) % 3 + 1; changes > 0 && *n > 0; changes--) {
        const size_t at = image_random(random) % *n;
        const uint32_t kind = image_random(random) % 16;
        if (kind == 0)
            *n = at;
        else if (kind < 4)
            bytes[at] = (uint8_t)image_random(random);
        else
            bytes[at] ^= (uint8_t)(1u << image_random(random) % 8);
    }
}

// Mutates a file's head more often than its data, or its parameters and tokens.
static void run_round(const image_bytes *file, const image_report *report, uint64_t *random)
{
    const uint32_t kind = image_random(random) % 4;
    const bool archive = kind == 0 && report->params.n > 0;
    const image_bytes *from = archive ? &report->params : file;
    const image_bytes *tokens = &report->tokens;
    uint8_t *copy = malloc(from->n + 1), *other = malloc(tokens->n + 1); // for the sanitizers
    size_t n = from->n, n_other = tokens->n;
    if (!copy || !other)
        exit(2);
    memcpy(copy, from->data, n);
    if (archive) {
        memcpy(other, tokens->data, n_other);
        if (image_random(random) % 2)
            mutate(copy, &n, random);
        mutate(other, &n_other, random);
        run_archive(copy, n, other, n_other);
    } else {
        size_t head = kind == 1 || n < 400 ? n : 400;
        mutate(copy, &head, random);
        run_file(copy, head < 400 && kind != 1 ? head : n);
    }
    free(copy);
    free(other);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: fuzz_jpeg ROUNDS FILE...\n");
        return 64;
    }
    const unsigned long rounds = strtoul(argv[1], NULL, 10);
    const size_t n = (size_t)argc - 2;
    const char *start = getenv("VLMC_TEST_SEED"); // another run than that of CTest
    uint64_t random = start ? strtoull(start, NULL, 10) | 1 : 1;
    for (size_t i = 0; i < n; i++) {
        image_bytes file = {0};
        load(argv[2 + i], &file);
        run_file(file.data, file.n);
        image_report report = image_check_file(file.data, file.n, 0, 1);
        for (unsigned long round = i; round < rounds; round += n)
            run_round(&file, &report, &random);
        image_report_free(&report);
        image_free(&file);
    }
    printf("%lu mutations of %zu files came back\n", rounds, n);
    return 0;
}
#endif
