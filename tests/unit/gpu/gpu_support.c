// SPDX-License-Identifier: Apache-2.0
#include "gpu_support.h"

#include "cpu/cpu_engine.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t test_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

int32_t test_between(uint64_t *state, int32_t lo, int32_t hi)
{
    return lo + (int32_t)(test_random(state) % (uint64_t)(hi - lo + 1));
}

void test_must(vlmc_status status, const vlmc_error *error)
{
    cr_assert(status == VLMC_OK, "status %d: %s", (int)status, error->text);
}

const char *test_scratch(void)
{
    static char folder[] = "/tmp/vlmc-test-XXXXXX";
    const char *given = getenv("VLMC_TEST_SCRATCH");
    if (given)
        return given;
    if (strstr(folder, "XXXXXX"))
        cr_assert(mkdtemp(folder) != NULL, "no scratch folder");
    return folder;
}

const char *test_cache(void)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/cache", test_scratch());
    return path;
}

vlmc_hyperparameters test_shape(int i)
{
    const vlmc_context_spec bigram = {VLMC_CONTEXT_NGRAM, 2, 64, 0};
    const vlmc_context_spec word = {VLMC_CONTEXT_WORD, 1, 256, 0};
    const vlmc_hyperparameters shapes[TEST_SHAPES] = {
        {.vocab = 16,
         .width = 32,
         .layers = 1,
         .heads = 1,
         .kv_heads = 1,
         .head_dim = 32,
         .hidden = 32,
         .window = 1},
        {.vocab = 48,
         .width = 96,
         .layers = 2,
         .heads = 4,
         .kv_heads = 2,
         .head_dim = 16,
         .hidden = 160,
         .window = 7,
         .n_contexts = 2,
         .context_dim = 16,
         .contexts = {bigram, word}},
        {.vocab = 256,
         .width = 64,
         .layers = 3,
         .heads = 6,
         .kv_heads = 2,
         .head_dim = 16,
         .hidden = 96,
         .window = 33,
         .ffn = VLMC_FFN_REGLU,
         .n_contexts = 1,
         .context_dim = 32,
         .contexts = {word}},
        {.vocab = 32,
         .width = 160,
         .layers = 1,
         .heads = 2,
         .kv_heads = 1,
         .head_dim = 128,
         .hidden = 64,
         .window = 64},
        {.vocab = 80,
         .width = 288,
         .layers = 2,
         .heads = 3,
         .kv_heads = 3,
         .head_dim = 96,
         .hidden = 352,
         .window = 19,
         .n_contexts = 4,
         .context_dim = 48,
         .contexts = {bigram, word, bigram, {VLMC_CONTEXT_RECALL, 4, 4097, 8}}},
    };
    return shapes[i];
}

vlmc_model *test_model(int shape)
{
    const vlmc_hyperparameters hp = test_shape(shape);
    vlmc_model *model;
    vlmc_error error;
    test_must(vlmc_model_random(&hp, 7 + (uint64_t)shape, &model, &error), &error);
    return model;
}

// Token and rows depend on stream and position only, so that every cut sees the same.
static void fill_inputs(const vlmc_hyperparameters *hp, uint32_t n_streams, uint32_t first,
                        uint32_t n_steps, uint16_t *tokens, uint32_t *rows)
{
    for (uint32_t s = 0; s < n_streams; s++)
        for (uint32_t t = 0; t < n_steps; t++) {
            uint64_t state = (uint64_t)s << 32 | (first + t);
            *tokens++ = (uint16_t)(first + t == 0 ? hp->vocab : test_random(&state) % hp->vocab);
            for (uint32_t c = 0; c < hp->n_contexts; c++)
                *rows++ = (uint32_t)(test_random(&state) % hp->contexts[c].rows);
        }
}

int16_t *test_run(vlmc_engine *engine, uint32_t n_streams, uint32_t total, uint32_t cut)
{
    const vlmc_hyperparameters *hp = &engine->model->hp;
    const size_t n = (size_t)n_streams * cut;
    uint16_t *tokens = malloc(n * sizeof *tokens);
    uint32_t *rows = malloc(n * (hp->n_contexts + 1) * sizeof *rows);
    int16_t *piece = malloc(n * hp->vocab * sizeof *piece);
    int16_t *all = malloc((size_t)n_streams * total * hp->vocab * sizeof *all);
    cr_assert(tokens && rows && piece && all);
    vlmc_error error;
    test_must(vlmc_engine_reset(engine, n_streams, &error), &error);
    for (uint32_t first = 0; first < total; first += cut) {
        const uint32_t steps = total - first < cut ? total - first : cut;
        fill_inputs(hp, n_streams, first, steps, tokens, rows);
        test_must(vlmc_engine_forward(engine, steps, tokens, rows, piece, &error), &error);
        for (uint32_t s = 0; s < n_streams; s++)
            memcpy(all + ((size_t)s * total + first) * hp->vocab,
                   piece + (size_t)s * steps * hp->vocab, steps * hp->vocab * sizeof *all);
    }
    free(tokens);
    free(rows);
    free(piece);
    return all;
}

int16_t *test_reference(const vlmc_model *model, uint32_t n_streams, uint32_t total)
{
    const vlmc_engine_params params = {
        .model = model,
        .max_streams = n_streams,
        .max_steps = total,
        .threads = 1,
    };
    vlmc_engine *engine;
    vlmc_error error;
    test_must(vlmc_cpu_engine_create(&params, "reference", &engine, &error), &error);
    int16_t *logits = test_run(engine, n_streams, total, total);
    vlmc_engine_destroy(&engine);
    return logits;
}

vlmc_engine *test_engine(const vlmc_model *model, vlmc_gpu_params params)
{
    vlmc_engine *engine;
    vlmc_error error;
    params.engine.model = model;
    params.engine.threads = 1;
    if (!params.cache_dir)
        params.cache_dir = test_cache();
    test_must(vlmc_gpu_engine_create(NULL, &params, &engine, &error), &error);
    return engine;
}
