// SPDX-License-Identifier: Apache-2.0
// Crashes in probe at files that begin with its id.
#define PLUGIN_ID "crash"
#include "simple.h"

static uint32_t crashing_probe(const uint8_t *bytes, size_t n_bytes, const char *name)
{
    if (simple_probe(bytes, n_bytes, name))
        abort();
    return 0;
}

#define PROBE crashing_probe

#include "entry.h"
