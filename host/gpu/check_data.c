// SPDX-License-Identifier: Apache-2.0
#include "check_data.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

// SplitMix64 (Steele, Lea, Flood 2014).
uint64_t vlmc_gpu_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

int32_t vlmc_gpu_between(uint64_t *state, int32_t lo, int32_t hi)
{
    return lo + (int32_t)(vlmc_gpu_random(state) % (uint64_t)(hi - lo + 1));
}

static int32_t value_of(vlmc_gpu_data data, int32_t largest, uint64_t *state)
{
    const uint64_t choice = vlmc_gpu_random(state);
    if (data == VLMC_GPU_DATA_ZERO)
        return 0;
    if (data == VLMC_GPU_DATA_EXTREME || choice % 16 == 0)
        return choice & 16 ? largest : -largest;
    return vlmc_gpu_between(state, -largest, largest);
}

void vlmc_gpu_fill_i8(int8_t *values, size_t n, vlmc_gpu_data data, uint64_t *state)
{
    for (size_t i = 0; i < n; i++)
        values[i] = (int8_t)value_of(data, 127, state);
}

void vlmc_gpu_fill_i16(int16_t *values, size_t n, vlmc_gpu_data data, uint64_t *state)
{
    for (size_t i = 0; i < n; i++)
        values[i] = (int16_t)value_of(data, 32767, state);
}

uint64_t vlmc_gpu_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

vlmc_status vlmc_gpu_exchange_create(vlmc_gpu *g, uint64_t input_bytes, uint64_t output_bytes,
                                     vlmc_gpu_exchange *x, vlmc_error *error)
{
    *x = (vlmc_gpu_exchange){.input_bytes = input_bytes, .output_bytes = output_bytes};
    x->input = calloc(1, input_bytes);
    x->output = calloc(1, output_bytes);
    x->expected = calloc(1, output_bytes);
    if (!x->input || !x->output || !x->expected)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for a self-test");
    VLMC_TRY(vlmc_gpu_make_buffer(g, VLMC_GPU_MEMORY_DEVICE, input_bytes, &x->device_input, error));
    VLMC_TRY(
        vlmc_gpu_make_buffer(g, VLMC_GPU_MEMORY_DEVICE, output_bytes, &x->device_output, error));
    return vlmc_gpu_make_buffer(g, VLMC_GPU_MEMORY_READBACK, output_bytes, &x->readback, error);
}

void vlmc_gpu_exchange_destroy(vlmc_gpu *g, vlmc_gpu_exchange *x)
{
    free(x->input);
    free(x->output);
    free(x->expected);
    vlmc_gpu_free_buffer(g, &x->device_input);
    vlmc_gpu_free_buffer(g, &x->device_output);
    vlmc_gpu_free_buffer(g, &x->readback);
    *x = (vlmc_gpu_exchange){0};
}

vlmc_status vlmc_gpu_exchange_send(vlmc_gpu *g, vlmc_gpu_exchange *x, vlmc_error *error)
{
    VLMC_TRY(vlmc_gpu_upload(g, &x->device_input, 0, x->input, x->input_bytes, error));
    return vlmc_gpu_upload(g, &x->device_output, 0, x->output, x->output_bytes, error);
}

vlmc_status vlmc_gpu_exchange_compare(vlmc_gpu *g, vlmc_gpu_exchange *x, uint32_t element,
                                      vlmc_gpu_check *check, vlmc_error *error)
{
    VLMC_TRY(vlmc_gpu_copy(g, &x->device_output, &x->readback, x->output_bytes, error));
    VLMC_TRY(vlmc_gpu_finish(g, error));
    const uint8_t *actual = x->readback.mapped, *expected = x->expected;
    for (uint64_t i = 0; i < x->output_bytes; i += element)
        check->wrong += memcmp(actual + i, expected + i, element) != 0;
    check->compared += x->output_bytes / element;
    return VLMC_OK;
}
