// SPDX-License-Identifier: Apache-2.0
// The text plugin, for fuzz_plugin.h: nothing of its own.
#include "fuzz_plugin.h"

const fuzz_subject fuzz_subject_of_plugin = {.seal = NULL};
