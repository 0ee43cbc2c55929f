// SPDX-License-Identifier: Apache-2.0
// Checks of encoders and decoders: nothing is lost, however the pieces are cut, whoever else runs.
#include "check_run.h"

#include "feed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_MAX ((size_t)256 << 20) // of one encoder or decoder
#define SMALL_BYTES ((size_t)100000)
#define BOMB_BYTES ((size_t)32 << 20)
#define MADE_UP_TOKENS_MAX 50000u

// A call of the plugin that also counts, and remembers what it returned.
typedef struct counted_call {
    check_run *run;
    int32_t (*call)(void *object, vlmc_plugin_io *io);
    void *object;
    int32_t result;
    bool measure;
    int64_t memory; // that the object holds
    int64_t memory_peak;
} counted_call;

static void count_memory(counted_call *c, int64_t before)
{
    c->memory += check_memory_in_use() - before;
    c->memory_peak = c->memory > c->memory_peak ? c->memory : c->memory_peak;
}

static int32_t run_call(void *object, vlmc_plugin_io *io)
{
    counted_call *c = object;
    const int64_t before = c->measure ? check_memory_in_use() : 0;
    c->result = c->call(c->object, io);
    atomic_fetch_add(&c->run->shared->steps, 1);
    if (c->measure)
        count_memory(c, before);
    return c->result;
}

static void *create(check_run *run, const void *params, uint32_t n, bool encode)
{
    const vlmc_tokenizer *t = run->tokenizer;
    const char *what = encode ? "encoder_create" : "decoder_create";
    void *object = NULL;
    atomic_fetch_add(&run->shared->steps, 1);
    const int32_t result =
        encode ? t->encoder_create(params, n, &object) : t->decoder_create(params, n, &object);
    if (result > 0 || result < VLMC_PLUGIN_MEMORY)
        check_fail(run, "%s returns %d, which means nothing", what, (int)result);
    if (result == VLMC_PLUGIN_OK && !object)
        check_fail(run, "%s says that all is well and makes nothing", what);
    return result == VLMC_PLUGIN_OK ? object : NULL;
}

static void destroy(check_run *run, void *object, bool encode)
{
    if (encode)
        run->tokenizer->encoder_destroy(object);
    else
        run->tokenizer->decoder_destroy(object);
}

static void grow(check_run *run, check_bytes *out, size_t *capacity)
{
    if (*capacity - out->n >= VLMC_FEED_BYTES)
        return;
    *capacity = 2 * *capacity + VLMC_FEED_BYTES;
    uint8_t *more = realloc(out->bytes, *capacity);
    if (!more)
        check_fail(run, "there was no memory left for the check itself");
    out->bytes = more;
}

static void set_feed(vlmc_feed *feed, const check_run *run, counted_call *call, bool encode)
{
    memset(feed, 0, offsetof(vlmc_feed, buffer));
    feed->call = run_call;
    feed->object = call;
    feed->id = run->tokenizer->id;
    feed->verb = encode ? "encode" : "decode";
    feed->starving = true;
}

// One conversion with the pieces of archives. False: refused, or more than `limit`.
static bool convert(check_run *run, counted_call *call, bool encode, const uint8_t *in, size_t n,
                    size_t limit, check_bytes *out)
{
    vlmc_feed *feed = check_memory(run, sizeof *feed);
    size_t capacity = 0;
    size_t at = 0;
    set_feed(feed, run, call, encode);
    *out = (check_bytes){0};
    while (!feed->done && out->n <= limit) {
        size_t made;
        vlmc_error error;
        if (!vlmc_feed_ready(feed))
            at += vlmc_feed_put(feed, in + at, n - at, true);
        grow(run, out, &capacity);
        if (vlmc_feed_get(feed, out->bytes + out->n, &made, &error) != VLMC_OK) {
            if (call->result == VLMC_PLUGIN_OK || call->result > 0 ||
                call->result < VLMC_PLUGIN_MEMORY)
                check_fail(run, "%s", error.text);
            break; // a refusal
        }
        out->n += made;
    }
    const bool done = feed->done && out->n <= limit;
    free(feed);
    if (!done) {
        free(out->bytes);
        *out = (check_bytes){0};
    }
    return done;
}

// Creates, converts, destroys.
static bool convert_once(check_run *run, counted_call *call, bool encode, const void *params,
                         uint32_t params_bytes, const uint8_t *in, size_t n, size_t limit,
                         check_bytes *out)
{
    call->run = run;
    call->call = encode ? run->tokenizer->encode : run->tokenizer->decode;
    const int64_t before = call->measure ? check_memory_in_use() : 0;
    call->object = create(run, params, params_bytes, encode);
    if (call->measure)
        count_memory(call, before);
    *out = (check_bytes){0};
    if (!call->object)
        return false;
    const bool done = convert(run, call, encode, in, n, limit, out);
    destroy(run, call->object, encode);
    return done;
}

bool check_encode(check_run *run, const check_input *input, check_bytes *tokens)
{
    counted_call call = {0};
    if (!convert_once(run, &call, true, input->params, input->params_bytes, input->bytes, input->n,
                      CHECK_TOKENS_MAX, tokens))
        return false;
    for (size_t i = 0; i < tokens->n; i++)
        if (tokens->bytes[i] >= run->tokenizer->alphabet)
            check_fail(run, "token %zu is %u, outside the alphabet", i, (unsigned)tokens->bytes[i]);
    return true;
}

bool check_decode(check_run *run, const check_input *params, const check_bytes *tokens,
                  size_t limit, check_bytes *bytes)
{
    counted_call call = {0};
    return convert_once(run, &call, false, params->params, params->params_bytes, tokens->bytes,
                        tokens->n, limit, bytes);
}

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
static void convert_in_pieces(check_run *run, counted_call *call, uint32_t mode, const uint8_t *in,
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
        if (run_call(call, &io) != VLMC_PLUGIN_OK)
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
        counted_call call = {.run = run,
                             .call = encode ? run->tokenizer->encode : run->tokenizer->decode};
        call.object = create(run, input->params, input->params_bytes, encode);
        if (!call.object)
            check_fail(run, "it refuses parameters that it took before");
        if (encode)
            convert_in_pieces(run, &call, mode, input->bytes, input->n, tokens);
        else
            convert_in_pieces(run, &call, mode, tokens->bytes, tokens->n, &bytes);
        destroy(run, call.object, encode);
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
    counted_call call;
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
    p->call = (counted_call){.run = run, .call = run->tokenizer->encode};
    p->call.object = create(run, p->input.params, p->input.params_bytes, true);
    if (!p->call.object)
        check_fail(run, "it refuses parameters that it took before");
    set_feed(&p->feed, run, &p->call, true);
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
        destroy(run, partners[i].call.object, true);
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

// ---- Hostile tokens and parameters ----

void check_hostile_tokens(check_run *run)
{
    uint64_t accepted = 0;
    uint64_t turn;
    check_input input;
    check_bytes tokens;
    check_bytes bytes;
    for (turn = run->first; check_turn(run, turn); turn++) {
        if (!check_input_create(run, turn, CHECK_INPUT_BYTES_MAX, &input))
            break;
        const bool changed = check_encode(run, &input, &tokens) && tokens.n > 0;
        if (changed) {
            check_mutate(run, tokens.bytes, &tokens.n);
        } else {
            free(tokens.bytes);
            tokens.n = 1 + check_below(run, MADE_UP_TOKENS_MAX);
            tokens.bytes = check_memory(run, tokens.n);
            check_make_bytes(run, tokens.bytes, tokens.n);
        }
        for (size_t i = 0; i < tokens.n; i++)
            tokens.bytes[i] = (uint8_t)(tokens.bytes[i] % run->tokenizer->alphabet);
        check_doing(run, "%zu %s tokens, %u bytes of parameters", tokens.n,
                    changed ? "changed" : "made-up", (unsigned)input.params_bytes);
        if (check_decode(run, &input, &tokens, BOMB_BYTES, &bytes)) {
            accepted++;
            free(bytes.bytes);
        }
        free(tokens.bytes);
        check_input_destroy(&input);
    }
    check_say(run, VLMC_CHECK_OK, "%" PRIu64 " rows of tokens, of which the decoder took %" PRIu64,
              turn - run->first, accepted);
}

// A short life with these parameters, whatever geometry says of them.
static void live_with(check_run *run, const uint8_t *params, size_t n, uint64_t *accepted)
{
    check_input input = {.params = params, .params_bytes = (uint32_t)n, .n = 3000};
    check_bytes tokens = {0};
    check_bytes bytes;
    vlmc_token_geometry geometry;
    input.bytes = check_memory(run, input.n);
    check_make_bytes(run, input.bytes, input.n);
    const bool fine =
        vlmc_plugin_geometry(run->tokenizer, params, (uint32_t)n, &geometry, NULL) == VLMC_OK;
    *accepted += fine;
    if (!check_encode(run, &input, &tokens)) {
        tokens.n = 3000;
        tokens.bytes = check_memory(run, tokens.n);
        check_make_bytes(run, tokens.bytes, tokens.n);
        for (size_t i = 0; i < tokens.n; i++)
            tokens.bytes[i] = (uint8_t)(tokens.bytes[i] % run->tokenizer->alphabet);
    }
    if (check_decode(run, &input, &tokens, BOMB_BYTES, &bytes))
        free(bytes.bytes);
    if (fine && tokens.n > 0)
        check_contexts_digest(run, &input, &tokens, 0);
    free(tokens.bytes);
    check_input_destroy(&input);
}

void check_hostile_params(check_run *run)
{
    uint64_t accepted = 0;
    uint64_t turn;
    for (turn = run->first; check_turn(run, turn); turn++) {
        uint8_t made_up[64];
        check_input input = {0};
        size_t n = sizeof made_up;
        check_make_bytes(run, made_up, n);
        n = check_below(run, sizeof made_up + 1);
        if (check_below(run, 3) > 0 && check_input_create(run, UINT32_MAX + turn, 1, &input) &&
            input.params_bytes > 0) {
            uint8_t *changed = check_memory(run, input.params_bytes);
            memcpy(changed, input.params, input.params_bytes);
            n = input.params_bytes;
            check_mutate(run, changed, &n);
            check_doing(run, "%zu changed bytes of parameters", n);
            live_with(run, changed, n, &accepted);
            free(changed);
        } else {
            check_doing(run, "%zu made-up bytes of parameters", n);
            live_with(run, made_up, n, &accepted);
        }
        check_input_destroy(&input);
    }
    check_say(run, VLMC_CHECK_OK, "%" PRIu64 " parameters, of which it took %" PRIu64,
              turn - run->first, accepted);
}

// ---- Memory ----

// Beyond what caches and fragments of the C library explain.
#define LEAK_BYTES_PER_TURN 64
#define LEAK_BYTES ((int64_t)64 << 10)
#define LONG_INPUT_BYTES ((size_t)4 << 20)
#define SPACE_SLACK_BYTES ((uint64_t)64 << 20)

// The most address space that this process has had.
static uint64_t space_peak(void)
{
    char line[256];
    unsigned long long kib = 0;
    FILE *file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmPeak: %llu", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib << 10;
}

static void measure(check_run *run, bool encode, const check_input *params, const uint8_t *in,
                    size_t n, int64_t *peak, check_bytes *out)
{
    counted_call call = {.measure = true};
    const char *what = encode ? "encode" : "decode";
    const uint64_t space = space_peak();
    convert_once(run, &call, encode, params->params, params->params_bytes, in, n, CHECK_TOKENS_MAX,
                 out);
    if (call.memory_peak > (int64_t)MEMORY_MAX)
        check_fail(run, "%s takes %" PRId64 " MiB of memory, and %zu is the most", what,
                   call.memory_peak >> 20, MEMORY_MAX >> 20);
    // What is taken and given back within a call is seen in address space only.
    const uint64_t own = 4 * (uint64_t)out->n + SPACE_SLACK_BYTES;
    if (space_peak() > space + MEMORY_MAX + own)
        check_fail(run, "%s takes more than %zu MiB of memory within a call", what,
                   MEMORY_MAX >> 20);
    *peak = call.memory_peak > *peak ? call.memory_peak : *peak;
}

// Every eighth input is long, so that what grows with it is seen.
static bool memory_input(check_run *run, uint64_t turn, check_input *input)
{
    if (turn % 8 != 0)
        return check_input_create(run, turn - turn / 8 - 1, CHECK_INPUT_BYTES_MAX, input);
    if (!check_input_create(run, UINT32_MAX + turn, 1, input))
        return false;
    free(input->bytes);
    input->n = LONG_INPUT_BYTES;
    input->bytes = check_memory(run, input->n);
    check_make_bytes(run, input->bytes, input->n);
    check_doing(run, "made-up bytes: %zu, with %u of parameters", input->n,
                (unsigned)input->params_bytes);
    return true;
}

void check_memory_use(check_run *run)
{
    int64_t peak = 0;
    int64_t settled = 0;
    char size[16];
    uint64_t turn;
    check_input input;
    const uint64_t warm = run->first + 8;
    for (turn = run->first; check_turn(run, turn); turn++) {
        check_bytes tokens = {0};
        check_bytes bytes = {0};
        if (!memory_input(run, turn, &input))
            break;
        measure(run, true, &input, input.bytes, input.n, &peak, &tokens);
        if (tokens.n > 0)
            measure(run, false, &input, tokens.bytes, tokens.n, &peak, &bytes);
        free(tokens.bytes);
        free(bytes.bytes);
        check_input_destroy(&input);
        if (turn == warm)
            settled = check_memory_in_use();
    }
    const int64_t leaked = turn > warm + 8 ? check_memory_in_use() - settled : 0;
    if (leaked > LEAK_BYTES && leaked > (int64_t)(turn - warm) * LEAK_BYTES_PER_TURN)
        check_fail(run, "it keeps memory after destroy: %" PRId64 " bytes in %" PRIu64 " turns",
                   leaked, turn - warm);
    check_size((uint64_t)peak, size);
    if (turn == run->first)
        check_say(run, VLMC_CHECK_NOTE, "there are no parameters to check it with");
    else
        check_say(run, VLMC_CHECK_OK, "%s at most; %" PRIu64 " turns, all given back", size,
                  turn - run->first);
}
