// SPDX-License-Identifier: Apache-2.0
// Crashes in encode.
#define PLUGIN_ID "trap"
#include "simple.h"

static int32_t trapping_encode(void *object, vlmc_plugin_io *io)
{
    (void)object;
    (void)io;
    abort();
}

#define ENCODE trapping_encode

#include "entry.h"
