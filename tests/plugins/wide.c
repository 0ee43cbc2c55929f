// SPDX-License-Identifier: Apache-2.0
// Its context leaves its range now and then.
#define PLUGIN_ID "wide"
#include "simple.h"

static void wide_next(void *state, uint32_t stream, uint32_t *contexts, uint32_t *centre)
{
    simple_next(state, stream, contexts, centre);
    contexts[0] = contexts[0] == 77 ? 256 : contexts[0];
}

#define NEXT_CONTEXT wide_next

#include "entry.h"
