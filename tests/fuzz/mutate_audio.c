// SPDX-License-Identifier: Apache-2.0
// mutate_audio ROUNDS FILE…: the files through the audio plugin, then ROUNDS mutations of them, the
// same in each run. FLAC frames get right checks again, so that what is behind them is reached;
// parameters and tokens are mutated too, as a broken archive would bring them.
#include "audio/audio_support.h"
#include "fuzz_audio.h"
#include "plugins/audio/flac.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPLICE_BYTES_MAX 24u

typedef struct input {
    audio_bytes file;
    audio_bytes params, tokens; // of its first segment with a tokenizer
    const char *tokenizer;
} input;

static void load(const char *path, audio_bytes *file)
{
    uint8_t piece[4096];
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(2);
    }
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;)
        audio_put(file, piece, n);
    fclose(f);
}

// Parameters and tokens of the first segment that is not plain.
static void take_apart(input *in)
{
    const vlmc_analyser *analyser = audio_analyser_of_plugin();
    void *analysis;
    vlmc_segment s;
    if (analyser->create(NULL, &analysis) != VLMC_PLUGIN_OK)
        exit(2);
    for (size_t at = 0; at < in->file.n && !in->tokenizer; at += s.bytes) {
        const uint8_t *data = in->file.data + at;
        if (analyser->next(analysis, data, in->file.n - at, 1, &s) != VLMC_PLUGIN_OK)
            break;
        if (!s.tokenizer)
            continue;
        in->tokenizer = s.tokenizer;
        audio_put(&in->params, s.params, s.params_bytes);
        audio_convert(audio_tokenizer(s.tokenizer), true, s.params, s.params_bytes, data, s.bytes,
                      0, 1, &in->tokens);
    }
    analyser->destroy(analysis);
}

// One to four changes of bits, bytes, a stretch or the length.
static void mutate(audio_bytes *bytes, size_t from, uint64_t *random)
{
    static const uint8_t values[] = {0, 1, 2, 0x7F, 0x80, 0xFF, 0xF8, 0x20};
    for (uint32_t changes = audio_random(random) % 4 + 1; changes > 0; changes--) {
        if (bytes->n <= from)
            return;
        const size_t at = from + audio_random(random) % (bytes->n - from);
        size_t span = audio_random(random) % SPLICE_BYTES_MAX;
        if (span > bytes->n - at)
            span = bytes->n - at;
        switch (audio_random(random) % 16) {
        case 0:
            bytes->n = at;
            break;
        case 1:
        case 2:
            memset(bytes->data + at, values[audio_random(random) % 8], span);
            break;
        case 3:
        case 4:
            memmove(bytes->data + from + audio_random(random) % (bytes->n - from - span + 1),
                    bytes->data + at, span);
            break;
        case 5:
        case 6:
        case 7:
            bytes->data[at] = values[audio_random(random) % 8];
            break;
        default:
            bytes->data[at] ^= (uint8_t)(1u << audio_random(random) % 8);
        }
    }
}

// Gives each frame that still begins like one right checks, wherever it ends now.
static void seal_frames(audio_bytes *file)
{
    flac_stream stream;
    size_t at, looked;
    flac_frame *frame = malloc(sizeof *frame);
    if (!frame)
        exit(2);
    if (!flac_read_start(file->data, file->n, &stream, &at) || at == 0)
        at = file->n;
    while (file->n - at > 16) {
        bit_reader r = {.bytes = file->data + at, .n_bytes = file->n - at};
        flac_header h;
        flac_read_header(&h, &stream, &r);
        const size_t head = r.at >> 3;
        if (head > 5)
            file->data[at + head - 1] = flac_crc8(file->data + at, head - 1);
        if (flac_read_frame(frame, &stream, file->data + at, file->n - at, &looked) == 0 &&
            looked > head + 2) {
            const uint16_t check = flac_crc16(file->data + at, looked - 2);
            file->data[at + looked - 2] = (uint8_t)(check >> 8);
            file->data[at + looked - 1] = (uint8_t)check;
        }
        at += looked > 0 ? looked : 1;
    }
    free(frame);
}

static void run_archive(const input *in, audio_bytes *scratch, uint64_t *random)
{
    audio_bytes tokens = {0};
    scratch->n = 0;
    audio_put(scratch, in->params.data, in->params.n);
    audio_put(&tokens, in->tokens.data, in->tokens.n);
    if (audio_random(random) % 4)
        mutate(scratch, 0, random);
    if (audio_random(random) % 2)
        mutate(&tokens, 0, random);
    uint8_t *exact = malloc(scratch->n);
    if (scratch->n > 0)
        memcpy(exact, scratch->data, scratch->n);
    fuzz_audio_archive(in->tokenizer, exact, (uint32_t)scratch->n, tokens.data, tokens.n);
    free(exact);
    audio_free(&tokens);
}

static void run_round(const input *in, audio_bytes *scratch, uint64_t *random)
{
    const uint32_t kind = audio_random(random) % 8;
    if (kind < 2 && in->tokenizer) {
        run_archive(in, scratch, random);
        return;
    }
    scratch->n = 0;
    audio_put(scratch, in->file.data, in->file.n);
    mutate(scratch, kind == 2 ? 0 : audio_random(random) % 128, random);
    if (kind > 3)
        seal_frames(scratch);
    fuzz_audio_file(scratch->data, scratch->n);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: mutate_audio ROUNDS FILE...\n");
        return 64;
    }
    const unsigned long rounds = strtoul(argv[1], NULL, 10);
    const size_t n = (size_t)argc - 2;
    const char *start = getenv("VLMC_TEST_SEED"); // another run than that of CTest
    uint64_t random = start ? strtoull(start, NULL, 10) | 1 : 1;
    audio_bytes scratch = {0};
    input *inputs = calloc(n, sizeof *inputs);
    if (!inputs)
        return 2;
    for (size_t i = 0; i < n; i++) {
        load(argv[2 + i], &inputs[i].file);
        take_apart(&inputs[i]);
        fuzz_audio_file(inputs[i].file.data, inputs[i].file.n);
    }
    for (unsigned long round = 0; round < rounds; round++)
        run_round(&inputs[round % n], &scratch, &random);
    printf("%lu mutations of %zu files came back\n", rounds, n);
    for (size_t i = 0; i < n; i++) {
        audio_free(&inputs[i].file);
        audio_free(&inputs[i].params);
        audio_free(&inputs[i].tokens);
    }
    audio_free(&scratch);
    free(inputs);
    return 0;
}
