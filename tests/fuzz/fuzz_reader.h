// SPDX-License-Identifier: Apache-2.0
#ifndef VLMC_TESTS_FUZZ_READER_H
#define VLMC_TESTS_FUZZ_READER_H

#include "model/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FUZZ_MODEL_SEED 20 // the golden archives' model: they are a seed corpus

// True when the bytes are an archive of which every group decodes.
bool fuzz_reads_whole(const vlmc_model *model, const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
