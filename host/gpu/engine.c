// SPDX-License-Identifier: Apache-2.0
// vlmc_engine_api on a Vulkan device: cuts a forward into passes that fit the activations.
#include "network.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "int8 and int16 are packed into words");

typedef struct gpu_engine {
    vlmc_engine base; // first
    vlmc_gpu *gpu;
    vlmc_gpu_network network;
    uint32_t max_streams;
    uint32_t max_steps;
    uint64_t position; // of every stream
} gpu_engine;

// Some streams over some steps of a forward.
typedef struct piece {
    uint32_t first_stream;
    uint32_t n_streams;
    uint32_t first_step;
    uint32_t n_steps;
    uint32_t all_steps; // of the forward: the stride of a stream in its arrays
} piece;

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

// Tokens and rows into the mapped buffers; a row counts from the first context's table.
static void write_inputs(gpu_engine *e, const piece *p, const uint16_t *tokens,
                         const uint32_t *rows)
{
    const vlmc_hyperparameters *hp = &e->base.model->hp;
    uint32_t *token = e->network.tokens.mapped, *row = e->network.rows.mapped;
    for (uint32_t s = 0; s < p->n_streams; s++) {
        const size_t at = (size_t)(p->first_stream + s) * p->all_steps + p->first_step;
        for (uint32_t t = 0; t < p->n_steps; t++) {
            *token++ = tokens[at + t];
            for (uint32_t c = 0, base = 0; c < hp->n_contexts; base += hp->contexts[c++].rows)
                *row++ = base + rows[(at + t) * hp->n_contexts + c];
        }
    }
}

static void read_logits(const gpu_engine *e, const piece *p, int16_t *logits)
{
    const size_t vocab = e->base.model->hp.vocab, count = p->n_steps * vocab;
    const int16_t *source = e->network.readback.mapped;
    for (uint32_t s = 0; s < p->n_streams; s++) {
        const size_t at = (size_t)(p->first_stream + s) * p->all_steps + p->first_step;
        memcpy(logits + at * vocab, source + s * count, count * sizeof *logits);
    }
}

static vlmc_status engine_forward(vlmc_engine *engine, uint32_t n_steps, const uint16_t *tokens,
                                  const uint32_t *rows, int16_t *logits, vlmc_error *error)
{
    gpu_engine *e = (gpu_engine *)engine;
    const uint32_t n_streams = engine->n_streams;
    if (n_steps < 1 || n_steps > e->max_steps)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "a forward of %u steps; this engine runs 1 to %u",
                         n_steps, e->max_steps);
    VLMC_TRY(check_inputs(engine->model, (size_t)n_streams * n_steps, tokens, rows, error));
    piece p = {.all_steps = n_steps};
    for (; p.first_step < n_steps; p.first_step += p.n_steps) {
        const uint32_t steps = n_steps - p.first_step;
        p.n_steps = steps < e->network.chunk_steps ? steps : e->network.chunk_steps;
        const uint32_t most = e->network.chunk_positions / p.n_steps;
        for (p.first_stream = 0; p.first_stream < n_streams; p.first_stream += p.n_streams) {
            const uint32_t streams = n_streams - p.first_stream;
            p.n_streams = streams < most ? streams : most;
            write_inputs(e, &p, tokens, rows);
            VLMC_TRY(vlmc_gpu_network_run(&e->network, p.first_stream, p.n_streams,
                                          e->position + p.first_step, p.n_steps, error));
            read_logits(e, &p, logits);
        }
    }
    e->position += n_steps;
    return VLMC_OK;
}

// Old keys may stay in the rings: a query sees only positions that its stream has had since.
static vlmc_status engine_reset(vlmc_engine *engine, uint32_t n_streams, vlmc_error *error)
{
    gpu_engine *e = (gpu_engine *)engine;
    if (n_streams > e->max_streams)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "%u streams; this engine runs up to %u",
                         n_streams, e->max_streams);
    engine->n_streams = n_streams;
    e->position = 0;
    return VLMC_OK;
}

static void engine_destroy(vlmc_engine *engine)
{
    gpu_engine *e = (gpu_engine *)engine;
    vlmc_gpu_network_destroy(&e->network);
    vlmc_gpu_destroy(&e->gpu);
    free(e);
}

static const vlmc_engine_api api = {
    .name = "vulkan",
    .reset = engine_reset,
    .forward = engine_forward,
    .destroy = engine_destroy,
};

vlmc_status vlmc_gpu_engine_create(const char *selector, const vlmc_gpu_params *params,
                                   vlmc_engine **engine, vlmc_error *error)
{
    *engine = NULL;
    const vlmc_engine_params *p = &params->engine;
    if (p->max_streams < 1 || p->max_steps < 1)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "an engine needs at least one stream and step");
    gpu_engine *e = calloc(1, sizeof *e);
    if (!e)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for an engine");
    e->base = (vlmc_engine){.api = &api, .model = p->model, .place = VLMC_ENGINE_DEVICE};
    e->max_streams = p->max_streams;
    e->max_steps = p->max_steps;
    vlmc_status status =
        vlmc_gpu_create(selector, params->force_portable, params->storage_limit_bytes,
                        params->cache_dir, &e->gpu, error);
    if (status == VLMC_OK)
        status = vlmc_gpu_network_create(e->gpu, p->model, p->max_streams, p->max_steps,
                                         params->chunk_positions, &e->network, error);
    if (status != VLMC_OK) {
        engine_destroy(&e->base);
        return status;
    }
    *engine = &e->base;
    return VLMC_OK;
}

const vlmc_gpu_device_info *vlmc_gpu_engine_device(const vlmc_engine *engine)
{
    return &((const gpu_engine *)engine)->gpu->device->info;
}
