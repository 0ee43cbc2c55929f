// SPDX-License-Identifier: Apache-2.0
#include "../cpu/ops.h"
#include "check_data.h"

#include <stdlib.h>
#include <string.h>

// A matrix whose scales take both ends of their range in some rows.
static vlmc_status random_linear(uint32_t rows, uint32_t cols, vlmc_gpu_data data, uint64_t *state,
                                 vlmc_linear *linear, vlmc_error *error)
{
    int8_t *weight = malloc((size_t)rows * cols);
    int32_t *multiplier = malloc(rows * sizeof *multiplier), *shift = malloc(rows * sizeof *shift);
    *linear = (vlmc_linear){rows, cols, weight, multiplier, shift};
    if (!weight || !multiplier || !shift)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for a self-test");
    vlmc_gpu_fill_i8(weight, (size_t)rows * cols, data, state);
    for (uint32_t i = 0; i < rows; i++) {
        const uint64_t choice = vlmc_gpu_random(state) % 8;
        multiplier[i] = choice == 0 ? 65535 : choice == 1 ? 0 : vlmc_gpu_between(state, 1, 65535);
        shift[i] = vlmc_gpu_random(state) % 4 ? vlmc_gpu_between(state, 20, 36)
                                              : vlmc_gpu_between(state, 16, 46);
        if (vlmc_gpu_random(state) % 8 == 0)
            shift[i] = choice & 1 ? 16 : 46;
    }
    return VLMC_OK;
}

static void free_linear(vlmc_linear *linear)
{
    free((void *)linear->weight);
    free((void *)linear->multiplier);
    free((void *)linear->shift);
}

static void reference_linear(vlmc_gpu_op op, const vlmc_linear *linear, uint32_t n,
                             vlmc_gpu_exchange *x)
{
    switch (op) {
    case VLMC_GPU_LINEAR_INT8:
        vlmc_op_linear_int8(linear, n, x->input, x->expected);
        break;
    case VLMC_GPU_LINEAR_RELU2:
        vlmc_op_linear_relu2(linear, n, x->input, x->expected);
        break;
    case VLMC_GPU_LINEAR_ADD:
        memcpy(x->expected, x->output, x->output_bytes);
        vlmc_op_linear_add(linear, n, x->input, x->expected);
        break;
    default:
        vlmc_op_linear_int16(linear, n, x->input, x->expected);
    }
}

vlmc_status vlmc_gpu_check_linear(vlmc_gpu *g, vlmc_gpu_op op, uint32_t rows, uint32_t cols,
                                  uint32_t n, vlmc_gpu_data data, uint64_t seed,
                                  vlmc_gpu_check *check, vlmc_error *error)
{
    *check = (vlmc_gpu_check){0};
    const bool wide = op == VLMC_GPU_LINEAR_ADD || op == VLMC_GPU_LINEAR_INT16;
    const uint32_t element = wide ? 2 : 1;
    vlmc_linear source;
    const vlmc_linear *sources = &source;
    vlmc_gpu_linear linear = {0};
    vlmc_gpu_exchange x = {0};
    vlmc_status status = random_linear(rows, cols, data, &seed, &source, error);
    if (status == VLMC_OK)
        status = vlmc_gpu_exchange_create(g, (uint64_t)n * cols, (uint64_t)n * rows * element, &x,
                                          error);
    if (status == VLMC_OK) {
        vlmc_gpu_fill_i8(x.input, x.input_bytes, data, &seed);
        if (wide)
            vlmc_gpu_fill_i16(x.output, x.output_bytes / 2, data, &seed);
        reference_linear(op, &source, n, &x);
        status = vlmc_gpu_linear_create(g, &sources, 1, &linear, error);
    }
    const uint64_t start = vlmc_gpu_now_ns();
    if (status == VLMC_OK)
        status = vlmc_gpu_exchange_send(g, &x, error);
    if (status == VLMC_OK)
        status = vlmc_gpu_linear_bind(g, &linear, &x.device_input, &x.device_output, error);
    if (status == VLMC_OK)
        status = vlmc_gpu_linear_run(g, &linear, op, n, error);
    if (status == VLMC_OK)
        status = vlmc_gpu_exchange_compare(g, &x, element, check, error);
    check->time_ns = vlmc_gpu_now_ns() - start;
    vlmc_gpu_linear_destroy(g, &linear);
    vlmc_gpu_exchange_destroy(g, &x);
    free_linear(&source);
    return status;
}

vlmc_status vlmc_gpu_check_gather(vlmc_gpu *g, uint32_t rows, uint32_t row_bytes, uint32_t n,
                                  uint64_t seed, vlmc_gpu_check *check, vlmc_error *error)
{
    *check = (vlmc_gpu_check){0};
    int8_t *data = malloc((size_t)rows * row_bytes);
    if (!data)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for a self-test");
    vlmc_gpu_fill_i8(data, (size_t)rows * row_bytes, VLMC_GPU_DATA_RANDOM, &seed);
    vlmc_gpu_table table = {0};
    vlmc_gpu_exchange x;
    const vlmc_gpu_table_source source = {data, rows};
    vlmc_status status =
        vlmc_gpu_exchange_create(g, n * UINT64_C(4), (uint64_t)n * row_bytes, &x, error);
    if (status == VLMC_OK) {
        uint32_t *wanted = x.input;
        for (uint32_t i = 0; i < n; i++) {
            wanted[i] = i == 0 ? rows - 1 : (uint32_t)(vlmc_gpu_random(&seed) % rows);
            memcpy((uint8_t *)x.expected + (size_t)i * row_bytes,
                   data + (size_t)wanted[i] * row_bytes, row_bytes);
        }
        status = vlmc_gpu_table_create(g, &source, 1, row_bytes, &table, error);
    }
    const uint64_t start = vlmc_gpu_now_ns();
    if (status == VLMC_OK)
        status = vlmc_gpu_exchange_send(g, &x, error);
    if (status == VLMC_OK)
        status = vlmc_gpu_table_bind(g, &table, &x.device_input, &x.device_output, error);
    if (status == VLMC_OK)
        status = vlmc_gpu_table_run(g, &table, n, error);
    if (status == VLMC_OK)
        status = vlmc_gpu_exchange_compare(g, &x, 1, check, error);
    check->time_ns = vlmc_gpu_now_ns() - start;
    vlmc_gpu_table_destroy(g, &table);
    vlmc_gpu_exchange_destroy(g, &x);
    free(data);
    return status;
}

// norm and reglu: one input, one output, no weights.
static vlmc_status run_simple(vlmc_gpu *g, bool norm, uint32_t size, uint32_t n,
                              vlmc_gpu_exchange *x, vlmc_gpu_check *check, vlmc_error *error)
{
    vlmc_gpu_binding binding;
    vlmc_gpu_buffer *const buffers[VLMC_GPU_BINDINGS] = {&x->device_input, &x->device_output, NULL,
                                                         NULL};
    VLMC_TRY(vlmc_gpu_exchange_send(g, x, error));
    VLMC_TRY(vlmc_gpu_bind(g->device, &g->pipelines, buffers, &binding, error));
    if (norm)
        VLMC_TRY(vlmc_gpu_norm_run(g, &binding, n, size, error));
    else
        VLMC_TRY(vlmc_gpu_reglu_run(g, &binding, n, size, error));
    return vlmc_gpu_exchange_compare(g, x, 1, check, error);
}

vlmc_status vlmc_gpu_check_norm(vlmc_gpu *g, uint32_t width, uint32_t n, vlmc_gpu_data data,
                                uint64_t seed, vlmc_gpu_check *check, vlmc_error *error)
{
    *check = (vlmc_gpu_check){0};
    const uint64_t start = vlmc_gpu_now_ns();
    vlmc_gpu_exchange x;
    vlmc_status status =
        vlmc_gpu_exchange_create(g, (uint64_t)n * width * 2, (uint64_t)n * width, &x, error);
    if (status == VLMC_OK) {
        int16_t *input = x.input;
        vlmc_gpu_fill_i16(input, (size_t)n * width, data, &seed);
        // Positions of every magnitude, down to a single 1.
        for (uint32_t p = 0; p < n; p++)
            for (uint32_t i = 0; i < width; i++)
                input[(size_t)p * width + i] = (int16_t)(input[(size_t)p * width + i] >> p % 16);
        vlmc_op_norm(n, width, input, x.expected);
        status = run_simple(g, true, width, n, &x, check, error);
    }
    vlmc_gpu_exchange_destroy(g, &x);
    check->time_ns = vlmc_gpu_now_ns() - start;
    return status;
}

vlmc_status vlmc_gpu_check_reglu(vlmc_gpu *g, uint32_t hidden, uint32_t n, vlmc_gpu_data data,
                                 uint64_t seed, vlmc_gpu_check *check, vlmc_error *error)
{
    *check = (vlmc_gpu_check){0};
    const uint64_t start = vlmc_gpu_now_ns();
    vlmc_gpu_exchange x;
    vlmc_status status =
        vlmc_gpu_exchange_create(g, (uint64_t)n * hidden * 2, (uint64_t)n * hidden, &x, error);
    if (status == VLMC_OK) {
        vlmc_gpu_fill_i8(x.input, x.input_bytes, data, &seed);
        vlmc_op_reglu(n, hidden, x.input, x.expected);
        status = run_simple(g, false, hidden, n, &x, check, error);
    }
    vlmc_gpu_exchange_destroy(g, &x);
    check->time_ns = vlmc_gpu_now_ns() - start;
    return status;
}
