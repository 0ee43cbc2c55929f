// SPDX-License-Identifier: Apache-2.0
// Its analyser says that a segment is longer than its file.
#define PLUGIN_ID "endless"
#include "simple.h"

static int32_t endless_segment(void *analysis, const uint8_t *bytes, size_t n_bytes,
                               uint32_t at_end, vlmc_segment *segment)
{
    const int32_t result = simple_segment(analysis, bytes, n_bytes, at_end, segment);
    segment->bytes = (uint64_t)n_bytes + 1;
    return result;
}

#define NEXT endless_segment

#include "entry.h"
