// SPDX-License-Identifier: Apache-2.0
// Its contexts depend on what was asked before.
#define PLUGIN_ID "impure"
#include "simple.h"

static uint32_t calls;

static void impure_next(void *state, uint32_t stream, uint32_t *contexts, uint32_t *centre)
{
    simple_next(state, stream, contexts, centre);
    contexts[0] = (contexts[0] + calls++) % 256;
}

#define NEXT_CONTEXT impure_next

#include "entry.h"
