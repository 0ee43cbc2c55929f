// SPDX-License-Identifier: Apache-2.0
// What a sample says of an archive: the codecs themselves code some of it, and the rest follows.
#ifndef VLMC_CLI_ESTIMATE_RATE_H
#define VLMC_CLI_ESTIMATE_RATE_H

#include "archive/archive.h"
#include "codec/level.h"
#include "engines.h"
#include "estimate_sample.h"

#include <stdint.h>

typedef struct estimate_rate_params {
    const vlmc_engine_source *source; // without `open`: zstd alone
    cli_engines *engines;             // behind it
    const estimate_sample *sample;
    uint32_t first, last;                        // levels
    uint32_t groups_at_once[VLMC_LEVEL_MAX + 1]; // that are packed side by side, by level
    uint32_t models_at_once[VLMC_LEVEL_MAX + 1]; // with a model
    uint64_t beside_bytes[VLMC_LEVEL_MAX + 1];   // for a further mixer of each of those
} estimate_rate_params;

// Of the groups of an archive; what its index takes comes on top.
typedef struct estimate_result {
    double bytes;
    double seconds;
    uint64_t memory_bytes; // of the mixers of the groups that are packed at a time, at most
} estimate_result;

// results // (VLMC_LEVEL_MAX + 1), by level. VLMC_ERROR_INTERRUPTED when the user stops it.
vlmc_status estimate_rate(const estimate_rate_params *params, estimate_result *results,
                          vlmc_error *error);

#endif
