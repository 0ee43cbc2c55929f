// SPDX-License-Identifier: Apache-2.0
// The CPU engine gives the same logits from every variant, thread count, stream count and cut.
#include "cpu/cpu_engine.h"
#include "random.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define STREAMS_MAX 64u

static const vlmc_hyperparameters shapes[] = {
    {.vocab = 256,
     .width = 64,
     .layers = 2,
     .heads = 3,
     .kv_heads = 1,
     .head_dim = 32,
     .hidden = 96,
     .window = 24,
     .ffn = VLMC_FFN_RELU2,
     .n_contexts = 3,
     .context_dim = 32,
     .contexts = {{VLMC_CONTEXT_NGRAM, 2, 1024, 0},
                  {VLMC_CONTEXT_LINE, 0, 2048, 0},
                  {VLMC_CONTEXT_RECALL, 4, 4097, 10}}},
    {.vocab = 48,
     .width = 96,
     .layers = 1,
     .heads = 4,
     .kv_heads = 2,
     .head_dim = 48,
     .hidden = 160,
     .window = 17,
     .ffn = VLMC_FFN_REGLU,
     .n_contexts = 0},
    {.vocab = 272,
     .width = 32,
     .layers = 3,
     .heads = 2,
     .kv_heads = 2,
     .head_dim = 16,
     .hidden = 32,
     .window = 1,
     .ffn = VLMC_FFN_REGLU,
     .n_contexts = 2,
     .context_dim = 16,
     .contexts = {{VLMC_CONTEXT_WORD, 1, 16, 0}, {VLMC_CONTEXT_NGRAM, 1, 2, 0}}},
    {.vocab = 16,
     .width = 128,
     .layers = 1,
     .heads = 8,
     .kv_heads = 1,
     .head_dim = 128,
     .hidden = 64,
     .window = 200,
     .ffn = VLMC_FFN_RELU2,
     .n_contexts = 0},
};

// Inputs and reference logits of a run, (streams, steps, …).
typedef struct run {
    const vlmc_model *model;
    uint32_t streams, steps;
    uint16_t *tokens;
    uint32_t *rows;
    int16_t *logits;
} run;

static void *must_allocate(size_t bytes)
{
    void *memory = vlmc_cpu_allocate(bytes);
    cr_assert_not_null(memory);
    return memory;
}

static vlmc_engine *make_engine(const vlmc_model *model, const char *variant, uint32_t threads,
                                uint32_t streams, uint32_t steps)
{
    vlmc_engine *engine;
    vlmc_error error;
    const vlmc_engine_params params = {
        .model = model, .max_streams = streams, .max_steps = steps, .threads = threads};
    cr_assert_eq(vlmc_cpu_engine_create(&params, variant, &engine, &error), VLMC_OK, "%s",
                 error.text);
    return engine;
}

// Runs all steps in pieces of `cut`; 0 mixes sizes from 1 to `steps`.
static void run_engine(vlmc_engine *engine, const run *r, uint32_t cut, int16_t *logits)
{
    const uint32_t contexts = r->model->hp.n_contexts, vocab = r->model->hp.vocab;
    const size_t all = (size_t)r->streams * r->steps;
    test_random random = {cut + 99};
    vlmc_error error;
    uint16_t *tokens = must_allocate(all * sizeof *tokens);
    uint32_t *rows = must_allocate(all * contexts * sizeof *rows);
    int16_t *out = must_allocate(all * vocab * sizeof *out);
    cr_assert_eq(vlmc_engine_reset(engine, r->streams, &error), VLMC_OK);
    for (uint32_t at = 0, n; at < r->steps; at += n) {
        n = cut ? cut : (uint32_t)random_between(&random, 1, (int32_t)r->steps / 2 + 1);
        n = n < r->steps - at ? n : r->steps - at;
        for (uint32_t s = 0; s < r->streams; s++) {
            const size_t from = (size_t)s * r->steps + at, to = (size_t)s * n;
            memcpy(tokens + to, r->tokens + from, n * sizeof *tokens);
            memcpy(rows + to * contexts, r->rows + from * contexts, n * contexts * sizeof *rows);
        }
        cr_assert_eq(vlmc_engine_forward(engine, n, tokens, rows, out, &error), VLMC_OK, "%s",
                     error.text);
        for (uint32_t s = 0; s < r->streams; s++)
            memcpy(logits + ((size_t)s * r->steps + at) * vocab, out + (size_t)s * n * vocab,
                   (size_t)n * vocab * sizeof *out);
    }
    free(tokens);
    free(rows);
    free(out);
}

static run make_run(const vlmc_model *model, uint32_t streams, uint32_t steps, uint64_t seed)
{
    const vlmc_hyperparameters *hp = &model->hp;
    const size_t all = (size_t)streams * steps;
    test_random random = {seed};
    run r = {
        .model = model,
        .streams = streams,
        .steps = steps,
        .tokens = must_allocate(all * sizeof *r.tokens),
        .rows = must_allocate(all * hp->n_contexts * sizeof *r.rows),
        .logits = must_allocate(all * hp->vocab * sizeof *r.logits),
    };
    for (size_t i = 0; i < all; i++) {
        r.tokens[i] = (uint16_t)(i % steps ? random_bits(&random) % hp->vocab : hp->vocab);
        for (uint32_t c = 0; c < hp->n_contexts; c++)
            r.rows[i * hp->n_contexts + c] =
                (uint32_t)(random_bits(&random) % hp->contexts[c].rows);
    }
    vlmc_engine *reference = make_engine(model, "reference", 1, streams, steps);
    run_engine(reference, &r, steps, r.logits);
    vlmc_engine_destroy(&reference);
    return r;
}

static void free_run(run *r)
{
    free(r->tokens);
    free(r->rows);
    free(r->logits);
}

static void expect_same(const run *r, const int16_t *logits, const char *variant, uint32_t threads,
                        uint32_t cut)
{
    const size_t n = (size_t)r->streams * r->steps * r->model->hp.vocab;
    size_t i = 0;
    while (i < n && logits[i] == r->logits[i])
        i++;
    cr_assert_eq(i, n, "%s: %u threads, %u streams, cut %u: stream %zu, step %zu", variant, threads,
                 r->streams, cut, i / r->model->hp.vocab / r->steps,
                 i / r->model->hp.vocab % r->steps);
}

static void check_run(const run *r, const char *variant, uint32_t threads)
{
    const uint32_t cuts[] = {r->steps, 1, 0};
    int16_t *logits =
        must_allocate((size_t)r->streams * r->steps * r->model->hp.vocab * sizeof *logits);
    vlmc_engine *engine = make_engine(r->model, variant, threads, r->streams, r->steps);
    for (int c = 0; c < 3; c++) {
        run_engine(engine, r, cuts[c], logits);
        expect_same(r, logits, variant, threads, cuts[c]);
    }
    vlmc_engine_destroy(&engine);
    free(logits);
}

static void check_shape(const vlmc_hyperparameters *hp, uint64_t seed)
{
    const uint32_t streams[] = {1, 2, 7, STREAMS_MAX};
    vlmc_model *model;
    vlmc_error error;
    cr_assert_eq(vlmc_model_random(hp, seed, &model, &error), VLMC_OK, "%s", error.text);
    for (int s = 0; s < 4; s++) {
        run r = make_run(model, streams[s], streams[s] == 64 ? 20 : 45, seed + (uint64_t)s);
        for (uint32_t i = 0; vlmc_cpu_variant_name(i); i++)
            for (uint32_t threads = 1; threads <= 3; threads++)
                if (vlmc_cpu_variant_available(vlmc_cpu_variant_name(i)))
                    check_run(&r, vlmc_cpu_variant_name(i), threads);
        free_run(&r);
    }
    vlmc_model_destroy(&model);
}

Test(cpu_engine, text_shape_gives_the_same_logits_however_it_is_run)
{
    check_shape(&shapes[0], 21);
}

Test(cpu_engine, gated_shape_without_contexts_gives_the_same_logits_however_it_is_run)
{
    check_shape(&shapes[1], 22);
}

Test(cpu_engine, shape_with_a_window_of_one_gives_the_same_logits_however_it_is_run)
{
    check_shape(&shapes[2], 23);
}

Test(cpu_engine, shape_with_many_large_heads_gives_the_same_logits_however_it_is_run)
{
    check_shape(&shapes[3], 24);
}

Test(cpu_engine, a_stream_longer_than_a_chunk_and_its_window_gives_the_same_logits)
{
    vlmc_model *model;
    vlmc_error error;
    cr_assert_eq(vlmc_model_random(&shapes[3], 25, &model, &error), VLMC_OK);
    run r = make_run(model, 2, 700, 25);
    check_run(&r, "auto", 2);
    free_run(&r);
    vlmc_model_destroy(&model);
}

Test(cpu_engine, random_models_do_not_give_constant_logits)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        vlmc_model *model;
        vlmc_error error;
        cr_assert_eq(vlmc_model_random(&shapes[i], 31 + i, &model, &error), VLMC_OK);
        run r = make_run(model, 2, 10, 31 + i);
        const uint32_t vocab = shapes[i].vocab;
        uint32_t differing = 0;
        for (uint32_t j = 0; j < vocab; j++)
            differing += r.logits[9 * vocab + j] != r.logits[19 * vocab + j];
        cr_assert(differing > vocab / 4, "shape %zu: %u of %u differ", i, differing, vocab);
        free_run(&r);
        vlmc_model_destroy(&model);
    }
}

Test(cpu_engine, reset_forgets_every_stream)
{
    vlmc_model *model;
    vlmc_error error;
    cr_assert_eq(vlmc_model_random(&shapes[0], 26, &model, &error), VLMC_OK);
    run r = make_run(model, 5, 40, 26);
    int16_t *logits = must_allocate((size_t)5 * 40 * 256 * sizeof *logits);
    vlmc_engine *engine = make_engine(model, NULL, 2, 5, 40);
    for (int again = 0; again < 3; again++) {
        run_engine(engine, &r, 40, logits);
        expect_same(&r, logits, "auto", 2, 40);
    }
    vlmc_engine_destroy(&engine);
    cr_assert_null(engine);
    free(logits);
    free_run(&r);
    vlmc_model_destroy(&model);
}

Test(cpu_engine, impossible_requests_are_refused_with_a_sentence)
{
    vlmc_model *model;
    vlmc_error error;
    cr_assert_eq(vlmc_model_random(&shapes[0], 27, &model, &error), VLMC_OK);
    vlmc_engine_params params = {.model = model, .max_streams = 2, .max_steps = 4, .threads = 1};
    vlmc_engine *engine;
    cr_assert_eq(vlmc_cpu_engine_create(&params, "mmx", &engine, &error), VLMC_ERROR_UNSUPPORTED);
    cr_assert_null(engine);
    cr_assert_not_null(strstr(error.text, "mmx"));
    params.threads = 0;
    cr_assert_eq(vlmc_cpu_engine_create(&params, NULL, &engine, &error), VLMC_ERROR_USAGE);
    params.threads = 1;
    params.max_streams = UINT32_MAX;
    cr_assert_eq(vlmc_cpu_engine_create(&params, NULL, &engine, &error), VLMC_ERROR_MEMORY);
    cr_assert_null(engine);

    engine = make_engine(model, NULL, 1, 2, 4);
    uint16_t tokens[2] = {256, 256};
    uint32_t rows[6] = {0};
    int16_t logits[2 * 256];
    cr_assert_eq(vlmc_engine_reset(engine, 3, &error), VLMC_ERROR_USAGE);
    cr_assert_eq(vlmc_engine_reset(engine, 2, &error), VLMC_OK);
    cr_assert_eq(vlmc_engine_forward(engine, 5, tokens, rows, logits, &error), VLMC_ERROR_USAGE);
    cr_assert_eq(vlmc_engine_forward(engine, 0, tokens, rows, logits, &error), VLMC_ERROR_USAGE);
    tokens[1] = 257;
    cr_assert_eq(vlmc_engine_forward(engine, 1, tokens, rows, logits, &error), VLMC_ERROR_USAGE);
    tokens[1] = 0;
    rows[5] = 4097;
    cr_assert_eq(vlmc_engine_forward(engine, 1, tokens, rows, logits, &error), VLMC_ERROR_USAGE);
    rows[5] = 4096;
    cr_assert_eq(vlmc_engine_forward(engine, 1, tokens, rows, logits, &error), VLMC_OK);
    vlmc_engine_destroy(&engine);
    vlmc_model_destroy(&model);
}
