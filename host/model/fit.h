// SPDX-License-Identifier: Apache-2.0
// Whether a model can predict the symbols of a tokenizer. docs/models.md.
#ifndef VLMC_MODEL_FIT_H
#define VLMC_MODEL_FIT_H

#include "model.h"

#include <vlmc/plugin.h>
#include <vlmc/status.h>

// tokenizer NULL: plain bytes. VLMC_ERROR_MODEL_INVALID with one sentence that says what does not
// fit: modality, vocabulary, or a side context. [thread-safe]
vlmc_status vlmc_model_fits(const vlmc_model *model, const vlmc_tokenizer *tokenizer,
                            vlmc_error *error);

#endif
