// SPDX-License-Identifier: Apache-2.0
// Keeps every rule.
#define PLUGIN_ID "good"
#include "simple.h"

#include "entry.h"
