// SPDX-License-Identifier: Apache-2.0
// Writes a model as GGUF. Used by tests and tools; a byte-for-byte function of the model.
#ifndef VLMC_MODEL_GGUF_WRITE_H
#define VLMC_MODEL_GGUF_WRITE_H

#include "model.h"

// On success *bytes is malloc'ed and owned by the caller.
vlmc_status vlmc_model_write_memory(const vlmc_model *model, uint8_t **bytes, size_t *size,
                                    vlmc_error *error);

// The same into a file, which is replaced when it exists.
vlmc_status vlmc_model_write(const vlmc_model *model, const char *path, vlmc_error *error);

#endif
