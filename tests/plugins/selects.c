// SPDX-License-Identifier: Apache-2.0
// Declares more contexts with SELECT than there may be.
#define PLUGIN_ID "selects"
#include "simple.h"

#define N_CONTEXTS 3

#include "entry.h"
