// SPDX-License-Identifier: Apache-2.0
#include "gpu/check.h"
#include "gpu_support.h"

#include <criterion/criterion.h>

static const vlmc_gpu_data all_data[] = {VLMC_GPU_DATA_RANDOM, VLMC_GPU_DATA_EXTREME,
                                         VLMC_GPU_DATA_ZERO};

static vlmc_gpu *open_device(bool portable, uint32_t storage_limit_bytes)
{
    vlmc_gpu *gpu;
    vlmc_error error;
    test_must(vlmc_gpu_create(NULL, portable, storage_limit_bytes, test_cache(), &gpu, &error),
              &error);
    return gpu;
}

static void expect_equal(vlmc_status status, const vlmc_error *error, const vlmc_gpu_check *check,
                         const char *what)
{
    test_must(status, error);
    cr_expect(check->compared > 0 && check->wrong == 0, "%s: %llu of %llu values differ", what,
              (unsigned long long)check->wrong, (unsigned long long)check->compared);
}

// Every ending on rows and columns at and around the tile's edges.
static void check_linears(bool portable, uint32_t storage_limit_bytes)
{
    static const uint32_t shapes[][3] = {// rows, cols, positions
                                         {16, 32, 1},  {48, 64, 8},    {64, 32, 9},
                                         {80, 96, 17}, {272, 544, 23}, {16, 1024, 3}};
    vlmc_gpu *gpu = open_device(portable, storage_limit_bytes);
    uint64_t seed = 1;
    for (vlmc_gpu_op op = VLMC_GPU_LINEAR_INT8; op <= VLMC_GPU_LINEAR_INT16; op++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            for (int d = 0; d < 3; d++) {
                vlmc_gpu_check check;
                vlmc_error error;
                vlmc_status status =
                    vlmc_gpu_check_linear(gpu, op, shapes[s][0], shapes[s][1], shapes[s][2],
                                          all_data[d], seed++, &check, &error);
                expect_equal(status, &error, &check, "linear");
            }
    vlmc_gpu_destroy(&gpu);
}

Test(ops, linear_equals_the_reference)
{
    check_linears(false, 0);
}

Test(ops, linear_equals_the_reference_without_the_integer_dot_product)
{
    check_linears(true, 0);
}

Test(ops, linear_equals_the_reference_when_its_weights_are_split)
{
    check_linears(false, 40000);
}

Test(ops, gather_equals_the_reference)
{
    vlmc_gpu *gpu = open_device(false, 0);
    vlmc_gpu *small = open_device(false, 1024);
    static const uint32_t shapes[][3] = {{1, 16, 1}, {17, 32, 5}, {64, 48, 40}, {300, 400, 9}};
    for (size_t s = 0; s < 4; s++) {
        vlmc_gpu_check check;
        vlmc_error error;
        vlmc_status status =
            vlmc_gpu_check_gather(gpu, shapes[s][0], shapes[s][1], shapes[s][2], s, &check, &error);
        expect_equal(status, &error, &check, "gather");
        status = vlmc_gpu_check_gather(small, shapes[s][0], shapes[s][1], shapes[s][2], s, &check,
                                       &error);
        expect_equal(status, &error, &check, "gather from parts");
    }
    vlmc_gpu_destroy(&gpu);
    vlmc_gpu_destroy(&small);
}

Test(ops, norm_equals_the_reference_for_every_magnitude)
{
    vlmc_gpu *gpu = open_device(false, 0);
    static const uint32_t widths[] = {32, 96, 352, 8192};
    for (size_t w = 0; w < 4; w++)
        for (int d = 0; d < 3; d++) {
            vlmc_gpu_check check;
            vlmc_error error;
            vlmc_status status =
                vlmc_gpu_check_norm(gpu, widths[w], 33, all_data[d], w, &check, &error);
            expect_equal(status, &error, &check, "norm");
        }
    vlmc_gpu_destroy(&gpu);
}

Test(ops, reglu_equals_the_reference)
{
    vlmc_gpu *gpu = open_device(false, 0);
    static const uint32_t hidden[] = {32, 96, 1056};
    for (size_t h = 0; h < 3; h++)
        for (int d = 0; d < 3; d++) {
            vlmc_gpu_check check;
            vlmc_error error;
            vlmc_status status =
                vlmc_gpu_check_reglu(gpu, hidden[h], 7, all_data[d], h, &check, &error);
            expect_equal(status, &error, &check, "reglu");
        }
    vlmc_gpu_destroy(&gpu);
}

static void check_attention(bool portable, uint32_t storage_limit_bytes)
{
    static const vlmc_hyperparameters shapes[] = {
        {.heads = 1, .kv_heads = 1, .head_dim = 16, .window = 1},
        {.heads = 6, .kv_heads = 2, .head_dim = 48, .window = 21},
        {.heads = 3, .kv_heads = 3, .head_dim = 128, .window = 9},
        {.heads = 4, .kv_heads = 1, .head_dim = 32, .window = 130},
    };
    static const uint32_t steps[] = {1, 6, 5, 40};
    vlmc_gpu *gpu = open_device(portable, storage_limit_bytes);
    for (size_t s = 0; s < 4; s++)
        for (int d = 0; d < 3; d++) {
            vlmc_gpu_check check;
            vlmc_error error;
            vlmc_status status = vlmc_gpu_check_attention(gpu, &shapes[s], 2, steps[s], all_data[d],
                                                          s, &check, &error);
            expect_equal(status, &error, &check, "attention");
        }
    vlmc_gpu_destroy(&gpu);
}

Test(ops, attention_equals_the_reference)
{
    check_attention(false, 0);
}

Test(ops, attention_equals_the_reference_without_the_integer_dot_product)
{
    check_attention(true, 0);
}

Test(ops, attention_equals_the_reference_when_its_rings_are_split)
{
    check_attention(false, 12000);
}

Test(ops, attention_equals_the_reference_for_the_longest_window)
{
    const vlmc_hyperparameters shape = {.heads = 1, .kv_heads = 1, .head_dim = 16, .window = 1024};
    vlmc_gpu *gpu = open_device(false, 0);
    vlmc_gpu_check check;
    vlmc_error error;
    vlmc_status status =
        vlmc_gpu_check_attention(gpu, &shape, 1, 512, VLMC_GPU_DATA_EXTREME, 3, &check, &error);
    expect_equal(status, &error, &check, "attention");
    vlmc_gpu_destroy(&gpu);
}
