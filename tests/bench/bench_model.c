// SPDX-License-Identifier: Apache-2.0
// What a model is worth on files: bits per byte of the transformer alone and after mixing, each
// file cut into groups and streams as the default level cuts it. Floating point only adds up the
// bits. The engine's speed counts the transformer alone. usage: bench_model MODEL.gguf FILE…
#include "codec/cut.h"
#include "codec/level.h"
#include "cpu/cpu_engine.h"
#include "cpu/ops.h"
#include "mix/mix.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SLAB_STEPS 32u

typedef struct bench {
    const vlmc_level *level;
    vlmc_engine *engine;
    vlmc_contexts *contexts;
    vlmc_mix *mix;
    uint16_t *tokens;
    uint32_t *rows;
    int16_t *logits;
    double model_bits, mixed_bits, engine_seconds;
} bench;

static void die(const char *text)
{
    fprintf(stderr, "bench_model: %s\n", text);
    exit(2);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *allocate(size_t bytes)
{
    void *memory = malloc(bytes);
    if (!memory)
        die("out of memory");
    return memory;
}

static void count_token(bench *b, uint32_t stream, const int16_t *logits, uint8_t token)
{
    uint32_t frequencies[256];
    vlmc_op_frequencies(256, logits, frequencies);
    b->model_bits += VLMC_FREQUENCY_BITS - log2(frequencies[token]);
    vlmc_mix_begin(b->mix, stream, frequencies);
    for (int i = 7; i >= 0; i--) {
        const uint32_t p = vlmc_mix_probability(b->mix), bit = token >> i & 1;
        b->mixed_bits += VLMC_MIX_BITS - log2(bit ? p : (1u << VLMC_MIX_BITS) - p);
        vlmc_mix_update(b->mix, bit);
    }
}

// Streams of equal length: up to streams - 1 bytes at the end of the group are left out.
static uint32_t run_group(bench *b, const uint8_t *raw, uint32_t n)
{
    const uint32_t streams = vlmc_cut_streams(n, 1, b->level->stream_tokens);
    const uint32_t length = n / streams;
    const uint32_t n_contexts = b->engine->model->hp.n_contexts;
    vlmc_error error;
    vlmc_contexts_reset(b->contexts);
    vlmc_mix_reset(b->mix, n, streams, length);
    if (vlmc_engine_reset(b->engine, streams, &error) != VLMC_OK)
        die(error.text);
    for (uint32_t first = 0; first < length; first += SLAB_STEPS) {
        const uint32_t count = length - first < SLAB_STEPS ? length - first : SLAB_STEPS;
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t t = first + i;
            for (uint32_t s = 0; s < streams; s++) {
                const size_t at = (size_t)s * count + i;
                vlmc_contexts_rows(b->contexts, s, b->rows + at * n_contexts);
                b->tokens[at] = t ? raw[(size_t)s * length + t - 1] : 256;
            }
            for (uint32_t s = 0; s < streams; s++)
                vlmc_contexts_push(b->contexts, s, raw[(size_t)s * length + t]);
        }
        const double begun = now();
        if (vlmc_engine_forward(b->engine, count, b->tokens, b->rows, b->logits, &error) != VLMC_OK)
            die(error.text);
        b->engine_seconds += now() - begun;
        for (uint32_t i = 0; i < count; i++) {
            for (uint32_t s = 0; s < streams; s++)
                vlmc_mix_prepare(b->mix, s, NULL, NULL);
            for (uint32_t s = 0; s < streams; s++)
                count_token(b, s, b->logits + ((size_t)s * count + i) * 256,
                            raw[(size_t)s * length + first + i]);
        }
    }
    return streams * length;
}

static void run_file(bench *b, const char *path, uint8_t *raw, double totals[3])
{
    FILE *file = fopen(path, "rb");
    if (!file)
        die(path);
    double bytes = 0;
    const double begun = now();
    b->model_bits = b->mixed_bits = b->engine_seconds = 0;
    for (size_t n; (n = fread(raw, 1, b->level->group_bytes, file)) > 0;)
        bytes += run_group(b, raw, (uint32_t)n);
    fclose(file);
    printf(
        "%-40s %9.0f bytes  model alone %.4f bpb  mixed %.4f bpb  %6.1f KB/s, engine %6.1f KB/s\n",
        path, bytes, b->model_bits / bytes, b->mixed_bits / bytes, bytes / (now() - begun) / 1e3,
        bytes / b->engine_seconds / 1e3);
    totals[0] += bytes;
    totals[1] += b->model_bits / 8;
    totals[2] += b->mixed_bits / 8;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        die("usage: bench_model MODEL.gguf FILE…");
    vlmc_error error;
    vlmc_model *model;
    if (vlmc_model_load(argv[1], &model, &error) != VLMC_OK)
        die(error.text);
    const vlmc_engine_params params = {.model = model,
                                       .max_streams = VLMC_STREAMS_MAX,
                                       .max_steps = SLAB_STEPS,
                                       .threads = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN)};
    const vlmc_level *level = vlmc_level_of(VLMC_LEVEL_DEFAULT);
    const vlmc_mix_params plain_bytes = {
        .has_model = true, .past = VLMC_PAST_BYTES, .settings = level->mix, .symbol_bits = 8};
    const size_t tokens = (size_t)VLMC_STREAMS_MAX * SLAB_STEPS;
    bench b = {
        .level = level,
        .contexts =
            vlmc_contexts_create(model->hp.contexts, model->hp.n_contexts, VLMC_STREAMS_MAX),
        .mix = vlmc_mix_create(&plain_bytes, VLMC_STREAMS_MAX, level->group_bytes),
        .tokens = allocate(tokens * sizeof(uint16_t)),
        .rows = allocate(tokens * (model->hp.n_contexts + 1) * sizeof(uint32_t)),
        .logits = allocate(tokens * 256 * sizeof(int16_t)),
    };
    if (!b.contexts || !b.mix)
        die("out of memory");
    if (vlmc_cpu_engine_create(&params, NULL, &b.engine, &error) != VLMC_OK)
        die(error.text);
    uint8_t *raw = allocate(level->group_bytes);
    double totals[3] = {0};
    for (int i = 2; i < argc; i++)
        run_file(&b, argv[i], raw, totals);
    printf("sum: %.0f bytes, model alone %.0f, mixed %.0f\n", totals[0], totals[1], totals[2]);
    free(raw);
    free(b.tokens);
    free(b.rows);
    free(b.logits);
    vlmc_engine_destroy(&b.engine);
    vlmc_contexts_destroy(&b.contexts);
    vlmc_mix_destroy(&b.mix);
    vlmc_model_destroy(&model);
    return 0;
}
