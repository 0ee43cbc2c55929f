// SPDX-License-Identifier: Apache-2.0
// The plugins of this installation, for every command that needs them.
#ifndef VLMC_CLI_PLUGINS_H
#define VLMC_CLI_PLUGINS_H

#include "cli.h"
#include "plugin/registry.h"
#include "plugin/worker.h"

// Opens the registry of the folders of VLMC_PLUGIN_PATH and LIBDIR/vlmc/1 of this installation;
// what it skips it says in notices. `cli` outlives it.
vlmc_status cli_plugins_open(cli *cli, vlmc_plugins **plugins, vlmc_error *error);

// A worker for them, with the limits of the environment.
vlmc_status cli_worker_create(cli *cli, vlmc_plugins *plugins, vlmc_worker **worker,
                              vlmc_error *error);

#endif
