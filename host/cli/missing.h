// SPDX-License-Identifier: Apache-2.0
// Files of an archive that lack a model or a plugin: one message for each thing that is missing.
#ifndef VLMC_CLI_MISSING_H
#define VLMC_CLI_MISSING_H

#include "cli.h"

#include <stdbool.h>
#include <stdint.h>

#define CLI_MISSING_MAX 16u  // different things; what is beyond is one message for each file
#define CLI_MISSING_NAMES 3u // files that a message names

typedef struct cli_missing_thing {
    vlmc_error error;
    char *paths[CLI_MISSING_NAMES];
    uint32_t n_files;
} cli_missing_thing;

typedef struct cli_missing {
    cli_missing_thing things[CLI_MISSING_MAX];
    uint32_t n_things;
} cli_missing;

// True for an error that is the same for every file that lacks the same thing.
bool cli_is_missing(vlmc_status status);

// Reports the error of a file, `path`; one for which cli_is_missing holds waits for
// cli_missing_finish.
void cli_missing_report(cli_missing *missing, cli *cli, const vlmc_error *error, const char *path);

// Prints what has waited, each with the files that it is about. `missing` is then empty.
void cli_missing_finish(cli_missing *missing, cli *cli);

#endif
