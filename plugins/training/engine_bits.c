// SPDX-License-Identifier: Apache-2.0
// What the engine itself spends on streams: proof.py compiles this file with host/cpu and
// host/model and calls it through ctypes.
#include "../../host/cpu/cpu_engine.h"
#include "../../host/cpu/ops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SLAB_STEPS 32u

static double slab_bits(const uint8_t *symbols, const int16_t *logits, uint32_t n_streams,
                        uint32_t length, uint32_t first, uint32_t count)
{
    double bits = 0;
    uint32_t frequencies[256];
    for (uint32_t s = 0; s < n_streams; s++)
        for (uint32_t i = 0; i < count; i++) {
            vlmc_op_frequencies(256, logits + ((size_t)s * count + i) * 256, frequencies);
            bits +=
                VLMC_FREQUENCY_BITS - log2(frequencies[symbols[(size_t)s * length + first + i]]);
        }
    return bits;
}

static double run(vlmc_engine *engine, uint32_t n_streams, uint32_t length, const uint8_t *symbols,
                  const uint32_t *rows, vlmc_error *error)
{
    const uint32_t n = engine->model->hp.n_contexts;
    const size_t most = (size_t)n_streams * SLAB_STEPS;
    uint16_t *tokens = malloc(most * sizeof *tokens);
    uint32_t *part = malloc(most * (n + 1) * sizeof *part);
    int16_t *logits = malloc(most * 256 * sizeof *logits);
    double bits = tokens && part && logits ? 0 : -1;
    for (uint32_t first = 0; first < length && bits >= 0; first += SLAB_STEPS) {
        const uint32_t count = length - first < SLAB_STEPS ? length - first : SLAB_STEPS;
        for (uint32_t s = 0; s < n_streams; s++)
            for (uint32_t i = 0; i < count; i++) {
                const size_t from = (size_t)s * length + first + i, to = (size_t)s * count + i;
                tokens[to] = first + i ? symbols[from - 1] : 256;
                for (uint32_t c = 0; c < n; c++)
                    part[to * n + c] = rows[from * n + c];
            }
        if (vlmc_engine_forward(engine, count, tokens, part, logits, error) != VLMC_OK)
            bits = -1;
        else
            bits += slab_bits(symbols, logits, n_streams, length, first, count);
    }
    free(tokens);
    free(part);
    free(logits);
    return bits;
}

// symbols // (n_streams, length), rows // (n_streams, length, n_contexts); negative on an error,
// which is printed.
double vlmc_training_engine_bits(const char *path, uint32_t n_streams, uint32_t length,
                                 const uint8_t *symbols, const uint32_t *rows)
{
    vlmc_error error = {0};
    vlmc_model *model = NULL;
    vlmc_engine *engine = NULL;
    double bits = -1;
    if (vlmc_model_load(path, &model, &error) == VLMC_OK) {
        const vlmc_engine_params params = {
            .model = model, .max_streams = n_streams, .max_steps = SLAB_STEPS, .threads = 2};
        if (vlmc_cpu_engine_create(&params, NULL, &engine, &error) == VLMC_OK &&
            vlmc_engine_reset(engine, n_streams, &error) == VLMC_OK)
            bits = run(engine, n_streams, length, symbols, rows, &error);
    }
    if (bits < 0)
        fprintf(stderr, "%s\n", error.text);
    vlmc_engine_destroy(&engine);
    vlmc_model_destroy(&model);
    return bits;
}
