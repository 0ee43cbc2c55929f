// SPDX-License-Identifier: Apache-2.0
// Checks of side contexts: in range, pure, independent, quick.
#include "check_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKENS_MAX 200000u
#define AIM_NS 100u
#define SPEED_TOKENS 100000u
#define STATE_BYTES ((size_t)64 << 20)
#define STATE_BYTES_PER_TOKEN 16u

// A group of streams over a row of tokens.
typedef struct group {
    uint32_t n_streams;
    uint64_t first[VLMC_PLUGIN_STREAMS_MAX]; // token of a stream, in the segment
    size_t at[VLMC_PLUGIN_STREAMS_MAX];      // in the row
    size_t n[VLMC_PLUGIN_STREAMS_MAX];       // not increasing
} group;

// Cuts n tokens as archives do: streams begin at multiples of align_tokens, the first may have a
// unit more, the last ends at n.
static void cut(group *g, size_t n, uint64_t align, uint32_t n_streams)
{
    const uint64_t units = (n + align - 1) / align;
    const uint32_t streams = units < n_streams ? (uint32_t)units : n_streams;
    size_t at = 0;
    g->n_streams = streams;
    for (uint32_t s = 0; s < streams; s++) {
        const uint64_t tokens = (units / streams + (s < units % streams)) * align;
        g->first[s] = at;
        g->at[s] = at;
        g->n[s] = tokens < n - at ? (size_t)tokens : n - at;
        at += g->n[s];
    }
}

static void make_group(check_run *run, const check_input *input, size_t n, uint32_t n_streams,
                       group *g)
{
    vlmc_token_geometry geometry;
    if (vlmc_plugin_geometry(run->tokenizer, input->params, input->params_bytes, &geometry, NULL) !=
        VLMC_OK)
        check_fail(run, "geometry refuses parameters that it took before");
    cut(g, n, geometry.align_tokens, n_streams);
}

static void *create_state(check_run *run, const check_input *input, const group *g)
{
    void *state = NULL;
    const int32_t result = run->tokenizer->contexts_create(input->params, input->params_bytes,
                                                           g->n_streams, g->first, &state);
    if (result == VLMC_PLUGIN_MEMORY)
        return NULL;
    if (result != VLMC_PLUGIN_OK || !state)
        check_fail(run,
                   "contexts_create returns %d for %u streams, though geometry takes the "
                   "parameters",
                   (int)result, (unsigned)g->n_streams);
    return state;
}

typedef struct answer {
    uint32_t contexts[VLMC_PLUGIN_CONTEXTS_MAX];
    uint32_t centre;
} answer;

static void ask(check_run *run, void *state, uint32_t stream, answer *a)
{
    memset(a, 0xee, sizeof *a); // what is not set is seen
    run->tokenizer->next_context(state, stream, a->contexts, &a->centre);
}

static void check_range(check_run *run, const answer *a, uint32_t stream, size_t step)
{
    const vlmc_tokenizer *t = run->tokenizer;
    for (uint32_t i = 0; i < t->n_contexts; i++)
        if (t->contexts[i].cardinality > 0 && a->contexts[i] >= t->contexts[i].cardinality)
            check_fail(run, "context %s is %u in stream %u at token %zu, and its cardinality %u",
                       t->contexts[i].name, (unsigned)a->contexts[i], (unsigned)stream, step,
                       (unsigned)t->contexts[i].cardinality);
    if (t->flags & VLMC_TOKENIZER_CENTRED ? a->centre >= t->alphabet : a->centre != 0)
        check_fail(run, "the centre is %u in stream %u at token %zu", (unsigned)a->centre,
                   (unsigned)stream, step);
}

static bool equal(const check_run *run, const answer *a, const answer *b)
{
    return a->centre == b->centre &&
           memcmp(a->contexts, b->contexts, run->tokenizer->n_contexts * sizeof(uint32_t)) == 0;
}

// ---- Purity ----

// Three objects: two that see the same, and one between them that sees other tokens.
typedef struct trio {
    void *first;
    void *second;
    void *other;
} trio;

static void step_trio(check_run *run, const trio *states, const group *g, const check_bytes *tokens,
                      size_t step)
{
    uint32_t active = 0;
    while (active < g->n_streams && g->n[active] > step)
        active++;
    for (uint32_t s = 0; s < active; s++) {
        answer a;
        answer b;
        answer c;
        ask(run, states->first, s, &a);
        check_range(run, &a, s, step);
        ask(run, states->other, s, &c);
        check_range(run, &c, s, step);
        ask(run, states->first, s, &b);
        if (!equal(run, &a, &b))
            check_fail(run, "next_context says one thing and then another (stream %u, token %zu)",
                       (unsigned)s, step);
        ask(run, states->second, s, &b);
        if (!equal(run, &a, &b))
            check_fail(run, "two objects that saw the same differ (stream %u, token %zu)",
                       (unsigned)s, step);
    }
    for (uint32_t s = 0; s < active; s++) {
        const uint32_t token = tokens->bytes[g->at[s] + step];
        run->tokenizer->push_token(states->first, s, token);
        run->tokenizer->push_token(states->other, s,
                                   (token + (uint32_t)step + 1) % run->tokenizer->alphabet);
        run->tokenizer->push_token(states->second, s, token);
    }
}

static void check_group(check_run *run, const check_input *input, const check_bytes *tokens,
                        uint32_t n_streams)
{
    group g;
    make_group(run, input, tokens->n, n_streams, &g);
    check_doing(run, "%zu tokens in %u streams, %u bytes of parameters", tokens->n,
                (unsigned)g.n_streams, (unsigned)input->params_bytes);
    const trio states = {create_state(run, input, &g), create_state(run, input, &g),
                         create_state(run, input, &g)};
    if (states.first && states.second && states.other)
        for (size_t step = 0; step < g.n[0]; step++) {
            step_trio(run, &states, &g, tokens, step);
            if (step % 1024 == 0)
                atomic_fetch_add(&run->shared->steps, 1);
        }
    run->tokenizer->contexts_destroy(states.first);
    run->tokenizer->contexts_destroy(states.second);
    run->tokenizer->contexts_destroy(states.other);
}

// Tokens as an encoder makes them, or as only damage makes them.
static void get_tokens(check_run *run, const check_input *input, size_t limit, check_bytes *tokens)
{
    if (check_below(run, 4) == 0 || !check_encode(run, input, tokens) || tokens->n == 0) {
        tokens->n = 1 + check_below(run, 30000);
        tokens->bytes = check_memory(run, tokens->n);
        check_make_bytes(run, tokens->bytes, tokens->n);
        for (size_t i = 0; i < tokens->n; i++)
            tokens->bytes[i] = (uint8_t)(tokens->bytes[i] % run->tokenizer->alphabet);
    }
    tokens->n = tokens->n < limit ? tokens->n : limit;
}

void check_contexts(check_run *run)
{
    static const uint32_t widths[] = {1, 2, 3, 7, 16, 64, 127, 128};
    uint64_t sum = 0;
    uint64_t turn;
    check_input input;
    check_bytes tokens;
    for (turn = run->first; check_turn(run, turn); turn++) {
        if (!check_input_create(run, turn, CHECK_INPUT_BYTES_MAX, &input))
            break;
        get_tokens(run, &input, TOKENS_MAX, &tokens);
        check_group(run, &input, &tokens, widths[check_below(run, 8)]);
        sum += tokens.n;
        free(tokens.bytes);
        check_input_destroy(&input);
    }
    run->tokenizer->contexts_destroy(NULL);
    if (turn == run->first)
        check_say(run, VLMC_CHECK_NOTE, "there are no parameters to check them with");
    else
        check_say(run, VLMC_CHECK_OK, "%" PRIu64 " groups, %" PRIu64 " tokens: in range and pure",
                  turn - run->first, sum);
}

// ---- The same in every process ----

uint64_t check_contexts_digest(check_run *run, const check_input *input, const check_bytes *tokens,
                               uint64_t digest)
{
    group g;
    const size_t n = tokens->n < TOKENS_MAX ? tokens->n : TOKENS_MAX;
    if (n == 0)
        return digest;
    make_group(run, input, n, 1 + check_below(run, VLMC_PLUGIN_STREAMS_MAX), &g);
    void *state = create_state(run, input, &g);
    for (size_t step = 0; state && step < g.n[0]; step++) {
        answer a;
        for (uint32_t s = 0; s < g.n_streams && g.n[s] > step; s++) {
            ask(run, state, s, &a);
            digest =
                check_digest(digest, a.contexts, run->tokenizer->n_contexts * sizeof(uint32_t));
            digest = check_digest(digest, &a.centre, sizeof a.centre);
        }
        for (uint32_t s = 0; s < g.n_streams && g.n[s] > step; s++)
            run->tokenizer->push_token(state, s, tokens->bytes[g.at[s] + step]);
    }
    run->tokenizer->contexts_destroy(state);
    return digest;
}

// ---- Speed and size ----

static uint64_t time_group(check_run *run, const check_input *input, const check_bytes *tokens,
                           uint32_t n_streams)
{
    const vlmc_tokenizer *t = run->tokenizer;
    group g;
    answer a;
    make_group(run, input, tokens->n, n_streams, &g);
    const int64_t before = check_memory_in_use();
    void *state = create_state(run, input, &g);
    if (!state)
        return UINT64_MAX;
    const uint64_t began = check_now_ns();
    for (size_t step = 0; step < g.n[0]; step++) {
        for (uint32_t s = 0; s < g.n_streams && g.n[s] > step; s++)
            t->next_context(state, s, a.contexts, &a.centre);
        for (uint32_t s = 0; s < g.n_streams && g.n[s] > step; s++)
            t->push_token(state, s, tokens->bytes[g.at[s] + step]);
    }
    const uint64_t ns = check_now_ns() - began;
    const int64_t after = check_memory_in_use();
    if (after - before > (int64_t)(STATE_BYTES + STATE_BYTES_PER_TOKEN * tokens->n))
        check_fail(run, "the contexts take %" PRId64 " MiB for %zu tokens", (after - before) >> 20,
                   tokens->n);
    t->contexts_destroy(state);
    return ns * 10 / tokens->n;
}

// Of tokens as they are in samples, where there are some; the best of a few tries.
void check_speed(check_run *run)
{
    uint64_t best[2] = {UINT64_MAX, UINT64_MAX};
    check_input input;
    check_bytes tokens;
    for (uint64_t turn = run->first; check_turn(run, turn); turn++) {
        if (!check_input_create(run, turn, CHECK_INPUT_BYTES_MAX, &input))
            break;
        get_tokens(run, &input, SPEED_TOKENS, &tokens);
        for (int wide = 0; wide < 2 && tokens.n > 4000; wide++) {
            const uint64_t tenths = time_group(run, &input, &tokens, wide ? 64 : 1);
            best[wide] = tenths < best[wide] ? tenths : best[wide];
        }
        free(tokens.bytes);
        check_input_destroy(&input);
    }
    if (best[0] == UINT64_MAX) {
        check_say(run, VLMC_CHECK_NOTE, "there was nothing to measure with");
        return;
    }
    const bool slow = best[1] > 10 * AIM_NS;
    check_say(run, slow ? VLMC_CHECK_NOTE : VLMC_CHECK_OK,
              "next_context and push_token take %" PRIu64 ".%" PRIu64 " ns per token in 64 "
              "streams, %" PRIu64 ".%" PRIu64 " ns in one%s",
              best[1] / 10, best[1] % 10, best[0] / 10, best[0] % 10, slow ? "; aim at 100" : "");
}
