// SPDX-License-Identifier: Apache-2.0
#include "chunks.h"

#include "model/fit.h"
#include "symbol_coder.h"
#include "token_contexts.h"
#include "util/thread_pool.h"

#include <stdlib.h>
#include <string.h>

#define ALPHABET 256u
#define BATCH_TOKENS (1u << 17) // bounds what the logits of a batch take: 64 MiB
#define VERIFIED_AT_ONCE 8u     // each needs a mixer of its own
#define CONVERT_BYTES 65536u    // taken in one call of a tokenizer

typedef struct chunk {
    const uint8_t *bytes; // (n_bytes)
    uint32_t n_bytes;
    uint32_t n_tokens;
    uint8_t *tokens;  // (n_tokens)
    uint8_t *symbols; // (n_tokens)
    uint32_t *values; // (n_tokens, n_values)
    uint32_t *rows;   // (n_tokens, n_contexts of the model)
    int16_t *logits;  // (n_tokens, 256)
    uint8_t *packed;  // (size)
    size_t size;
    vlmc_status status;
    vlmc_error error;
} chunk;

// What one thread needs.
typedef struct worker {
    vlmc_symbol_coder *coder;
    vlmc_contexts *contexts; // over symbols, one stream; NULL without a model
    uint8_t *scratch;        // (capacity)
} worker;

struct vlmc_chunks {
    vlmc_chunks_params params;
    const vlmc_hyperparameters *hp; // NULL without a model
    vlmc_thread_pool *pool;
    worker *workers; // (max(threads, VERIFIED_AT_ONCE))
    uint32_t n_workers;
    uint32_t capacity; // tokens that a chunk may have, and bytes of its code
    uint32_t n_values;
    uint32_t n_chunks; // of the current batch
    chunk chunks[VLMC_CHUNKS_BATCH_MAX];
    uint16_t *before; // (batch, steps)
    uint32_t *rows;   // (batch, steps, n_contexts)
    int16_t *logits;  // (batch, steps, 256)
};

uint32_t vlmc_chunks_batch(uint32_t chunk_bytes)
{
    const uint32_t batch = BATCH_TOKENS / (chunk_bytes ? chunk_bytes : 1);
    return batch < 1 ? 1 : batch > VLMC_CHUNKS_BATCH_MAX ? VLMC_CHUNKS_BATCH_MAX : batch;
}

static vlmc_status no_memory(vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for chunks of this size");
}

static vlmc_status create_worker(const vlmc_chunks *c, worker *w, vlmc_error *error)
{
    w->scratch = malloc(c->capacity);
    if (c->hp)
        w->contexts = vlmc_contexts_create(c->hp->contexts, c->hp->n_contexts, 1);
    if (!w->scratch || (c->hp && !w->contexts))
        return no_memory(error);
    return vlmc_symbol_coder_create(c->hp != NULL, c->params.tokenizer, &c->params.settings, 1,
                                    c->capacity, &w->coder, error);
}

static vlmc_status allocate(vlmc_chunks *c, vlmc_error *error)
{
    const uint32_t batch = vlmc_chunks_batch(c->params.chunk_bytes);
    VLMC_TRY(vlmc_thread_pool_create(c->params.threads, &c->pool, error));
    c->n_workers = c->params.threads > VERIFIED_AT_ONCE ? c->params.threads : VERIFIED_AT_ONCE;
    c->workers = calloc(c->n_workers, sizeof *c->workers);
    if (!c->workers)
        return no_memory(error);
    for (uint32_t i = 0; i < c->n_workers; i++)
        VLMC_TRY(create_worker(c, &c->workers[i], error));
    if (c->hp) {
        const size_t positions = (size_t)batch * VLMC_CHUNKS_STEPS;
        c->before = malloc(positions * sizeof *c->before);
        c->rows = malloc(positions * (c->hp->n_contexts + 1) * sizeof *c->rows);
        c->logits = malloc(positions * ALPHABET * sizeof *c->logits);
        if (!c->before || !c->rows || !c->logits)
            return no_memory(error);
    }
    return VLMC_OK;
}

vlmc_status vlmc_chunks_create(const vlmc_chunks_params *params, vlmc_chunks **chunks,
                               vlmc_error *error)
{
    *chunks = NULL;
    VLMC_TRY(vlmc_tokenizer_check(params->tokenizer, error));
    if (params->engine)
        VLMC_TRY(vlmc_model_fits(params->engine->model, params->tokenizer, error));
    vlmc_chunks *c = calloc(1, sizeof *c);
    if (!c)
        return no_memory(error);
    c->params = *params;
    c->hp = params->engine ? &params->engine->model->hp : NULL;
    c->n_values = params->tokenizer ? params->tokenizer->n_contexts : 0;
    c->capacity = 2 * params->chunk_bytes + 4096;
    const vlmc_status status = allocate(c, error);
    if (status != VLMC_OK)
        vlmc_chunks_destroy(&c);
    *chunks = c;
    return status;
}

static void clear_batch(vlmc_chunks *c)
{
    for (uint32_t i = 0; i < c->n_chunks; i++) {
        chunk *k = &c->chunks[i];
        free(k->tokens);
        free(k->symbols);
        free(k->values);
        free(k->rows);
        free(k->logits);
        free(k->packed);
        *k = (chunk){0};
    }
    c->n_chunks = 0;
}

void vlmc_chunks_destroy(vlmc_chunks **chunks)
{
    vlmc_chunks *c = *chunks;
    if (!c)
        return;
    clear_batch(c);
    for (uint32_t i = 0; c->workers && i < c->n_workers; i++) {
        vlmc_symbol_coder_destroy(&c->workers[i].coder);
        vlmc_contexts_destroy(&c->workers[i].contexts);
        free(c->workers[i].scratch);
    }
    vlmc_thread_pool_destroy(&c->pool);
    free(c->workers);
    free(c->before);
    free(c->rows);
    free(c->logits);
    free(c);
    *chunks = NULL;
}

// ---- Bytes and tokens ----

// All of `in` through one of a tokenizer's converters. False when it refuses, stalls, or makes more
// than `capacity`.
static bool convert(int32_t (*step)(void *, vlmc_plugin_io *), void *object, const uint8_t *in,
                    uint32_t n, uint8_t *out, uint32_t capacity, uint32_t *made)
{
    uint32_t used = 0;
    *made = 0;
    for (;;) {
        const uint32_t left = n - used;
        vlmc_plugin_io io = {
            .in = in + used,
            .in_bytes = left < CONVERT_BYTES ? left : CONVERT_BYTES,
            .out = out + *made,
            .out_capacity = capacity - *made,
            .in_ended = left <= CONVERT_BYTES,
        };
        if (step(object, &io) != VLMC_PLUGIN_OK || io.in_used > io.in_bytes ||
            io.out_made > io.out_capacity)
            return false;
        used += (uint32_t)io.in_used;
        *made += (uint32_t)io.out_made;
        if (io.out_ended)
            return used == n;
        if (io.in_used == 0 && io.out_made == 0)
            return false;
    }
}

static bool tokenize(const vlmc_chunks_params *p, const uint8_t *bytes, uint32_t n, uint8_t *tokens,
                     uint32_t capacity, uint32_t *made)
{
    void *encoder = NULL;
    if (p->tokenizer->encoder_create(p->params, p->params_bytes, &encoder) != VLMC_PLUGIN_OK)
        return false;
    const bool ok = convert(p->tokenizer->encode, encoder, bytes, n, tokens, capacity, made);
    p->tokenizer->encoder_destroy(encoder);
    return ok;
}

static bool detokenize(const vlmc_chunks_params *p, const uint8_t *tokens, uint32_t n,
                       uint8_t *bytes, uint32_t capacity, uint32_t *made)
{
    void *decoder = NULL;
    if (p->tokenizer->decoder_create(p->params, p->params_bytes, &decoder) != VLMC_PLUGIN_OK)
        return false;
    const bool ok = convert(p->tokenizer->decode, decoder, tokens, n, bytes, capacity, made);
    p->tokenizer->decoder_destroy(decoder);
    return ok;
}

// True when tokens // (n) give the chunk's bytes back.
static bool gives_back(const vlmc_chunks *c, const chunk *k, const uint8_t *tokens, uint32_t n,
                       uint8_t *scratch)
{
    uint32_t made = n;
    if (c->params.tokenizer) {
        if (!detokenize(&c->params, tokens, n, scratch, c->capacity, &made))
            return false;
        tokens = scratch;
    }
    return made == k->n_bytes && memcmp(tokens, k->bytes, made) == 0;
}

// ---- Encoding ----

static vlmc_status make_tokens(const vlmc_chunks *c, const worker *w, chunk *k)
{
    k->tokens = malloc(c->capacity);
    if (!k->tokens)
        return no_memory(&k->error);
    if (!c->params.tokenizer) {
        memcpy(k->tokens, k->bytes, k->n_bytes);
        k->n_tokens = k->n_bytes;
        return VLMC_OK;
    }
    if (!tokenize(&c->params, k->bytes, k->n_bytes, k->tokens, c->capacity, &k->n_tokens) ||
        k->n_tokens == 0 || k->n_tokens > VLMC_GROUP_BYTES_MAX)
        return vlmc_fail(&k->error, VLMC_ERROR_PLUGIN, "the tokenizer %s refuses a chunk",
                         c->params.tokenizer->id);
    if (!gives_back(c, k, k->tokens, k->n_tokens, w->scratch))
        return vlmc_fail(&k->error, VLMC_ERROR_PLUGIN,
                         "the tokenizer %s does not give a chunk's bytes back",
                         c->params.tokenizer->id);
    return VLMC_OK;
}

static vlmc_status open_contexts(const vlmc_chunks *c, uint32_t n_tokens, vlmc_token_contexts *side,
                                 vlmc_error *error)
{
    const vlmc_token_coding coding = {
        .tokenizer = c->params.tokenizer,
        .params = c->params.params,
        .params_bytes = c->params.params_bytes,
    };
    vlmc_cut cut;
    vlmc_cut_make(n_tokens, 1, 1, &cut);
    return vlmc_token_contexts_open(&coding, &cut, side, error);
}

static void fill_rows(const vlmc_chunks *c, vlmc_contexts *contexts, const uint32_t *values,
                      uint32_t *rows)
{
    vlmc_contexts_rows(contexts, 0, rows);
    for (uint32_t i = 0; i < c->hp->n_contexts; i++)
        if (c->hp->contexts[i].kind == VLMC_CONTEXT_PLUGIN)
            rows[i] = values[c->hp->contexts[i].order];
}

static vlmc_status walk(const vlmc_chunks *c, const worker *w, chunk *k,
                        const vlmc_token_contexts *side)
{
    const vlmc_tokenizer *tokenizer = c->params.tokenizer;
    for (uint32_t t = 0; t < k->n_tokens; t++) {
        const uint8_t token = k->tokens[t];
        uint32_t *values = k->values + (size_t)t * c->n_values, centre;
        VLMC_TRY(vlmc_token_contexts_next(side, 0, values, &centre, &k->error));
        if (tokenizer && token >= tokenizer->alphabet)
            return vlmc_fail(&k->error, VLMC_ERROR_PLUGIN,
                             "the tokenizer %s made a token outside of its alphabet",
                             tokenizer->id);
        k->symbols[t] =
            vlmc_tokenizer_centred(tokenizer) ? vlmc_symbol_of_token(token, centre) : token;
        if (c->hp) {
            fill_rows(c, w->contexts, values, k->rows + (size_t)t * c->hp->n_contexts);
            vlmc_contexts_push(w->contexts, 0, k->symbols[t]);
        }
        vlmc_token_contexts_push(side, 0, token);
    }
    return VLMC_OK;
}

static vlmc_status prepare(const vlmc_chunks *c, const worker *w, chunk *k)
{
    VLMC_TRY(make_tokens(c, w, k));
    const size_t n = k->n_tokens;
    k->symbols = malloc(n);
    k->values = malloc(n * (c->n_values + 1) * sizeof *k->values);
    k->packed = malloc(c->capacity);
    bool ok = k->symbols && k->values && k->packed;
    if (c->hp) {
        k->rows = malloc(n * (c->hp->n_contexts + 1) * sizeof *k->rows);
        k->logits = malloc(n * ALPHABET * sizeof *k->logits);
        ok = ok && k->rows && k->logits;
        vlmc_contexts_reset(w->contexts);
    }
    if (!ok)
        return no_memory(&k->error);
    vlmc_token_contexts side;
    VLMC_TRY(open_contexts(c, k->n_tokens, &side, &k->error));
    const vlmc_status status = walk(c, w, k, &side);
    vlmc_token_contexts_close(&side);
    return status;
}

static void prepare_job(void *context, uint32_t worker_number, uint32_t item)
{
    vlmc_chunks *c = context;
    chunk *k = &c->chunks[item];
    k->status = prepare(c, &c->workers[worker_number], k);
}

static void code_job(void *context, uint32_t worker_number, uint32_t item)
{
    vlmc_chunks *c = context;
    chunk *k = &c->chunks[item];
    vlmc_symbol_coder *coder = c->workers[worker_number].coder;
    vlmc_range_encoder encoder;
    vlmc_range_encoder_start(&encoder, k->packed, c->capacity);
    vlmc_symbol_coder_reset(coder, k->n_tokens, 1, k->n_tokens);
    for (uint32_t t = 0; t < k->n_tokens; t++) {
        vlmc_symbol_prepare(coder, 0, k->values + (size_t)t * c->n_values);
        vlmc_symbol_encode(coder, 0, c->hp ? k->logits + (size_t)t * ALPHABET : NULL, k->symbols[t],
                           &encoder);
    }
    k->size = vlmc_range_encoder_finish(&encoder);
    if (k->size == SIZE_MAX)
        k->status = vlmc_fail(&k->error, VLMC_ERROR_PLUGIN, "a chunk grew to twice its size");
}

// The engine's inputs for `count` steps of every chunk from `first` on; chunks that have ended get
// a symbol and rows that exist.
static void fill_slab(vlmc_chunks *c, uint32_t first, uint32_t count)
{
    const uint32_t width = c->hp->n_contexts;
    for (uint32_t i = 0; i < c->n_chunks; i++) {
        const chunk *k = &c->chunks[i];
        for (uint32_t j = 0; j < count; j++) {
            const uint32_t t = first + j;
            const size_t at = (size_t)i * count + j;
            c->before[at] = t == 0 || t >= k->n_tokens ? (uint16_t)c->hp->vocab : k->symbols[t - 1];
            if (t < k->n_tokens)
                memcpy(c->rows + at * width, k->rows + (size_t)t * width, width * sizeof *c->rows);
            else
                memset(c->rows + at * width, 0, width * sizeof *c->rows);
        }
    }
}

static vlmc_status run_model(vlmc_chunks *c, vlmc_error *error)
{
    uint32_t steps = 0;
    for (uint32_t i = 0; i < c->n_chunks; i++)
        steps = c->chunks[i].n_tokens > steps ? c->chunks[i].n_tokens : steps;
    VLMC_TRY(vlmc_engine_reset(c->params.engine, c->n_chunks, error));
    for (uint32_t first = 0; first < steps; first += VLMC_CHUNKS_STEPS) {
        const uint32_t left = steps - first;
        const uint32_t count = left < VLMC_CHUNKS_STEPS ? left : VLMC_CHUNKS_STEPS;
        fill_slab(c, first, count);
        VLMC_TRY(
            vlmc_engine_forward(c->params.engine, count, c->before, c->rows, c->logits, error));
        for (uint32_t i = 0; i < c->n_chunks; i++) {
            const chunk *k = &c->chunks[i];
            const uint32_t end = k->n_tokens < first + count ? k->n_tokens : first + count;
            if (end > first)
                memcpy(k->logits + (size_t)first * ALPHABET,
                       c->logits + (size_t)i * count * ALPHABET,
                       (size_t)(end - first) * ALPHABET * sizeof *k->logits);
        }
    }
    return VLMC_OK;
}

static vlmc_status run_jobs(vlmc_chunks *c, vlmc_thread_job job, vlmc_error *error)
{
    vlmc_thread_pool_run(c->pool, job, c, c->n_chunks);
    for (uint32_t i = 0; i < c->n_chunks; i++)
        if (c->chunks[i].status != VLMC_OK) {
            *error = c->chunks[i].error;
            return c->chunks[i].status;
        }
    return VLMC_OK;
}

vlmc_status vlmc_chunks_encode(vlmc_chunks *c, const uint8_t *bytes, size_t n, size_t *sizes,
                               vlmc_error *error)
{
    const size_t each = c->params.chunk_bytes;
    clear_batch(c);
    for (size_t at = 0; at < n; at += each)
        c->chunks[c->n_chunks++] = (chunk){
            .bytes = bytes + at,
            .n_bytes = (uint32_t)(n - at < each ? n - at : each),
        };
    VLMC_TRY(run_jobs(c, prepare_job, error));
    if (c->hp)
        VLMC_TRY(run_model(c, error));
    VLMC_TRY(run_jobs(c, code_job, error));
    for (uint32_t i = 0; i < c->n_chunks; i++)
        sizes[i] = c->chunks[i].size;
    return VLMC_OK;
}

// ---- Verifying ----

// A chunk on its way back.
typedef struct decoding {
    const chunk *chunk;
    worker *worker;
    vlmc_token_contexts side;
    vlmc_range_decoder decoder;
    uint8_t *tokens; // (n_tokens)
    uint32_t *values;
    uint32_t centre;
    uint8_t before;
} decoding;

static vlmc_status look(vlmc_chunks *c, decoding *d, uint32_t i, uint32_t t, vlmc_error *error)
{
    const bool active = t < d->chunk->n_tokens;
    if (active)
        VLMC_TRY(vlmc_token_contexts_next(&d->side, 0, d->values, &d->centre, error));
    if (!c->hp)
        return VLMC_OK;
    uint32_t *rows = c->rows + (size_t)i * c->hp->n_contexts;
    c->before[i] = t == 0 || !active ? (uint16_t)c->hp->vocab : d->before;
    if (active)
        fill_rows(c, d->worker->contexts, d->values, rows);
    else
        memset(rows, 0, c->hp->n_contexts * sizeof *rows);
    return VLMC_OK;
}

static void decode_token(const vlmc_chunks *c, decoding *d, uint32_t i, uint32_t t)
{
    if (t >= d->chunk->n_tokens)
        return;
    const int16_t *logits = c->hp ? c->logits + (size_t)i * ALPHABET : NULL;
    vlmc_symbol_prepare(d->worker->coder, 0, d->values);
    const uint8_t symbol = vlmc_symbol_decode(d->worker->coder, 0, logits, &d->decoder);
    d->before = symbol;
    d->tokens[t] = vlmc_tokenizer_centred(c->params.tokenizer)
                       ? vlmc_token_of_symbol(symbol, d->centre)
                       : symbol;
    vlmc_token_contexts_push(&d->side, 0, d->tokens[t]);
    if (c->hp)
        vlmc_contexts_push(d->worker->contexts, 0, symbol);
}

static vlmc_status decode_all(vlmc_chunks *c, decoding *all, uint32_t count, vlmc_error *error)
{
    uint32_t steps = 0;
    for (uint32_t i = 0; i < count; i++)
        steps = all[i].chunk->n_tokens > steps ? all[i].chunk->n_tokens : steps;
    if (c->hp)
        VLMC_TRY(vlmc_engine_reset(c->params.engine, count, error));
    for (uint32_t t = 0; t < steps; t++) {
        for (uint32_t i = 0; i < count; i++)
            VLMC_TRY(look(c, &all[i], i, t, error));
        if (c->hp)
            VLMC_TRY(
                vlmc_engine_forward(c->params.engine, 1, c->before, c->rows, c->logits, error));
        for (uint32_t i = 0; i < count; i++)
            decode_token(c, &all[i], i, t);
    }
    for (uint32_t i = 0; i < count; i++)
        if (!gives_back(c, all[i].chunk, all[i].tokens, all[i].chunk->n_tokens,
                        all[i].worker->scratch))
            return vlmc_fail(error, VLMC_ERROR_SELFTEST, "a chunk decodes to other bytes");
    return VLMC_OK;
}

static vlmc_status start_decoding(const vlmc_chunks *c, decoding *d, vlmc_error *error)
{
    d->tokens = malloc(d->chunk->n_tokens);
    d->values = malloc((c->n_values + 1) * sizeof *d->values);
    if (!d->tokens || !d->values)
        return no_memory(error);
    vlmc_range_decoder_start(&d->decoder, d->chunk->packed, d->chunk->size);
    vlmc_symbol_coder_reset(d->worker->coder, d->chunk->n_tokens, 1, d->chunk->n_tokens);
    if (c->hp)
        vlmc_contexts_reset(d->worker->contexts);
    return open_contexts(c, d->chunk->n_tokens, &d->side, error);
}

static vlmc_status verify_some(vlmc_chunks *c, uint32_t first, uint32_t count, vlmc_error *error)
{
    decoding all[VERIFIED_AT_ONCE] = {0};
    vlmc_status status = VLMC_OK;
    for (uint32_t i = 0; i < count && status == VLMC_OK; i++) {
        all[i].chunk = &c->chunks[first + i];
        all[i].worker = &c->workers[i];
        status = start_decoding(c, &all[i], error);
    }
    if (status == VLMC_OK)
        status = decode_all(c, all, count, error);
    for (uint32_t i = 0; i < count; i++) {
        vlmc_token_contexts_close(&all[i].side);
        free(all[i].tokens);
        free(all[i].values);
    }
    return status;
}

vlmc_status vlmc_chunks_verify(vlmc_chunks *c, uint32_t first, uint32_t count, vlmc_error *error)
{
    for (uint32_t done = 0; done < count; done += VERIFIED_AT_ONCE) {
        const uint32_t left = count - done;
        VLMC_TRY(
            verify_some(c, first + done, left < VERIFIED_AT_ONCE ? left : VERIFIED_AT_ONCE, error));
    }
    return VLMC_OK;
}
