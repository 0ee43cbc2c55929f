// SPDX-License-Identifier: Apache-2.0
// From a device's name on the command line to an engine.
#ifndef VLMC_CLI_DEVICES_H
#define VLMC_CLI_DEVICES_H

#include "cli.h"
#include "model/engine.h"

#include <stddef.h>

// Is `device` a name that -d takes? Looks at the text only.
vlmc_status cli_device_check(const char *device, vlmc_error *error);

// Opens an engine. "auto" takes a real GPU that passes its self-test, else the CPU; *told
// keeps the notice about a GPU that cannot be used from being repeated.
vlmc_status cli_device_open(cli *cli, const char *device, const vlmc_engine_params *params,
                            bool *told, vlmc_engine **engine, vlmc_error *error);

// ~/.cache/vlmc in `text`, or NULL when the environment names no place for it.
const char *cli_cache_folder(const cli_environment *env, char *text, size_t size);

#endif
