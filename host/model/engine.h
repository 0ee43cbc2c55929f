// SPDX-License-Identifier: Apache-2.0
// The engine interface: one transformer, many streams in lock step, on some device.
// Every implementation returns the same bits (docs/numerics.md).
#ifndef VLMC_MODEL_ENGINE_H
#define VLMC_MODEL_ENGINE_H

#include "model.h"

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/status.h>

typedef struct vlmc_engine vlmc_engine;

// Where an engine computes, and so what else can be done meanwhile.
typedef enum vlmc_engine_place {
    VLMC_ENGINE_CALLER = 0,  // on the processor of the calling thread
    VLMC_ENGINE_THREADS = 1, // on others as well: one such engine at a time is the fastest
    VLMC_ENGINE_DEVICE = 2,  // on a device, which can be given the work of several
} vlmc_engine_place;

typedef struct vlmc_engine_params {
    const vlmc_model *model; // borrowed, must outlive the engine
    uint32_t max_streams;    // most streams that a reset may ask for, >= 1
    uint32_t max_steps;      // most positions per stream in one forward, >= 1
    uint32_t threads;        // CPU engines: of the caller and its engine, >= 1
} vlmc_engine_params;

// One table per implementation (host/cpu, host/gpu). An engine is used by one thread
// at a time; different engines, siblings too, are independent.
typedef struct vlmc_engine_api {
    const char *name;

    // Forgets all streams; afterwards n_streams (<= max_streams) streams are at position 0.
    vlmc_status (*reset)(vlmc_engine *engine, uint32_t n_streams, vlmc_error *error);

    // Runs n_steps (<= max_steps) further positions of every stream. The cut of a
    // sequence into forward calls never changes a logit.
    //   tokens // (n_streams, n_steps): token before the position, model->hp.vocab at the start
    //   rows   // (n_streams, n_steps, n_contexts): side contexts, row < contexts[i].rows
    //   logits // (n_streams, n_steps, vocab): log2 units / 1024
    vlmc_status (*forward)(vlmc_engine *engine, uint32_t n_steps, const uint16_t *tokens,
                           const uint32_t *rows, int16_t *logits, vlmc_error *error);

    // Another engine like this one, with streams of its own, that reads the same weights, so that
    // they stay in the processor's caches. NULL: there is no such thing here.
    vlmc_status (*sibling)(vlmc_engine *engine, vlmc_engine **sibling, vlmc_error *error);

    void (*destroy)(vlmc_engine *engine);
} vlmc_engine_api;

// First member of every implementation's state.
struct vlmc_engine {
    const vlmc_engine_api *api;
    const vlmc_model *model;
    uint32_t n_streams;
    vlmc_engine_place place;
};

static inline vlmc_status vlmc_engine_reset(vlmc_engine *engine, uint32_t n_streams,
                                            vlmc_error *error)
{
    return engine->api->reset(engine, n_streams, error);
}

static inline vlmc_status vlmc_engine_forward(vlmc_engine *engine, uint32_t n_steps,
                                              const uint16_t *tokens, const uint32_t *rows,
                                              int16_t *logits, vlmc_error *error)
{
    return engine->api->forward(engine, n_steps, tokens, rows, logits, error);
}

static inline void vlmc_engine_destroy(vlmc_engine **engine)
{
    if (*engine)
        (*engine)->api->destroy(*engine);
    *engine = NULL;
}

#endif
