// SPDX-License-Identifier: Apache-2.0
#include "mix/past.h"

#include "mix_support.h"

#include <criterion/criterion.h>
#include <string.h>

static vlmc_past create(vlmc_past_kind kind, vlmc_mix_effort effort, uint32_t streams)
{
    vlmc_past past;
    cr_assert(vlmc_past_create(&past, kind, effort, streams, streams * 8192));
    vlmc_past_clear(&past, streams, 8192);
    return past;
}

static void push(vlmc_past *past, uint32_t stream, const void *symbols, uint32_t n)
{
    const uint8_t *bytes = symbols;
    for (uint32_t i = 0; i < n; i++)
        vlmc_past_push(past, stream, bytes[i]);
}

static void push_text(vlmc_past *past, uint32_t stream, const char *text)
{
    push(past, stream, text, (uint32_t)strlen(text));
}

// Calls check for all kinds and efforts.
static void each_kind(void (*check)(vlmc_past_kind kind, vlmc_mix_effort effort))
{
    for (uint32_t kind = VLMC_PAST_NONE; kind <= VLMC_PAST_BYTES; kind++)
        for (uint32_t effort = VLMC_MIX_FAST; effort <= VLMC_MIX_STRONG; effort++)
            check(kind, effort);
}

static void check_number(vlmc_past_kind kind, vlmc_mix_effort effort)
{
    uint64_t hashes[2][VLMC_PAST_CONTEXTS_MAX + 2];
    const uint32_t n = vlmc_past_n_contexts(kind, effort);
    vlmc_past past = create(kind, effort, 1);
    cr_assert_leq(n, VLMC_PAST_CONTEXTS_MAX);
    push_text(&past, 0, "some words");
    for (uint32_t i = 0; i < 2; i++) {
        memset(hashes[i], i ? 0xFF : 0, sizeof hashes[i]);
        vlmc_past_contexts(&past, 0, VLMC_PAST_EXPECTED('x', 3), hashes[i]);
    }
    for (uint32_t i = 0; i < VLMC_PAST_CONTEXTS_MAX + 2; i++)
        cr_assert_eq(hashes[0][i] == hashes[1][i], i < n, "kind %u, effort %u: context %u of %u",
                     kind, effort, i, n);
    vlmc_past_destroy(&past);
}

Test(past, there_are_as_many_contexts_as_it_says)
{
    each_kind(check_number);
    cr_assert_eq(vlmc_past_n_contexts(VLMC_PAST_NONE, VLMC_MIX_STRONG), 0);
    cr_assert_eq(vlmc_past_n_contexts(VLMC_PAST_BYTES, VLMC_MIX_STRONG), VLMC_PAST_CONTEXTS_MAX);
}

static void check_distinct(vlmc_past_kind kind, vlmc_mix_effort effort)
{
    uint64_t hashes[VLMC_PAST_CONTEXTS_MAX];
    const uint32_t n = vlmc_past_n_contexts(kind, effort);
    static const char *const texts[] = {"", "a", "the river and the stone", "        "};
    for (uint32_t t = 0; t < 6; t++) {
        vlmc_past past = create(kind, effort, 1);
        uint8_t bytes[2000] = {0}; // zeros, where all contexts have the same value
        if (t == 5)
            random_symbols(bytes, sizeof bytes, 1);
        if (t < 4)
            push_text(&past, 0, texts[t]);
        else
            push(&past, 0, bytes, sizeof bytes);
        vlmc_past_contexts(&past, 0, 0, hashes);
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t j = 0; j < i; j++)
                cr_assert_neq(hashes[i], hashes[j], "kind %u, effort %u: %u and %u", kind, effort,
                              i, j);
        vlmc_past_destroy(&past);
    }
}

Test(past, contexts_of_different_kinds_never_equal_each_other)
{
    each_kind(check_distinct);
}

static void check_expected(vlmc_past_kind kind, vlmc_mix_effort effort)
{
    uint64_t a[VLMC_PAST_CONTEXTS_MAX], b[VLMC_PAST_CONTEXTS_MAX];
    const uint32_t values[] = {0, VLMC_PAST_EXPECTED('a', 0u), VLMC_PAST_EXPECTED('b', 0u),
                               VLMC_PAST_EXPECTED('a', 1u), VLMC_PAST_EXPECTED('a', 3u)};
    vlmc_past past = create(kind, effort, 1);
    push_text(&past, 0, "what a match says is ");
    for (uint32_t v = 0; v < sizeof values / sizeof *values; v++)
        for (uint32_t w = 0; w < v; w++) {
            uint32_t differ = 0;
            vlmc_past_contexts(&past, 0, values[v], a);
            vlmc_past_contexts(&past, 0, values[w], b);
            for (uint32_t i = 0; i < vlmc_past_n_contexts(kind, effort); i++)
                differ += a[i] != b[i];
            cr_assert_eq(differ, kind != VLMC_PAST_NONE);
        }
    vlmc_past_destroy(&past);
}

Test(past, what_a_match_expects_is_a_context_of_its_own)
{
    each_kind(check_expected);
}

// ---- Words and streams ----

// How many contexts two streams with these texts share.
static uint32_t shared(vlmc_mix_effort effort, const char *first, const char *second)
{
    uint64_t a[VLMC_PAST_CONTEXTS_MAX], b[VLMC_PAST_CONTEXTS_MAX];
    uint32_t equal = 0;
    vlmc_past past = create(VLMC_PAST_TEXT, effort, 2);
    push_text(&past, 0, first);
    push_text(&past, 1, second);
    vlmc_past_contexts(&past, 0, 0, a);
    vlmc_past_contexts(&past, 1, 0, b);
    for (uint32_t i = 0; i < vlmc_past_n_contexts(VLMC_PAST_TEXT, effort); i++)
        equal += a[i] == b[i];
    vlmc_past_destroy(&past);
    return equal;
}

Test(past, a_word_is_the_same_with_a_capital_and_whatever_comes_before)
{
    for (uint32_t effort = VLMC_MIX_FAST; effort <= VLMC_MIX_STRONG; effort++) {
        const uint32_t same = shared(effort, "1 Riverbed", "2, riverbed");
        cr_assert_gt(same, shared(effort, "1 Xiverbed", "2, riverbed"), "effort %u", effort);
        cr_assert_gt(same, shared(effort, "1 driverbed", "2, riverbed"), "effort %u", effort);
        cr_assert_gt(same, shared(effort, "1 River-bed", "2, riverbed"), "effort %u", effort);
    }
}

Test(past, the_words_before_are_contexts_where_there_is_effort)
{
    static const char *const text = "grey stone, longharbour";
    // The last eight symbols are the same everywhere.
    cr_assert_eq(shared(VLMC_MIX_NORMAL, text, "grey STONE... longharbour"),
                 vlmc_past_n_contexts(VLMC_PAST_TEXT, VLMC_MIX_NORMAL));
    cr_assert_lt(shared(VLMC_MIX_NORMAL, text, "grey stine, longharbour"),
                 vlmc_past_n_contexts(VLMC_PAST_TEXT, VLMC_MIX_NORMAL));
    const uint32_t all = vlmc_past_n_contexts(VLMC_PAST_TEXT, VLMC_MIX_STRONG);
    cr_assert_eq(shared(VLMC_MIX_STRONG, text, "Grey: Stone 12 longharbour"), all);
    cr_assert_lt(shared(VLMC_MIX_STRONG, text, "gray stone, longharbour"), all);
    cr_assert_lt(shared(VLMC_MIX_STRONG, text, "grey stine, longharbour"), all);
}

static void check_streams(vlmc_past_kind kind, vlmc_mix_effort effort)
{
    enum { N = 700 };
    uint64_t hashes[VLMC_PAST_CONTEXTS_MAX], alone[VLMC_PAST_CONTEXTS_MAX];
    const size_t bytes = vlmc_past_n_contexts(kind, effort) * sizeof *hashes;
    vlmc_past many = create(kind, effort, 3), one = create(kind, effort, 1);
    uint8_t text[N], noise[N];
    random_text(text, N, 3);
    random_symbols(noise, N, 4);
    for (uint32_t i = 0; i < N; i++) {
        vlmc_past_push(&many, 0, noise[i]);
        vlmc_past_push(&many, 1, text[i]);
        vlmc_past_push(&many, 2, noise[N - 1 - i]);
        vlmc_past_push(&one, 0, text[i]);
        vlmc_past_contexts(&many, 1, 0, hashes);
        vlmc_past_contexts(&one, 0, 0, alone);
        cr_assert(memcmp(hashes, alone, bytes) == 0, "kind %u, effort %u: %u", kind, effort, i);
    }
    vlmc_past_destroy(&many);
    vlmc_past_destroy(&one);
}

Test(past, streams_do_not_see_each_others_symbols)
{
    each_kind(check_streams);
}

// ---- Near contexts ----

static void check_near(vlmc_past_kind kind, vlmc_mix_effort effort)
{
    uint64_t a[VLMC_PAST_NEAR_MAX] = {0}, b[VLMC_PAST_NEAR_MAX] = {0}, all[VLMC_PAST_CONTEXTS_MAX];
    const uint32_t n = vlmc_past_n_near(kind), n_all = vlmc_past_n_contexts(kind, effort);
    cr_assert_eq(n, kind == VLMC_PAST_NONE ? 0 : VLMC_PAST_NEAR_MAX);
    vlmc_past past = create(kind, effort, 2);
    push_text(&past, 0, "the same words");
    push_text(&past, 1, "the same words");
    vlmc_past_near(&past, 0, a);
    vlmc_past_near(&past, 1, b);
    vlmc_past_contexts(&past, 1, 0, all);
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < n; k++)
            cr_assert_neq(a[i], b[k], "kind %u: %u of one stream, %u of the other", kind, i, k);
        for (uint32_t k = 0; k < n_all; k++)
            cr_assert(a[i] != all[k] && b[i] != all[k], "kind %u: %u, %u", kind, i, k);
    }
    push_text(&past, 1, "; but the same words");
    vlmc_past_near(&past, 1, a);
    cr_assert(memcmp(a, b, sizeof a) == 0, "what came long before does not matter");
    push_text(&past, 1, "s");
    vlmc_past_near(&past, 1, a);
    for (uint32_t i = 0; i < n; i++)
        cr_assert_neq(a[i], b[i]);
    vlmc_past_destroy(&past);
}

Test(past, near_contexts_are_a_streams_own)
{
    each_kind(check_near);
}

static void check_clear(vlmc_past_kind kind, vlmc_mix_effort effort)
{
    uint64_t before[VLMC_PAST_CONTEXTS_MAX], after[VLMC_PAST_CONTEXTS_MAX];
    vlmc_past past = create(kind, effort, 2);
    const size_t bytes = vlmc_past_n_contexts(kind, effort) * sizeof *before;
    uint8_t noise[3000];
    random_symbols(noise, sizeof noise, 4);
    vlmc_past_contexts(&past, 1, 0, before);
    push(&past, 1, noise, sizeof noise);
    vlmc_past_contexts(&past, 1, 0, after);
    cr_assert(bytes == 0 || memcmp(before, after, bytes) != 0);
    vlmc_past_clear(&past, 2, 4096);
    vlmc_past_contexts(&past, 1, 0, after);
    cr_assert(memcmp(before, after, bytes) == 0);
    vlmc_past_destroy(&past);
}

Test(past, clear_forgets_everything)
{
    each_kind(check_clear);
}

// ---- Records ----

static void fill_record(uint8_t *record, uint32_t width, uint32_t number, uint32_t *state)
{
    static const uint8_t kind[] = {0x7F, 0x1D, 0xC8};
    memset(record, 0, width);
    memcpy(record, kind, sizeof kind);
    memcpy(record + 4, &number, sizeof number); // a counter
    for (uint32_t i = 8; i < width; i++)
        record[i] = (uint8_t)(next_random(state) >> 16);
}

static void push_records(vlmc_past *past, uint32_t width, uint32_t n)
{
    uint8_t record[512];
    uint32_t state = width;
    for (uint32_t i = 0; i < n; i++) {
        fill_record(record, width, i, &state);
        push(past, 0, record, width);
    }
}

Test(past, the_width_of_records_is_found)
{
    const uint32_t widths[] = {9, 16, 24, 36, 100};
    for (uint32_t effort = VLMC_MIX_NORMAL; effort <= VLMC_MIX_STRONG; effort++)
        for (uint32_t i = 0; i < sizeof widths / sizeof *widths; i++) {
            vlmc_past past = create(VLMC_PAST_BYTES, effort, 1);
            cr_assert_eq(past.streams[0].at.record, 0);
            push_records(&past, widths[i], 8192 / widths[i] < 200 ? 8192 / widths[i] : 200);
            cr_assert_eq(past.streams[0].at.record, widths[i], "%u, not %u",
                         past.streams[0].at.record, widths[i]);
            vlmc_past_destroy(&past);
        }
}

Test(past, records_of_another_width_are_found_after_some)
{
    vlmc_past past = create(VLMC_PAST_BYTES, VLMC_MIX_NORMAL, 1);
    push_records(&past, 24, 100);
    cr_assert_eq(past.streams[0].at.record, 24);
    push_records(&past, 40, 140);
    cr_assert_eq(past.streams[0].at.record, 40, "%u", past.streams[0].at.record);
    vlmc_past_destroy(&past);
}

Test(past, there_are_no_records_in_noise_and_in_text_nobody_looks)
{
    uint8_t noise[8000];
    random_symbols(noise, sizeof noise, 9);
    vlmc_past past = create(VLMC_PAST_BYTES, VLMC_MIX_STRONG, 1);
    push(&past, 0, noise, sizeof noise);
    cr_assert_eq(past.streams[0].at.record, 0, "%u", past.streams[0].at.record);
    vlmc_past_destroy(&past);
    past = create(VLMC_PAST_TEXT, VLMC_MIX_STRONG, 1);
    push_records(&past, 24, 200);
    cr_assert_eq(past.streams[0].at.record, 0);
    vlmc_past_destroy(&past);
    past = create(VLMC_PAST_BYTES, VLMC_MIX_FAST, 1);
    push_records(&past, 24, 200);
    cr_assert_eq(past.streams[0].at.record, 0);
    vlmc_past_destroy(&past);
}

Test(past, what_stands_above_in_a_record_is_a_context)
{
    // Two tables whose last two records differ in the column that comes next.
    uint64_t a[VLMC_PAST_CONTEXTS_MAX], b[VLMC_PAST_CONTEXTS_MAX];
    uint8_t record[24];
    uint32_t differ = 0;
    vlmc_past past = create(VLMC_PAST_BYTES, VLMC_MIX_NORMAL, 2);
    for (uint32_t i = 0; i < 200; i++)
        for (uint32_t s = 0; s < 2; s++) {
            uint32_t state = i;
            fill_record(record, sizeof record, i, &state);
            record[12] = (uint8_t)(s ? 11 : 22);
            push(&past, s, record, i == 199 ? 12 : sizeof record);
        }
    cr_assert(past.streams[0].at.record == 24 && past.streams[1].at.record == 24);
    vlmc_past_contexts(&past, 0, 0, a);
    vlmc_past_contexts(&past, 1, 0, b);
    for (uint32_t i = 0; i < vlmc_past_n_contexts(VLMC_PAST_BYTES, VLMC_MIX_NORMAL); i++)
        differ += a[i] != b[i];
    cr_assert_geq(differ, 1);
    vlmc_past_destroy(&past);
}
