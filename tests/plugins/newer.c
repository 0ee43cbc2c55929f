// SPDX-License-Identifier: Apache-2.0
// Was built for an ABI that does not exist yet.
#define PLUGIN_ID "newer"
#include "simple.h"

#define ABI (VLMC_PLUGIN_ABI + 1)

#include "entry.h"
