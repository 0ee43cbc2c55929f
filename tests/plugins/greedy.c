// SPDX-License-Identifier: Apache-2.0
// Its encoder wants memory without end, and uses it.
#define PLUGIN_ID "greedy"
#include "simple.h"

static int32_t greedy_encode(void *object, vlmc_plugin_io *io)
{
    const size_t bytes = (size_t)1 << 24;
    char *all = NULL;
    for (size_t n = 1;; n++) {
        char *more = realloc(all, n * bytes);
        if (!more) {
            free(all);
            return VLMC_PLUGIN_MEMORY;
        }
        all = more;
        memset(all + (n - 1) * bytes, 1, 4096);
    }
    return simple_convert(object, io);
}

#define ENCODE greedy_encode

#include "entry.h"
