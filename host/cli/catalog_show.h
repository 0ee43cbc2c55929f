// SPDX-License-Identifier: Apache-2.0
// Where copies of archives are, for people and for programs.
#ifndef VLMC_CLI_CATALOG_SHOW_H
#define VLMC_CLI_CATALOG_SHOW_H

#include "catalog/catalog.h"
#include "util/json_out.h"

// "/disk/a.vlmc", or "[VOLUME] a.vlmc" when the volume is not here, on stdout; control characters
// as \xNN, wherever stdout goes.
void catalog_print_location(const vlmc_catalog_location *location);

// Sets "archive" to the path, where it is here, "volume", "volume_path", "online" and "missing".
void catalog_json_location(json_t *object, const vlmc_catalog_location *location);

#endif
