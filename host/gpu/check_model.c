// SPDX-License-Identifier: Apache-2.0
#include "../cpu/cpu_engine.h"
#include "../cpu/ops.h"
#include "check_data.h"

#include <stdlib.h>
#include <string.h>

// All positions' projections of a check, (n_streams, positions, stride).
typedef struct history {
    const vlmc_hyperparameters *hp;
    int32_t *bias; // (heads, window)
    int8_t *all;
    uint32_t positions;
    size_t stride;
} history;

// One query of one head, against the keys and values of the history.
static void reference_query(const history *h, uint32_t stream, uint32_t position, uint32_t head,
                            int8_t *y)
{
    const vlmc_hyperparameters *hp = h->hp;
    const uint32_t dim = hp->head_dim, kv = head * hp->kv_heads / hp->heads;
    const uint32_t count = position + 1 < hp->window ? position + 1 : hp->window;
    const int8_t *keys[1024], *values[1024];
    const int8_t *now = h->all + ((size_t)stream * h->positions + position) * h->stride;
    for (uint32_t i = 0; i < count; i++) {
        keys[i] = now - i * h->stride + (size_t)(hp->heads + kv) * dim;
        values[i] = keys[i] + (size_t)hp->kv_heads * dim;
    }
    vlmc_op_attention(count, dim, now + (size_t)head * dim, keys, values,
                      h->bias + (size_t)head * hp->window, y);
}

static void fill_bias(const vlmc_hyperparameters *hp, vlmc_gpu_data data, int32_t *bias,
                      uint64_t *state)
{
    for (size_t i = 0; i < (size_t)hp->heads * hp->window; i++) {
        const bool extreme = data == VLMC_GPU_DATA_EXTREME || vlmc_gpu_random(state) % 32 == 0;
        bias[i] = vlmc_gpu_between(state, -20000, 20000);
        if (extreme)
            bias[i] = vlmc_gpu_random(state) & 1 ? 1 << 24 : -(1 << 24);
        if (data == VLMC_GPU_DATA_ZERO)
            bias[i] = 0;
    }
}

// Steps first .. first + n_steps - 1 of every stream on the device and in the reference.
static vlmc_status attend(vlmc_gpu *g, const vlmc_gpu_attention *attention, const history *h,
                          uint32_t n_streams, uint32_t first, uint32_t n_steps,
                          vlmc_gpu_exchange *x, vlmc_gpu_check *check, vlmc_error *error)
{
    const uint32_t heads = h->hp->heads, dim = h->hp->head_dim;
    int8_t *expected = x->expected;
    for (uint32_t s = 0; s < n_streams; s++) {
        memcpy((int8_t *)x->input + (size_t)s * n_steps * h->stride,
               h->all + ((size_t)s * h->positions + first) * h->stride, n_steps * h->stride);
        for (uint32_t t = 0; t < n_steps; t++)
            for (uint32_t i = 0; i < heads; i++, expected += dim)
                reference_query(h, s, first + t, i, expected);
    }
    VLMC_TRY(vlmc_gpu_exchange_send(g, x, error));
    VLMC_TRY(vlmc_gpu_attention_run(g, attention, 0, n_streams, first, n_steps, error));
    return vlmc_gpu_exchange_compare(g, x, 1, check, error);
}

vlmc_status vlmc_gpu_check_attention(vlmc_gpu *g, const vlmc_hyperparameters *hp,
                                     uint32_t n_streams, uint32_t n_steps, vlmc_gpu_data data,
                                     uint64_t seed, vlmc_gpu_check *check, vlmc_error *error)
{
    *check = (vlmc_gpu_check){0};
    const uint32_t runs = (hp->window + n_steps) / n_steps + 2;
    const uint64_t n = (uint64_t)n_streams * n_steps;
    history h = {.hp = hp, .positions = runs * n_steps};
    h.stride = (size_t)(hp->heads + 2 * hp->kv_heads) * hp->head_dim;
    const size_t bytes = (size_t)n_streams * h.positions * h.stride;
    h.all = malloc(bytes);
    h.bias = malloc((size_t)hp->heads * hp->window * sizeof *h.bias);
    vlmc_gpu_attention attention = {0};
    vlmc_gpu_exchange x = {0};
    vlmc_status status = VLMC_OK;
    if (!h.all || !h.bias)
        status = vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for a self-test");
    if (status == VLMC_OK) {
        vlmc_gpu_fill_i8(h.all, bytes, data, &seed);
        fill_bias(hp, data, h.bias, &seed);
        status = vlmc_gpu_exchange_create(g, n * h.stride, n * hp->heads * hp->head_dim, &x, error);
    }
    const uint64_t start = vlmc_gpu_now_ns();
    if (status == VLMC_OK)
        status = vlmc_gpu_attention_create(g, hp, h.bias, n_streams, n_steps, &attention, error);
    if (status == VLMC_OK)
        status = vlmc_gpu_attention_bind(g, &attention, &x.device_input, &x.device_output, error);
    for (uint32_t i = 0; i < runs && status == VLMC_OK; i++)
        status = attend(g, &attention, &h, n_streams, i * n_steps, n_steps, &x, check, error);
    check->time_ns = vlmc_gpu_now_ns() - start;
    vlmc_gpu_attention_destroy(g, &attention);
    vlmc_gpu_exchange_destroy(g, &x);
    free(h.all);
    free(h.bias);
    return status;
}

static void fill_inputs(const vlmc_hyperparameters *hp, size_t n, uint16_t *tokens, uint32_t *rows,
                        uint64_t *state)
{
    for (size_t p = 0; p < n; p++) {
        tokens[p] = (uint16_t)(vlmc_gpu_random(state) % (hp->vocab + 1));
        for (uint32_t c = 0; c < hp->n_contexts; c++)
            *rows++ = (uint32_t)(vlmc_gpu_random(state) % hp->contexts[c].rows);
    }
}

// The reference's logits for the same tokens and rows.
static vlmc_status reference_logits(const vlmc_model *model, uint32_t n_streams, uint32_t n_steps,
                                    const uint16_t *tokens, const uint32_t *rows, int16_t *logits,
                                    vlmc_error *error)
{
    const vlmc_engine_params params = {
        .model = model,
        .max_streams = n_streams,
        .max_steps = n_steps,
        .threads = 1,
    };
    vlmc_engine *engine;
    VLMC_TRY(vlmc_cpu_engine_create(&params, "reference", &engine, error));
    vlmc_status status = vlmc_engine_reset(engine, n_streams, error);
    if (status == VLMC_OK)
        status = vlmc_engine_forward(engine, n_steps, tokens, rows, logits, error);
    vlmc_engine_destroy(&engine);
    return status;
}

// Tokens and rows as the device wants them: rows count from the first context's table.
static void send_inputs(vlmc_gpu_network *w, size_t n, const uint16_t *tokens, const uint32_t *rows)
{
    const vlmc_hyperparameters *hp = &w->model->hp;
    uint32_t *token = w->tokens.mapped, *row = w->rows.mapped;
    for (size_t p = 0; p < n; p++) {
        token[p] = tokens[p];
        for (uint32_t c = 0, base = 0; c < hp->n_contexts; base += hp->contexts[c++].rows)
            *row++ = base + *rows++;
    }
}

static vlmc_status compare_model(vlmc_gpu *g, const vlmc_model *model, uint32_t n_streams,
                                 uint32_t n_steps, const uint16_t *tokens, const uint32_t *rows,
                                 int16_t *expected, vlmc_gpu_check *check, vlmc_error *error)
{
    VLMC_TRY(reference_logits(model, n_streams, n_steps, tokens, rows, expected, error));
    const uint32_t n = n_streams * n_steps;
    const uint64_t start = vlmc_gpu_now_ns();
    vlmc_gpu_network network;
    vlmc_status status = vlmc_gpu_network_create(g, model, n_streams, n_steps, n, &network, error);
    if (status == VLMC_OK) {
        send_inputs(&network, n, tokens, rows);
        status = vlmc_gpu_network_run(&network, 0, n_streams, 0, n_steps, error);
    }
    if (status == VLMC_OK) {
        const int16_t *logits = network.readback.mapped;
        check->compared = (uint64_t)n * model->hp.vocab;
        for (uint64_t i = 0; i < check->compared; i++)
            check->wrong += logits[i] != expected[i];
    }
    vlmc_gpu_network_destroy(&network);
    check->time_ns = vlmc_gpu_now_ns() - start;
    return status;
}

vlmc_status vlmc_gpu_check_model(vlmc_gpu *g, const vlmc_hyperparameters *hp, uint32_t n_streams,
                                 uint32_t n_steps, uint64_t seed, vlmc_gpu_check *check,
                                 vlmc_error *error)
{
    *check = (vlmc_gpu_check){0};
    vlmc_model *model;
    VLMC_TRY(vlmc_model_random(hp, seed, &model, error));
    const size_t n = (size_t)n_streams * n_steps;
    uint16_t *tokens = malloc(n * sizeof *tokens);
    uint32_t *rows = malloc(n * (hp->n_contexts + 1) * sizeof *rows);
    int16_t *expected = malloc(n * hp->vocab * sizeof *expected);
    vlmc_status status = VLMC_OK;
    if (!tokens || !rows || !expected)
        status = vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for a self-test");
    if (status == VLMC_OK) {
        fill_inputs(hp, n, tokens, rows, &seed);
        status = compare_model(g, model, n_streams, n_steps, tokens, rows, expected, check, error);
    }
    free(tokens);
    free(rows);
    free(expected);
    vlmc_model_destroy(&model);
    return status;
}
