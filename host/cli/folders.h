// SPDX-License-Identifier: Apache-2.0
// Lists of folders to look in: those of a variable, then those of this installation.
#ifndef VLMC_CLI_FOLDERS_H
#define VLMC_CLI_FOLDERS_H

#include <stdint.h>
#include <vlmc/status.h>

#define CLI_FOLDERS_MAX 32u

// A zeroed list is empty; names are absolute and owned. Not to be moved.
typedef struct cli_folders {
    char *names[CLI_FOLDERS_MAX]; // in order of preference
    uint32_t n;
} cli_folders;

// The folder may be relative to the current one. `variable` is to be blamed when there are too
// many.
vlmc_status cli_folders_add(cli_folders *folders, const char *folder, const char *variable,
                            vlmc_error *error);

// Each folder of a list with ':' between them, as `variable` has it; empty ones are left out.
vlmc_status cli_folders_add_list(cli_folders *folders, const char *list, const char *variable,
                                 vlmc_error *error);

// PREFIX/`folder`, where the running program is PREFIX/bin/vlmc, or `folder` itself when it is
// absolute. Nothing when the program's place is not known.
vlmc_status cli_folders_add_installed(cli_folders *folders, const char *folder,
                                      const char *variable, vlmc_error *error);

void cli_folders_destroy(cli_folders *folders);

#endif
