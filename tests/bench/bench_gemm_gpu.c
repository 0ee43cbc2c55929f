// SPDX-License-Identifier: Apache-2.0
// Prints GMAC/s of the int8 matrix multiplication on a Vulkan device, per variant:
//     bench_gemm_gpu [DEVICE [ROWS COLS POSITIONS]]
#include "gpu/tensors.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// The best of several runs of about a quarter of a second.
static vlmc_status measure(vlmc_gpu *gpu, const vlmc_gpu_linear *linear, uint32_t n, double *gmacs,
                           vlmc_error *error)
{
    const double macs = 1e-9 * (double)linear->rows * (double)linear->cols * (double)n;
    uint32_t repeats = 1;
    *gmacs = 0;
    for (int run = 0; run < 8; run++) {
        const double start = now_s();
        for (uint32_t i = 0; i < repeats; i++)
            VLMC_TRY(vlmc_gpu_linear_run(gpu, linear, VLMC_GPU_LINEAR_INT8, n, error));
        VLMC_TRY(vlmc_gpu_finish(gpu, error));
        const double elapsed = now_s() - start;
        if (macs * repeats / elapsed > *gmacs)
            *gmacs = macs * repeats / elapsed;
        if (elapsed < 0.1)
            repeats = elapsed < 0.01 ? repeats * 10 : repeats * 2;
    }
    return VLMC_OK;
}

static vlmc_status bench(vlmc_gpu *gpu, const vlmc_linear *source, uint32_t n, double *gmacs,
                         vlmc_error *error)
{
    vlmc_gpu_linear linear;
    vlmc_gpu_buffer input = {0}, output = {0};
    vlmc_status status = vlmc_gpu_linear_create(gpu, &source, 1, &linear, error);
    if (status == VLMC_OK)
        status = vlmc_gpu_make_buffer(gpu, VLMC_GPU_MEMORY_DEVICE, (uint64_t)n * source->cols,
                                      &input, error);
    if (status == VLMC_OK)
        status = vlmc_gpu_make_buffer(gpu, VLMC_GPU_MEMORY_DEVICE, (uint64_t)n * source->rows,
                                      &output, error);
    if (status == VLMC_OK)
        status = vlmc_gpu_linear_bind(gpu, &linear, &input, &output, error);
    if (status == VLMC_OK)
        status = vlmc_gpu_finish(gpu, error);
    if (status == VLMC_OK)
        status = measure(gpu, &linear, n, gmacs, error);
    vlmc_gpu_free_buffer(gpu, &output);
    vlmc_gpu_free_buffer(gpu, &input);
    vlmc_gpu_linear_destroy(gpu, &linear);
    return status;
}

int main(int argc, char **argv)
{
    const uint32_t rows = argc > 2 ? (uint32_t)atoi(argv[2]) : 768;
    const uint32_t cols = argc > 3 ? (uint32_t)atoi(argv[3]) : 768;
    const uint32_t n = argc > 4 ? (uint32_t)atoi(argv[4]) : 512;
    int8_t *weight = calloc(rows, cols);
    int32_t *scale = calloc(rows, sizeof *scale);
    if (!weight || !scale || rows % 16 || cols % 32 || n == 0) {
        fputs("usage: bench_gemm_gpu [DEVICE [ROWS COLS POSITIONS]]\n", stderr);
        return 64;
    }
    for (size_t i = 0; i < (size_t)rows * cols; i++)
        weight[i] = (int8_t)(i * 2654435761u % 255 - 127);
    for (uint32_t i = 0; i < rows; i++)
        scale[i] = 16;
    const vlmc_linear source = {rows, cols, weight, scale, scale};
    for (int portable = 1; portable >= 0; portable--) {
        vlmc_gpu *gpu;
        vlmc_error error;
        double gmacs;
        vlmc_status status =
            vlmc_gpu_create(argc > 1 ? argv[1] : NULL, portable != 0, 0, NULL, &gpu, &error);
        if (status == VLMC_OK && !portable && !gpu->device->dot) {
            puts("dot: the device or this build has none");
        } else if (status == VLMC_OK) {
            status = bench(gpu, &source, n, &gmacs, &error);
            if (status == VLMC_OK)
                printf("%s, %s: %.2f GMAC/s (%u x %u, %u positions)\n", gpu->device->info.name,
                       portable ? "portable" : "dot", gmacs, rows, cols, n);
        }
        vlmc_gpu_destroy(&gpu);
        if (status != VLMC_OK) {
            fprintf(stderr, "%s\n", error.text);
            return 1;
        }
    }
    free(weight);
    free(scale);
    return 0;
}
