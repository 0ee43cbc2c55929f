// SPDX-License-Identifier: Apache-2.0
// What a plugin declares, checked in full before any other of its functions is used.
#ifndef VLMC_PLUGIN_VALIDATE_H
#define VLMC_PLUGIN_VALIDATE_H

#include "registry.h"

#include <stdbool.h>

// Lower-case letters, digits and single dots between them, a letter first, at most
// VLMC_PLUGIN_ID_BYTES_MAX bytes.
bool vlmc_plugin_id_valid(const char *id);

// Fills all but the path of `loaded`. VLMC_ERROR_PLUGIN: a sentence that begins with `path` and
// says which field breaks which rule. Calls the plugin's `factory`.
vlmc_status vlmc_plugin_validate(const vlmc_plugin *plugin, const char *path,
                                 vlmc_loaded_plugin *loaded, vlmc_error *error);

#endif
