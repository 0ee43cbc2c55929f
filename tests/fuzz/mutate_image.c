// SPDX-License-Identifier: Apache-2.0
// mutate_image ROUNDS FILE…: the files through the image plugin, then ROUNDS mutations of them, the
// same in each run. Chunks of PNG files get right checks again, so that what is behind them is
// reached; parameters and tokens are mutated too, as a broken archive would bring them.
#include "fuzz_image.h"
#include "image/image_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define SPLICE_BYTES_MAX 24u
#define PNG_SIGNATURE_BYTES 8u
#define PNG_EDGE_BYTES 12u

typedef struct input {
    image_bytes file;
    image_bytes params, tokens; // of its first segment with a tokenizer
    const char *tokenizer;
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
        image_put(&in->file, piece, n);
    fclose(f);
    image_report r = image_check_file(in->file.data, in->file.n, 0, 1);
    image_put(&in->params, r.params.data, r.params.n);
    image_put(&in->tokens, r.tokens.data, r.tokens.n);
    in->tokenizer = r.n_coded ? r.tokenizers[0] : NULL;
    image_report_free(&r);
}

// One to four changes of bits, bytes, a stretch or the length.
static void mutate(image_bytes *bytes, size_t from, uint64_t *random)
{
    static const uint8_t values[] = {0, 1, 2, 0x7F, 0x80, 0xFF, 0xD9, 0x20};
    for (uint32_t changes = image_random(random) % 4 + 1; changes > 0; changes--) {
        if (bytes->n <= from)
            return;
        const size_t at = from + image_random(random) % (bytes->n - from);
        size_t span = image_random(random) % SPLICE_BYTES_MAX;
        if (span > bytes->n - at)
            span = bytes->n - at;
        switch (image_random(random) % 16) {
        case 0:
            bytes->n = at;
            break;
        case 1:
        case 2:
            memset(bytes->data + at, values[image_random(random) % 8], span);
            break;
        case 3:
        case 4:
            memmove(bytes->data + from + image_random(random) % (bytes->n - from - span + 1),
                    bytes->data + at, span);
            break;
        case 5:
        case 6:
        case 7:
            bytes->data[at] = values[image_random(random) % 8];
            break;
        default:
            bytes->data[at] ^= (uint8_t)(1u << image_random(random) % 8);
        }
    }
}

// Gives each chunk of a PNG file that lies whole in it the right check.
static void seal_chunks(image_bytes *file)
{
    size_t at = PNG_SIGNATURE_BYTES;
    if (file->n < at || memcmp(file->data, "\x89PNG", 4) != 0)
        return;
    while (file->n - at >= PNG_EDGE_BYTES) {
        uint8_t *p = file->data + at;
        const size_t n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        if (n > file->n - at - PNG_EDGE_BYTES)
            return;
        const uint32_t check = (uint32_t)crc32(0, p + 4, (uInt)n + 4);
        for (uint32_t i = 0; i < 4; i++)
            p[8 + n + i] = (uint8_t)(check >> (24 - 8 * i));
        at += n + PNG_EDGE_BYTES;
    }
}

static void run_archive(const input *in, image_bytes *scratch, uint64_t *random)
{
    image_bytes tokens = {0};
    scratch->n = 0;
    image_put(scratch, in->params.data, in->params.n);
    image_put(&tokens, in->tokens.data, in->tokens.n);
    if (image_random(random) % 4)
        mutate(scratch, 0, random);
    if (image_random(random) % 2)
        mutate(&tokens, 0, random);
    uint8_t *exact = malloc(scratch->n); // a sanitizer sees one byte too many
    if (scratch->n > 0)
        memcpy(exact, scratch->data, scratch->n);
    fuzz_image_archive(in->tokenizer, exact, (uint32_t)scratch->n, tokens.data, tokens.n);
    free(exact);
    image_free(&tokens);
}

static void run_round(const input *in, image_bytes *scratch, uint64_t *random)
{
    const uint32_t kind = image_random(random) % 8;
    if (kind < 2 && in->tokenizer) {
        run_archive(in, scratch, random);
        return;
    }
    scratch->n = 0;
    image_put(scratch, in->file.data, in->file.n);
    mutate(scratch, kind == 2 ? 0 : image_random(random) % 128, random);
    if (kind > 3)
        seal_chunks(scratch);
    fuzz_image_file(scratch->data, scratch->n);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: mutate_image ROUNDS FILE...\n");
        return 64;
    }
    const unsigned long rounds = strtoul(argv[1], NULL, 10);
    const size_t n = (size_t)argc - 2;
    const char *start = getenv("VLMC_TEST_SEED"); // another run than that of CTest
    uint64_t random = start ? strtoull(start, NULL, 10) | 1 : 1;
    image_bytes scratch = {0};
    input *inputs = calloc(n, sizeof *inputs);
    if (!inputs)
        return 2;
    for (size_t i = 0; i < n; i++) {
        load(argv[2 + i], &inputs[i]);
        fuzz_image_file(inputs[i].file.data, inputs[i].file.n);
    }
    for (unsigned long round = 0; round < rounds; round++)
        run_round(&inputs[round % n], &scratch, &random);
    printf("%lu mutations of %zu files came back\n", rounds, n);
    for (size_t i = 0; i < n; i++) {
        image_free(&inputs[i].file);
        image_free(&inputs[i].params);
        image_free(&inputs[i].tokens);
    }
    image_free(&scratch);
    free(inputs);
    return 0;
}
