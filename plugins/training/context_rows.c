// SPDX-License-Identifier: Apache-2.0
// The codec's own side contexts for the trainer: train.py compiles this file
// with host/model/context.c into a shared object and calls it through ctypes.
#include "../../host/model/context.h"

#include <stddef.h>

// Cuts data // (n_streams * length) into n_streams streams, walks them in lock step and
// writes the rows of every position: rows // (n_streams, length, n_specs). 0 on success.
int vlmc_training_rows(const vlmc_context_spec *specs, uint32_t n_specs, const uint8_t *data,
                       uint32_t n_streams, uint32_t length, uint32_t *rows)
{
    vlmc_contexts *contexts = vlmc_contexts_create(specs, n_specs, n_streams);
    if (!contexts)
        return -1;
    for (uint32_t t = 0; t < length; t++) {
        for (uint32_t s = 0; s < n_streams; s++)
            vlmc_contexts_rows(contexts, s, rows + ((size_t)s * length + t) * n_specs);
        for (uint32_t s = 0; s < n_streams; s++)
            vlmc_contexts_push(contexts, s, data[(size_t)s * length + t]);
    }
    vlmc_contexts_destroy(&contexts);
    return 0;
}
