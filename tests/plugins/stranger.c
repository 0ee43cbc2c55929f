// SPDX-License-Identifier: Apache-2.0
// Its tokenizer has the id of another plugin.
#define PLUGIN_ID "stranger"
#include "simple.h"

#define TOKENIZER_ID "good.xor"

#include "entry.h"
