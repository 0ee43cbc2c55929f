// SPDX-License-Identifier: Apache-2.0
#include "session.h"

#include "feed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct conversion {
    const vlmc_tokenizer *tokenizer;
    void *object; // an encoder or a decoder
    vlmc_feed feed;
} conversion;

struct vlmc_session {
    vlmc_plugins *plugins;
    vlmc_session_memory memory;
    const vlmc_analyser *analyser; // of `analysis`
    void *analysis;                // NULL: not begun
    conversion decoding;           // object NULL: none
    uint64_t bytes_left;           // to be decoded
    size_t in_at;                  // of the message's tokens
    size_t in_n;
    bool in_ended;
    uint8_t spare[VLMC_FEED_BYTES]; // output of a proof
};

// Every call of a plugin stands between these two.
static void enter(vlmc_session *s, uint32_t file, vlmc_call call)
{
    atomic_store(&s->memory.head->file, file);
    atomic_store(&s->memory.head->call, (uint32_t)call);
}

static void leave(vlmc_session *s)
{
    atomic_fetch_add(&s->memory.head->progress, 1);
    atomic_store(&s->memory.head->call, VLMC_CALL_NONE);
}

static const vlmc_loaded_plugin *load(vlmc_session *s, uint32_t file)
{
    if (file >= vlmc_plugins_n_files(s->plugins))
        return NULL;
    enter(s, file, VLMC_CALL_LOAD);
    const vlmc_loaded_plugin *loaded = vlmc_plugins_load(s->plugins, file);
    leave(s);
    return loaded;
}

static vlmc_status find_tokenizer(vlmc_session *s, const vlmc_message *request,
                                  const vlmc_tokenizer **tokenizer, vlmc_error *error)
{
    const vlmc_loaded_plugin *loaded = load(s, request->file);
    const vlmc_tokenizer *t =
        loaded && request->index < loaded->n_tokenizers ? loaded->tokenizers[request->index] : NULL;
    *tokenizer = t;
    if (!t || strcmp(t->id, request->id) != 0 || t->version != request->version)
        return vlmc_fail(error, VLMC_ERROR_PLUGIN, "the plugin of %s was replaced; run vlmc again",
                         request->id);
    return VLMC_OK;
}

// ---- Analysis ----

static void end_analysis(vlmc_session *s)
{
    if (!s->analysis)
        return;
    enter(s, atomic_load(&s->memory.head->file), VLMC_CALL_ANALYSE);
    s->analyser->destroy(s->analysis);
    leave(s);
    s->analysis = NULL;
}

static const char *file_name(const vlmc_session *s)
{
    return s->memory.head->name[0] ? s->memory.head->name : NULL;
}

static void probe(vlmc_session *s, const vlmc_message *request, vlmc_message *reply)
{
    end_analysis(s);
    reply->file = VLMC_PLUGINS_MAX;
    reply->n = 0;
    for (uint32_t i = 0; i < vlmc_plugins_n_files(s->plugins); i++) {
        const vlmc_loaded_plugin *loaded = s->memory.head->set_aside[i] ? NULL : load(s, i);
        if (!loaded || !loaded->analyser)
            continue;
        enter(s, i, VLMC_CALL_PROBE);
        uint32_t confidence = loaded->analyser->probe(s->memory.window + request->offset,
                                                      (size_t)request->n, file_name(s));
        leave(s);
        if (confidence > 100)
            confidence = 100;
        if (confidence > reply->n) {
            reply->file = i;
            reply->n = confidence;
        }
    }
}

// Files are in the order of their ids, so the first of the best is the one with the first id.
static vlmc_status begin_analysis(vlmc_session *s, uint32_t file, vlmc_error *error)
{
    const vlmc_loaded_plugin *loaded = load(s, file);
    if (s->analysis)
        return VLMC_OK;
    if (!loaded || !loaded->analyser)
        return vlmc_fail(error, VLMC_ERROR_UNSUPPORTED, "there is no such analyser");
    s->analyser = loaded->analyser;
    enter(s, file, VLMC_CALL_ANALYSE);
    const int32_t result = s->analyser->create(file_name(s), &s->analysis);
    leave(s);
    if (result == VLMC_PLUGIN_OK && !s->analysis)
        return vlmc_fail(error, VLMC_ERROR_PLUGIN,
                         "the plugin %s broke its rules: create made no analysis",
                         loaded->plugin->id);
    return vlmc_plugin_result(result, loaded->plugin->id, "analyse", error);
}

static vlmc_status broken_segment(const vlmc_loaded_plugin *loaded, const char *rule,
                                  vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_PLUGIN, "the plugin %s broke its rules in next: %s",
                     loaded->plugin->id, rule);
}

static vlmc_status take_segment(vlmc_session *s, const vlmc_loaded_plugin *loaded,
                                const vlmc_segment *segment, const vlmc_message *request,
                                vlmc_message *reply, vlmc_error *error)
{
    vlmc_token_geometry geometry;
    if (segment->bytes == 0)
        return broken_segment(loaded, "a segment has no bytes", error);
    if (request->flag && segment->bytes > request->n)
        return broken_segment(loaded, "a segment is longer than the file", error);
    reply->bytes = segment->bytes;
    reply->index = VLMC_INDEX_BYTES;
    reply->params_bytes = 0;
    if (!segment->tokenizer)
        return VLMC_OK;
    for (uint32_t i = 0; i < loaded->n_tokenizers; i++)
        if (strcmp(loaded->tokenizers[i]->id, segment->tokenizer) == 0)
            reply->index = i;
    if (reply->index == VLMC_INDEX_BYTES)
        return broken_segment(loaded, "a segment names a tokenizer of another plugin", error);
    if (segment->params_bytes > VLMC_PLUGIN_PARAMS_BYTES_MAX ||
        (segment->params_bytes > 0 && !segment->params))
        return broken_segment(loaded, "a segment has no proper parameters", error);
    if (segment->params_bytes > 0)
        memcpy(s->memory.head->params, segment->params, segment->params_bytes);
    reply->params_bytes = segment->params_bytes;
    const vlmc_tokenizer *t = loaded->tokenizers[reply->index];
    memcpy(reply->id, t->id, strlen(t->id) + 1);
    reply->version = t->version;
    if (vlmc_plugin_geometry(t, s->memory.head->params, reply->params_bytes, &geometry, NULL) !=
        VLMC_OK)
        return broken_segment(loaded, "its tokenizer does not take a segment's parameters", error);
    return VLMC_OK;
}

static vlmc_status next_segment(vlmc_session *s, const vlmc_message *request, vlmc_message *reply,
                                vlmc_error *error)
{
    vlmc_segment segment = {0};
    VLMC_TRY(begin_analysis(s, request->file, error));
    const vlmc_loaded_plugin *loaded = load(s, request->file);
    enter(s, request->file, VLMC_CALL_ANALYSE);
    const int32_t result = s->analyser->next(s->analysis, s->memory.window + request->offset,
                                             (size_t)request->n, request->flag, &segment);
    vlmc_status status = vlmc_plugin_result(result, loaded->plugin->id, "analyse", error);
    if (status == VLMC_OK) // what it points to may be nothing: still its own call
        status = take_segment(s, loaded, &segment, request, reply, error);
    leave(s);
    return status;
}

// ---- Conversion ----

static vlmc_status begin_conversion(vlmc_session *s, conversion *c, const vlmc_tokenizer *t,
                                    const vlmc_message *request, bool encode, vlmc_error *error)
{
    const char *verb = encode ? "encode" : "decode";
    const void *params = s->memory.head->params;
    c->tokenizer = t;
    c->object = NULL;
    const int32_t result = encode ? t->encoder_create(params, request->params_bytes, &c->object)
                                  : t->decoder_create(params, request->params_bytes, &c->object);
    VLMC_TRY(vlmc_plugin_result(result, t->id, verb, error));
    if (!c->object)
        return vlmc_fail(error, VLMC_ERROR_PLUGIN, "%s broke its rules: nothing was made to %s",
                         t->id, verb);
    memset(&c->feed, 0, offsetof(vlmc_feed, buffer));
    c->feed.call = encode ? t->encode : t->decode;
    c->feed.object = c->object;
    c->feed.id = t->id;
    c->feed.verb = verb;
    c->feed.starving = true;
    return VLMC_OK;
}

static vlmc_status get(vlmc_session *s, conversion *c, uint8_t *out, size_t *made,
                       vlmc_error *error)
{
    vlmc_status status = vlmc_feed_get(&c->feed, out, made, error);
    atomic_fetch_add(&s->memory.head->progress, 1);
    return status;
}

// All of `in` to tokens.
static vlmc_status encode_all(vlmc_session *s, conversion *c, const uint8_t *in, size_t n_in,
                              size_t *n_tokens, vlmc_error *error)
{
    size_t at = 0;
    *n_tokens = 0;
    while (!c->feed.done) {
        size_t made;
        if (!vlmc_feed_ready(&c->feed))
            at += vlmc_feed_put(&c->feed, in + at, n_in - at, true);
        uint8_t *out = s->memory.tokens + *n_tokens;
        VLMC_TRY(get(s, c, out, &made, error));
        for (size_t i = 0; i < made; i++)
            if (out[i] >= c->tokenizer->alphabet)
                return vlmc_fail(error, VLMC_ERROR_PLUGIN,
                                 "%s broke its rules in encode: a token is outside its alphabet",
                                 c->tokenizer->id);
        *n_tokens += made;
        if (*n_tokens > VLMC_WORKER_TOKENS_MAX)
            return vlmc_fail(error, VLMC_ERROR_PLUGIN, "%s makes too many tokens of a segment",
                             c->tokenizer->id);
    }
    return VLMC_OK;
}

static vlmc_status differs(const conversion *c, size_t at, vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_PLUGIN, "%s does not restore the bytes from byte %zu on",
                     c->tokenizer->id, at);
}

// The tokens to bytes, which must be those of `in`.
static vlmc_status prove(vlmc_session *s, conversion *c, const uint8_t *in, size_t n_in,
                         size_t n_tokens, vlmc_error *error)
{
    size_t at = 0;
    size_t n = 0;
    while (!c->feed.done) {
        size_t made;
        if (!vlmc_feed_ready(&c->feed))
            at += vlmc_feed_put(&c->feed, s->memory.tokens + at, n_tokens - at, true);
        if (get(s, c, s->spare, &made, error) != VLMC_OK)
            return error && error->status == VLMC_ERROR_PLUGIN ? VLMC_ERROR_PLUGIN
                                                               : differs(c, n, error);
        if (made > n_in - n || memcmp(s->spare, in + n, made) != 0)
            return differs(c, n, error);
        n += made;
    }
    return n == n_in ? VLMC_OK : differs(c, n, error);
}

typedef vlmc_status (*conversion_run)(vlmc_session *s, conversion *c, const uint8_t *in,
                                      size_t n_in, size_t *n_tokens, vlmc_error *error);

static vlmc_status prove_run(vlmc_session *s, conversion *c, const uint8_t *in, size_t n_in,
                             size_t *n_tokens, vlmc_error *error)
{
    return prove(s, c, in, n_in, *n_tokens, error);
}

static void destroy_object(conversion *c, bool encode)
{
    if (c->object && encode)
        c->tokenizer->encoder_destroy(c->object);
    else if (c->object)
        c->tokenizer->decoder_destroy(c->object);
    c->object = NULL;
}

// One direction from its create to its destroy, as one call of the plugin.
static vlmc_status run_conversion(vlmc_session *s, const vlmc_tokenizer *t,
                                  const vlmc_message *request, bool encode, conversion_run run,
                                  size_t *n_tokens, vlmc_error *error)
{
    conversion *c = malloc(sizeof *c);
    if (!c)
        return vlmc_fail(error, VLMC_ERROR_PLUGIN, "there is not enough memory left beside %s",
                         t->id);
    enter(s, request->file, encode ? VLMC_CALL_ENCODE : VLMC_CALL_PROOF);
    vlmc_status status = begin_conversion(s, c, t, request, encode, error);
    if (status == VLMC_OK)
        status = run(s, c, s->memory.window + request->offset, (size_t)request->n, n_tokens, error);
    destroy_object(c, encode);
    leave(s);
    free(c);
    return status;
}

static vlmc_status encode(vlmc_session *s, const vlmc_message *request, vlmc_message *reply,
                          vlmc_error *error)
{
    const vlmc_tokenizer *t;
    size_t n_tokens = 0;
    VLMC_TRY(find_tokenizer(s, request, &t, error));
    VLMC_TRY(run_conversion(s, t, request, true, encode_all, &n_tokens, error));
    if (n_tokens == 0)
        return vlmc_fail(error, VLMC_ERROR_PLUGIN, "%s makes no tokens of a segment", t->id);
    VLMC_TRY(run_conversion(s, t, request, false, prove_run, &n_tokens, error));
    reply->n = n_tokens;
    return VLMC_OK;
}

// ---- Decoding ----

static void end_decoding(vlmc_session *s)
{
    if (!s->decoding.object)
        return;
    enter(s, atomic_load(&s->memory.head->file), VLMC_CALL_DECODE);
    destroy_object(&s->decoding, false);
    leave(s);
}

static vlmc_status decode_begin(vlmc_session *s, const vlmc_message *request, vlmc_error *error)
{
    const vlmc_tokenizer *t;
    end_decoding(s);
    VLMC_TRY(find_tokenizer(s, request, &t, error));
    enter(s, request->file, VLMC_CALL_DECODE);
    vlmc_status status = begin_conversion(s, &s->decoding, t, request, false, error);
    leave(s);
    s->bytes_left = request->bytes;
    s->in_at = s->in_n = 0;
    s->in_ended = false;
    return status;
}

static vlmc_status wrong_size(const vlmc_session *s, vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s does not make as many bytes as it should",
                     s->decoding.tokenizer->id);
}

// Until the message's tokens are used up or `out` is full.
static vlmc_status decode_on(vlmc_session *s, vlmc_message *reply, vlmc_error *error)
{
    vlmc_feed *feed = &s->decoding.feed;
    uint8_t *out = s->memory.head->out;
    reply->n = 0;
    reply->flag = 0;
    while (!feed->done) {
        size_t made;
        if (!vlmc_feed_ready(feed)) {
            if (s->in_at == s->in_n && !(s->in_ended && !feed->ended))
                return VLMC_OK;
            s->in_at +=
                vlmc_feed_put(feed, s->memory.head->in + s->in_at, s->in_n - s->in_at, s->in_ended);
            continue;
        }
        reply->flag = VLMC_SHARED_OUT_BYTES - reply->n < VLMC_FEED_BYTES;
        if (reply->flag)
            return VLMC_OK;
        VLMC_TRY(get(s, &s->decoding, out + reply->n, &made, error));
        if (made > s->bytes_left)
            return wrong_size(s, error);
        s->bytes_left -= made;
        reply->n += made;
    }
    return s->bytes_left == 0 ? VLMC_OK : wrong_size(s, error);
}

static vlmc_status decode(vlmc_session *s, const vlmc_message *request, bool more,
                          vlmc_message *reply, vlmc_error *error)
{
    if (!s->decoding.object)
        return vlmc_fail(error, VLMC_ERROR_PLUGIN, "the decoding was ended before");
    if (!more) {
        s->in_at = 0;
        s->in_n = (size_t)request->n;
        s->in_ended = request->flag != 0;
    }
    enter(s, request->file, VLMC_CALL_DECODE);
    vlmc_status status = decode_on(s, reply, error);
    leave(s);
    if (status != VLMC_OK)
        end_decoding(s);
    return status;
}

// ---- ----

static vlmc_status serve(vlmc_session *s, const vlmc_message *request, vlmc_message *reply,
                         vlmc_error *error)
{
    switch ((vlmc_operation)request->operation) {
    case VLMC_OPERATION_PROBE:
        probe(s, request, reply);
        return VLMC_OK;
    case VLMC_OPERATION_NEXT:
        return next_segment(s, request, reply, error);
    case VLMC_OPERATION_ENCODE:
        return encode(s, request, reply, error);
    case VLMC_OPERATION_DECODE_BEGIN:
        return decode_begin(s, request, error);
    case VLMC_OPERATION_DECODE:
        return decode(s, request, false, reply, error);
    case VLMC_OPERATION_DECODE_MORE:
        return decode(s, request, true, reply, error);
    }
    return vlmc_fail(error, VLMC_ERROR_PLUGIN, "there is no such operation");
}

void vlmc_session_serve(vlmc_session *session, const vlmc_message *request, vlmc_message *reply)
{
    vlmc_error error = {0};
    *reply = (vlmc_message){0};
    reply->operation = (uint32_t)serve(session, request, reply, &error);
    memcpy(reply->text, error.text, sizeof reply->text);
}

vlmc_session *vlmc_session_create(vlmc_plugins *plugins, vlmc_session_memory memory)
{
    vlmc_session *session = calloc(1, sizeof *session);
    if (session) {
        session->plugins = plugins;
        session->memory = memory;
    }
    return session;
}

void vlmc_session_destroy(vlmc_session **session)
{
    if (!*session)
        return;
    end_analysis(*session);
    end_decoding(*session);
    free(*session);
    *session = NULL;
}
