// SPDX-License-Identifier: Apache-2.0
// Creating an archive, from a command line or from the record of a job.
#ifndef VLMC_CLI_CREATE_H
#define VLMC_CLI_CREATE_H

#include "encrypt.h"
#include "options.h"
#include "walk.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct create_options {
    cli_common common;
    const char *model;  // -m, or NULL
    const char *output; // "-" = stdout
    const char *stdin_name;
    uint32_t recovery_percent; // 0: none
    bool force;
    bool verify;
    bool no_catalog;
    bool no_plugins;
    bool verbose;
    bool catalog_names; // of an encrypted archive
    cli_encryption encryption;
    uint32_t level;       // 0: the default
    uint32_t group_bytes; // 0: that of the level
    walk_filter filter;
    char **paths;
    int n_paths;
} create_options;

// All of it: packs, verifies, tells the catalog. Reports through common.cli.
void create_run(create_options *options);

// What is left to do for an archive that has been written.
vlmc_status create_follow_up(const create_options *options, vlmc_error *error);

#endif
