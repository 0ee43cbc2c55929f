// SPDX-License-Identifier: Apache-2.0
// The value of --recovery.
#ifndef VLMC_CLI_PERCENT_H
#define VLMC_CLI_PERCENT_H

#include <argp.h>
#include <stdint.h>

// "10%" or "10", from 1 to 100; a usage error otherwise.
uint32_t cli_parse_percent(struct argp_state *state, const char *arg);

#endif
