// SPDX-License-Identifier: Apache-2.0
// Side contexts: in range, of the past alone, the same for both directions.
#include "text_support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define STREAMS 5u
#define STEPS 20000u // more than a stream's memory

static uint32_t number_of(const char *name)
{
    const vlmc_tokenizer *t = text_tokenizer();
    for (uint32_t i = 0; i < t->n_contexts; i++)
        if (strcmp(t->contexts[i].name, name) == 0)
            return i;
    cr_assert_fail("no context %s", name);
    return 0;
}

static void *create(uint32_t n_streams)
{
    const uint8_t params = 0;
    const uint64_t first[VLMC_PLUGIN_STREAMS_MAX] = {0};
    void *state;
    cr_assert_eq(text_tokenizer()->contexts_create(&params, 1, n_streams, first, &state),
                 VLMC_PLUGIN_OK);
    return state;
}

// Values of a stream after a text.
static void after(const char *text, uint32_t values[VLMC_PLUGIN_CONTEXTS_MAX])
{
    const vlmc_tokenizer *t = text_tokenizer();
    void *state = create(1);
    uint32_t centre;
    for (; *text; text++)
        t->push_token(state, 0, (uint8_t)*text);
    t->next_context(state, 0, values, &centre);
    cr_assert_eq(centre, 0);
    t->contexts_destroy(state);
}

static uint8_t hostile_byte(uint32_t *seed, uint32_t step)
{
    static const char mark_up[] = "<a b='c'>\n</x><<//\"\xC3\xA9\xED\xA0\x80\r\n\t  12<";
    const uint32_t x = text_random(seed);
    if (step / 3000 % 3 == 0)
        return (uint8_t)mark_up[x % (sizeof mark_up - 1)];
    return step / 3000 % 3 == 1 ? (uint8_t)x : 'x'; // a long line of x
}

Test(text_contexts, values_are_below_their_cardinality_whatever_comes)
{
    const vlmc_tokenizer *t = text_tokenizer();
    void *state = create(STREAMS);
    uint32_t seed = 41, values[VLMC_PLUGIN_CONTEXTS_MAX], centre;
    for (uint32_t step = 0; step < STEPS; step++) {
        const uint32_t active = step < STEPS / 2 ? STREAMS : STREAMS - 1;
        for (uint32_t s = 0; s < active; s++) {
            t->next_context(state, s, values, &centre);
            for (uint32_t i = 0; i < t->n_contexts; i++)
                cr_assert(t->contexts[i].cardinality == 0 ||
                          values[i] < t->contexts[i].cardinality);
        }
        for (uint32_t s = 0; s < active; s++)
            t->push_token(state, s, hostile_byte(&seed, step));
    }
    t->contexts_destroy(state);
}

Test(text_contexts, asking_twice_or_in_another_object_gives_the_same)
{
    const vlmc_tokenizer *t = text_tokenizer();
    void *one = create(STREAMS), *other = create(STREAMS);
    uint32_t seed = 43, centre;
    uint32_t a[VLMC_PLUGIN_CONTEXTS_MAX], b[VLMC_PLUGIN_CONTEXTS_MAX];
    for (uint32_t step = 0; step < 4000; step++) {
        for (uint32_t s = 0; s < STREAMS; s++) {
            t->next_context(one, s, a, &centre);
            t->next_context(one, s, a, &centre);
            t->next_context(other, s, b, &centre);
            cr_assert_eq(memcmp(a, b, t->n_contexts * sizeof *a), 0);
        }
        for (uint32_t s = 0; s < STREAMS; s++) {
            const uint8_t byte = hostile_byte(&seed, step);
            t->push_token(one, s, byte);
            t->push_token(other, s, byte);
        }
    }
    t->contexts_destroy(one);
    t->contexts_destroy(other);
}

Test(text_contexts, the_byte_above_is_the_one_in_the_line_before)
{
    uint32_t values[VLMC_PLUGIN_CONTEXTS_MAX];
    const uint32_t above = number_of("above"), column = number_of("column");
    after("abcdef\nxy", values);
    cr_assert_eq(values[above], 'c');
    cr_assert_eq(values[column], 2);
    after("ab\nwxyz", values); // the line before is shorter
    cr_assert_eq(values[above], 0);
    after("ab", values); // there is none
    cr_assert_eq(values[above], 0);
    after("abc\n\n", values); // it is empty: its end is what stands there
    cr_assert_eq(values[above], '\n');
}

Test(text_contexts, the_first_byte_of_a_line_sees_the_line_before)
{
    uint32_t values[VLMC_PLUGIN_CONTEXTS_MAX];
    after("key = 1\n", values);
    cr_assert_eq(values[number_of("above")], 'k');
    cr_assert_eq(values[number_of("column")], 0);
}

Test(text_contexts, a_match_promises_what_followed)
{
    uint32_t values[VLMC_PLUGIN_CONTEXTS_MAX];
    const uint32_t promised = number_of("promised");
    after("the quick brown fox; the quick bro", values);
    cr_assert_eq((values[promised] - 1) / 4, 'w');
    after("the quick brown fox; a slow red dog", values);
    cr_assert_eq(values[promised], 0);
}

Test(text_contexts, a_match_is_found_in_other_streams_and_never_in_what_is_to_come)
{
    const vlmc_tokenizer *t = text_tokenizer();
    const char *texts[2] = {"it is a truth universally known ", "ah! and a truth universally know"};
    const uint32_t promised = number_of("promised");
    uint32_t values[VLMC_PLUGIN_CONTEXTS_MAX], centre, right = 0;
    void *state = create(2);
    for (uint32_t i = 0; texts[0][i]; i++) {
        for (uint32_t s = 0; s < 2; s++) {
            t->next_context(state, s, values, &centre);
            if (values[promised] > 0 && s == 1)
                right += (values[promised] - 1) / 4 == (uint8_t)texts[1][i];
        }
        t->push_token(state, 0, (uint8_t)texts[0][i]);
        t->push_token(state, 1, (uint8_t)texts[1][i]);
    }
    cr_assert(right > 10);
    t->contexts_destroy(state);
    state = create(2); // both at the same place: the other one's next byte is not known yet
    for (uint32_t i = 0; i < 20; i++)
        for (uint32_t s = 0; s < 2; s++)
            t->push_token(state, s, (uint8_t)texts[0][i]);
    t->next_context(state, 1, values, &centre);
    cr_assert_eq(values[promised], 0);
    t->contexts_destroy(state);
}

Test(text_contexts, parameters_and_streams_out_of_range_are_refused)
{
    const vlmc_tokenizer *t = text_tokenizer();
    const uint64_t first[VLMC_PLUGIN_STREAMS_MAX + 1] = {0};
    uint8_t params = 0;
    void *state;
    cr_assert_eq(t->contexts_create(&params, 1, 0, first, &state), VLMC_PLUGIN_INVALID);
    cr_assert_eq(t->contexts_create(&params, 1, VLMC_PLUGIN_STREAMS_MAX + 1, first, &state),
                 VLMC_PLUGIN_INVALID);
    params = 3;
    cr_assert_eq(t->contexts_create(&params, 1, 1, first, &state), VLMC_PLUGIN_INVALID);
    t->contexts_destroy(NULL);
    state = create(VLMC_PLUGIN_STREAMS_MAX);
    t->contexts_destroy(state);
}
