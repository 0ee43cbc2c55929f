// SPDX-License-Identifier: Apache-2.0
#include "percent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint32_t cli_parse_percent(struct argp_state *state, const char *arg)
{
    char *end;
    errno = 0;
    const unsigned long n = strtoul(arg, &end, 10);
    if (errno || end == arg || *arg == '-' || (*end && strcmp(end, "%") != 0) || n < 1 || n > 100)
        argp_error(state, "--recovery wants 1%% to 100%%, not \"%s\"", arg);
    return (uint32_t)n;
}
