// SPDX-License-Identifier: Apache-2.0
// The reference table: ops.c behind the kernels' interface, one position at a time.
#include "kernels.h"
#include "ops.h"

#include <string.h>

#define WINDOW_MAX 1024u

static size_t no_panels(uint32_t rows, uint32_t cols)
{
    (void)rows;
    (void)cols;
    return 0;
}

static void no_pack(vlmc_cpu_linear *linear)
{
    (void)linear;
}

static void linear_part(const vlmc_linear *part, vlmc_cpu_epilogue epilogue, const int8_t *a,
                        void *y, size_t at)
{
    switch (epilogue) {
    case VLMC_CPU_INT8:
        vlmc_op_linear_int8(part, 1, a, (int8_t *)y + at);
        break;
    case VLMC_CPU_RELU2:
        vlmc_op_linear_relu2(part, 1, a, (int8_t *)y + at);
        break;
    case VLMC_CPU_ADD:
        vlmc_op_linear_add(part, 1, a, (int16_t *)y + at);
        break;
    case VLMC_CPU_INT16:
        vlmc_op_linear_int16(part, 1, a, (int16_t *)y + at);
        break;
    }
}

static void run_linear(const vlmc_cpu_linear *linear, vlmc_cpu_epilogue epilogue, uint32_t n,
                       const int8_t *a, void *y)
{
    size_t at = 0;
    for (uint32_t p = 0; p < n; p++, a += linear->cols)
        for (uint32_t i = 0; i < linear->n_parts; at += linear->parts[i++].rows)
            linear_part(&linear->parts[i], epilogue, a, y, at);
}

// A ring is (capacity, head_dim) keys, then the values in the same order.
static size_t ring_bytes(uint32_t head_dim, uint32_t capacity)
{
    return 2 * (size_t)capacity * head_dim;
}

static void store(const vlmc_cpu_attention *attention, void *ring, uint64_t position, uint32_t n,
                  const int8_t *k, const int8_t *v, size_t stride)
{
    const size_t dim = attention->head_dim;
    int8_t *keys = ring, *values = keys + attention->capacity * dim;
    for (uint32_t p = 0; p < n; p++, k += stride, v += stride) {
        const size_t slot = (size_t)((position + p) % attention->capacity);
        memcpy(keys + slot * dim, k, dim);
        memcpy(values + slot * dim, v, dim);
    }
}

static void attend(const vlmc_cpu_attention *attention, const void *ring, uint64_t position,
                   uint32_t n, const int8_t *q, size_t q_stride, int8_t *y, size_t y_stride)
{
    const size_t dim = attention->head_dim;
    const int8_t *keys = ring, *values = keys + attention->capacity * dim;
    const int8_t *key[WINDOW_MAX], *value[WINDOW_MAX];
    for (uint32_t p = 0; p < n; p++, q += q_stride, y += y_stride) {
        const uint64_t at = position + p;
        const uint32_t count = at + 1 < attention->window ? (uint32_t)at + 1 : attention->window;
        for (uint32_t i = 0; i < count; i++) {
            const size_t slot = (size_t)((at - i) % attention->capacity);
            key[i] = keys + slot * dim;
            value[i] = values + slot * dim;
        }
        for (uint32_t h = 0; h < attention->group; h++)
            vlmc_op_attention(count, attention->head_dim, q + h * dim, key, value,
                              attention->bias + (size_t)h * attention->window, y + h * dim);
    }
}

const vlmc_cpu_kernels vlmc_cpu_kernels_reference = {
    .name = "reference",
    .panel_bytes = no_panels,
    .pack = no_pack,
    .linear = run_linear,
    .reglu = vlmc_op_reglu,
    .norm = vlmc_op_norm,
    .ring_bytes = ring_bytes,
    .store = store,
    .attend = attend,
    .frequencies = vlmc_op_frequencies,
};
