// SPDX-License-Identifier: Apache-2.0
// Encoders and decoders as the checks drive them.
#include "check_run.h"

#include <stdlib.h>
#include <string.h>

static void count_memory(check_call *c, int64_t before)
{
    c->memory += check_memory_in_use() - before;
    c->memory_peak = c->memory > c->memory_peak ? c->memory : c->memory_peak;
}

int32_t check_run_call(void *object, vlmc_plugin_io *io)
{
    check_call *c = object;
    const int64_t before = c->measure ? check_memory_in_use() : 0;
    c->result = c->call(c->object, io);
    atomic_fetch_add(&c->run->shared->steps, 1);
    if (c->measure)
        count_memory(c, before);
    return c->result;
}

void *check_create(check_run *run, const void *params, uint32_t n, bool encode)
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

void check_destroy(check_run *run, void *object, bool encode)
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

void check_set_feed(vlmc_feed *feed, const check_run *run, check_call *call, bool encode)
{
    memset(feed, 0, offsetof(vlmc_feed, buffer));
    feed->call = check_run_call;
    feed->object = call;
    feed->id = run->tokenizer->id;
    feed->verb = encode ? "encode" : "decode";
    feed->starving = true;
}

// One conversion with the pieces of archives. False: refused, or more than `limit`.
static bool convert(check_run *run, check_call *call, bool encode, const uint8_t *in, size_t n,
                    size_t limit, check_bytes *out)
{
    vlmc_feed *feed = check_memory(run, sizeof *feed);
    size_t capacity = 0;
    size_t at = 0;
    check_set_feed(feed, run, call, encode);
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

bool check_convert(check_run *run, check_call *call, bool encode, const check_input *params,
                   const uint8_t *in, size_t n, size_t limit, check_bytes *out)
{
    call->run = run;
    call->call = encode ? run->tokenizer->encode : run->tokenizer->decode;
    const int64_t before = call->measure ? check_memory_in_use() : 0;
    call->object = check_create(run, params->params, params->params_bytes, encode);
    if (call->measure)
        count_memory(call, before);
    *out = (check_bytes){0};
    if (!call->object)
        return false;
    const bool done = convert(run, call, encode, in, n, limit, out);
    check_destroy(run, call->object, encode);
    return done;
}

bool check_encode(check_run *run, const check_input *input, check_bytes *tokens)
{
    check_call call = {0};
    if (!check_convert(run, &call, true, input, input->bytes, input->n, CHECK_TOKENS_MAX, tokens))
        return false;
    for (size_t i = 0; i < tokens->n; i++)
        if (tokens->bytes[i] >= run->tokenizer->alphabet)
            check_fail(run, "token %zu is %u, outside the alphabet", i, (unsigned)tokens->bytes[i]);
    return true;
}

bool check_decode(check_run *run, const check_input *params, const check_bytes *tokens,
                  size_t limit, check_bytes *bytes)
{
    check_call call = {0};
    return check_convert(run, &call, false, params, tokens->bytes, tokens->n, limit, bytes);
}
