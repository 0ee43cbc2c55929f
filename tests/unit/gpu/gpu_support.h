// SPDX-License-Identifier: Apache-2.0
// What the tests of the Vulkan engine share. The driver is the one that the environment's
// VK_ICD_FILENAMES leaves to the loader.
#ifndef VLMC_TESTS_GPU_SUPPORT_H
#define VLMC_TESTS_GPU_SUPPORT_H

#include "gpu/gpu.h"

#include <stdbool.h>
#include <stdint.h>

// SplitMix64 stream of test data.
uint64_t test_random(uint64_t *state);

// A uniform number in lo..hi.
int32_t test_between(uint64_t *state, int32_t lo, int32_t hi);

// Ends the test loudly unless a status is VLMC_OK.
void test_must(vlmc_status status, const vlmc_error *error);

// A scratch folder of this test program: $VLMC_TEST_SCRATCH, or a new one under /tmp.
const char *test_scratch(void);

// The pipeline cache of the test programs, so that shaders are compiled once.
const char *test_cache(void);

// Model shapes that between them use every path: plain and gated, with and without contexts,
// grouped queries, odd sizes.
#define TEST_SHAPES 5
vlmc_hyperparameters test_shape(int i);

vlmc_model *test_model(int shape);

// Runs `total` positions of n_streams random streams through an engine in forwards of `cut` steps
// (the last one shorter) and returns the logits // (n_streams, total, vocab), to be freed.
int16_t *test_run(vlmc_engine *engine, uint32_t n_streams, uint32_t total, uint32_t cut);

// The same from the reference.
int16_t *test_reference(const vlmc_model *model, uint32_t n_streams, uint32_t total);

// An engine on the device under test; params->engine.model is set from `model`.
vlmc_engine *test_engine(const vlmc_model *model, vlmc_gpu_params params);

#endif
