// SPDX-License-Identifier: Apache-2.0
// The parts of vlmc plugin, one file each.
#ifndef VLMC_CLI_PLUGIN_H
#define VLMC_CLI_PLUGIN_H

#include "options.h"
#include "plugins.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct cli_plugin_options {
    cli_common common;
    const char *action;
    char **arguments; // (n_arguments) behind the action
    uint32_t n_arguments;
    bool long_form;
    uint32_t seconds; // of a check
    uint64_t seed;
    const char *only; // a check's name, or NULL: all
    uint64_t from;    // its first turn
    const char *as;   // TOKENIZER:SETTINGS that a check should use too, or NULL
} cli_plugin_options;

vlmc_status cli_plugin_list(const cli_plugin_options *options, vlmc_error *error);
vlmc_status cli_plugin_probe(const cli_plugin_options *options, vlmc_error *error);
vlmc_status cli_plugin_check(const cli_plugin_options *options, vlmc_error *error);

// "1,234,567"; text // (CLI_COUNT_BYTES).
#define CLI_COUNT_BYTES 32u
const char *cli_count(uint64_t n, char text[CLI_COUNT_BYTES]);

#endif
