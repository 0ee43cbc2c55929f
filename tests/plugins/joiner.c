// SPDX-License-Identifier: Apache-2.0
// Keeps every rule; its segments are whole files without parameters, and may join.
#define PLUGIN_ID "joiner"
#include "simple.h"

static int32_t joining_segment(void *analysis, const uint8_t *bytes, size_t n_bytes,
                               uint32_t at_end, vlmc_segment *segment)
{
    (void)analysis;
    (void)bytes;
    (void)at_end;
    segment->bytes = n_bytes < SEGMENT_BYTES ? n_bytes : SEGMENT_BYTES;
    segment->tokenizer = PLUGIN_ID ".xor";
    return VLMC_PLUGIN_OK;
}

#define NEXT joining_segment
#define FLAGS (VLMC_TOKENIZER_JOINS | VLMC_TOKENIZER_ORDERS)

#include "entry.h"
