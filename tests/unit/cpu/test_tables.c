// SPDX-License-Identifier: Apache-2.0
// The exp2 tables are what docs/numerics.md defines, shown with exact integers: t is
// round(2^b * 2^(-i/n)) if and only if 2t - 1 < 2^(b + 1 - i/n) < 2t + 1, and raised to the
// n-th power all three are integers.
#include "cpu/ops.h"

#include <criterion/criterion.h>
#include <string.h>

#define LIMBS_MAX 840u // 32-bit limbs; (2^25 + 1)^1024 has 25601 bits

typedef struct big {
    uint32_t limbs[LIMBS_MAX]; // least significant first
    uint32_t count;
} big;

static void square(big *x)
{
    static big y;
    memset(&y, 0, sizeof y);
    for (uint32_t i = 0; i < x->count; i++) {
        uint64_t carry = 0;
        for (uint32_t j = 0; j < x->count; j++) {
            carry += y.limbs[i + j] + (uint64_t)x->limbs[i] * x->limbs[j];
            y.limbs[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        y.limbs[i + x->count] = (uint32_t)carry;
    }
    y.count = 2 * x->count;
    while (y.count > 1 && y.limbs[y.count - 1] == 0)
        y.count--;
    *x = y;
}

// Bits of value^n, n a power of two. An odd value > 1 is below 2^e exactly if it has at most e
// bits, and so are its powers.
static uint32_t bits_of_power(uint32_t value, uint32_t n)
{
    static big x;
    x.count = 1;
    x.limbs[0] = value;
    for (; n > 1; n /= 2)
        square(&x);
    uint32_t bits = 32 * (x.count - 1);
    for (uint32_t top = x.limbs[x.count - 1]; top; top >>= 1)
        bits++;
    return bits;
}

static void expect_rounded(uint32_t entry, uint32_t scale_bits, uint32_t i, uint32_t n)
{
    const uint32_t exponent = n * (scale_bits + 1) - i; // of the n-th power of twice the value
    cr_assert(bits_of_power(2 * entry - 1, n) <= exponent, "entry %u of %u is too large", i, n);
    cr_assert(bits_of_power(2 * entry + 1, n) > exponent, "entry %u of %u is too small", i, n);
}

Test(tables, powers_of_big_integers_have_the_right_length)
{
    cr_assert_eq(bits_of_power(3, 2), 4);    // 9
    cr_assert_eq(bits_of_power(3, 64), 102); // 64 log2(3) = 101.4
    cr_assert_eq(bits_of_power(0xFFFFFFFFu, 4), 128);
    cr_assert_eq(bits_of_power(0x80000001u, 2), 63);
}

Test(tables, attention_table_is_rounded_exactly)
{
    for (uint32_t i = 0; i < VLMC_EXP2_ENTRIES; i++)
        expect_rounded(vlmc_exp2_table[i], 14, i, VLMC_EXP2_ENTRIES);
    cr_assert_eq(vlmc_exp2_table[0], VLMC_EXP2_ONE);
}

Test(tables, frequency_table_is_rounded_exactly)
{
    for (uint32_t i = 0; i < 1024; i++)
        expect_rounded(vlmc_exp2_fine_table[i], VLMC_FREQUENCY_BITS, i, 1024);
    cr_assert_eq(vlmc_exp2_fine_table[0], 1u << VLMC_FREQUENCY_BITS);
}
