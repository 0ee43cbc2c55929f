// SPDX-License-Identifier: Apache-2.0
// JSON files in ~/.local/state/vlmc: what a command wants to know when it is run again. Each is
// written all at once or not at all.
#ifndef VLMC_CLI_STATE_FILE_H
#define VLMC_CLI_STATE_FILE_H

#include "cli.h"

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <vlmc/status.h>

// The folder `name` there; a file name of 32 bytes fits behind it.
vlmc_status state_folder(const cli *cli, const char *name, char folder[PATH_MAX],
                         vlmc_error *error);

// Writes `value` to `path`, in such a folder, which is made if need be. It is on disk when this
// returns.
vlmc_status state_file_save(const char *path, json_t *value, vlmc_error *error);

// Removes what writers that were killed have left in a folder of such files. state_file_save does.
void state_folder_clean(const char *folder);

// *value NULL: there is none. False: there is one that nobody can use, and *why.
bool state_file_load(const char *path, json_t **value, const char **why);

#endif
