// SPDX-License-Identifier: Apache-2.0
// The reference ops against their formulas, in plain words of wider arithmetic.
#include "cpu/ops.h"
#include "random.h"

#include <criterion/criterion.h>
#include <string.h>

Test(ops, requant_floors_after_adding_one_half)
{
    test_random random = {41};
    for (int i = 0; i < 200000; i++) {
        const int32_t limit = 1 << random_between(&random, 0, 30);
        const int32_t acc = random_between(&random, -limit, limit - 1);
        const int32_t multiplier = random_between(&random, 0, 65535);
        const int32_t shift = random_between(&random, 16, 46);
        // floor(a / b) for b > 0 without shifting a negative number.
        const __int128 a = 2 * (__int128)acc * multiplier + ((__int128)1 << shift);
        const __int128 b = (__int128)1 << (shift + 1);
        const __int128 expected = a >= 0 ? a / b : -((-a + b - 1) / b);
        cr_assert_eq((__int128)vlmc_op_requant(acc, multiplier, shift), expected, "%d * %d >> %d",
                     acc, multiplier, shift);
    }
    cr_assert_eq(vlmc_op_requant(1, 32768, 16), 1);  // 0.5 rounds up
    cr_assert_eq(vlmc_op_requant(-1, 32768, 16), 0); // -0.5 rounds up too
    cr_assert_eq(vlmc_op_requant((1 << 30), 65535, 16), 1073725440);
}

Test(ops, square_root_is_the_floor_for_small_and_large_numbers)
{
    for (uint32_t x = 0; x < 100000; x++) {
        const uint64_t root = vlmc_op_isqrt(x);
        cr_assert(root * root <= x && (root + 1) * (root + 1) > x);
    }
    cr_assert_eq(vlmc_op_isqrt(UINT32_MAX), 65535);
}

Test(ops, norm_brings_rows_of_any_size_to_the_same_scale)
{
    enum { WIDTH = 64 };
    int16_t x[WIDTH];
    int8_t y[WIDTH];
    for (int32_t size = 1; size < 32768; size += size / 3 + 1) {
        for (int i = 0; i < WIDTH; i++)
            x[i] = (int16_t)(i % 2 ? size : -size);
        vlmc_op_norm(1, WIDTH, x, y);
        for (int i = 0; i < WIDTH; i++) // 32 / rms * x = ±32
            cr_assert(y[i] == (i % 2 ? 32 : -32), "size %d gives %d", size, y[i]);
    }
    memset(x, 0, sizeof x);
    vlmc_op_norm(1, WIDTH, x, y);
    for (int i = 0; i < WIDTH; i++)
        cr_assert_eq(y[i], 0);
}

Test(ops, attention_to_one_key_returns_twice_its_value)
{
    int8_t q[16], key[16], value[16], y[16];
    test_random random = {42};
    random_int8(&random, RANDOM_UNIFORM, sizeof q, q);
    random_int8(&random, RANDOM_UNIFORM, sizeof key, key);
    const int8_t *keys[] = {key}, *values[] = {value};
    for (int v = -127; v <= 127; v++) {
        memset(value, v, sizeof value);
        const int32_t bias = -v * 1000;
        vlmc_op_attention(1, 16, q, keys, values, &bias, y);
        const int expected = 2 * v > 127 ? 127 : 2 * v < -127 ? -127 : 2 * v;
        cr_assert_eq(y[0], expected, "value %d", v);
    }
}

Test(ops, attention_halves_a_weight_per_4096_units_of_score)
{
    enum { DIM = 16 };
    const int8_t zero[DIM] = {0}, near[DIM] = {60, 60}, far[DIM] = {-60, 60};
    const int8_t *keys[] = {zero, zero}, *values[] = {near, far};
    int8_t y[DIM];
    const int32_t even[] = {5, 5}, octave[] = {4096, 0}, distant[] = {0, -(15 << 12)};
    vlmc_op_attention(2, DIM, zero, keys, values, even, y);
    cr_assert_eq(y[0], 0);
    cr_assert_eq(y[1], 120);
    vlmc_op_attention(2, DIM, zero, keys, values, octave, y);
    cr_assert_eq(y[0], 40); // 2 * 60 * (2 - 1) / (2 + 1)
    vlmc_op_attention(2, DIM, zero, keys, values, distant, y);
    cr_assert_eq(y[0], 120);
}

Test(ops, frequencies_follow_powers_of_two_of_the_logits)
{
    enum { VOCAB = 16 };
    int16_t logits[VOCAB];
    uint32_t frequencies[VOCAB], sum = 0;
    for (int i = 0; i < VOCAB; i++)
        logits[i] = (int16_t)(-1024 * i);
    vlmc_op_frequencies(VOCAB, logits, frequencies);
    for (int i = 0; i < VOCAB; i++)
        sum += frequencies[i];
    cr_assert_eq(sum, 1u << VLMC_FREQUENCY_BITS);
    for (int i = 1; i + 1 < VOCAB; i++) // each half of the one before, but for rounding and +1
        cr_assert(2 * (frequencies[i + 1] - 1) <= frequencies[i] &&
                  2 * (frequencies[i + 1] - 1) + 3 >= frequencies[i] - 1);
    cr_assert(frequencies[0] > 1u << (VLMC_FREQUENCY_BITS - 1));
}

Test(ops, squared_relu_and_gate_keep_to_the_formulas)
{
    // One input of 127; multiplier 2^10 and shift 16 divide its products by 64.
    enum { ROWS = 16, COLS = 32 };
    int8_t weight[ROWS * COLS] = {0}, a[COLS] = {127}, y[ROWS];
    int32_t multiplier[ROWS], shift[ROWS];
    for (int m = 0; m < ROWS; m++) {
        weight[m * COLS] = (int8_t)(m * 16 - 127);
        multiplier[m] = 1 << 10;
        shift[m] = 16;
    }
    const vlmc_linear linear = {ROWS, COLS, weight, multiplier, shift};
    vlmc_op_linear_relu2(&linear, 1, a, y);
    for (int m = 0; m < ROWS; m++) {
        int32_t u = vlmc_op_requant(127 * weight[m * COLS], 1 << 10, 16);
        u = u < 0 ? 0 : u > 180 ? 180 : u;
        cr_assert_eq(y[m], (u * u + 128) / 256);
    }
    const int8_t gated[4] = {100, -100, 50, 50};
    int8_t out[2];
    vlmc_op_reglu(1, 2, gated, out);
    cr_assert_eq(out[0], (100 * 50 + 64) / 128);
    cr_assert_eq(out[1], 0);
}
