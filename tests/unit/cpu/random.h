// SPDX-License-Identifier: Apache-2.0
// A small generator for the tests of this folder (xorshift64*, Vigna 2016).
#ifndef VLMC_TESTS_CPU_RANDOM_H
#define VLMC_TESTS_CPU_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct test_random {
    uint64_t state;
} test_random;

static inline uint64_t random_bits(test_random *random)
{
    uint64_t x = random->state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    random->state = x;
    return (x * UINT64_C(0x2545F4914F6CDD1D)) >> 16;
}

// lo..hi, both included.
static inline int32_t random_between(test_random *random, int32_t lo, int32_t hi)
{
    return lo + (int32_t)(random_bits(random) % (uint64_t)((int64_t)hi - lo + 1));
}

// How a test fills an array: the extremes are where kernels go wrong.
enum random_style {
    RANDOM_UNIFORM,
    RANDOM_ZERO,
    RANDOM_HIGH,
    RANDOM_LOW,
    RANDOM_EXTREME,
    RANDOM_SPARSE,
    RANDOM_STYLES
};

static inline int32_t random_styled(test_random *random, int style, int32_t limit)
{
    switch (style) {
    case RANDOM_ZERO:
        return 0;
    case RANDOM_HIGH:
        return limit;
    case RANDOM_LOW:
        return -limit;
    case RANDOM_EXTREME:
        return random_bits(random) & 1 ? limit : -limit;
    case RANDOM_SPARSE:
        return random_bits(random) % 61 ? 0 : random_between(random, -limit, limit);
    default:
        return random_between(random, -limit, limit);
    }
}

static inline void random_int8(test_random *random, int style, size_t n, int8_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (int8_t)random_styled(random, style, 127);
}

static inline void random_int16(test_random *random, int style, size_t n, int16_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (int16_t)random_styled(random, style, 32767);
}

#endif
