// SPDX-License-Identifier: Apache-2.0
// Prints the speed of the int8 matrix product per CPU variant and thread count, requantisation
// included, and of the whole engine at the default text model's shape.
//
//   bench_gemm [SECONDS-PER-LINE]
//
// "wall" divides by elapsed time; "cpu" by the workers' CPU time, which is what a busy machine
// would reach if it were idle.
#include "cpu/cpu_engine.h"
#include "util/thread_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THREADS_MAX 64u

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

typedef struct gemm {
    const vlmc_cpu_kernels *kernels;
    const vlmc_cpu_linear *linear;
    uint32_t positions;
    double seconds;
    int8_t *inputs[THREADS_MAX];
    int8_t *outputs[THREADS_MAX];
    double cpu[THREADS_MAX];     // seconds spent
    uint64_t calls[THREADS_MAX]; // of the kernel
} gemm;

static void run_gemm(void *context, uint32_t worker, uint32_t item)
{
    (void)worker;
    gemm *g = context;
    const double start = now(CLOCK_MONOTONIC), cpu = now(CLOCK_THREAD_CPUTIME_ID);
    uint64_t calls = 0;
    while (now(CLOCK_MONOTONIC) - start < g->seconds) {
        g->kernels->linear(g->linear, VLMC_CPU_INT8, g->positions, g->inputs[item],
                           g->outputs[item]);
        calls++;
    }
    g->cpu[item] = now(CLOCK_THREAD_CPUTIME_ID) - cpu;
    g->calls[item] = calls;
}

static int bench_shape(const vlmc_cpu_kernels *kernels, vlmc_thread_pool *pool, uint32_t positions,
                       uint32_t rows, uint32_t cols, double seconds)
{
    int result = 1;
    const uint32_t threads = vlmc_thread_pool_threads(pool);
    gemm g = {.kernels = kernels, .positions = positions, .seconds = seconds};
    int8_t *weight = vlmc_cpu_allocate((size_t)rows * cols);
    int32_t *multiplier = vlmc_cpu_allocate(rows * sizeof *multiplier);
    int32_t *shift = vlmc_cpu_allocate(rows * sizeof *shift);
    vlmc_cpu_linear linear = {0};
    if (!weight || !multiplier || !shift)
        goto done;
    for (size_t i = 0; i < (size_t)rows * cols; i++)
        weight[i] = (int8_t)(i * 2654435761u >> 16);
    for (uint32_t m = 0; m < rows; m++) {
        multiplier[m] = 40000;
        shift[m] = 29;
    }
    const vlmc_linear source = {rows, cols, weight, multiplier, shift};
    const vlmc_linear *part = &source;
    if (vlmc_cpu_linear_create(kernels, &part, 1, &linear, NULL) != VLMC_OK)
        goto done;
    g.linear = &linear;
    for (uint32_t t = 0; t < threads; t++) {
        g.inputs[t] = vlmc_cpu_allocate((size_t)positions * cols);
        g.outputs[t] = vlmc_cpu_allocate((size_t)positions * rows);
        if (!g.inputs[t] || !g.outputs[t])
            goto done;
        for (size_t i = 0; i < (size_t)positions * cols; i++)
            g.inputs[t][i] = (int8_t)(i * 40503u >> 8);
    }
    const double start = now(CLOCK_MONOTONIC);
    vlmc_thread_pool_run(pool, run_gemm, &g, threads);
    const double wall = now(CLOCK_MONOTONIC) - start;
    double calls = 0, cpu = 0;
    for (uint32_t t = 0; t < threads; t++) {
        calls += (double)g.calls[t];
        cpu += g.cpu[t];
    }
    const double macs = calls * positions * rows * cols * 1e-9;
    printf("gemm    %-11s %2u threads  M %5u  N %4u  K %4u  %8.1f GMAC/s wall  %8.1f cpu\n",
           kernels->name, threads, positions, rows, cols, macs / wall, macs / (cpu / threads));
    result = 0;
done:
    for (uint32_t t = 0; t < threads; t++) {
        free(g.inputs[t]);
        free(g.outputs[t]);
    }
    vlmc_cpu_linear_destroy(&linear);
    free(weight);
    free(multiplier);
    free(shift);
    return result;
}

static int bench_gemms(const vlmc_cpu_kernels *kernels, uint32_t threads, double seconds)
{
    static const struct {
        uint32_t positions, rows, cols;
    } shapes[] = {{4096, 768, 192}, {256, 768, 192},    {64, 192, 320},
                  {64, 192, 768},   {1024, 1024, 1024}, {1, 768, 192}};
    vlmc_thread_pool *pool;
    if (vlmc_thread_pool_create(threads, &pool, NULL) != VLMC_OK)
        return 1;
    int result = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes && !result; i++)
        result = bench_shape(kernels, pool, shapes[i].positions, shapes[i].rows, shapes[i].cols,
                             seconds);
    vlmc_thread_pool_destroy(&pool);
    return result;
}

static int bench_engine(const vlmc_model *model, const char *variant, uint32_t threads,
                        uint32_t streams, uint32_t steps, double seconds)
{
    const vlmc_hyperparameters *hp = &model->hp;
    const size_t n = (size_t)streams * steps;
    int result = 1;
    vlmc_engine *engine = NULL;
    const vlmc_engine_params params = {
        .model = model, .max_streams = streams, .max_steps = steps, .threads = threads};
    uint16_t *tokens = vlmc_cpu_allocate(n * sizeof *tokens);
    uint32_t *rows = vlmc_cpu_allocate(n * hp->n_contexts * sizeof *rows);
    int16_t *logits = vlmc_cpu_allocate(n * hp->vocab * sizeof *logits);
    if (!tokens || !rows || !logits ||
        vlmc_cpu_engine_create(&params, variant, &engine, NULL) != VLMC_OK ||
        vlmc_engine_reset(engine, streams, NULL) != VLMC_OK)
        goto done;
    uint64_t random = 1, positions = 0;
    double wall = 0, cpu = 0;
    for (uint32_t at = 0; at < hp->window || wall < seconds; at += steps) {
        for (size_t i = 0; i < n; i++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
            tokens[i] = (uint16_t)((random >> 40) % hp->vocab);
            for (uint32_t c = 0; c < hp->n_contexts; c++)
                rows[i * hp->n_contexts + c] =
                    (uint32_t)(((random >> 20) * (c + 1) >> 8) % hp->contexts[c].rows);
        }
        const double start = now(CLOCK_MONOTONIC), spent = now(CLOCK_PROCESS_CPUTIME_ID);
        if (vlmc_engine_forward(engine, steps, tokens, rows, logits, NULL) != VLMC_OK)
            goto done;
        if (at < hp->window) // the attention window fills
            continue;
        wall += now(CLOCK_MONOTONIC) - start;
        cpu += now(CLOCK_PROCESS_CPUTIME_ID) - spent;
        positions += n;
    }
    printf("engine  %-11s %2u threads  %4u streams x %3u steps  %8.1f KB/s wall  %8.1f cpu\n",
           variant, threads, streams, steps, (double)positions / wall / 1e3,
           (double)positions / (cpu / threads) / 1e3);
    result = 0;
done:
    vlmc_engine_destroy(&engine);
    free(tokens);
    free(rows);
    free(logits);
    return result;
}

static int bench_engines(const char *variant, uint32_t threads, double seconds)
{
    static const vlmc_hyperparameters hp = {.vocab = 256,
                                            .width = 192,
                                            .layers = 2,
                                            .heads = 3,
                                            .kv_heads = 1,
                                            .head_dim = 64,
                                            .hidden = 768,
                                            .window = 256,
                                            .ffn = VLMC_FFN_RELU2,
                                            .n_contexts = 10,
                                            .context_dim = 32,
                                            .contexts = {{VLMC_CONTEXT_NGRAM, 2, 1 << 15, 0},
                                                         {VLMC_CONTEXT_NGRAM, 3, 1 << 16, 0},
                                                         {VLMC_CONTEXT_NGRAM, 4, 1 << 16, 0},
                                                         {VLMC_CONTEXT_NGRAM, 6, 1 << 16, 0},
                                                         {VLMC_CONTEXT_WORD, 2, 1 << 16, 0},
                                                         {VLMC_CONTEXT_LINE, 0, 2048, 0},
                                                         {VLMC_CONTEXT_RECALL, 4, 4097, 20},
                                                         {VLMC_CONTEXT_RECALL, 6, 4097, 20},
                                                         {VLMC_CONTEXT_RECALL, 9, 4097, 20},
                                                         {VLMC_CONTEXT_RECALL, 14, 4097, 20}}};
    static const struct {
        uint32_t streams, steps;
    } shapes[] = {{64, 64}, {128, 16}, {64, 1}, {128, 1}, {1, 1}, {1, 256}};
    vlmc_model *model;
    if (vlmc_model_random(&hp, 1, &model, NULL) != VLMC_OK)
        return 1;
    int result = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes && !result; i++)
        result = bench_engine(model, variant, threads, shapes[i].streams, shapes[i].steps, seconds);
    vlmc_model_destroy(&model);
    return result;
}

int main(int argc, char **argv)
{
    const double seconds = argc > 1 ? atof(argv[1]) : 0.5;
    for (uint32_t i = 0; vlmc_cpu_variant_name(i); i++) {
        const char *variant = vlmc_cpu_variant_name(i);
        const vlmc_cpu_kernels *kernels = vlmc_cpu_kernels_find(variant);
        if (!kernels || (argc > 2 && strcmp(argv[2], variant) != 0))
            continue;
        for (uint32_t threads = 1; threads <= 2; threads++)
            if (bench_gemms(kernels, threads, seconds) ||
                bench_engines(variant, threads, seconds)) {
                fprintf(stderr, "bench_gemm: not enough memory\n");
                return 2;
            }
    }
    return 0;
}
