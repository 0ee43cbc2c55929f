// SPDX-License-Identifier: Apache-2.0
#include "cpu_engine.h"

#include "../util/thread_pool.h"
#include "ops.h"

#include <stdatomic.h>
#include <stdlib.h>

// Positions that a worker takes through the whole network at once: enough rows to keep the
// matrix kernels busy, few enough that the activations stay in the second-level cache.
#define CHUNK_POSITIONS 128u

// Positions that are worth waking another worker for: fewer take no longer together than apart,
// since each worker reads all weights.
#define ITEM_POSITIONS_MIN 16u

// No machine has more; a larger request is an error instead of an overcommitted allocation.
#define RINGS_LIMIT_BYTES ((size_t)1 << 40)

typedef struct layer_kernels {
    vlmc_cpu_linear qkv;
    vlmc_cpu_linear o;
    vlmc_cpu_linear up;
    vlmc_cpu_linear down;
    int32_t *reversed; // (heads, vlmc_cpu_bias_stride(window))
} layer_kernels;

// The model as the kernels read it, of an engine and its siblings.
typedef struct weights {
    atomic_uint engines; // that use it
    vlmc_cpu_linear context;
    vlmc_cpu_linear head;
    layer_kernels *layers; // (hp.layers)
} weights;

// One worker's activations, each for CHUNK_POSITIONS positions.
typedef struct scratch {
    int16_t *x;     // (width) residual
    int8_t *norm;   // (width)
    int8_t *wide;   // (n_contexts * context_dim)
    int8_t *qkv;    // ((heads + 2 * kv_heads) * head_dim)
    int8_t *mix;    // (heads * head_dim)
    int8_t *up;     // (rows of up)
    int8_t *hidden; // (hidden); the same as up unless gated
} scratch;

typedef struct cpu_engine {
    vlmc_engine base; // first
    const vlmc_cpu_kernels *kernels;
    vlmc_thread_pool *pool;
    vlmc_engine_params params;
    uint32_t capacity; // slots of a KV ring
    size_t ring_bytes; // of one ring
    uint8_t *rings;    // (layers, max_streams, kv_heads) rings
    uint64_t position; // of every stream
    weights *weights;
    scratch *workers; // (threads)
} cpu_engine;

// A forward call as its jobs see it.
typedef struct pass {
    cpu_engine *engine;
    uint32_t n_steps;
    uint32_t streams_per_item;
    const uint16_t *tokens;
    const uint32_t *rows;
    int16_t *logits;
} pass;

static void attend_streams(const cpu_engine *e, uint32_t layer, const scratch *s, uint32_t stream,
                           uint32_t n_streams, uint64_t position, uint32_t n_steps)
{
    const vlmc_hyperparameters *hp = &e->base.model->hp;
    const vlmc_cpu_kernels *k = e->kernels;
    const size_t dim = hp->head_dim, q_bytes = hp->heads * dim, kv_bytes = hp->kv_heads * dim;
    const size_t stride = q_bytes + 2 * kv_bytes;
    const uint32_t group = hp->heads / hp->kv_heads;
    vlmc_cpu_attention attention = {
        .head_dim = hp->head_dim,
        .group = group,
        .window = hp->window,
        .capacity = e->capacity,
        .reversed_stride = vlmc_cpu_bias_stride(hp->window),
    };
    for (uint32_t g = 0; g < hp->kv_heads; g++) {
        const size_t first_head = (size_t)g * group;
        attention.bias = e->base.model->layer[layer].bias + first_head * hp->window;
        attention.reversed = e->weights->layers[layer].reversed +
                             first_head * attention.reversed_stride + VLMC_CPU_BIAS_PAD;
        for (uint32_t i = 0; i < n_streams; i++) {
            const size_t index =
                ((size_t)layer * e->params.max_streams + stream + i) * hp->kv_heads + g;
            void *ring = e->rings + index * e->ring_bytes;
            const int8_t *qkv = s->qkv + (size_t)i * n_steps * stride;
            k->store(&attention, ring, position, n_steps, qkv + q_bytes + g * dim,
                     qkv + q_bytes + kv_bytes + g * dim, stride);
            k->attend(&attention, ring, position, n_steps, qkv + first_head * dim, stride,
                      s->mix + (size_t)i * n_steps * q_bytes + first_head * dim, q_bytes);
        }
    }
}

// The network over n_streams * n_steps positions, (stream, step) row-major.
static void run_chunk(const cpu_engine *e, const scratch *s, uint32_t stream, uint32_t n_streams,
                      uint64_t position, uint32_t n_steps, const uint16_t *tokens,
                      const uint32_t *rows, int16_t *logits)
{
    const vlmc_model *model = e->base.model;
    const vlmc_hyperparameters *hp = &model->hp;
    const vlmc_cpu_kernels *k = e->kernels;
    const weights *w = e->weights;
    const uint32_t n = n_streams * n_steps;
    vlmc_op_token(model, n, tokens, s->x);
    if (hp->n_contexts) {
        vlmc_op_gather(model, n, rows, s->wide);
        k->linear(&w->context, VLMC_CPU_ADD, n, s->wide, s->x);
    }
    for (uint32_t i = 0; i < hp->layers; i++) {
        const layer_kernels *layer = &w->layers[i];
        k->norm(n, hp->width, s->x, s->norm);
        k->linear(&layer->qkv, VLMC_CPU_INT8, n, s->norm, s->qkv);
        attend_streams(e, i, s, stream, n_streams, position, n_steps);
        k->linear(&layer->o, VLMC_CPU_ADD, n, s->mix, s->x);
        k->norm(n, hp->width, s->x, s->norm);
        if (hp->ffn == VLMC_FFN_REGLU) {
            k->linear(&layer->up, VLMC_CPU_INT8, n, s->norm, s->up);
            k->reglu(n, hp->hidden, s->up, s->hidden);
        } else {
            k->linear(&layer->up, VLMC_CPU_RELU2, n, s->norm, s->hidden);
        }
        k->linear(&layer->down, VLMC_CPU_ADD, n, s->hidden, s->x);
    }
    k->norm(n, hp->width, s->x, s->norm);
    k->linear(&w->head, VLMC_CPU_INT16, n, s->norm, logits);
}

// One item: some streams over all steps of the pass, CHUNK_POSITIONS positions at a time.
static void run_item(void *context, uint32_t worker, uint32_t item)
{
    const pass *p = context;
    const cpu_engine *e = p->engine;
    const vlmc_hyperparameters *hp = &e->base.model->hp;
    const uint32_t stream = item * p->streams_per_item;
    const uint32_t left = e->base.n_streams - stream;
    const uint32_t n_streams = left < p->streams_per_item ? left : p->streams_per_item;
    // Steps are cut only when a single stream fills a chunk, so a chunk is contiguous.
    uint32_t n_steps;
    for (uint32_t step = 0; step < p->n_steps; step += n_steps) {
        n_steps = p->n_steps - step < CHUNK_POSITIONS ? p->n_steps - step : CHUNK_POSITIONS;
        const size_t at = (size_t)stream * p->n_steps + step;
        run_chunk(e, &e->workers[worker], stream, n_streams, e->position + step, n_steps,
                  p->tokens + at, hp->n_contexts ? p->rows + at * hp->n_contexts : NULL,
                  p->logits + at * hp->vocab);
    }
}

static vlmc_status check_inputs(const vlmc_model *model, size_t n, const uint16_t *tokens,
                                const uint32_t *rows, vlmc_error *error)
{
    const vlmc_hyperparameters *hp = &model->hp;
    for (size_t p = 0; p < n; p++) {
        if (tokens[p] > hp->vocab)
            return vlmc_fail(error, VLMC_ERROR_USAGE, "token %u is outside of the vocabulary of %u",
                             tokens[p], hp->vocab);
        for (uint32_t c = 0; c < hp->n_contexts; c++, rows++)
            if (*rows >= hp->contexts[c].rows)
                return vlmc_fail(error, VLMC_ERROR_USAGE,
                                 "row %u is outside of the %u rows of side context %u", *rows,
                                 hp->contexts[c].rows, c);
    }
    return VLMC_OK;
}

static vlmc_status engine_forward(vlmc_engine *engine, uint32_t n_steps, const uint16_t *tokens,
                                  const uint32_t *rows, int16_t *logits, vlmc_error *error)
{
    cpu_engine *e = (cpu_engine *)engine;
    const uint32_t n_streams = engine->n_streams;
    if (n_steps < 1 || n_steps > e->params.max_steps)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "a forward of %u steps; this engine runs 1 to %u",
                         n_steps, e->params.max_steps);
    VLMC_TRY(check_inputs(engine->model, (size_t)n_streams * n_steps, tokens, rows, error));
    const uint32_t threads = vlmc_thread_pool_threads(e->pool);
    const uint32_t fair = (n_streams + threads - 1) / threads;
    const uint32_t least = (ITEM_POSITIONS_MIN + n_steps - 1) / n_steps;
    uint32_t streams = n_steps < CHUNK_POSITIONS ? CHUNK_POSITIONS / n_steps : 1;
    if (streams > fair)
        streams = fair > least ? fair : least;
    pass p = {
        .engine = e,
        .n_steps = n_steps,
        .streams_per_item = streams,
        .tokens = tokens,
        .rows = rows,
        .logits = logits,
    };
    vlmc_thread_pool_run(e->pool, run_item, &p, (n_streams + streams - 1) / streams);
    e->position += n_steps;
    return VLMC_OK;
}

// Old keys may stay in the rings: positions that a stream does not have yet weigh nothing.
static vlmc_status engine_reset(vlmc_engine *engine, uint32_t n_streams, vlmc_error *error)
{
    cpu_engine *e = (cpu_engine *)engine;
    if (n_streams > e->params.max_streams)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "%u streams; this engine runs up to %u",
                         n_streams, e->params.max_streams);
    engine->n_streams = n_streams;
    e->position = 0;
    return VLMC_OK;
}

static void leave_weights(weights *w, uint32_t layers)
{
    if (!w || atomic_fetch_sub(&w->engines, 1) > 1)
        return;
    for (uint32_t i = 0; w->layers && i < layers; i++) {
        layer_kernels *layer = &w->layers[i];
        vlmc_cpu_linear_destroy(&layer->qkv);
        vlmc_cpu_linear_destroy(&layer->o);
        vlmc_cpu_linear_destroy(&layer->up);
        vlmc_cpu_linear_destroy(&layer->down);
        free(layer->reversed);
    }
    vlmc_cpu_linear_destroy(&w->context);
    vlmc_cpu_linear_destroy(&w->head);
    free(w->layers);
    free(w);
}

static void engine_destroy(vlmc_engine *engine)
{
    cpu_engine *e = (cpu_engine *)engine;
    const uint32_t threads = e->pool ? vlmc_thread_pool_threads(e->pool) : 0;
    for (uint32_t i = 0; e->workers && i < threads; i++) {
        scratch *s = &e->workers[i];
        if (s->hidden != s->up)
            free(s->hidden);
        free(s->up);
        free(s->mix);
        free(s->qkv);
        free(s->wide);
        free(s->norm);
        free(s->x);
    }
    leave_weights(e->weights, engine->model->hp.layers);
    vlmc_thread_pool_destroy(&e->pool);
    free(e->workers);
    free(e->rings);
    free(e);
}

static vlmc_status create_weights(cpu_engine *e, vlmc_error *error)
{
    const vlmc_model *model = e->base.model;
    const vlmc_hyperparameters *hp = &model->hp;
    const vlmc_cpu_kernels *k = e->kernels;
    weights *w = e->weights = calloc(1, sizeof *w);
    if (w)
        atomic_init(&w->engines, 1);
    if (!w || !(w->layers = calloc(hp->layers, sizeof *w->layers)))
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the model's layers");
    for (uint32_t i = 0; i < hp->layers; i++) {
        const vlmc_layer *source = &model->layer[i];
        layer_kernels *layer = &w->layers[i];
        const vlmc_linear *qkv[] = {&source->q, &source->k, &source->v};
        const vlmc_linear *o = &source->o, *up = &source->up, *down = &source->down;
        VLMC_TRY(vlmc_cpu_linear_create(k, qkv, 3, &layer->qkv, error));
        VLMC_TRY(vlmc_cpu_linear_create(k, &o, 1, &layer->o, error));
        VLMC_TRY(vlmc_cpu_linear_create(k, &up, 1, &layer->up, error));
        VLMC_TRY(vlmc_cpu_linear_create(k, &down, 1, &layer->down, error));
        layer->reversed = vlmc_cpu_allocate(hp->heads * vlmc_cpu_bias_stride(hp->window) *
                                            sizeof *layer->reversed);
        if (!layer->reversed)
            return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the model's layers");
        vlmc_cpu_bias_reverse(hp->heads, hp->window, source->bias, layer->reversed);
    }
    const vlmc_linear *context = &model->context, *head = &model->head;
    if (hp->n_contexts)
        VLMC_TRY(vlmc_cpu_linear_create(k, &context, 1, &w->context, error));
    return vlmc_cpu_linear_create(k, &head, 1, &w->head, error);
}

static vlmc_status create_scratch(const vlmc_hyperparameters *hp, uint32_t positions, scratch *s,
                                  vlmc_error *error)
{
    const size_t n = positions, heads_bytes = (size_t)hp->heads * hp->head_dim;
    const int gated = hp->ffn == VLMC_FFN_REGLU;
    s->x = vlmc_cpu_allocate(n * hp->width * sizeof *s->x);
    s->norm = vlmc_cpu_allocate(n * hp->width);
    s->wide = vlmc_cpu_allocate(n * hp->n_contexts * hp->context_dim);
    s->qkv = vlmc_cpu_allocate(n * (heads_bytes + 2 * (size_t)hp->kv_heads * hp->head_dim));
    s->mix = vlmc_cpu_allocate(n * heads_bytes);
    s->up = vlmc_cpu_allocate(n * hp->hidden * (gated ? 2 : 1));
    s->hidden = gated ? vlmc_cpu_allocate(n * hp->hidden) : s->up;
    if (!s->x || !s->norm || !s->wide || !s->qkv || !s->mix || !s->up || !s->hidden)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the model's activations");
    return VLMC_OK;
}

static vlmc_status create_rings(cpu_engine *e, vlmc_error *error)
{
    const vlmc_hyperparameters *hp = &e->base.model->hp;
    const uint32_t steps =
        e->params.max_steps < CHUNK_POSITIONS ? e->params.max_steps : CHUNK_POSITIONS;
    const uint32_t slots = hp->window + steps - 1;
    e->capacity = (slots + VLMC_CPU_KEY_BLOCK - 1) / VLMC_CPU_KEY_BLOCK * VLMC_CPU_KEY_BLOCK;
    const size_t bytes = e->kernels->ring_bytes(hp->head_dim, e->capacity);
    e->ring_bytes = (bytes + VLMC_CPU_ALIGNMENT - 1) / VLMC_CPU_ALIGNMENT * VLMC_CPU_ALIGNMENT;
    size_t total;
    if (!__builtin_mul_overflow((size_t)hp->layers * hp->kv_heads * e->params.max_streams,
                                e->ring_bytes, &total) &&
        total <= RINGS_LIMIT_BYTES)
        e->rings = vlmc_cpu_allocate(total);
    if (!e->rings)
        return vlmc_fail(error, VLMC_ERROR_MEMORY,
                         "not enough memory for the attention state of %u streams",
                         e->params.max_streams);
    return VLMC_OK;
}

static vlmc_status create_all(cpu_engine *e, uint32_t threads, vlmc_error *error)
{
    VLMC_TRY(vlmc_thread_pool_create(threads, &e->pool, error));
    if (!e->weights)
        VLMC_TRY(create_weights(e, error));
    VLMC_TRY(create_rings(e, error));
    e->workers = calloc(threads, sizeof *e->workers);
    if (!e->workers)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for %u threads", threads);
    for (uint32_t i = 0; i < threads; i++)
        VLMC_TRY(create_scratch(&e->base.model->hp, CHUNK_POSITIONS, &e->workers[i], error));
    return VLMC_OK;
}

static vlmc_status engine_sibling(vlmc_engine *engine, vlmc_engine **sibling, vlmc_error *error);

static const vlmc_engine_api api = {
    .name = "cpu",
    .reset = engine_reset,
    .forward = engine_forward,
    .sibling = engine_sibling,
    .destroy = engine_destroy,
};

// weights NULL: made from the model.
static vlmc_status create(const vlmc_engine_params *params, const vlmc_cpu_kernels *kernels,
                          weights *weights, vlmc_engine **engine, vlmc_error *error)
{
    cpu_engine *e = calloc(1, sizeof *e);
    if (!e)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for an engine");
    e->base = (vlmc_engine){
        .api = &api,
        .model = params->model,
        .place = params->threads > 1 ? VLMC_ENGINE_THREADS : VLMC_ENGINE_CALLER,
    };
    e->params = *params;
    e->kernels = kernels;
    e->weights = weights;
    if (weights)
        atomic_fetch_add(&weights->engines, 1);
    // Who asks for one step at a time has work of his own between them, which takes a thread.
    const bool leaves_one = params->max_steps == 1 && params->threads > 1;
    const vlmc_status status = create_all(e, params->threads - leaves_one, error);
    if (status == VLMC_OK)
        *engine = &e->base;
    else
        engine_destroy(&e->base);
    return status;
}

static vlmc_status engine_sibling(vlmc_engine *engine, vlmc_engine **sibling, vlmc_error *error)
{
    const cpu_engine *e = (cpu_engine *)engine;
    *sibling = NULL;
    return create(&e->params, e->kernels, e->weights, sibling, error);
}

vlmc_status vlmc_cpu_engine_create(const vlmc_engine_params *params, const char *variant,
                                   vlmc_engine **engine, vlmc_error *error)
{
    *engine = NULL;
    const vlmc_cpu_kernels *kernels = vlmc_cpu_kernels_find(variant);
    if (!kernels)
        return vlmc_fail(error, VLMC_ERROR_UNSUPPORTED,
                         "the CPU variant \"%s\" does not run on this machine; use \"auto\"",
                         variant);
    if (params->max_streams < 1 || params->max_steps < 1)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "an engine needs at least one stream and step");
    return create(params, kernels, NULL, engine, error);
}
