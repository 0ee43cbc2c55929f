// SPDX-License-Identifier: Apache-2.0
#include "codec/lockstep.h"
#include "cpu/cpu_engine.h"
#include "gpu_support.h"
#include "tiny_model.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define STREAMS_MAX 33u
#define STEPS_MAX 20u

static void check_same(const vlmc_model *model, vlmc_engine *engine, uint32_t n_streams,
                       uint32_t steps, uint32_t cut, const int16_t *expected)
{
    int16_t *logits = test_run(engine, n_streams, steps, cut);
    const size_t n = (size_t)n_streams * steps * model->hp.vocab;
    size_t wrong = 0, first = 0;
    for (size_t i = n; i-- > 0;)
        if (logits[i] != expected[i]) {
            wrong++;
            first = i;
        }
    cr_expect(wrong == 0,
              "%u streams in cuts of %u: %zu of %zu logits differ, the first at stream %zu, "
              "position %zu: %d instead of %d",
              n_streams, cut, wrong, n, first / model->hp.vocab / steps,
              first / model->hp.vocab % steps, logits[first], expected[first]);
    free(logits);
}

static void check_shape(int shape, vlmc_gpu_params params)
{
    vlmc_model *model = test_model(shape);
    params.engine.max_streams = STREAMS_MAX;
    params.engine.max_steps = STEPS_MAX;
    vlmc_engine *engine = test_engine(model, params);
    // Many streams get few steps: SwiftShader is slow.
    const uint32_t streams[] = {1, 3, STREAMS_MAX}, steps[] = {STEPS_MAX, 9, 3};
    for (int s = 0; s < 3; s++) {
        int16_t *expected = test_reference(model, streams[s], steps[s]);
        const uint32_t cuts[] = {steps[s], 1, 2 + steps[s] / 4};
        for (int c = 0; c < 3; c++)
            check_same(model, engine, streams[s], steps[s], cuts[c], expected);
        free(expected);
    }
    vlmc_engine_destroy(&engine);
    vlmc_model_destroy(&model);
}

Test(engine, gives_the_reference_logits_for_a_window_of_one)
{
    check_shape(0, (vlmc_gpu_params){0});
}

Test(engine, gives_the_reference_logits_with_contexts_and_grouped_queries)
{
    check_shape(1, (vlmc_gpu_params){0});
}

Test(engine, gives_the_reference_logits_with_a_gated_feed_forward)
{
    check_shape(2, (vlmc_gpu_params){0});
}

Test(engine, gives_the_reference_logits_with_wide_heads)
{
    check_shape(3, (vlmc_gpu_params){0});
}

Test(engine, gives_the_reference_logits_with_odd_sizes)
{
    check_shape(4, (vlmc_gpu_params){0});
}

Test(engine, gives_the_same_logits_without_the_integer_dot_product)
{
    for (int shape = 1; shape < TEST_SHAPES; shape += 2)
        check_shape(shape, (vlmc_gpu_params){.force_portable = true});
}

Test(engine, gives_the_same_logits_when_weights_tables_and_rings_are_split)
{
    // Few rows or units fit into a buffer, so that everything has several parts.
    check_shape(1, (vlmc_gpu_params){.storage_limit_bytes = 4096});
    check_shape(4, (vlmc_gpu_params){.storage_limit_bytes = 16384});
}

Test(engine, gives_the_same_logits_whatever_a_pass_holds)
{
    check_shape(1, (vlmc_gpu_params){.chunk_positions = 1});
    check_shape(2, (vlmc_gpu_params){.chunk_positions = 9});
}

// Two engines on one device, at work at the same time.
Test(engine, a_device_decodes_by_halves_what_the_processor_packed)
{
    enum { N = 400, STREAMS = 5 };
    vlmc_model *model = tiny_model(1);
    const vlmc_mix_settings settings = {VLMC_MIX_NORMAL, VLMC_MIX_MEMORY_MIN};
    const vlmc_engine_params params = {model, STREAMS, 1, 1};
    vlmc_engine *engines[3] = {
        [1] = test_engine(model, (vlmc_gpu_params){.engine = params}),
        [2] = test_engine(model, (vlmc_gpu_params){.engine = params}),
    };
    vlmc_lockstep *encoder, *decoder;
    vlmc_error error = {0};
    uint8_t raw[N], packed[2 * N], again[N];
    size_t size;
    for (uint32_t i = 0; i < N; i++)
        raw[i] = (uint8_t)(i * i % 251);
    cr_assert_eq(vlmc_cpu_engine_create(&params, NULL, &engines[0], &error), VLMC_OK);
    cr_assert_eq(vlmc_lockstep_create(engines[0], NULL, &settings, 1, N, &encoder, &error),
                 VLMC_OK);
    cr_assert_eq(vlmc_lockstep_create(engines[1], NULL, &settings, 1, N, &decoder, &error),
                 VLMC_OK);
    cr_assert_eq(vlmc_lockstep_overlap(decoder, engines[2], &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(vlmc_lockstep_encode(encoder, NULL, raw, N, STREAMS, packed, sizeof packed, &size,
                                      NULL, NULL, &error),
                 VLMC_OK, "%s", error.text);
    cr_assert_neq(size, SIZE_MAX);
    cr_assert_eq(
        vlmc_lockstep_decode(decoder, NULL, packed, size, STREAMS, again, N, NULL, NULL, &error),
        VLMC_OK, "%s", error.text);
    cr_assert(memcmp(raw, again, N) == 0);
    vlmc_lockstep_destroy(&encoder);
    vlmc_lockstep_destroy(&decoder);
    for (uint32_t i = 0; i < 3; i++)
        vlmc_engine_destroy(&engines[i]);
    vlmc_model_destroy(&model);
}
