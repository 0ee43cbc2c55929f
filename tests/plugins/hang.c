// SPDX-License-Identifier: Apache-2.0
// Its encoder never comes back.
#define PLUGIN_ID "hang"
#include "simple.h"

static int32_t hanging_encode(void *object, vlmc_plugin_io *io)
{
    volatile uint64_t turns = 1;
    while (turns)
        turns |= 1;
    return simple_convert(object, io);
}

#define ENCODE hanging_encode

#include "entry.h"
