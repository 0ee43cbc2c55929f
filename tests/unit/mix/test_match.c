// SPDX-License-Identifier: Apache-2.0
#include "mix/match.h"

#include "mix_support.h"

#include <criterion/criterion.h>
#include <string.h>

#define LENGTH_MIN 6u // as in match.c
#define MISSES_MAX 8u

typedef struct rig {
    vlmc_past past;
    vlmc_matcher matcher;
} rig;

// Its matcher borrows its past: it stays where it is.
static void set_up(rig *r, uint32_t streams, uint32_t steps)
{
    cr_assert(vlmc_past_create(&r->past, VLMC_PAST_TEXT, VLMC_MIX_FAST, streams, streams * steps));
    cr_assert(vlmc_matcher_create(&r->matcher, &r->past));
    vlmc_past_clear(&r->past, streams, steps);
    vlmc_matcher_clear(&r->matcher, streams * steps);
}

static void tear_down(rig *r)
{
    vlmc_matcher_destroy(&r->matcher);
    vlmc_past_destroy(&r->past);
}

// What is expected of a stream, -1 for nothing; it is known, and in one stream.
static int look(rig *r, uint32_t stream)
{
    vlmc_matcher_look(&r->matcher, stream);
    const vlmc_match_stream *match = &r->matcher.streams[stream];
    cr_assert(vlmc_match_class(match) < VLMC_MATCH_CLASSES && vlmc_match_step(match) < 8);
    if (!match->predicts)
        return -1;
    const uint32_t other = match->from / r->past.stride, at = match->from % r->past.stride;
    cr_assert(other < r->past.n_streams && at < r->past.streams[other].at.n,
              "beyond what is known");
    cr_assert_eq(match->symbol, r->past.streams[other].at.symbols[at]);
    return match->symbol;
}

static void push(rig *r, uint32_t stream, uint8_t symbol)
{
    vlmc_past_push(&r->past, stream, symbol);
    vlmc_matcher_push(&r->matcher, stream, symbol);
}

// A stream alone; how many of its symbols were expected.
static uint32_t code(rig *r, uint32_t stream, const uint8_t *symbols, uint32_t n)
{
    uint32_t right = 0;
    for (uint32_t i = 0; i < n; i++) {
        right += look(r, stream) == symbols[i];
        push(r, stream, symbols[i]);
    }
    return right;
}

Test(match, a_repeat_is_expected_to_go_on_after_six_symbols)
{
    uint8_t symbols[300];
    rig r;
    random_symbols(symbols, sizeof symbols, 1);
    set_up(&r, 1, 1000);
    cr_assert_eq(code(&r, 0, symbols, 300), 0);
    cr_assert_eq(code(&r, 0, symbols + 100, LENGTH_MIN), 0);
    cr_assert_eq(look(&r, 0), symbols[100 + LENGTH_MIN]);
    cr_assert_eq(r.matcher.streams[0].length, LENGTH_MIN);
    cr_assert_eq(code(&r, 0, symbols + 100 + LENGTH_MIN, 150), 150);
    cr_assert_eq(r.matcher.streams[0].length, LENGTH_MIN + 150);
    tear_down(&r);
}

Test(match, a_repeat_of_fewer_symbols_is_not)
{
    uint8_t symbols[300];
    rig r;
    random_symbols(symbols, sizeof symbols, 2);
    set_up(&r, 1, 1000);
    code(&r, 0, symbols, 300);
    for (uint32_t i = 0; i < 20; i++) {
        const uint8_t other = (uint8_t)~symbols[i * 10 + LENGTH_MIN - 1];
        cr_assert_eq(code(&r, 0, symbols + i * 10, LENGTH_MIN - 1), 0);
        cr_assert_eq(look(&r, 0), -1);
        cr_assert_eq(code(&r, 0, &other, 1), 0);
    }
    tear_down(&r);
}

Test(match, repeats_are_found_in_every_stream)
{
    enum { STREAMS = 5, N = 100 };
    uint8_t symbols[STREAMS][N];
    rig r;
    set_up(&r, STREAMS, 2 * N);
    for (uint32_t s = 0; s < STREAMS; s++) {
        random_symbols(symbols[s], N, 7 + s);
        cr_assert_eq(code(&r, s, symbols[s], N), 0);
    }
    for (uint32_t s = 0; s < STREAMS; s++)
        cr_assert_geq(code(&r, s, symbols[(s + 2) % STREAMS] + 20, 60), 60 - 2 * LENGTH_MIN);
    tear_down(&r);
}

Test(match, the_newest_repeat_is_followed)
{
    uint8_t symbols[40];
    rig r;
    random_symbols(symbols, sizeof symbols, 3);
    set_up(&r, 1, 1000);
    code(&r, 0, symbols, 20);
    symbols[12] ^= 1;
    code(&r, 0, symbols, 20);
    code(&r, 0, symbols, 12);
    cr_assert_eq(look(&r, 0), symbols[12]);
    tear_down(&r);
}

// All streams the same: what one would follow is of this very step, which no decoder has.
Test(match, streams_in_lock_step_never_see_what_is_not_decoded)
{
    enum { STREAMS = 4, N = 500 };
    uint8_t symbols[N];
    rig r;
    random_symbols(symbols, N, 5);
    set_up(&r, STREAMS, N);
    for (uint32_t t = 0; t < N; t++) {
        for (uint32_t s = 0; s < STREAMS; s++)
            cr_assert_eq(look(&r, s), -1, "step %u of stream %u", t, s);
        for (uint32_t s = 0; s < STREAMS; s++)
            push(&r, s, symbols[t]);
    }
    tear_down(&r);
}

Test(match, a_stream_follows_another_one_step_behind)
{
    enum { N = 500 };
    uint8_t symbols[N];
    uint32_t right = 0;
    rig r;
    random_symbols(symbols, N, 6);
    set_up(&r, 2, N);
    for (uint32_t t = 0; t + 1 < N; t++) {
        cr_assert_eq(look(&r, 1), -1);
        right += look(&r, 0) == symbols[t];
        push(&r, 0, symbols[t]);
        push(&r, 1, symbols[t + 1]);
    }
    cr_assert_geq(right, N - 3 * LENGTH_MIN, "%u", right);
    tear_down(&r);
}

// One that follows, in the second half of a stream.
static void follow(rig *r, uint8_t *symbols, uint32_t n)
{
    random_symbols(symbols, n, 8);
    set_up(r, 1, 4 * n);
    code(r, 0, symbols, n);
    cr_assert_eq(code(r, 0, symbols, 20), 20 - LENGTH_MIN);
}

Test(match, a_single_miss_does_not_end_a_match)
{
    uint8_t symbols[300];
    rig r;
    follow(&r, symbols, sizeof symbols);
    push(&r, 0, (uint8_t)(symbols[20] ^ 1));
    cr_assert_eq(look(&r, 0), symbols[21]);
    cr_assert(r.matcher.streams[0].length == 0 && r.matcher.streams[0].missed == 1);
    cr_assert_eq(code(&r, 0, symbols + 21, 100), 100);
    cr_assert_eq(r.matcher.streams[0].missed, 0, "it is forgiven after a while");
    tear_down(&r);
}

Test(match, too_many_misses_end_a_match)
{
    uint8_t symbols[300];
    rig r;
    follow(&r, symbols, sizeof symbols);
    for (uint32_t i = 0; i <= MISSES_MAX; i++) {
        cr_assert_eq(look(&r, 0), symbols[20 + i], "miss %u", i);
        push(&r, 0, (uint8_t)~symbols[20 + i]);
    }
    cr_assert_eq(look(&r, 0), -1);
    cr_assert_not(r.matcher.streams[0].follows);
    tear_down(&r);
}

// Streams lie behind each other in memory, and are no continuation of each other.
Test(match, a_match_does_not_run_across_the_border_of_a_stream)
{
    enum { N = 50 };
    uint8_t symbols[2 * N];
    rig r;
    random_symbols(symbols, sizeof symbols, 9);
    set_up(&r, 3, N);
    code(&r, 0, symbols, N);
    code(&r, 1, symbols + N, 20);
    cr_assert_eq(code(&r, 2, symbols + N - 20, 20), 20 - LENGTH_MIN);
    cr_assert_eq(look(&r, 2), -1);
    cr_assert_eq(code(&r, 2, symbols + N, LENGTH_MIN), 0);
    cr_assert_eq(look(&r, 2), symbols[N + LENGTH_MIN], "found again behind it");
    cr_assert_eq(r.matcher.streams[2].length, LENGTH_MIN, "what lies before is another stream's");
    tear_down(&r);
}

Test(match, a_match_ends_where_a_shorter_stream_does)
{
    uint8_t symbols[60];
    rig r;
    random_symbols(symbols, sizeof symbols, 10);
    set_up(&r, 2, 100);
    code(&r, 0, symbols, 40); // it has no more
    cr_assert_eq(code(&r, 1, symbols, 40), 40 - LENGTH_MIN);
    cr_assert_eq(look(&r, 1), -1);
    cr_assert_eq(code(&r, 1, symbols + 40, 20), 0);
    tear_down(&r);
}

Test(match, longer_and_cleaner_matches_have_classes_of_their_own)
{
    vlmc_match_stream match = {.length = 0};
    uint32_t class = vlmc_match_class(&match), step = vlmc_match_step(&match), classes = 1;
    for (match.length = 1; match.length < 65536; match.length++) {
        cr_assert(vlmc_match_class(&match) >= class && vlmc_match_step(&match) >= step, "%u",
                  match.length);
        classes += vlmc_match_class(&match) != class;
        class = vlmc_match_class(&match);
        step = vlmc_match_step(&match);
    }
    cr_assert(classes > 20 && class < VLMC_MATCH_CLASSES / 4 && step == 3);
    for (match.missed = 1; match.missed < 20; match.missed++) {
        cr_assert(vlmc_match_class(&match) != class && vlmc_match_class(&match) < 128);
        cr_assert(vlmc_match_step(&match) >= 4 && vlmc_match_step(&match) < 8);
    }
}

Test(match, clear_forgets_everything)
{
    uint8_t symbols[100];
    rig r;
    random_symbols(symbols, sizeof symbols, 11);
    set_up(&r, 2, 1000);
    code(&r, 0, symbols, 100);
    code(&r, 0, symbols, 50);
    vlmc_past_clear(&r.past, 1, 500);
    vlmc_matcher_clear(&r.matcher, 500);
    cr_assert_eq(look(&r, 0), -1);
    cr_assert_eq(code(&r, 0, symbols, 100), 0);
    tear_down(&r);
}

Test(match, without_a_past_there_is_nothing_to_match)
{
    vlmc_past past;
    vlmc_matcher matcher;
    cr_assert(vlmc_past_create(&past, VLMC_PAST_NONE, VLMC_MIX_NORMAL, 4, 1u << 26));
    cr_assert(vlmc_matcher_create(&matcher, &past));
    cr_assert(!past.symbols && !matcher.table);
    vlmc_past_clear(&past, 4, 1u << 24);
    vlmc_matcher_clear(&matcher, 1u << 26);
    vlmc_past_push(&past, 3, 1);
    vlmc_matcher_push(&matcher, 3, 1);
    vlmc_matcher_destroy(&matcher);
    vlmc_past_destroy(&past);
}
