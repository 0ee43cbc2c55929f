// SPDX-License-Identifier: Apache-2.0
// Checks of encoders and decoders: nothing is lost, however the pieces are cut, whoever else runs.
#include "check_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t first_difference(const uint8_t *a, size_t n_a, const uint8_t *b, size_t n_b)
{
    size_t i = 0;
    while (i < n_a && i < n_b && a[i] == b[i])
        i++;
    return i;
}

// ---- Nothing is lost ----

typedef struct tally {
    uint64_t inputs;
    uint64_t refused;
    uint64_t changed; // foreign ones that came back as something else
    uint64_t bytes;
    uint64_t encode_ns;
    uint64_t decode_ns;
} tally;

static void say_tally(check_run *run, const tally *sum)
{
    char size[16];
    char rate[2][16];
    check_size(sum->bytes, size);
    check_size(sum->encode_ns ? sum->bytes * 1000000000u / sum->encode_ns : 0, rate[0]);
    check_size(sum->decode_ns ? sum->bytes * 1000000000u / sum->decode_ns : 0, rate[1]);
    if (sum->inputs == 0)
        check_say(run, VLMC_CHECK_NOTE,
                  "no input was accepted; give sample files of its kind, or settings with --as");
    else if (sum->encode_ns == 0)
        check_say(run, VLMC_CHECK_OK, "%" PRIu64 " inputs, %s", sum->inputs, size);
    else
        check_say(run, VLMC_CHECK_OK,
                  "%" PRIu64 " inputs, %s; %" PRIu64 " refused, %" PRIu64
                  " left to the host to refuse; %s/s there, %s/s back",
                  sum->inputs, size, sum->refused, sum->changed, rate[0], rate[1]);
}

// Bytes under parameters that belong to others may come back wrong, though a refusal would save
// the host the work: it codes them as plain bytes.
static void check_there_and_back(check_run *run, const check_input *input, tally *sum)
{
    check_bytes tokens;
    check_bytes bytes;
    const uint64_t began = check_now_ns();
    if (!check_encode(run, input, &tokens)) {
        sum->refused++;
        return;
    }
    const uint64_t encoded = check_now_ns();
    const bool restored = check_decode(run, input, &tokens, input->n, &bytes) &&
                          bytes.n == input->n && memcmp(bytes.bytes, input->bytes, input->n) == 0;
    if (!restored && !input->foreign)
        check_fail(run, "the decoder does not restore the bytes from byte %zu on",
                   first_difference(bytes.bytes, bytes.n, input->bytes, input->n));
    sum->decode_ns += check_now_ns() - encoded;
    sum->encode_ns += encoded - began;
    sum->inputs += restored;
    sum->changed += !restored;
    sum->bytes += input->n;
    free(tokens.bytes);
    free(bytes.bytes);
}

void check_lossless(check_run *run)
{
    tally sum = {0};
    check_input input;
    for (uint64_t turn = run->first; check_turn(run, turn); turn++) {
        if (!check_input_create(run, turn, CHECK_INPUT_BYTES_MAX, &input))
            break;
        check_there_and_back(run, &input, &sum);
        check_input_destroy(&input);
    }
    say_tally(run, &sum);
}

// ---- However it is cut ----

static size_t pick_piece(check_run *run, uint32_t mode)
{
    static const size_t small[] = {0, 1, 1, 2, 3, 5, 8, 64};
    static const size_t large[] = {1, 100, 1000, 4096, 65535, 65536, 200000};
    if (mode == 0)
        return 1;
    return mode == 1 ? small[check_below(run, 8)] : large[check_below(run, 7)];
}

// Converts with pieces of many sizes; the output must be `expected`.
static void convert_in_pieces(check_run *run, check_call *call, uint32_t mode, const uint8_t *in,
                              size_t n, const check_bytes *expected)
{
    uint8_t *out = check_memory(run, (size_t)1 << 20);
    size_t at = 0;
    size_t made = 0;
    size_t least = 0; // grows while nothing happens
    for (bool done = false; !done;) {
        size_t piece = pick_piece(run, mode);
        size_t room = pick_piece(run, mode);
        piece = piece > least ? piece : least;
        room = room > least ? room : least;
        room = room < (size_t)1 << 20 ? room : (size_t)1 << 20;
        const bool all = piece >= n - at;
        vlmc_plugin_io io = {
            .in = in + at, .in_bytes = all ? n - at : piece, .out = out, .out_capacity = room};
        io.in_ended = all && (least > 0 || check_below(run, 4) > 0);
        if (check_run_call(call, &io) != VLMC_PLUGIN_OK)
            check_fail(run, "it refuses in pieces what it takes otherwise (at byte %zu)", at);
        if (io.in_used > io.in_bytes || io.out_made > room || io.out_ended > 1)
            check_fail(run, "it takes or makes more than there is (at byte %zu)", at);
        // That there is no more it may also know by itself.
        if (io.out_ended && (at + io.in_used < n || io.in_used < io.in_bytes))
            check_fail(run, "it ends before its input does (at byte %zu)", at);
        if (io.out_made > expected->n - made ||
            memcmp(out, expected->bytes + made, io.out_made) != 0)
            check_fail(run, "other pieces make another result, from %zu on",
                       made + first_difference(out, io.out_made, expected->bytes + made,
                                               expected->n - made));
        at += io.in_used;
        made += io.out_made;
        done = io.out_ended;
        const bool idle = !done && io.in_used == 0 && io.out_made == 0;
        if (idle && all && io.in_ended && room >= VLMC_FEED_BYTES)
            check_fail(run, "it stands still with all its input and room (at byte %zu)", at);
        least = idle ? 2 * least + 1 : 0;
    }
    if (made != expected->n)
        check_fail(run, "other pieces make %zu instead of %zu", made, expected->n);
    free(out);
}

static void check_one_in_pieces(check_run *run, uint32_t mode, const check_input *input,
                                const check_bytes *tokens)
{
    check_bytes bytes; // what the decoder makes of them, right or not
    const bool back = check_decode(run, input, tokens, 2 * input->n, &bytes);
    for (int encode = 1; encode >= (back ? 0 : 1); encode--) {
        check_call call = {.run = run,
                           .call = encode ? run->tokenizer->encode : run->tokenizer->decode};
        call.object = check_create(run, input->params, input->params_bytes, encode);
        if (!call.object)
            check_fail(run, "it refuses parameters that it took before");
        if (encode)
            convert_in_pieces(run, &call, mode, input->bytes, input->n, tokens);
        else
            convert_in_pieces(run, &call, mode, tokens->bytes, tokens->n, &bytes);
        check_destroy(run, call.object, encode);
    }
    free(bytes.bytes);
}

void check_pieces(check_run *run)
{
    tally sum = {0};
    check_input input;
    check_bytes tokens;
    for (uint64_t turn = run->first; check_turn(run, turn); turn++) {
        if (!check_input_create(run, turn, CHECK_INPUT_BYTES_MAX, &input))
            break;
        if (check_encode(run, &input, &tokens)) {
            check_one_in_pieces(run, (uint32_t)(turn % 3), &input, &tokens);
            sum.inputs++;
            sum.bytes += input.n;
            free(tokens.bytes);
        }
        check_input_destroy(&input);
    }
    say_tally(run, &sum);
}

// ---- Whoever else runs ----

#define PARTNERS 3u

typedef struct partner {
    check_input input;
    check_bytes tokens;
    check_call call;
    vlmc_feed feed;
    size_t at;
    size_t made;
} partner;

// Fills in what comes alone. False: refused.
static bool make_partner(check_run *run, uint64_t turn, partner *p)
{
    if (!check_input_create(run, turn, CHECK_INPUT_BYTES_MAX, &p->input))
        return false;
    if (check_encode(run, &p->input, &p->tokens))
        return true;
    check_input_destroy(&p->input);
    return false;
}

static void start_partner(check_run *run, partner *p)
{
    p->call = (check_call){.run = run, .call = run->tokenizer->encode};
    p->call.object = check_create(run, p->input.params, p->input.params_bytes, true);
    if (!p->call.object)
        check_fail(run, "it refuses parameters that it took before");
    check_set_feed(&p->feed, run, &p->call, true);
    p->at = p->made = 0;
}

// One call; what comes must go on with what came alone.
static void step_partner(check_run *run, partner *p, uint8_t *out)
{
    size_t made;
    vlmc_error error;
    if (!vlmc_feed_ready(&p->feed))
        p->at += vlmc_feed_put(&p->feed, p->input.bytes + p->at, p->input.n - p->at, true);
    if (vlmc_feed_get(&p->feed, out, &made, &error) != VLMC_OK || made > p->tokens.n - p->made ||
        memcmp(out, p->tokens.bytes + p->made, made) != 0)
        check_fail(run, "an encoder gives other tokens when others run beside it (at byte %zu)",
                   p->at);
    p->made += made;
}

// Returns the bytes that were encoded.
static uint64_t run_partners(check_run *run, partner *partners, uint32_t n)
{
    uint8_t *out = check_memory(run, VLMC_FEED_BYTES);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < n; i++)
        start_partner(run, &partners[i]);
    for (uint32_t left = n; left > 0;) {
        partner *p = &partners[check_below(run, n)];
        if (p->feed.done)
            continue;
        step_partner(run, p, out);
        left -= p->feed.done;
    }
    for (uint32_t i = 0; i < n; i++) {
        check_destroy(run, partners[i].call.object, true);
        bytes += partners[i].input.n;
        check_input_destroy(&partners[i].input);
        free(partners[i].tokens.bytes);
    }
    free(out);
    return bytes;
}

void check_interleaved(check_run *run)
{
    tally sum = {0};
    partner *partners = check_memory(run, PARTNERS * sizeof *partners);
    for (uint64_t turn = run->first; check_turn(run, turn); turn++) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < PARTNERS; i++)
            n += make_partner(run, turn * PARTNERS + i, &partners[n]);
        check_doing(run, "%u encoders side by side", (unsigned)n);
        sum.bytes += run_partners(run, partners, n);
        sum.inputs += n;
    }
    free(partners);
    say_tally(run, &sum);
}

// ---- The same everywhere ----

void check_same(check_run *run)
{
    tally sum = {0};
    uint64_t turn;
    check_input input;
    check_bytes tokens;
    uint64_t digest = 0;
    for (turn = run->first; check_turn(run, turn); turn++) {
        if (!check_input_create(run, turn, CHECK_INPUT_BYTES_MAX, &input))
            break;
        if (check_encode(run, &input, &tokens)) {
            digest = check_digest(digest, tokens.bytes, tokens.n);
            digest = check_contexts_digest(run, &input, &tokens, digest);
            sum.inputs++;
            sum.bytes += input.n;
            free(tokens.bytes);
        }
        check_input_destroy(&input);
    }
    run->shared->digest = digest;
    run->shared->turns = turn - run->first;
    say_tally(run, &sum);
}
