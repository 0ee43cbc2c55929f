// SPDX-License-Identifier: Apache-2.0
// Crashes while it is loaded.
#define PLUGIN_ID "loadcrash"
#include "simple.h"

__attribute__((constructor)) static void crash(void)
{
    abort();
}

#include "entry.h"
