// SPDX-License-Identifier: Apache-2.0
#include "folders.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Absolute, because extraction changes the current folder before anything is looked for.
vlmc_status cli_folders_add(cli_folders *folders, const char *folder, const char *variable,
                            vlmc_error *error)
{
    char here[PATH_MAX];
    char *copy = NULL;
    if (folders->n == CLI_FOLDERS_MAX)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "%s names too many folders: %u in all are read",
                         variable, CLI_FOLDERS_MAX);
    if (*folder == '/' || !getcwd(here, sizeof here))
        copy = strdup(folder);
    else if (asprintf(&copy, "%s/%s", here, folder) < 0)
        copy = NULL;
    if (!copy)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for a list of folders");
    folders->names[folders->n++] = copy;
    return VLMC_OK;
}

vlmc_status cli_folders_add_list(cli_folders *folders, const char *list, const char *variable,
                                 vlmc_error *error)
{
    vlmc_status status = VLMC_OK;
    char *copy = strdup(list);
    char *rest = copy;
    if (!copy)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for a list of folders");
    for (char *folder; status == VLMC_OK && (folder = strsep(&rest, ":"));)
        if (*folder)
            status = cli_folders_add(folders, folder, variable, error);
    free(copy);
    return status;
}

vlmc_status cli_folders_add_installed(cli_folders *folders, const char *folder,
                                      const char *variable, vlmc_error *error)
{
    char program[PATH_MAX], path[2 * PATH_MAX];
    if (*folder == '/')
        return cli_folders_add(folders, folder, variable, error);
    const ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n <= 0)
        return VLMC_OK;
    program[n] = 0;
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(program, '/');
        if (!slash)
            return VLMC_OK;
        *slash = 0;
    }
    const int used = snprintf(path, sizeof path, "%s/%s", program, folder);
    if (used < 0 || (size_t)used >= sizeof path)
        return VLMC_OK;
    return cli_folders_add(folders, path, variable, error);
}

void cli_folders_destroy(cli_folders *folders)
{
    for (uint32_t i = 0; i < folders->n; i++)
        free(folders->names[i]);
    *folders = (cli_folders){0};
}
