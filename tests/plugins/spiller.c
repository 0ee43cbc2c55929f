// SPDX-License-Identifier: Apache-2.0
// Its encoder keeps 1 KiB for each byte: memory that grows with the input.
#define PLUGIN_ID "spiller"
#include "simple.h"

static int32_t spilling_encode(void *object, vlmc_plugin_io *io)
{
    const int32_t result = simple_convert(object, io);
    for (size_t i = 0; i < io->in_used; i++) {
        char *lost = malloc(1024);
        if (!lost)
            return VLMC_PLUGIN_MEMORY;
        memset(lost, 1, 1024);
    }
    return result;
}

#define ENCODE spilling_encode

#include "entry.h"
