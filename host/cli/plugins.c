// SPDX-License-Identifier: Apache-2.0
#include "plugins.h"

#include "folders.h"
#include "interrupt.h"

#include <stdlib.h>

#define VARIABLE "VLMC_PLUGIN_PATH"
#define INSTALLED_FOLDER VLMC_LIBDIR "/vlmc/1" // 1 is the ABI's version

static void tell(void *user, const char *text)
{
    cli_notice(user, "%s", text);
}

vlmc_status cli_plugins_open(cli *cli, vlmc_plugins **plugins, vlmc_error *error)
{
    cli_folders folders = {0};
    const char *list = cli->env.plugin_path;
    *plugins = NULL;
    vlmc_status status = list ? cli_folders_add_list(&folders, list, VARIABLE, error) : VLMC_OK;
    if (status == VLMC_OK)
        status = cli_folders_add_installed(&folders, INSTALLED_FOLDER, VARIABLE, error);
    if (status == VLMC_OK)
        status =
            vlmc_plugins_open((const char *const *)folders.names, folders.n,
                              (vlmc_plugin_notices){.notice = tell, .user = cli}, plugins, error);
    cli_folders_destroy(&folders);
    return status;
}

static bool stop_wanted(void *unused)
{
    (void)unused;
    return cli_interrupt_signal() != 0;
}

vlmc_status cli_worker_create(cli *cli, vlmc_plugins *plugins, vlmc_worker **worker,
                              vlmc_error *error)
{
    const char *seconds = cli->env.plugin_seconds;
    const vlmc_worker_options options = {
        .plugins = plugins,
        .seconds = seconds ? (uint32_t)strtoul(seconds, NULL, 10) : 0,
        .stop_wanted = stop_wanted,
    };
    return vlmc_worker_create(&options, worker, error);
}
