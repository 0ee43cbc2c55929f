// SPDX-License-Identifier: Apache-2.0
#include "plugins.h"

#include "interrupt.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ABI_FOLDER "vlmc/1"

// LIBDIR/vlmc/1 beside the folder of the program: PREFIX/bin/vlmc. Empty when unknown.
static void installed_folder(char *text, size_t size)
{
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    text[0] = 0;
    if (n <= 0)
        return;
    program[n] = 0;
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(program, '/');
        if (!slash)
            return;
        *slash = 0;
    }
    const bool absolute = VLMC_LIBDIR[0] == '/';
    int used = snprintf(text, size, "%s%s%s/" ABI_FOLDER, absolute ? "" : program,
                        absolute ? "" : "/", VLMC_LIBDIR);
    if (used < 0 || (size_t)used >= size)
        text[0] = 0;
}

// Absolute, because extraction changes the current folder before a plugin is looked for.
static vlmc_status add_folder(cli_plugin_path *path, const char *folder, vlmc_error *error)
{
    char here[PATH_MAX];
    char *copy = NULL;
    if (!*folder)
        return VLMC_OK;
    if (path->n_folders == CLI_PLUGIN_FOLDERS_MAX)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "VLMC_PLUGIN_PATH names more than %u folders",
                         CLI_PLUGIN_FOLDERS_MAX - 1);
    if (*folder == '/' || !getcwd(here, sizeof here))
        copy = strdup(folder);
    else if (asprintf(&copy, "%s/%s", here, folder) < 0)
        copy = NULL;
    if (!copy)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the plugin path");
    path->folders[path->n_folders++] = copy;
    return VLMC_OK;
}

static vlmc_status add_list(cli_plugin_path *path, const char *list, vlmc_error *error)
{
    vlmc_status status = VLMC_OK;
    char *copy = strdup(list);
    char *rest = copy;
    for (char *folder; status == VLMC_OK && (folder = strsep(&rest, ":"));)
        status = add_folder(path, folder, error);
    free(copy);
    return copy ? status
                : vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the plugin path");
}

vlmc_status cli_plugin_path_create(cli_plugin_path *path, const cli_environment *env,
                                   vlmc_error *error)
{
    char folder[PATH_MAX + sizeof ABI_FOLDER];
    *path = (cli_plugin_path){0};
    vlmc_status status = env->plugin_path ? add_list(path, env->plugin_path, error) : VLMC_OK;
    installed_folder(folder, sizeof folder);
    if (status == VLMC_OK)
        status = add_folder(path, folder, error);
    if (status != VLMC_OK)
        cli_plugin_path_destroy(path);
    return status;
}

void cli_plugin_path_destroy(cli_plugin_path *path)
{
    for (uint32_t i = 0; i < path->n_folders; i++)
        free(path->folders[i]);
    *path = (cli_plugin_path){0};
}

static void tell(void *user, const char *text)
{
    cli_notice(user, "%s", text);
}

vlmc_status cli_plugins_open(cli *cli, vlmc_plugins **plugins, vlmc_error *error)
{
    cli_plugin_path path;
    *plugins = NULL;
    VLMC_TRY(cli_plugin_path_create(&path, &cli->env, error));
    vlmc_status status =
        vlmc_plugins_open((const char *const *)path.folders, path.n_folders,
                          (vlmc_plugin_notices){.notice = tell, .user = cli}, plugins, error);
    cli_plugin_path_destroy(&path);
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
