// SPDX-License-Identifier: Apache-2.0
// Data and buffers of the checks in check.h.
#ifndef VLMC_GPU_CHECK_DATA_H
#define VLMC_GPU_CHECK_DATA_H

#include "check.h"

uint64_t vlmc_gpu_random(uint64_t *state);
int32_t vlmc_gpu_between(uint64_t *state, int32_t lo, int32_t hi);

// Random values are in the full range of an activation; extreme ones are its two ends.
void vlmc_gpu_fill_i8(int8_t *values, size_t n, vlmc_gpu_data data, uint64_t *state);
void vlmc_gpu_fill_i16(int16_t *values, size_t n, vlmc_gpu_data data, uint64_t *state);

uint64_t vlmc_gpu_now_ns(void);

// The arrays of one check on the host and on the device.
typedef struct vlmc_gpu_exchange {
    void *input;    // (input_bytes), to be filled
    void *output;   // (output_bytes), what the device writes over; to be filled where it adds
    void *expected; // (output_bytes), to be filled by the reference
    uint64_t input_bytes;
    uint64_t output_bytes;
    vlmc_gpu_buffer device_input;
    vlmc_gpu_buffer device_output;
    vlmc_gpu_buffer readback;
} vlmc_gpu_exchange;

vlmc_status vlmc_gpu_exchange_create(vlmc_gpu *gpu, uint64_t input_bytes, uint64_t output_bytes,
                                     vlmc_gpu_exchange *exchange, vlmc_error *error);
void vlmc_gpu_exchange_destroy(vlmc_gpu *gpu, vlmc_gpu_exchange *exchange);

// Brings input and output to the device.
vlmc_status vlmc_gpu_exchange_send(vlmc_gpu *gpu, vlmc_gpu_exchange *exchange, vlmc_error *error);

// Runs what is recorded and compares the output, `element` bytes a value.
vlmc_status vlmc_gpu_exchange_compare(vlmc_gpu *gpu, vlmc_gpu_exchange *exchange, uint32_t element,
                                      vlmc_gpu_check *check, vlmc_error *error);

#endif
