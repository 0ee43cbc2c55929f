// SPDX-License-Identifier: Apache-2.0
// mutate_X ROUNDS FILE…: the files through plugin X (fuzz_plugin.h), then ROUNDS mutations of them,
// the same in each run; parameters and tokens are mutated too, as a broken archive would bring
// them.
#include "fuzz_plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPLICE_BYTES_MAX 24u

typedef struct input {
    plugin_bytes file;
    plugin_bytes params, tokens; // of its first segment with a tokenizer
    const vlmc_tokenizer *tokenizer;
} input;

static void load(const char *path, input *in)
{
    uint8_t piece[4096];
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(2);
    }
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;)
        plugin_put(&in->file, piece, n);
    fclose(f);
    plugin_report r =
        plugin_check_file(&vlmc_plugin_entry, in->file.data, in->file.n, 0, 1, NULL, NULL);
    plugin_put(&in->params, r.params.data, r.params.n);
    plugin_put(&in->tokens, r.tokens.data, r.tokens.n);
    in->tokenizer = r.n_coded ? plugin_tokenizer(&vlmc_plugin_entry, r.tokenizers[0]) : NULL;
    plugin_report_free(&r);
}

// One to four changes of bits, bytes, a stretch or the length.
static void mutate(plugin_bytes *bytes, size_t from, uint64_t *random)
{
    static const uint8_t values[] = {0, 1, 2, 0x7F, 0x80, 0xFF, 0xF8, 0x20};
    for (uint32_t changes = plugin_random(random) % 4 + 1; changes > 0; changes--) {
        if (bytes->n <= from)
            return;
        const size_t at = from + plugin_random(random) % (bytes->n - from);
        size_t span = plugin_random(random) % SPLICE_BYTES_MAX;
        if (span > bytes->n - at)
            span = bytes->n - at;
        switch (plugin_random(random) % 16) {
        case 0:
            bytes->n = at;
            break;
        case 1:
        case 2:
            memset(bytes->data + at, values[plugin_random(random) % 8], span);
            break;
        case 3:
        case 4:
            memmove(bytes->data + from + plugin_random(random) % (bytes->n - from - span + 1),
                    bytes->data + at, span);
            break;
        case 5:
        case 6:
        case 7:
            bytes->data[at] = values[plugin_random(random) % 8];
            break;
        default:
            bytes->data[at] ^= (uint8_t)(1u << plugin_random(random) % 8);
        }
    }
}

static void run_archive(const input *in, plugin_bytes *scratch, uint64_t *random)
{
    plugin_bytes tokens = {0};
    scratch->n = 0;
    plugin_put(scratch, in->params.data, in->params.n);
    plugin_put(&tokens, in->tokens.data, in->tokens.n);
    if (plugin_random(random) % 4)
        mutate(scratch, 0, random);
    if (plugin_random(random) % 2)
        mutate(&tokens, 0, random);
    uint8_t *exact = malloc(scratch->n); // a sanitizer sees one byte too many
    if (scratch->n > 0)
        memcpy(exact, scratch->data, scratch->n);
    fuzz_archive(in->tokenizer, exact, (uint32_t)scratch->n, tokens.data, tokens.n);
    free(exact);
    plugin_free(&tokens);
}

static void run_round(const input *in, plugin_bytes *scratch, uint64_t *random)
{
    const uint32_t kind = plugin_random(random) % 8;
    if (kind < 2 && in->tokenizer) {
        run_archive(in, scratch, random);
        return;
    }
    scratch->n = 0;
    plugin_put(scratch, in->file.data, in->file.n);
    mutate(scratch, kind == 2 ? 0 : plugin_random(random) % 128, random);
    if (kind > 3 && fuzz_subject_of_plugin.seal)
        fuzz_subject_of_plugin.seal(scratch);
    fuzz_file(scratch->data, scratch->n);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: mutate_X ROUNDS FILE...\n");
        return 64;
    }
    const unsigned long rounds = strtoul(argv[1], NULL, 10);
    const size_t n = (size_t)argc - 2;
    const char *start = getenv("VLMC_TEST_SEED"); // another run than that of CTest
    uint64_t random = start ? strtoull(start, NULL, 10) | 1 : 1;
    plugin_bytes scratch = {0};
    input *inputs = calloc(n, sizeof *inputs);
    if (!inputs)
        return 2;
    for (size_t i = 0; i < n; i++) {
        load(argv[2 + i], &inputs[i]);
        fuzz_file(inputs[i].file.data, inputs[i].file.n);
    }
    for (unsigned long round = 0; round < rounds; round++)
        run_round(&inputs[round % n], &scratch, &random);
    printf("%lu mutations of %zu files came back\n", rounds, n);
    for (size_t i = 0; i < n; i++) {
        plugin_free(&inputs[i].file);
        plugin_free(&inputs[i].params);
        plugin_free(&inputs[i].tokens);
    }
    plugin_free(&scratch);
    free(inputs);
    return 0;
}
