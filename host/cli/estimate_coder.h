// SPDX-License-Identifier: Apache-2.0
// Codes slices of a sample as a writer would, and counts bytes and seconds.
#ifndef VLMC_CLI_ESTIMATE_CODER_H
#define VLMC_CLI_ESTIMATE_CODER_H

#include "archive/archive.h"
#include "estimate_sample.h"
#include "mix/mix.h"

#include <stdint.h>

typedef struct estimate_coder estimate_coder;

// Sums. Seconds are those of a machine that has nothing else to do, as far as the CPU computes.
typedef struct estimate_measure {
    double tokens;
    double bytes;
    double seconds;
} estimate_measure;

// `source` and `sample` outlive it.
vlmc_status estimate_coder_create(const vlmc_engine_source *source, const estimate_sample *sample,
                                  estimate_coder **coder, vlmc_error *error);
void estimate_coder_destroy(estimate_coder **coder);

// Codes a kind's slices, each as a group; of a joined kind's slice, `wanted` tokens, spread over
// it. model NULL: the mixer alone. VLMC_ERROR_INTERRUPTED when the user stops it.
vlmc_status estimate_code(estimate_coder *coder, const estimate_kind *kind, uint32_t wanted,
                          const vlmc_mix_settings *settings, const vlmc_model *model,
                          estimate_measure *measure, vlmc_error *error);

#endif
