// SPDX-License-Identifier: Apache-2.0
#ifndef VLMC_CATALOG_FIND_H
#define VLMC_CATALOG_FIND_H

#include "database.h"

// Makes the SQL function vlmc_path_matches(BLOB, pattern).
vlmc_status vlmc_find_install(vlmc_catalog *catalog, vlmc_error *error);

#endif
