// SPDX-License-Identifier: Apache-2.0
#include "mix_support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const vlmc_mix_params plain_bytes = {
    .has_model = true,
    .past = VLMC_PAST_BYTES,
    .settings = {VLMC_MIX_NORMAL, 20},
    .symbol_bits = 8,
};

// Of plain bytes with a transformer, in streams of the same length.
static vlmc_mix *create(uint32_t streams, uint32_t tokens)
{
    vlmc_mix *mix = vlmc_mix_create(&plain_bytes, streams, tokens);
    cr_assert_not_null(mix);
    vlmc_mix_reset(mix, tokens, streams, tokens / streams);
    return mix;
}

// The same without one.
static vlmc_mix *create_alone(vlmc_mix_effort effort, uint32_t streams, uint32_t tokens)
{
    vlmc_mix_params params = plain_bytes;
    params.has_model = false;
    params.settings.effort = effort;
    vlmc_mix *mix = vlmc_mix_create(&params, streams, tokens);
    cr_assert_not_null(mix);
    vlmc_mix_reset(mix, tokens, streams, tokens / streams);
    return mix;
}

static void even(uint32_t *frequencies)
{
    for (int i = 0; i < 256; i++)
        frequencies[i] = (1u << 24) / 256;
}

Test(mix, the_first_token_costs_what_the_transformer_says)
{
    vlmc_mix *mix = create(1, 1000);
    uint32_t frequencies[256];
    for (int i = 0; i < 256; i++)
        frequencies[i] = 1;
    frequencies['e'] = (1u << 23);
    frequencies['x'] = (1u << 24) - (1u << 23) - 254;
    cr_assert_float_eq(code_byte(mix, 0, frequencies, 'e'), 1.0, 0.05);
    vlmc_mix_destroy(&mix);
    cr_assert_null(mix);
    vlmc_mix_destroy(&mix);
}

Test(mix, a_repeating_text_becomes_cheap_without_any_transformer)
{
    vlmc_mix *mix = create(1, 1 << 16);
    uint32_t frequencies[256];
    even(frequencies);
    const char *text = "The quick brown fox jumps over the lazy dog. ";
    double first = 0, last = 0;
    for (int round = 0; round < 60; round++) {
        last = 0;
        for (const char *p = text; *p; p++)
            last += code_byte(mix, 0, frequencies, (uint8_t)*p);
        if (round == 0)
            first = last;
    }
    cr_assert_gt(first, 6.0 * (double)strlen(text));
    cr_assert_lt(last, 0.05 * (double)strlen(text), "%f", last);
    vlmc_mix_destroy(&mix);
}

Test(mix, streams_learn_from_each_other)
{
    vlmc_mix *mix = create(2, 1 << 16);
    uint32_t frequencies[256];
    even(frequencies);
    const char *text = "All streams of a group share one memory. ";
    double after = 0;
    for (int round = 0; round < 40; round++)
        for (const char *p = text; *p; p++)
            code_byte(mix, 0, frequencies, (uint8_t)*p);
    for (const char *p = text; *p; p++)
        after += code_byte(mix, 1, frequencies, (uint8_t)*p);
    cr_assert_lt(after, 0.8 * (double)strlen(text), "%f", after);
    vlmc_mix_destroy(&mix);
}

Test(mix, a_stream_that_follows_another_in_lock_step_costs_little)
{
    enum { N = 6000, BEHIND = 50 };
    static uint8_t symbols[N];
    vlmc_mix *mix = create_alone(VLMC_MIX_NORMAL, 2, 2 * N);
    double leads = 0, follows = 0;
    random_symbols(symbols, N, 11);
    for (uint32_t t = 0; t < N; t++) {
        vlmc_mix_prepare(mix, 0, NULL, NULL);
        vlmc_mix_prepare(mix, 1, NULL, NULL);
        const double first = code_symbol(mix, 0, NULL, 8, symbols[t]);
        const double second = code_symbol(mix, 1, NULL, 8, symbols[(t + N - BEHIND) % N]);
        if (t >= N / 2) {
            leads += first;
            follows += second;
        }
    }
    cr_assert_gt(leads, 7.9 * N / 2);
    cr_assert_lt(follows, 0.1 * N / 2, "%f", follows);
    vlmc_mix_destroy(&mix);
}

// Each stream has its own letter behind each of four words, which stand in noise.
Test(mix, streams_of_a_group_keep_apart_what_each_has_learnt)
{
    enum { STREAMS = 8, ROUNDS = 200, STEPS = ROUNDS * 13 };
    static const char *const words[] = {"abcd", "efgh", "ijkl", "mnop"};
    for (uint32_t effort = VLMC_MIX_FAST; effort <= VLMC_MIX_STRONG; effort++) {
        vlmc_mix *mix = create_alone(effort, STREAMS, STREAMS * STEPS);
        uint32_t state = 5, frequencies[256];
        double last = 0;
        even(frequencies);
        for (uint32_t round = 0; round < ROUNDS; round++)
            for (uint32_t s = 0; s < STREAMS; s++) {
                const uint32_t which = next_random(&state) >> 22;
                for (uint32_t i = 0; i < 8; i++)
                    code_byte(mix, s, frequencies, (uint8_t)('0' + (next_random(&state) >> 21)));
                for (uint32_t i = 0; i < 4; i++)
                    code_byte(mix, s, frequencies, (uint8_t)words[which][i]);
                const double bits =
                    code_byte(mix, s, frequencies, (uint8_t)('A' + (s * 7 + which * 3) % 26));
                last += round >= ROUNDS / 2 ? bits : 0;
            }
        cr_assert_lt(last / (STREAMS * ROUNDS / 2), 1.0, "effort %u: %f bits", effort,
                     last / (STREAMS * ROUNDS / 2));
        vlmc_mix_destroy(&mix);
    }
}

Test(mix, what_was_a_megabyte_ago_costs_almost_nothing_again)
{
    enum { N = 3000, BETWEEN = 1 << 20, LEARNT = 32 };
    uint8_t *symbols = malloc(BETWEEN), again[N];
    vlmc_mix *mix = create_alone(VLMC_MIX_FAST, 1, BETWEEN + 2 * N);
    random_symbols(again, N, 3);
    random_text(symbols, BETWEEN, 4);
    cr_assert_gt(code_bytes(mix, 0, again, N), 7.9 * N);
    code_bytes(mix, 0, symbols, BETWEEN);
    const double found = code_bytes(mix, 0, again, LEARNT);
    const double rest = code_bytes(mix, 0, again + LEARNT, N - LEARNT);
    cr_assert_lt(rest, 0.05 * (N - LEARNT), "%f", rest);
    cr_assert_lt(found, 8.0 * LEARNT, "%f", found);
    vlmc_mix_destroy(&mix);
    free(symbols);
}

Test(mix, random_tokens_cost_little_more_than_eight_bits)
{
    enum { N = 60000 };
    uint8_t *symbols = malloc(N);
    random_symbols(symbols, N, 5);
    uint32_t frequencies[256];
    even(frequencies);
    vlmc_mix *mix = create(4, N);
    double bits = 0;
    for (uint32_t i = 0; i < N; i++)
        bits += code_byte(mix, i % 4, frequencies, symbols[i]);
    cr_assert_lt(bits / N, 8.05, "%f with a transformer", bits / N);
    vlmc_mix_destroy(&mix);
    for (uint32_t effort = VLMC_MIX_FAST; effort <= VLMC_MIX_STRONG; effort++) {
        mix = create_alone(effort, 1, N);
        bits = code_bytes(mix, 0, symbols, N);
        cr_assert_lt(bits / N, 8.05, "%f with effort %u", bits / N, effort);
        vlmc_mix_destroy(&mix);
    }
    free(symbols);
}

// Any frequencies, any tokens, the same state on both sides: encoder and decoder agree.
Test(mix, probabilities_repeat_after_reset_and_survive_extreme_frequencies)
{
    vlmc_mix *mix = create(3, 5000);
    uint32_t *seen = malloc(40000 * sizeof *seen);
    for (int pass = 0; pass < 2; pass++) {
        uint32_t state = 9, frequencies[256], at = 0;
        vlmc_mix_reset(mix, 5000, 3, 1667);
        for (uint32_t i = 0; i < 5000; i++) {
            for (int j = 0; j < 256; j++)
                frequencies[j] = 1;
            frequencies[next_random(&state) >> 16] += (1u << 24) - 256;
            vlmc_mix_prepare(mix, i % 3, NULL, NULL);
            vlmc_mix_begin(mix, i % 3, frequencies);
            const uint32_t token = next_random(&state) >> 16;
            for (int b = 7; b >= 0; b--) {
                const uint32_t p = vlmc_mix_probability(mix);
                cr_assert(p >= 1 && p <= 65535);
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
    for (uint32_t round = 0; round < 8; round++)
        for (const char *p = text; *p; p++)
            sum = hash_symbol(mix, round % 2, frequencies, NULL, NULL, 8, (uint8_t)*p, sum);
    cr_assert_eq(sum, 2762992199u, "%u", sum);
    vlmc_mix_destroy(&mix);
}
