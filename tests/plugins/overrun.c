// SPDX-License-Identifier: Apache-2.0
// Its encoder says that it made more than there was room for.
#define PLUGIN_ID "overrun"
#include "simple.h"

static int32_t overrunning_encode(void *object, vlmc_plugin_io *io)
{
    const int32_t result = simple_convert(object, io);
    io->out_made = io->out_capacity + 1;
    return result;
}

#define ENCODE overrunning_encode

#include "entry.h"
