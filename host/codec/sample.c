// SPDX-License-Identifier: Apache-2.0
#include "sample.h"

#include <string.h>

#define ONE_BIT 65536u
#define BYTES_EACH 16384u // of what is sampled, for each piece

uint32_t vlmc_samples_bytes(uint32_t n)
{
    const uint32_t bytes = n / BYTES_EACH * VLMC_SAMPLE_BYTES;
    return bytes < VLMC_SAMPLES_BYTES_MIN   ? VLMC_SAMPLES_BYTES_MIN
           : bytes > VLMC_SAMPLES_BYTES_MAX ? VLMC_SAMPLES_BYTES_MAX
                                            : bytes;
}

void vlmc_sample_take(const uint8_t *raw, uint32_t n, uint8_t *samples)
{
    const uint64_t room = n - VLMC_SAMPLE_BYTES, count = vlmc_samples_bytes(n) / VLMC_SAMPLE_BYTES;
    for (uint64_t i = 0; i < count; i++)
        memcpy(samples + i * VLMC_SAMPLE_BYTES, raw + room * i / (count - 1), VLMC_SAMPLE_BYTES);
}

// log2(x) * 65536, rounded down, for x >= 1: squaring doubles a logarithm, so each
// squaring of the mantissa yields one more binary digit.
static uint32_t log2_fixed(uint32_t x)
{
    const uint32_t whole = 31u - (uint32_t)__builtin_clz(x);
    uint64_t mantissa = (uint64_t)x << (31 - whole); // 2^31 .. 2^32 - 1 stands for 1 .. 2
    uint32_t result = whole;
    for (int i = 0; i < 16; i++) {
        mantissa = mantissa * mantissa >> 31;
        const uint32_t digit = (uint32_t)(mantissa >> 32);
        mantissa >>= digit;
        result = result << 1 | digit;
    }
    return result;
}

uint32_t vlmc_sample_entropy(const uint8_t *bytes, uint32_t n)
{
    uint32_t counts[256] = {0};
    for (uint32_t i = 0; i < n; i++)
        counts[bytes[i]]++;
    uint64_t sum = 0; // Σ count * log2(count) <= 2^24 * 24 * 2^16 < 2^45
    for (uint32_t i = 0; i < 256; i++)
        if (counts[i])
            sum += (uint64_t)counts[i] * log2_fixed(counts[i]);
    return log2_fixed(n) - (uint32_t)(sum / n);
}

bool vlmc_sample_hopeless(uint32_t entropy, uint64_t n, uint64_t fast_bytes)
{
    return fast_bytes * 100 > n * 98 && entropy * 10ull > 79ull * ONE_BIT;
}
