// SPDX-License-Identifier: Apache-2.0
#include "mix_support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

uint32_t next_random(uint32_t *state)
{
    return (*state = *state * 1664525u + 1013904223u) >> 8;
}

void random_symbols(uint8_t *symbols, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++)
        symbols[i] = (uint8_t)(next_random(&seed) >> 16);
}

void random_text(uint8_t *text, size_t n, uint32_t seed)
{
    static const char *const words[] = {"harbour", "stone ", "the ",  "of ",   "and\n",  "river, ",
                                        "light ",  "never ", "under", "went ", "tower ", "grey "};
    const char *word = "";
    for (size_t i = 0; i < n; i++) {
        if (!*word)
            word = words[(next_random(&seed) >> 12) % (sizeof words / sizeof *words)];
        text[i] = (uint8_t)*word++;
    }
}

void distribution(uint32_t *frequencies, uint8_t likely, uint32_t share)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 256; i++) {
        frequencies[i] = ((1u << 24) - share) / 256;
        sum += frequencies[i];
    }
    frequencies[likely] += (1u << 24) - sum;
}

double code_symbol(vlmc_mix *mix, uint32_t stream, const uint32_t *frequencies,
                   uint32_t symbol_bits, uint8_t symbol)
{
    double bits = 0;
    vlmc_mix_begin(mix, stream, frequencies);
    for (uint32_t i = symbol_bits; i-- > 0;) {
        const uint32_t p = vlmc_mix_probability(mix), bit = symbol >> i & 1;
        cr_assert(p >= 1 && p <= 65535);
        bits -= log2((bit ? p : 65536 - p) / 65536.0);
        vlmc_mix_update(mix, bit);
    }
    return bits;
}

double code_byte(vlmc_mix *mix, uint32_t stream, const uint32_t *frequencies, uint8_t symbol)
{
    vlmc_mix_prepare(mix, stream, NULL, NULL);
    return code_symbol(mix, stream, frequencies, 8, symbol);
}

double code_bytes(vlmc_mix *mix, uint32_t stream, const uint8_t *symbols, size_t n)
{
    double bits = 0;
    for (size_t i = 0; i < n; i++)
        bits += code_byte(mix, stream, NULL, symbols[i]);
    return bits;
}

uint32_t hash_symbol(vlmc_mix *mix, uint32_t stream, const uint32_t *frequencies,
                     const uint32_t *contexts, const uint32_t *selects, uint32_t symbol_bits,
                     uint8_t symbol, uint32_t sum)
{
    vlmc_mix_prepare(mix, stream, contexts, selects);
    vlmc_mix_begin(mix, stream, frequencies);
    for (uint32_t i = symbol_bits; i-- > 0;) {
        sum = (sum ^ vlmc_mix_probability(mix)) * 16777619u;
        vlmc_mix_update(mix, symbol >> i & 1);
    }
    return sum;
}
