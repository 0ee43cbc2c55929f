// SPDX-License-Identifier: Apache-2.0
// A random model of a few KB, engines for it, and contents to pack. Free of Criterion, so that
// fuzzers and tools can use it as well.
#ifndef VLMC_TESTS_TINY_MODEL_H
#define VLMC_TESTS_TINY_MODEL_H

#include "archive/archive.h"

#include <stddef.h>
#include <stdint.h>

extern const vlmc_hyperparameters tiny_hyperparameters;

// The model that vlmc_model_random makes of them; aborts when it cannot.
vlmc_model *tiny_model(uint64_t seed);

// A source whose user is a `const vlmc_model *`: plain reference engines, one thread. It chooses
// the model for plain bytes and none for tokens; its find is VLMC_ERROR_MODEL_MISSING for another
// digest than the model's, its open takes NULL for the model.
vlmc_engine_source tiny_engines(const vlmc_model *model);

// Deterministic contents: words and lines; bytes without a pattern.
void fill_text(uint8_t *bytes, size_t n, uint64_t seed);
void fill_random(uint8_t *bytes, size_t n, uint64_t seed);

// What a model predicts better than context models that learn the bytes do: drawn from its own
// distribution. n at most VLMC_GROUP_BYTES_MAX. Aborts when it cannot.
void fill_from_model(const vlmc_model *model, uint8_t *bytes, uint32_t n, uint64_t seed);

#endif
