// SPDX-License-Identifier: Apache-2.0
// Keeps every rule; its segments are longer than a group, which may be cut at multiples of 3000
// tokens only. Its contexts refuse another place.
#define PLUGIN_ID "longer"
#include "simple.h"

#define ALIGN 3000u

static int32_t longer_geometry(const void *params, uint32_t params_bytes,
                               vlmc_token_geometry *geometry)
{
    (void)params;
    if (params_bytes > 0)
        return VLMC_PLUGIN_INVALID;
    *geometry = (vlmc_token_geometry){.align_tokens = ALIGN, .stream_tokens = 2 * ALIGN};
    return VLMC_PLUGIN_OK;
}

static int32_t longer_contexts(const void *params, uint32_t params_bytes, uint32_t n_streams,
                               const uint64_t *first_tokens, void **state)
{
    for (uint32_t i = 0; i < n_streams; i++)
        if (first_tokens[i] % ALIGN != 0 || (i > 0 && first_tokens[i] <= first_tokens[i - 1]))
            return VLMC_PLUGIN_INVALID;
    return simple_contexts_create(params, params_bytes, n_streams, first_tokens, state);
}

static int32_t longer_segment(void *analysis, const uint8_t *bytes, size_t n_bytes, uint32_t at_end,
                              vlmc_segment *segment)
{
    (void)analysis;
    (void)bytes;
    (void)at_end;
    segment->bytes = n_bytes;
    segment->tokenizer = PLUGIN_ID ".xor";
    return VLMC_PLUGIN_OK;
}

#define NEXT longer_segment
#define GEOMETRY longer_geometry
#define CONTEXTS_CREATE longer_contexts

#include "entry.h"
