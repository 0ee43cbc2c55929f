// SPDX-License-Identifier: Apache-2.0
// Its encoder takes nothing and makes nothing.
#define PLUGIN_ID "stall"
#include "simple.h"

static int32_t stalling_encode(void *object, vlmc_plugin_io *io)
{
    (void)object;
    (void)io;
    return VLMC_PLUGIN_OK;
}

#define ENCODE stalling_encode

#include "entry.h"
