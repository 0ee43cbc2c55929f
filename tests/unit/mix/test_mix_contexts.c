// SPDX-License-Identifier: Apache-2.0
#include "mix/mix.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

// A distribution of 2^24 that favours `likely`.
static void distribution(uint32_t *frequencies, uint8_t likely, uint32_t share)
{
    for (uint32_t i = 0; i < 256; i++)
        frequencies[i] = ((1u << 24) - share) / 256;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 256; i++)
        sum += frequencies[i];
    frequencies[likely] += (1u << 24) - sum;
}

// Bits that a symbol costs.
static double cost(vlmc_mix *mix, uint32_t stream, const uint32_t *frequencies,
                   const uint32_t *contexts, const uint32_t *selects, uint32_t bits, uint8_t symbol)
{
    double sum = 0;
    vlmc_mix_begin(mix, stream, frequencies, contexts, selects);
    for (uint32_t i = bits; i-- > 0;) {
        const uint32_t p = vlmc_mix_probability(mix), bit = symbol >> i & 1;
        cr_assert(p >= 1 && p <= 65535);
        sum -= log2((bit ? p : 65536 - p) / 65536.0);
        vlmc_mix_update(mix, bit);
    }
    return sum;
}

static uint32_t next_random(uint32_t *state)
{
    return (*state = *state * 1664525u + 1013904223u) >> 8;
}

Test(mix_contexts, symbols_that_a_context_tells_become_cheap)
{
    const vlmc_mix_params params = {.symbol_bits = 8, .n_contexts = 2};
    vlmc_mix *mix = vlmc_mix_create(&params, 1, 1 << 16);
    double first = 0, last = 0;
    uint32_t state = 1;
    for (int i = 0; i < 4000; i++) {
        const uint32_t contexts[2] = {next_random(&state) % 50, next_random(&state)};
        const double bits = cost(mix, 0, NULL, contexts, NULL, 8, (uint8_t)(contexts[0] * 37 + 11));
        first += i < 100 ? bits / 100 : 0;
        last += i >= 3900 ? bits / 100 : 0;
    }
    cr_assert(first > 3 && last < 0.2, "%f then %f bits", first, last);
    vlmc_mix_destroy(&mix);
    cr_assert_null(mix);
}

Test(mix_contexts, a_transformer_is_believed_from_the_first_symbol_on)
{
    const vlmc_mix_params params = {
        .has_model = true, .symbol_bits = 8, .n_contexts = 1, .n_selects = 1, .select_sizes = {9}};
    vlmc_mix *mix = vlmc_mix_create(&params, 1, 2048);
    uint32_t frequencies[256], state = 2;
    double sum = 0;
    for (int i = 0; i < 200; i++) {
        const uint8_t symbol = (uint8_t)next_random(&state);
        const uint32_t context = next_random(&state), select = next_random(&state) % 9;
        distribution(frequencies, symbol, 15 << 20); // costs 0.093 bits
        sum += cost(mix, 0, frequencies, &context, &select, 8, symbol) / 200;
    }
    cr_assert(sum < 0.12, "%f", sum);
    vlmc_mix_destroy(&mix);
}

Test(mix_contexts, selections_tell_what_a_context_is_worth)
{
    // The context tells the symbol, but only where the selection says so.
    double sums[2];
    for (uint32_t with = 0; with < 2; with++) {
        const vlmc_mix_params params = {
            .symbol_bits = 8, .n_contexts = 1, .n_selects = 1, .select_sizes = {2}};
        vlmc_mix *mix = vlmc_mix_create(&params, 1, 1 << 16);
        uint32_t state = 3;
        sums[with] = 0;
        for (int i = 0; i < 8000; i++) {
            const uint32_t honest = next_random(&state) & 1;
            const uint32_t context = next_random(&state) % 20, select = with ? honest : 0;
            const uint8_t symbol = (uint8_t)(honest ? context * 7 : next_random(&state) % 140);
            sums[with] += cost(mix, 0, NULL, &context, &select, 8, symbol) / 8000;
        }
        vlmc_mix_destroy(&mix);
    }
    cr_assert(sums[1] < sums[0] - 0.4, "%f without, %f with", sums[0], sums[1]);
}

Test(mix_contexts, symbols_of_few_bits_cost_at_most_as_many)
{
    for (uint32_t bits = 1; bits <= 8; bits++) {
        const vlmc_mix_params params = {.symbol_bits = bits, .n_contexts = 1};
        vlmc_mix *mix = vlmc_mix_create(&params, 1, 1 << 14);
        uint32_t state = bits;
        double sum = 0;
        for (int i = 0; i < 3000; i++) {
            const uint32_t context = next_random(&state) & 3;
            const uint8_t symbol = (uint8_t)(next_random(&state) & ((1u << bits) - 1));
            sum += cost(mix, 0, NULL, &context, NULL, bits, symbol) / 3000;
        }
        cr_assert(sum < bits * 1.08 && sum > bits * 0.98, "%u bits: %f", bits, sum);
        vlmc_mix_destroy(&mix);
    }
}

static uint32_t run(vlmc_mix *mix, const vlmc_mix_params *params)
{
    uint32_t frequencies[256], state = 7, sum = 0;
    for (uint32_t i = 0; i < 3000; i++) {
        const uint32_t contexts[3] = {i & 15, i * 0x9E3779B1u, next_random(&state) & 7};
        const uint32_t selects[2] = {i % 5, i % 1024};
        const uint8_t symbol = (uint8_t)(contexts[2] * 9 + i % 3);
        distribution(frequencies, (uint8_t)(i & 63), 1 << 22);
        vlmc_mix_begin(mix, i % 3, params->has_model ? frequencies : NULL, contexts, selects);
        for (int b = 7; b >= 0; b--) {
            sum = (sum ^ vlmc_mix_probability(mix)) * 16777619u;
            vlmc_mix_update(mix, symbol >> b & 1);
        }
    }
    return sum;
}

static const vlmc_mix_params all = {
    .has_model = true,
    .orders = true,
    .symbol_bits = 8,
    .n_contexts = 3,
    .n_selects = 2,
    .select_sizes = {5, 1024},
};

Test(mix_contexts, reset_forgets_everything)
{
    vlmc_mix *mix = vlmc_mix_create(&all, 3, 1 << 16);
    vlmc_mix_reset(mix, 3000);
    const uint32_t first = run(mix, &all);
    cr_assert_neq(run(mix, &all), first);
    vlmc_mix_reset(mix, 3000);
    cr_assert_eq(run(mix, &all), first);
    vlmc_mix_destroy(&mix);
    vlmc_mix *small = vlmc_mix_create(&all, 3, 3000);
    cr_assert_eq(run(small, &all), first, "what it was made for leaves no trace");
    vlmc_mix_destroy(&small);
}

Test(mix_contexts, as_many_contexts_as_a_tokenizer_may_declare_fit)
{
    const vlmc_mix_params params = {
        .has_model = true,
        .orders = true,
        .symbol_bits = 8,
        .n_contexts = VLMC_MIX_CONTEXTS_MAX,
        .n_selects = 2,
        .select_sizes = {VLMC_MIX_SELECT_SIZE_MAX, VLMC_MIX_SELECT_SIZE_MAX},
    };
    vlmc_mix *mix = vlmc_mix_create(&params, 1, 500);
    uint32_t frequencies[256], contexts[VLMC_MIX_CONTEXTS_MAX];
    for (uint32_t i = 0; i < 500; i++) {
        const uint32_t selects[2] = {1023, i};
        for (uint32_t c = 0; c < VLMC_MIX_CONTEXTS_MAX; c++)
            contexts[c] = i % (c + 1);
        distribution(frequencies, 200, 1 << 23);
        cost(mix, 0, frequencies, contexts, selects, 8, (uint8_t)(i & 1 ? 255 : 0));
    }
    vlmc_mix_destroy(&mix);
}

// Pins the definition: a change makes old archives unreadable.
Test(mix_contexts, probabilities_of_known_symbols_never_change)
{
    vlmc_mix *mix = vlmc_mix_create(&all, 3, 3000);
    const uint32_t with_model = run(mix, &all);
    vlmc_mix_destroy(&mix);
    vlmc_mix_params alone = all;
    alone.has_model = false;
    mix = vlmc_mix_create(&alone, 3, 3000);
    const uint32_t without = run(mix, &alone);
    vlmc_mix_destroy(&mix);
    cr_assert(with_model == 1497132105u && without == 2891148400u, "%uu, %uu", with_model, without);
}
