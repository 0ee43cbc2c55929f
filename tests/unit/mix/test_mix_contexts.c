// SPDX-License-Identifier: Apache-2.0
// Contexts and selections that a tokenizer tells.
#include "mix_support.h"

#include <criterion/criterion.h>
#include <string.h>

#define SETTINGS                                                                                   \
    {                                                                                              \
        VLMC_MIX_NORMAL, 20                                                                        \
    }

static vlmc_mix *create(const vlmc_mix_params *params, uint32_t tokens)
{
    vlmc_mix *mix = vlmc_mix_create(params, 1, tokens);
    cr_assert_not_null(mix);
    vlmc_mix_reset(mix, tokens, 1, tokens);
    return mix;
}

// Bits that a symbol of the only stream costs.
static double cost(vlmc_mix *mix, const uint32_t *frequencies, const uint32_t *contexts,
                   const uint32_t *selects, uint32_t bits, uint8_t symbol)
{
    vlmc_mix_prepare(mix, 0, contexts, selects);
    return code_symbol(mix, 0, frequencies, bits, symbol);
}

Test(mix_contexts, symbols_that_a_context_tells_become_cheap)
{
    const vlmc_mix_params params = {.settings = SETTINGS, .symbol_bits = 8, .n_contexts = 2};
    vlmc_mix *mix = create(&params, 1 << 16);
    double first = 0, last = 0;
    uint32_t state = 1;
    for (int i = 0; i < 4000; i++) {
        const uint32_t contexts[2] = {next_random(&state) % 50, next_random(&state)};
        const double bits = cost(mix, NULL, contexts, NULL, 8, (uint8_t)(contexts[0] * 37 + 11));
        first += i < 100 ? bits / 100 : 0;
        last += i >= 3900 ? bits / 100 : 0;
    }
    cr_assert(first > 3 && last < 0.2, "%f then %f bits", first, last);
    vlmc_mix_destroy(&mix);
    cr_assert_null(mix);
}

Test(mix_contexts, a_transformer_is_believed_from_the_first_symbol_on)
{
    const vlmc_mix_params params = {.has_model = true,
                                    .settings = SETTINGS,
                                    .symbol_bits = 8,
                                    .n_contexts = 1,
                                    .n_selects = 1,
                                    .select_sizes = {9}};
    vlmc_mix *mix = create(&params, 2048);
    uint32_t frequencies[256], state = 2;
    double sum = 0;
    for (int i = 0; i < 200; i++) {
        const uint8_t symbol = (uint8_t)next_random(&state);
        const uint32_t context = next_random(&state), select = next_random(&state) % 9;
        distribution(frequencies, symbol, 15 << 20); // costs 0.093 bits
        sum += cost(mix, frequencies, &context, &select, 8, symbol) / 200;
    }
    cr_assert(sum < 0.12, "%f", sum);
    vlmc_mix_destroy(&mix);
}

Test(mix_contexts, selections_tell_what_a_context_is_worth)
{
    // The context tells the symbol, but only where the selection says so.
    double sums[2];
    for (uint32_t with = 0; with < 2; with++) {
        const vlmc_mix_params params = {.settings = SETTINGS,
                                        .symbol_bits = 8,
                                        .n_contexts = 1,
                                        .n_selects = 1,
                                        .select_sizes = {2}};
        vlmc_mix *mix = create(&params, 1 << 16);
        uint32_t state = 3;
        sums[with] = 0;
        for (int i = 0; i < 8000; i++) {
            const uint32_t honest = next_random(&state) & 1;
            const uint32_t context = next_random(&state) % 20, select = with ? honest : 0;
            const uint8_t symbol = (uint8_t)(honest ? context * 7 : next_random(&state) % 140);
            sums[with] += cost(mix, NULL, &context, &select, 8, symbol) / 8000;
        }
        vlmc_mix_destroy(&mix);
    }
    cr_assert(sums[1] < sums[0] - 0.4, "%f without, %f with", sums[0], sums[1]);
}

Test(mix_contexts, symbols_of_few_bits_cost_at_most_as_many)
{
    for (uint32_t bits = 1; bits <= 8; bits++)
        for (uint32_t past = VLMC_PAST_NONE; past <= VLMC_PAST_BYTES; past++) {
            const vlmc_mix_params params = {
                .past = past, .settings = SETTINGS, .symbol_bits = bits, .n_contexts = 1};
            vlmc_mix *mix = create(&params, 1 << 14);
            uint32_t state = bits;
            double sum = 0;
            for (int i = 0; i < 3000; i++) {
                const uint32_t context = next_random(&state) >> 22;
                const uint8_t symbol = (uint8_t)(next_random(&state) >> (24 - bits));
                sum += cost(mix, NULL, &context, NULL, bits, symbol) / 3000;
            }
            cr_assert(sum < bits * 1.08 && sum > bits * 0.98, "%u bits, past %u: %f", bits, past,
                      sum);
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
        sum = hash_symbol(mix, i % 3, params->has_model ? frequencies : NULL, contexts, selects, 8,
                          symbol, sum);
    }
    return sum;
}

static const vlmc_mix_params all = {
    .has_model = true,
    .past = VLMC_PAST_BYTES,
    .settings = SETTINGS,
    .symbol_bits = 8,
    .n_contexts = 3,
    .n_selects = 2,
    .select_sizes = {5, 1024},
};

Test(mix_contexts, reset_forgets_everything)
{
    vlmc_mix *mix = vlmc_mix_create(&all, 3, 1 << 16);
    vlmc_mix_reset(mix, 6000, 3, 2000);
    const uint32_t first = run(mix, &all);
    cr_assert_neq(run(mix, &all), first);
    vlmc_mix_reset(mix, 6000, 3, 2000);
    cr_assert_eq(run(mix, &all), first);
    vlmc_mix_destroy(&mix);
    vlmc_mix *small = vlmc_mix_create(&all, 3, 6000);
    vlmc_mix_reset(small, 6000, 3, 2000);
    cr_assert_eq(run(small, &all), first, "what it was made for leaves no trace");
    vlmc_mix_destroy(&small);
}

Test(mix_contexts, as_many_contexts_as_a_tokenizer_may_declare_fit)
{
    for (uint32_t past = VLMC_PAST_NONE; past <= VLMC_PAST_BYTES; past++) {
        const vlmc_mix_params params = {
            .has_model = true,
            .past = past,
            .settings = {VLMC_MIX_STRONG, VLMC_MIX_MEMORY_MIN},
            .symbol_bits = 8,
            .n_contexts = VLMC_MIX_CONTEXTS_MAX,
            .n_selects = 2,
            .select_sizes = {VLMC_MIX_SELECT_SIZE_MAX, VLMC_MIX_SELECT_SIZE_MAX},
        };
        vlmc_mix *mix = create(&params, 500);
        uint32_t frequencies[256], contexts[VLMC_MIX_CONTEXTS_MAX];
        double last = 0;
        for (uint32_t i = 0; i < 500; i++) {
            const uint32_t selects[2] = {1023, i};
            for (uint32_t c = 0; c < VLMC_MIX_CONTEXTS_MAX; c++)
                contexts[c] = i % (c + 1);
            distribution(frequencies, 200, 1 << 23);
            last = cost(mix, frequencies, contexts, selects, 8, (uint8_t)(i & 1 ? 255 : 0));
        }
        cr_assert_lt(last, 4, "past %u: %f", past, last);
        vlmc_mix_destroy(&mix);
    }
}

// Pins the definition: a change makes old archives unreadable.
Test(mix_contexts, probabilities_of_known_symbols_never_change)
{
    vlmc_mix *mix = vlmc_mix_create(&all, 3, 3000);
    vlmc_mix_reset(mix, 3000, 3, 1000);
    const uint32_t with_model = run(mix, &all);
    vlmc_mix_destroy(&mix);
    vlmc_mix_params alone = all;
    alone.has_model = false;
    mix = vlmc_mix_create(&alone, 3, 3000);
    vlmc_mix_reset(mix, 3000, 3, 1000);
    const uint32_t without = run(mix, &alone);
    vlmc_mix_destroy(&mix);
    cr_assert(with_model == 244745797u && without == 2685763128u, "%uu, %uu", with_model, without);
}
