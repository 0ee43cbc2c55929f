// SPDX-License-Identifier: Apache-2.0
// Its encoder wants memory without end, and uses it.
#define PLUGIN_ID "greedy"
#include "simple.h"

#define BLOCK_BYTES ((size_t)16 << 20)

static int32_t greedy_encode(void *object, vlmc_plugin_io *io)
{
    char *last = NULL; // each block begins with the address of the one before
    char *block;
    (void)object;
    (void)io;
    while ((block = malloc(BLOCK_BYTES)) != NULL) {
        memcpy(block, &last, sizeof last);
        last = block;
    }
    while (last) {
        memcpy(&block, last, sizeof block);
        free(last);
        last = block;
    }
    return VLMC_PLUGIN_MEMORY;
}

#define ENCODE greedy_encode

#include "entry.h"
