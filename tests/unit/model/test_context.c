// SPDX-License-Identifier: Apache-2.0
#include "model/context.h"

#include <criterion/criterion.h>
#include <string.h>
#include <vlmc/plugin.h>

static const vlmc_context_spec specs[] = {
    {VLMC_CONTEXT_NGRAM, 3, 1 << 16, 0}, {VLMC_CONTEXT_WORD, 2, 1 << 16, 0},
    {VLMC_CONTEXT_LINE, 0, 2048, 0},     {VLMC_CONTEXT_RECALL, 4, 4097, 12},
    {VLMC_CONTEXT_RECALL, 14, 4097, 12},
};
#define N_SPECS (sizeof specs / sizeof *specs)

static void walk(vlmc_contexts *contexts, uint32_t stream, const char *text, uint32_t *rows)
{
    for (; *text; text++) {
        vlmc_contexts_rows(contexts, stream, rows);
        vlmc_contexts_push(contexts, stream, (uint8_t)*text);
    }
    vlmc_contexts_rows(contexts, stream, rows);
}

Test(context, rows_stay_inside_their_tables_on_any_input)
{
    vlmc_contexts *contexts = vlmc_contexts_create(specs, N_SPECS, 3);
    uint32_t rows[N_SPECS], state = 1;
    for (int i = 0; i < 60000; i++) {
        state = state * 1664525u + 1013904223u;
        vlmc_contexts_rows(contexts, (uint32_t)i % 3, rows);
        for (size_t c = 0; c < N_SPECS; c++)
            cr_assert_lt(rows[c], specs[c].rows);
        vlmc_contexts_push(contexts, (uint32_t)i % 3,
                           (uint8_t)(i < 30000 ? state >> 30 : state >> 24));
    }
    vlmc_contexts_destroy(&contexts);
    cr_assert_null(contexts);
}

Test(context, an_ngram_row_depends_on_its_last_tokens_only)
{
    vlmc_contexts *contexts = vlmc_contexts_create(specs, N_SPECS, 3);
    uint32_t a[N_SPECS], b[N_SPECS], c[N_SPECS];
    walk(contexts, 0, "hello abc", a);
    walk(contexts, 1, "something else abc", b);
    walk(contexts, 2, "hello abd", c);
    cr_assert_eq(a[0], b[0]);
    cr_assert_neq(a[0], c[0]);
    vlmc_contexts_destroy(&contexts);
}

Test(context, words_ignore_case_and_lines_count_columns)
{
    vlmc_contexts *contexts = vlmc_contexts_create(specs, N_SPECS, 2);
    uint32_t a[N_SPECS], b[N_SPECS];
    walk(contexts, 0, "The Quick", a);
    walk(contexts, 1, "xx the quick", b);
    cr_assert_eq(a[1], b[1]);
    walk(contexts, 0, " more of this line\nabc", a);
    cr_assert_eq(a[2], 3 * 16 + (9 + 18) / 8);
    vlmc_contexts_destroy(&contexts);
}

Test(context, recall_learns_from_the_other_streams_of_the_group)
{
    vlmc_contexts *contexts = vlmc_contexts_create(specs, N_SPECS, 2);
    uint32_t rows[N_SPECS];
    walk(contexts, 0, "the cat sat", rows);
    walk(contexts, 1, "the c", rows);
    cr_assert_eq(rows[3], 1 + 'a' * 16 + 0 * 4 + 2, "seen once; five right predictions in a row");
    walk(contexts, 1, "a", rows);
    cr_assert_eq(rows[3], 1 + 't' * 16 + 0 * 4 + 2);
    vlmc_contexts_destroy(&contexts);
}

Test(context, reset_forgets_everything)
{
    vlmc_contexts *contexts = vlmc_contexts_create(specs, N_SPECS, 1);
    uint32_t fresh[N_SPECS], used[N_SPECS], again[N_SPECS];
    walk(contexts, 0, "a\nab", fresh);
    walk(contexts, 0, "some history, some history", used);
    vlmc_contexts_reset(contexts);
    walk(contexts, 0, "a\nab", again);
    cr_assert(memcmp(fresh, again, sizeof fresh) == 0);
    vlmc_contexts_destroy(&contexts);
}

// Pins the definition: a change of any hash makes old archives unreadable.
Test(context, rows_of_a_known_text_never_change)
{
    vlmc_contexts *contexts = vlmc_contexts_create(specs, N_SPECS, 1);
    uint32_t rows[N_SPECS], sum = 0;
    const char *text = "It was the best of times,\nit was the worst of times, it was the age.\n";
    for (int round = 0; round < 3; round++)
        for (const char *p = text; *p; p++) {
            vlmc_contexts_rows(contexts, 0, rows);
            for (size_t c = 0; c < N_SPECS; c++)
                sum = (sum ^ rows[c]) * 16777619u;
            vlmc_contexts_push(contexts, 0, (uint8_t)*p);
        }
    cr_assert_eq(sum, 274610496u, "%u", sum);
    vlmc_contexts_destroy(&contexts);
}

Test(context, impossible_specs_are_refused)
{
    const vlmc_context_spec bad[] = {
        {0, 1, 16, 0},
        {VLMC_CONTEXT_NGRAM, 0, 16, 0},
        {VLMC_CONTEXT_NGRAM, 9, 16, 0},
        {VLMC_CONTEXT_NGRAM, 2, 17, 0},
        {VLMC_CONTEXT_NGRAM, 2, 1, 0},
        {VLMC_CONTEXT_NGRAM, 2, 1u << 21, 0},
        {VLMC_CONTEXT_LINE, 0, 2047, 0},
        {VLMC_CONTEXT_RECALL, 25, 4097, 12},
        {VLMC_CONTEXT_RECALL, 4, 4096, 12},
        {VLMC_CONTEXT_RECALL, 4, 4097, 25},
        {VLMC_CONTEXT_PLUGIN, 64, 16, 0},
        {VLMC_CONTEXT_PLUGIN, 1, 0, 0},
        {VLMC_CONTEXT_PLUGIN, 1, 65537, 0},
        {VLMC_CONTEXT_PLUGIN, 1, 16, 8},
        {6, 1, 16, 0},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_not(vlmc_context_spec_valid(&bad[i]), "spec %zu", i);
    for (size_t i = 0; i < N_SPECS; i++)
        cr_assert(vlmc_context_spec_valid(&specs[i]));
    const vlmc_context_spec of_plugin = {VLMC_CONTEXT_PLUGIN, VLMC_PLUGIN_CONTEXTS_MAX - 1,
                                         VLMC_PLUGIN_CARDINALITY_MAX, 0};
    vlmc_contexts *contexts = vlmc_contexts_create(&of_plugin, 1, 1);
    uint32_t row = 7;
    vlmc_contexts_rows(contexts, 0, &row);
    cr_assert_eq(row, 0);
    vlmc_contexts_destroy(&contexts);
    cr_assert(vlmc_context_spec_valid(&of_plugin));
}
