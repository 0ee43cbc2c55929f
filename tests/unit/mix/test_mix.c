// SPDX-License-Identifier: Apache-2.0
#include "mix/mix.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Of plain bytes with a transformer.
static vlmc_mix *create(uint32_t max_streams, uint32_t max_tokens)
{
    const vlmc_mix_params params = {.has_model = true, .orders = true, .symbol_bits = 8};
    return vlmc_mix_create(&params, max_streams, max_tokens);
}

static void even(uint32_t *frequencies)
{
    for (int i = 0; i < 256; i++)
        frequencies[i] = (1u << 24) / 256;
}

// Codes a token and returns its cost in bits.
static double cost(vlmc_mix *mix, uint32_t stream, const uint32_t *frequencies, uint8_t token)
{
    double bits = 0;
    vlmc_mix_begin(mix, stream, frequencies, NULL, NULL);
    for (int i = 7; i >= 0; i--) {
        const uint32_t p = vlmc_mix_probability(mix), bit = token >> i & 1;
        cr_assert(p >= 1 && p <= 65535);
        bits -= log2((bit ? p : 65536 - p) / 65536.0);
        vlmc_mix_update(mix, bit);
    }
    return bits;
}

static uint32_t next(uint32_t *state)
{
    return *state = *state * 1664525u + 1013904223u;
}

Test(mix, the_first_token_costs_what_the_transformer_says)
{
    vlmc_mix *mix = create(1, 1000);
    uint32_t frequencies[256];
    for (int i = 0; i < 256; i++)
        frequencies[i] = 1;
    frequencies['e'] = (1u << 23);
    frequencies['x'] = (1u << 24) - (1u << 23) - 254;
    cr_assert_float_eq(cost(mix, 0, frequencies, 'e'), 1.0, 0.05);
    vlmc_mix_destroy(&mix);
    cr_assert_null(mix);
}

Test(mix, a_repeating_text_becomes_cheap_without_any_transformer)
{
    vlmc_mix *mix = create(2, 1 << 16);
    uint32_t frequencies[256];
    even(frequencies);
    const char *text = "The quick brown fox jumps over the lazy dog. ";
    double first = 0, last = 0;
    for (int round = 0; round < 60; round++) {
        last = 0;
        for (const char *p = text; *p; p++)
            last += cost(mix, 0, frequencies, (uint8_t)*p);
        if (round == 0)
            first = last;
    }
    cr_assert_gt(first, 6.0 * (double)strlen(text));
    cr_assert_lt(last, 0.2 * (double)strlen(text));
    vlmc_mix_destroy(&mix);
}

Test(mix, streams_learn_from_each_other)
{
    vlmc_mix *mix = create(2, 1 << 16);
    uint32_t frequencies[256];
    even(frequencies);
    const char *text = "All streams of a group share one memory. ";
    double alone = 0, after = 0;
    for (int round = 0; round < 40; round++)
        for (const char *p = text; *p; p++)
            alone += cost(mix, 0, frequencies, (uint8_t)*p);
    for (const char *p = text; *p; p++)
        after += cost(mix, 1, frequencies, (uint8_t)*p);
    cr_assert_lt(after, 1.5 * (double)strlen(text));
    cr_assert_gt(alone, 0);
    vlmc_mix_destroy(&mix);
}

Test(mix, random_tokens_cost_little_more_than_eight_bits)
{
    vlmc_mix *mix = create(4, 1 << 16);
    uint32_t frequencies[256], state = 5;
    even(frequencies);
    double bits = 0;
    const int n = 40000;
    for (int i = 0; i < n; i++)
        bits += cost(mix, (uint32_t)i % 4, frequencies, (uint8_t)(next(&state) >> 24));
    cr_assert_lt(bits / n, 8.2);
    vlmc_mix_destroy(&mix);
}

// Any frequencies, any tokens, the same state on both sides: encoder and decoder agree.
Test(mix, probabilities_repeat_after_reset_and_survive_extreme_frequencies)
{
    vlmc_mix *mix = create(3, 5000);
    uint32_t *seen = malloc(40000 * sizeof *seen);
    for (int pass = 0; pass < 2; pass++) {
        uint32_t state = 9, frequencies[256], at = 0;
        vlmc_mix_reset(mix, 5000);
        for (int i = 0; i < 5000; i++) {
            for (int j = 0; j < 256; j++)
                frequencies[j] = 1;
            frequencies[next(&state) >> 24] += (1u << 24) - 256;
            vlmc_mix_begin(mix, (uint32_t)i % 3, frequencies, NULL, NULL);
            const uint32_t token = next(&state) >> 24;
            for (int b = 7; b >= 0; b--) {
                const uint32_t p = vlmc_mix_probability(mix);
                if (pass)
                    cr_assert_eq(p, seen[at], "bit %u", at);
                seen[at++] = p;
                vlmc_mix_update(mix, token >> b & 1);
            }
        }
    }
    free(seen);
    vlmc_mix_destroy(&mix);
}

// Pins the definition: a change makes old archives unreadable.
Test(mix, a_known_text_always_gives_the_same_probabilities)
{
    vlmc_mix *mix = create(2, 4096);
    uint32_t frequencies[256], sum = 0;
    for (int i = 0; i < 256; i++)
        frequencies[i] = (uint32_t)(i * 512 + 271);
    frequencies[0] += (1u << 24) - 255 * 256 / 2 * 512 - 256 * 271;
    const char *text = "It was the best of times, it was the worst of times.\n";
    for (int round = 0; round < 8; round++)
        for (const char *p = text; *p; p++) {
            vlmc_mix_begin(mix, (uint32_t)round % 2, frequencies, NULL, NULL);
            for (int b = 7; b >= 0; b--) {
                sum = (sum ^ vlmc_mix_probability(mix)) * 16777619u;
                vlmc_mix_update(mix, (uint32_t)*p >> b & 1);
            }
        }
    cr_assert_eq(sum, 2498947930u, "%u", sum);
    vlmc_mix_destroy(&mix);
}
