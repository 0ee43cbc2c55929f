// SPDX-License-Identifier: Apache-2.0
// The plugins of this installation, for every command that needs them.
#ifndef VLMC_CLI_PLUGINS_H
#define VLMC_CLI_PLUGINS_H

#include "cli.h"
#include "plugin/registry.h"
#include "plugin/worker.h"

#define CLI_PLUGIN_FOLDERS_MAX 32u

// The folders of VLMC_PLUGIN_PATH, then LIBDIR/vlmc/1 of this installation; strings are owned.
typedef struct cli_plugin_path {
    char *folders[CLI_PLUGIN_FOLDERS_MAX];
    uint32_t n_folders;
} cli_plugin_path;

vlmc_status cli_plugin_path_create(cli_plugin_path *path, const cli_environment *env,
                                   vlmc_error *error);
void cli_plugin_path_destroy(cli_plugin_path *path);

// Opens the registry of these folders; what it skips it says in notices. `cli` outlives it.
vlmc_status cli_plugins_open(cli *cli, vlmc_plugins **plugins, vlmc_error *error);

// A worker for them, with the limits of the environment.
vlmc_status cli_worker_create(cli *cli, vlmc_plugins *plugins, vlmc_worker **worker,
                              vlmc_error *error);

#endif
