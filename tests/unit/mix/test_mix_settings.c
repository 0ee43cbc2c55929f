// SPDX-License-Identifier: Apache-2.0
// Every kind of past, effort, width of a symbol and amount of memory.
#include "mix_support.h"

#include <criterion/criterion.h>

enum { STREAMS = 3, STEPS = 400 };

// A text with repeats in lock step, below 2^symbol_bits. // (STEPS, STREAMS)
static uint8_t symbol_at(uint32_t t, uint32_t stream, uint32_t symbol_bits)
{
    uint32_t state = t % 90 + stream * (t > 200);
    next_random(&state);
    return (uint8_t)(next_random(&state) >> 16) >> (8 - symbol_bits);
}

// Codes them after a reset for `n_tokens`; a hash of all probabilities.
static uint32_t run(vlmc_mix *mix, const vlmc_mix_params *params, uint32_t n_tokens,
                    uint32_t n_steps)
{
    uint32_t sum = 0, frequencies[256];
    vlmc_mix_reset(mix, n_tokens, STREAMS, n_steps);
    for (uint32_t t = 0; t < STEPS; t++) {
        const uint32_t contexts[2] = {t % 90, t}, selects[1] = {t % 7};
        for (uint32_t s = 0; s < STREAMS; s++)
            vlmc_mix_prepare(mix, s, contexts, selects);
        for (uint32_t s = 0; s < STREAMS; s++) {
            const uint32_t symbol = symbol_at(t, s, params->symbol_bits);
            distribution(frequencies, symbol_at(t, 0, params->symbol_bits), 1 << 20);
            vlmc_mix_begin(mix, s, params->has_model ? frequencies : NULL);
            for (uint32_t i = params->symbol_bits; i-- > 0;) {
                const uint32_t p = vlmc_mix_probability(mix);
                cr_assert(p >= 1 && p <= 65535);
                sum = (sum ^ p) * 16777619u;
                vlmc_mix_update(mix, symbol >> i & 1);
            }
        }
    }
    return sum;
}

// Calls check for every kind of past and every effort, with and without a transformer.
static void each_kind(void (*check)(const vlmc_mix_params *params))
{
    for (uint32_t past = VLMC_PAST_NONE; past <= VLMC_PAST_BYTES; past++)
        for (uint32_t effort = VLMC_MIX_FAST; effort <= VLMC_MIX_STRONG; effort++)
            for (uint32_t has_model = 0; has_model < 2; has_model++)
                check(&(vlmc_mix_params){
                    .has_model = has_model,
                    .past = past,
                    .settings = {effort, 20},
                    .symbol_bits = 8,
                    .n_contexts = 2,
                    .n_selects = 1,
                    .select_sizes = {7},
                });
}

static void check_widths(const vlmc_mix_params *params)
{
    for (uint32_t bits = 1; bits <= 8; bits++) {
        vlmc_mix_params narrow = *params;
        narrow.symbol_bits = bits;
        vlmc_mix *mix = vlmc_mix_create(&narrow, STREAMS, STREAMS * STEPS);
        cr_assert_not_null(mix);
        const uint32_t sum = run(mix, &narrow, STREAMS * STEPS, STEPS);
        cr_assert_eq(run(mix, &narrow, STREAMS * STEPS, STEPS), sum, "%u bits", bits);
        vlmc_mix_destroy(&mix);
    }
}

Test(mix_settings, every_kind_of_mixer_repeats_itself_with_symbols_of_every_width)
{
    each_kind(check_widths);
}

static void check_sizes(const vlmc_mix_params *params)
{
    const uint32_t small = STREAMS * STEPS, large = 100 * small;
    vlmc_mix *mix = vlmc_mix_create(params, STREAMS, small);
    cr_assert_not_null(mix);
    const uint32_t sum = run(mix, params, small, STEPS);
    vlmc_mix_destroy(&mix);
    mix = vlmc_mix_create(params, STREAMS + 5, large);
    cr_assert_not_null(mix);
    run(mix, params, large, 100 * STEPS);
    cr_assert_eq(run(mix, params, small, STEPS), sum, "past %u, effort %u: after a larger group",
                 params->past, params->settings.effort);
    vlmc_mix_destroy(&mix);
}

Test(mix_settings, what_a_mixer_was_made_for_and_has_done_leaves_no_trace)
{
    each_kind(check_sizes);
}

Test(mix_settings, kinds_of_past_and_efforts_are_different_mixers)
{
    uint32_t sums[7], n = 0;
    for (uint32_t past = VLMC_PAST_NONE; past <= VLMC_PAST_BYTES; past++)
        for (uint32_t effort = VLMC_MIX_FAST; effort <= VLMC_MIX_STRONG; effort++) {
            // Without a past the effort has nothing to say, and little effort knows no records.
            if ((past == VLMC_PAST_NONE && effort > VLMC_MIX_FAST) ||
                (past == VLMC_PAST_TEXT && effort == VLMC_MIX_FAST))
                continue;
            const vlmc_mix_params params = {.past = past,
                                            .settings = {effort, 20},
                                            .symbol_bits = 8,
                                            .n_contexts = 2,
                                            .n_selects = 1,
                                            .select_sizes = {7}};
            vlmc_mix *mix = vlmc_mix_create(&params, STREAMS, STREAMS * STEPS);
            sums[n] = run(mix, &params, STREAMS * STEPS, STEPS);
            for (uint32_t i = 0; i < n; i++)
                cr_assert_neq(sums[i], sums[n], "past %u, effort %u", past, effort);
            n++;
            vlmc_mix_destroy(&mix);
        }
}

Test(mix_settings, memory_changes_nothing_where_a_group_needs_less)
{
    vlmc_mix_params params = {
        .past = VLMC_PAST_BYTES, .settings = {VLMC_MIX_NORMAL, 20}, .symbol_bits = 8};
    const uint32_t n = STREAMS * STEPS;
    uint32_t sums[2];
    for (uint32_t i = 0; i < 2; i++) {
        params.settings.memory = i ? VLMC_MIX_MEMORY_MAX : VLMC_MIX_MEMORY_MIN;
        vlmc_mix *mix = vlmc_mix_create(&params, STREAMS, n);
        sums[i] = run(mix, &params, n, STEPS);
        vlmc_mix_destroy(&mix);
    }
    cr_assert_eq(sums[0], sums[1]);
}

Test(mix_settings, little_memory_costs_little_more)
{
    enum { N = 60000 };
    static uint8_t text[N];
    double bits[2];
    random_symbols(text, N, 3);
    for (uint32_t i = 0; i < N; i++)
        text[i] &= i % 3 ? 3 : 15; // many contexts, each of which says a little
    for (uint32_t i = 0; i < 2; i++) {
        const vlmc_mix_params params = {
            .past = VLMC_PAST_TEXT,
            .settings = {VLMC_MIX_FAST, i ? 22 : VLMC_MIX_MEMORY_MIN},
            .symbol_bits = 8,
        };
        vlmc_mix *mix = vlmc_mix_create(&params, 1, N);
        vlmc_mix_reset(mix, N, 1, N);
        bits[i] = code_bytes(mix, 0, text, N);
        vlmc_mix_destroy(&mix);
    }
    cr_assert_lt(bits[0], 8.0 * N);
    cr_assert_neq(bits[0], bits[1], "it has no say");
    cr_assert_lt(bits[0], 1.2 * bits[1], "%f with little, %f with much", bits[0], bits[1]);
}

static void check_least(const vlmc_mix_params *params)
{
    vlmc_mix_params little = *params;
    little.settings.memory = VLMC_MIX_MEMORY_MIN;
    const uint32_t n = 1u << 26;
    vlmc_mix *mix = vlmc_mix_create(&little, STREAMS, n);
    cr_assert_not_null(mix);
    const uint32_t sum = run(mix, &little, n, n / STREAMS + 1);
    cr_assert_eq(run(mix, &little, n, n / STREAMS + 1), sum);
    vlmc_mix_destroy(&mix);
}

Test(mix_settings, the_least_memory_serves_the_largest_groups)
{
    each_kind(check_least);
}
