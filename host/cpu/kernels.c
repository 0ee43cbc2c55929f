// SPDX-License-Identifier: Apache-2.0
#include "kernels.h"

#include "util/processor.h"

#include <stdlib.h>
#include <string.h>

#if !defined(__x86_64__)
const vlmc_cpu_kernels *vlmc_cpu_kernels_avx2(void)
{
    return NULL;
}

const vlmc_cpu_kernels *vlmc_cpu_kernels_avx512vnni(void)
{
    return NULL;
}
#endif

#if !defined(__aarch64__)
const vlmc_cpu_kernels *vlmc_cpu_kernels_neon(void)
{
    return NULL;
}
#endif

// Best first.
static const char *const names[] = {"avx512vnni", "avx2", "neon", "reference"};

const char *vlmc_cpu_variant_name(uint32_t index)
{
    return index < sizeof names / sizeof *names ? names[index] : NULL;
}

static const vlmc_cpu_kernels *named(const char *name)
{
    if (strcmp(name, "reference") == 0)
        return &vlmc_cpu_kernels_reference;
    if (strcmp(name, "avx2") == 0)
        return vlmc_processor_avx2() ? vlmc_cpu_kernels_avx2() : NULL;
    if (strcmp(name, "avx512vnni") == 0)
        return vlmc_processor_avx512() ? vlmc_cpu_kernels_avx512vnni() : NULL;
    if (strcmp(name, "neon") == 0)
        return vlmc_cpu_kernels_neon();
    return NULL;
}

const vlmc_cpu_kernels *vlmc_cpu_kernels_find(const char *variant)
{
    if (variant && strcmp(variant, "auto") != 0)
        return named(variant);
    const vlmc_cpu_kernels *kernels = NULL;
    for (uint32_t i = 0; !kernels && vlmc_cpu_variant_name(i); i++)
        kernels = named(vlmc_cpu_variant_name(i));
    return kernels;
}

const vlmc_cpu_kernels *vlmc_cpu_kernels_best(void)
{
    return vlmc_cpu_kernels_find(NULL);
}

int vlmc_cpu_variant_available(const char *variant)
{
    return vlmc_cpu_kernels_find(variant) != NULL;
}

void *vlmc_cpu_allocate(size_t bytes)
{
    if (bytes > SIZE_MAX - VLMC_CPU_ALIGNMENT)
        return NULL;
    bytes = bytes ? (bytes + VLMC_CPU_ALIGNMENT - 1) / VLMC_CPU_ALIGNMENT * VLMC_CPU_ALIGNMENT
                  : VLMC_CPU_ALIGNMENT;
    void *memory = aligned_alloc(VLMC_CPU_ALIGNMENT, bytes);
    if (memory)
        memset(memory, 0, bytes);
    return memory;
}

static void fill_requant(const vlmc_linear *part, vlmc_cpu_requant *requant)
{
    for (uint32_t m = 0; m < part->rows; m++) {
        vlmc_cpu_requant *r = &requant[m / VLMC_CPU_PANEL_ROWS];
        const uint32_t i = m % VLMC_CPU_PANEL_ROWS;
        const int32_t shift = part->shift[m];
        r->multiplier[i] = part->multiplier[m];
        if (i % 2)
            r->multiplier_odd[i / 2] = part->multiplier[m];
        (i % 2 ? r->round_odd : r->round_even)[i / 2] = INT64_C(1) << (shift - 1);
        (i % 2 ? r->shift_odd : r->shift_even)[i / 2] = shift;
        r->lift[i] = (int32_t)(uint32_t)(UINT64_C(1) << (48 - shift));
    }
}

vlmc_status vlmc_cpu_linear_create(const vlmc_cpu_kernels *kernels, const vlmc_linear *const *parts,
                                   uint32_t n_parts, vlmc_cpu_linear *linear, vlmc_error *error)
{
    *linear = (vlmc_cpu_linear){.n_parts = n_parts, .cols = parts[0]->cols};
    for (uint32_t i = 0; i < n_parts; i++) {
        linear->parts[i] = *parts[i];
        linear->rows += parts[i]->rows;
    }
    const uint32_t panels = linear->rows / VLMC_CPU_PANEL_ROWS;
    const size_t bytes = kernels->panel_bytes(linear->rows, linear->cols);
    linear->requant = vlmc_cpu_allocate(panels * sizeof *linear->requant);
    linear->panels = bytes ? vlmc_cpu_allocate(bytes) : NULL;
    if (!linear->requant || (bytes && !linear->panels)) {
        vlmc_cpu_linear_destroy(linear);
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the model's weights");
    }
    vlmc_cpu_requant *requant = linear->requant;
    for (uint32_t i = 0; i < n_parts; i++) {
        fill_requant(parts[i], requant);
        requant += parts[i]->rows / VLMC_CPU_PANEL_ROWS;
    }
    if (bytes)
        kernels->pack(linear);
    return VLMC_OK;
}

void vlmc_cpu_linear_destroy(vlmc_cpu_linear *linear)
{
    free(linear->panels);
    free(linear->requant);
    *linear = (vlmc_cpu_linear){0};
}

size_t vlmc_cpu_bias_stride(uint32_t window)
{
    return 2 * (size_t)VLMC_CPU_BIAS_PAD + window;
}

void vlmc_cpu_bias_reverse(uint32_t heads, uint32_t window, const int32_t *bias, int32_t *reversed)
{
    const size_t stride = vlmc_cpu_bias_stride(window);
    for (uint32_t h = 0; h < heads; h++, reversed += stride, bias += window) {
        for (size_t i = 0; i < stride; i++)
            reversed[i] = VLMC_CPU_HIDDEN;
        for (uint32_t d = 0; d < window; d++)
            reversed[VLMC_CPU_BIAS_PAD + window - 1 - d] = bias[d];
    }
}
