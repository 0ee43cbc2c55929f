// SPDX-License-Identifier: Apache-2.0
// Every kernel of every variant that this machine runs equals the reference ops, bit for bit.
#include "cpu/kernels.h"
#include "cpu/norm_scale.h"
#include "cpu/ops.h"
#include "random.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

// Calls check(kernels) for each variant that runs here.
static void each_variant(void (*check)(const vlmc_cpu_kernels *kernels))
{
    uint32_t checked = 0;
    for (uint32_t i = 0; vlmc_cpu_variant_name(i); i++) {
        const vlmc_cpu_kernels *kernels = vlmc_cpu_kernels_find(vlmc_cpu_variant_name(i));
        if (!kernels) {
            cr_log_warn("variant %s does not run here and is not tested", vlmc_cpu_variant_name(i));
            continue;
        }
        check(kernels);
        checked++;
    }
    cr_assert(checked >= 1);
}

static void *must_allocate(size_t bytes)
{
    void *memory = vlmc_cpu_allocate(bytes);
    cr_assert_not_null(memory);
    return memory;
}

// A linear with its own tensors; scales mixes extremes with plausible values.
typedef struct owned_linear {
    vlmc_linear linear;
    int8_t *weight;
    int32_t *multiplier;
    int32_t *shift;
} owned_linear;

static owned_linear make_linear(test_random *random, uint32_t rows, uint32_t cols, int style)
{
    owned_linear o = {
        .weight = must_allocate((size_t)rows * cols),
        .multiplier = must_allocate(rows * sizeof(int32_t)),
        .shift = must_allocate(rows * sizeof(int32_t)),
    };
    random_int8(random, style, (size_t)rows * cols, o.weight);
    for (uint32_t m = 0; m < rows; m++) {
        const int32_t pick = random_between(random, 0, 9);
        o.multiplier[m] = pick == 0 ? 0 : pick == 1 ? 65535 : random_between(random, 1, 65535);
        o.shift[m] = pick == 2 ? 16 : pick == 3 ? 46 : random_between(random, 16, 46);
        if (pick > 5) // where sums of this length land inside of the output's range
            o.shift[m] = random_between(random, 22, 34);
    }
    o.linear = (vlmc_linear){.rows = rows,
                             .cols = cols,
                             .weight = o.weight,
                             .multiplier = o.multiplier,
                             .shift = o.shift};
    return o;
}

static void free_linear(owned_linear *o)
{
    free(o->weight);
    free(o->multiplier);
    free(o->shift);
}

static void run_reference(const vlmc_linear *linear, vlmc_cpu_epilogue epilogue, uint32_t n,
                          const int8_t *a, void *y)
{
    switch (epilogue) {
    case VLMC_CPU_INT8:
        vlmc_op_linear_int8(linear, n, a, y);
        break;
    case VLMC_CPU_RELU2:
        vlmc_op_linear_relu2(linear, n, a, y);
        break;
    case VLMC_CPU_ADD:
        vlmc_op_linear_add(linear, n, a, y);
        break;
    case VLMC_CPU_INT16:
        vlmc_op_linear_int16(linear, n, a, y);
        break;
    }
}

static void check_linear(const vlmc_cpu_kernels *kernels, test_random *random, uint32_t n,
                         uint32_t rows, uint32_t cols, int weight_style, int input_style)
{
    owned_linear o = make_linear(random, rows, cols, weight_style);
    const vlmc_linear *part = &o.linear;
    vlmc_cpu_linear prepared;
    vlmc_error error;
    cr_assert_eq(vlmc_cpu_linear_create(kernels, &part, 1, &prepared, &error), VLMC_OK);
    const size_t outputs = (size_t)n * rows;
    int8_t *a = must_allocate((size_t)n * cols);
    int16_t *expected = must_allocate(outputs * 2), *actual = must_allocate(outputs * 2);
    int16_t *residual = must_allocate(outputs * 2);
    random_int8(random, input_style, (size_t)n * cols, a);
    for (vlmc_cpu_epilogue e = VLMC_CPU_INT8; e <= VLMC_CPU_INT16; e++) {
        random_int16(random, random_between(random, 0, RANDOM_STYLES - 1), outputs, residual);
        memcpy(expected, residual, outputs * 2);
        memcpy(actual, residual, outputs * 2);
        run_reference(&o.linear, e, n, a, expected);
        kernels->linear(&prepared, e, n, a, actual);
        cr_assert_arr_eq(actual, expected, outputs * 2,
                         "%s: linear epilogue %d, n %u, %u x %u, styles %d %d", kernels->name,
                         (int)e, n, rows, cols, weight_style, input_style);
    }
    vlmc_cpu_linear_destroy(&prepared);
    free(a);
    free(expected);
    free(actual);
    free(residual);
    free_linear(&o);
}

static void check_linears(const vlmc_cpu_kernels *kernels)
{
    test_random random = {1};
    for (int weights = 0; weights < RANDOM_STYLES; weights++)
        for (int inputs = 0; inputs < RANDOM_STYLES; inputs++)
            check_linear(kernels, &random, 7, 80, 96, weights, inputs);
    for (uint32_t n = 1; n <= 14; n++)
        for (uint32_t rows = 16; rows <= 144; rows += 16)
            check_linear(kernels, &random, n, rows, 32 * (1 + (n + rows / 16) % 5), RANDOM_UNIFORM,
                         RANDOM_UNIFORM);
    check_linear(kernels, &random, 97, 192, 320, RANDOM_UNIFORM, RANDOM_UNIFORM);
    check_linear(kernels, &random, 199, 48, 64, RANDOM_UNIFORM, RANDOM_EXTREME);
}

Test(kernels, linears_equal_the_reference_at_every_shape_and_extreme)
{
    each_variant(check_linears);
}

static void check_longest_sum(const vlmc_cpu_kernels *kernels)
{
    test_random random = {2};
    check_linear(kernels, &random, 3, 16, 65536, RANDOM_HIGH, RANDOM_HIGH);
    check_linear(kernels, &random, 3, 16, 65536, RANDOM_HIGH, RANDOM_LOW);
    check_linear(kernels, &random, 2, 16, 65536, RANDOM_LOW, RANDOM_LOW);
}

Test(kernels, the_longest_sums_of_the_largest_values_do_not_overflow)
{
    each_variant(check_longest_sum);
}

static void check_parts(const vlmc_cpu_kernels *kernels)
{
    enum { N = 9, COLS = 64, ROWS = 48 + 16 + 32 };
    test_random random = {3};
    const uint32_t rows[3] = {48, 16, 32};
    owned_linear o[3];
    const vlmc_linear *parts[3];
    for (int i = 0; i < 3; i++) {
        o[i] = make_linear(&random, rows[i], COLS, RANDOM_UNIFORM);
        parts[i] = &o[i].linear;
    }
    vlmc_cpu_linear prepared;
    vlmc_error error;
    cr_assert_eq(vlmc_cpu_linear_create(kernels, parts, 3, &prepared, &error), VLMC_OK);
    cr_assert_eq(prepared.rows, ROWS);
    int8_t a[N * COLS], expected[N * ROWS], actual[N * ROWS], part[N * 48];
    random_int8(&random, RANDOM_UNIFORM, sizeof a, a);
    for (uint32_t i = 0, at = 0; i < 3; at += rows[i++]) {
        vlmc_op_linear_int8(parts[i], N, a, part);
        for (uint32_t p = 0; p < N; p++)
            memcpy(expected + p * ROWS + at, part + p * rows[i], rows[i]);
    }
    kernels->linear(&prepared, VLMC_CPU_INT8, N, a, actual);
    cr_assert_arr_eq(actual, expected, sizeof expected, "%s", kernels->name);
    vlmc_cpu_linear_destroy(&prepared);
    for (int i = 0; i < 3; i++)
        free_linear(&o[i]);
}

Test(kernels, linears_prepared_together_give_their_outputs_side_by_side)
{
    each_variant(check_parts);
}

static void check_reglu(const vlmc_cpu_kernels *kernels)
{
    enum { N = 5, HIDDEN = 96 };
    test_random random = {4};
    int8_t gated[N * 2 * HIDDEN], expected[N * HIDDEN], actual[N * HIDDEN];
    for (int style = 0; style < RANDOM_STYLES; style++) {
        random_int8(&random, style, sizeof gated, gated);
        vlmc_op_reglu(N, HIDDEN, gated, expected);
        kernels->reglu(N, HIDDEN, gated, actual);
        cr_assert_arr_eq(actual, expected, sizeof expected, "%s: style %d", kernels->name, style);
    }
}

Test(kernels, reglu_equals_the_reference)
{
    each_variant(check_reglu);
}

static void check_norm(const vlmc_cpu_kernels *kernels)
{
    enum { WIDTH_MAX = 8192 };
    test_random random = {5};
    const uint32_t widths[] = {32, 96, 192, 1024, WIDTH_MAX};
    int16_t *x = must_allocate(3 * WIDTH_MAX * sizeof *x);
    int8_t *expected = must_allocate(3 * WIDTH_MAX), *actual = must_allocate(3 * WIDTH_MAX);
    for (uint32_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        const uint32_t width = widths[w];
        for (int style = 0; style < RANDOM_STYLES + 24; style++) {
            if (style < RANDOM_STYLES) {
                random_int16(&random, style, 3 * width, x);
            } else { // every magnitude, and one spike in it
                const int32_t limit = 32767 >> (style % 16);
                for (uint32_t i = 0; i < 3 * width; i++)
                    x[i] = (int16_t)random_between(&random, -limit, limit);
                x[random_bits(&random) % width] = (int16_t)(style % 3 ? 32767 : -32767);
            }
            vlmc_op_norm(3, width, x, expected);
            kernels->norm(3, width, x, actual);
            cr_assert_arr_eq(actual, expected, 3 * width, "%s: width %u, style %d", kernels->name,
                             width, style);
        }
        for (uint32_t spike = 0; spike < width; spike += width / 8) {
            memset(x, 0, width * sizeof *x);
            x[spike] = spike % 2 ? 1 : -32767;
            vlmc_op_norm(1, width, x, expected);
            kernels->norm(1, width, x, actual);
            cr_assert_arr_eq(actual, expected, width, "%s: spike at %u", kernels->name, spike);
        }
    }
    free(x);
    free(expected);
    free(actual);
}

Test(kernels, norms_of_zeros_spikes_and_maxima_equal_the_reference)
{
    each_variant(check_norm);
}

Test(kernels, the_fast_square_root_is_exact_around_every_square)
{
    for (uint32_t root = 1u << 15; root < 1u << 16; root++) {
        const uint32_t square = root * root;
        cr_assert_eq(vlmc_norm_isqrt(square), root);
        cr_assert_eq(vlmc_norm_isqrt(square + root), root);
        cr_assert_eq(vlmc_norm_isqrt(square + 2 * root), root);
        cr_assert_eq(vlmc_op_isqrt(square), root);
        cr_assert_eq(vlmc_op_isqrt(square + 2 * root), root);
    }
}

static void expect_frequencies(const vlmc_cpu_kernels *kernels, uint32_t vocab,
                               const int16_t *logits, uint32_t *expected, uint32_t *actual)
{
    vlmc_op_frequencies(vocab, logits, expected);
    memset(actual, 0xA5, vocab * sizeof *actual);
    kernels->frequencies(vocab, logits, actual);
    cr_assert_arr_eq(actual, expected, vocab * sizeof *actual, "%s: vocab %u", kernels->name,
                     vocab);
    uint32_t sum = 0;
    for (uint32_t i = 0; i < vocab; i++) {
        cr_assert(expected[i] >= 1);
        sum += expected[i];
    }
    cr_assert_eq(sum, 1u << VLMC_FREQUENCY_BITS);
}

static void check_frequencies(const vlmc_cpu_kernels *kernels)
{
    enum { VOCAB_MAX = 65536 };
    test_random random = {6};
    const uint32_t vocabs[] = {2, 16, 17, 255, 256, 1024, 4096, VOCAB_MAX};
    int16_t *logits = must_allocate(VOCAB_MAX * sizeof *logits);
    uint32_t *expected = must_allocate(VOCAB_MAX * sizeof *expected);
    uint32_t *actual = must_allocate(VOCAB_MAX * sizeof *actual);
    for (uint32_t v = 0; v < sizeof vocabs / sizeof *vocabs; v++) {
        for (int style = 0; style < RANDOM_STYLES; style++) {
            random_int16(&random, style, vocabs[v], logits);
            expect_frequencies(kernels, vocabs[v], logits, expected, actual);
        }
        for (uint32_t limit = 1; limit < 32768 && vocabs[v] <= 1024; limit *= 4) {
            for (uint32_t i = 0; i < vocabs[v]; i++)
                logits[i] = (int16_t)random_between(&random, -(int32_t)limit, (int32_t)limit);
            expect_frequencies(kernels, vocabs[v], logits, expected, actual);
        }
    }
    free(logits);
    free(expected);
    free(actual);
}

Test(kernels, frequencies_equal_the_reference_and_sum_to_the_whole)
{
    each_variant(check_frequencies);
}
