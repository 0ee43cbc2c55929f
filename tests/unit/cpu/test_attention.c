// SPDX-License-Identifier: Apache-2.0
// Attention of every variant that this machine runs equals vlmc_op_attention over the same
// positions, whatever the ring holds elsewhere.
#include "cpu/kernels.h"
#include "cpu/ops.h"
#include "random.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define DIM_MAX 128u
#define POSITIONS_MAX 2304u

// A history of positions, as one key/value head sees it.
typedef struct history {
    uint32_t dim, group, window, capacity;
    uint32_t positions;
    int8_t *k, *v; // (positions, dim)
    int8_t *q;     // (positions, group, dim)
    int8_t *expected;
    int8_t *actual; // the shape of q
    int32_t *bias;  // (group, window)
    int32_t *reversed;
} history;

static void *must_allocate(size_t bytes)
{
    void *memory = vlmc_cpu_allocate(bytes);
    cr_assert_not_null(memory);
    return memory;
}

static history make_history(uint32_t dim, uint32_t group, uint32_t window, uint32_t positions)
{
    const size_t heads = (size_t)positions * group * dim;
    return (history){
        .dim = dim,
        .group = group,
        .window = window,
        .positions = positions,
        .k = must_allocate((size_t)positions * dim),
        .v = must_allocate((size_t)positions * dim),
        .q = must_allocate(heads),
        .expected = must_allocate(heads),
        .actual = must_allocate(heads),
        .bias = must_allocate((size_t)group * window * 4),
        .reversed = must_allocate(group * vlmc_cpu_bias_stride(window) * 4),
    };
}

static void free_history(history *h)
{
    free(h->k);
    free(h->v);
    free(h->q);
    free(h->expected);
    free(h->actual);
    free(h->bias);
    free(h->reversed);
}

static void run_reference(history *h)
{
    const int8_t *keys[1024], *values[1024];
    for (uint32_t p = 0; p < h->positions; p++) {
        const uint32_t count = p + 1 < h->window ? p + 1 : h->window;
        for (uint32_t i = 0; i < count; i++) {
            keys[i] = h->k + (size_t)(p - i) * h->dim;
            values[i] = h->v + (size_t)(p - i) * h->dim;
        }
        for (uint32_t g = 0; g < h->group; g++) {
            const size_t at = ((size_t)p * h->group + g) * h->dim;
            vlmc_op_attention(count, h->dim, h->q + at, keys, values,
                              h->bias + (size_t)g * h->window, h->expected + at);
        }
    }
}

// Takes the history in pieces of 1..most positions through a ring that starts full of noise.
static void run_kernels(const vlmc_cpu_kernels *kernels, history *h, uint32_t most,
                        test_random *random)
{
    vlmc_cpu_bias_reverse(h->group, h->window, h->bias, h->reversed);
    h->capacity =
        (h->window + most - 1 + VLMC_CPU_KEY_BLOCK - 1) / VLMC_CPU_KEY_BLOCK * VLMC_CPU_KEY_BLOCK;
    const vlmc_cpu_attention attention = {
        .head_dim = h->dim,
        .group = h->group,
        .window = h->window,
        .capacity = h->capacity,
        .bias = h->bias,
        .reversed = h->reversed + VLMC_CPU_BIAS_PAD,
        .reversed_stride = vlmc_cpu_bias_stride(h->window),
    };
    const size_t ring_bytes = kernels->ring_bytes(h->dim, h->capacity);
    int8_t *ring = must_allocate(ring_bytes);
    random_int8(random, RANDOM_EXTREME, ring_bytes, ring);
    const size_t q_stride = (size_t)h->group * h->dim;
    for (uint32_t p = 0, n; p < h->positions; p += n) {
        n = (uint32_t)random_between(random, 1, (int32_t)most);
        if (n > h->positions - p)
            n = h->positions - p;
        kernels->store(&attention, ring, p, n, h->k + (size_t)p * h->dim, h->v + (size_t)p * h->dim,
                       h->dim);
        kernels->attend(&attention, ring, p, n, h->q + p * q_stride, q_stride,
                        h->actual + p * q_stride, q_stride);
    }
    free(ring);
}

static void expect_equal(const history *h, const char *variant, const char *what, uint32_t most)
{
    const size_t bytes = (size_t)h->positions * h->group * h->dim;
    for (size_t i = 0; i < bytes; i++)
        cr_assert_eq(h->actual[i], h->expected[i],
                     "%s, %s: position %zu, dim %u, group %u, window %u, up to %u at once", variant,
                     what, i / h->dim / h->group, h->dim, h->group, h->window, most);
}

static void check_all_variants(history *h, const char *what, uint32_t most, test_random *random)
{
    run_reference(h);
    for (uint32_t i = 0; vlmc_cpu_variant_name(i); i++) {
        const vlmc_cpu_kernels *kernels = vlmc_cpu_kernels_find(vlmc_cpu_variant_name(i));
        if (!kernels)
            continue;
        run_kernels(kernels, h, most, random);
        expect_equal(h, kernels->name, what, most);
    }
}

static void fill(history *h, int qk_style, int v_style, test_random *random)
{
    random_int8(random, qk_style, (size_t)h->positions * h->group * h->dim, h->q);
    random_int8(random, qk_style, (size_t)h->positions * h->dim, h->k);
    random_int8(random, v_style, (size_t)h->positions * h->dim, h->v);
}

static void fill_bias(history *h, int32_t limit, int32_t slope, test_random *random)
{
    for (uint32_t g = 0; g < h->group; g++)
        for (uint32_t d = 0; d < h->window; d++)
            h->bias[(size_t)g * h->window + d] =
                random_between(random, -limit, limit) - slope * (int32_t)(g * d);
}

Test(attention, equals_the_reference_for_every_head_size_group_and_window)
{
    test_random random = {11};
    const uint32_t windows[] = {1, 2, 15, 16, 17, 63, 100, 255, 256};
    for (uint32_t dim = 16; dim <= DIM_MAX; dim += 16)
        for (uint32_t w = 0; w < sizeof windows / sizeof *windows; w++) {
            const uint32_t group = 1 + (dim / 16 + w) % 8;
            history h = make_history(dim, group, windows[w], windows[w] + 40);
            fill(&h, RANDOM_UNIFORM, RANDOM_UNIFORM, &random);
            // Dot products of random keys spread by some 5000 * sqrt(dim): near ties and far.
            fill_bias(&h, dim % 32 ? 30000 : 300, 8, &random);
            check_all_variants(&h, "random", w % 2 ? 40 : 1, &random);
            free_history(&h);
        }
}

Test(attention, equal_scores_share_the_weight_over_the_longest_window)
{
    test_random random = {12};
    for (int v = 0; v < RANDOM_STYLES; v++) {
        history h = make_history(64, 3, 1024, 1100);
        fill(&h, RANDOM_ZERO, v, &random);
        fill_bias(&h, 0, 0, &random);
        check_all_variants(&h, "equal scores", 64, &random);
        free_history(&h);
    }
}

Test(attention, the_largest_values_and_scores_do_not_overflow)
{
    test_random random = {13};
    const int32_t biases[] = {1 << 24, -(1 << 24)};
    for (int style = RANDOM_HIGH; style <= RANDOM_SPARSE; style++)
        for (int b = 0; b < 3; b++) {
            history h = make_history(128, 2, 1024, 1040);
            fill(&h, style, b == 1 ? RANDOM_LOW : RANDOM_HIGH, &random);
            for (uint32_t i = 0; i < h.group * h.window; i++)
                h.bias[i] = b == 2 ? biases[random_bits(&random) & 1] : biases[b];
            check_all_variants(&h, "extremes", 16, &random);
            free_history(&h);
        }
}

Test(attention, a_ring_that_has_wrapped_many_times_forgets_what_left_the_window)
{
    test_random random = {14};
    history h = make_history(32, 2, 20, POSITIONS_MAX);
    fill(&h, RANDOM_EXTREME, RANDOM_UNIFORM, &random);
    fill_bias(&h, 1 << 17, 0, &random);
    check_all_variants(&h, "wrapping", 7, &random);
    check_all_variants(&h, "wrapping", 128, &random);
    free_history(&h);
}

Test(attention, weights_keep_every_gap_between_scores)
{
    // One key and growing gaps: each gap of the table and each octave occurs.
    test_random random = {15};
    history h = make_history(16, 1, 1024, 1024);
    fill(&h, RANDOM_ZERO, RANDOM_UNIFORM, &random);
    for (int32_t scale = 1; scale <= 128; scale *= 2) {
        for (int32_t d = 0; d < 1024; d++)
            h.bias[d] = -d * scale + random_between(&random, 0, 15);
        check_all_variants(&h, "gaps", 128, &random);
    }
    free_history(&h);
}
