// SPDX-License-Identifier: Apache-2.0
#ifndef VLMC_TESTS_FUZZ_READER_H
#define VLMC_TESTS_FUZZ_READER_H

#include "model/model.h"
#include "plugin/worker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FUZZ_MODEL_SEED 20 // the golden archives' model: they are a seed corpus

// What archives are read with; plugins may be NULL.
typedef struct fuzz_tools {
    vlmc_model *model;
    vlmc_plugins *plugins;
    vlmc_worker *worker;
} fuzz_tools;

// True when the bytes are an archive of which every file and every group decodes.
bool fuzz_reads_whole(const fuzz_tools *tools, const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
