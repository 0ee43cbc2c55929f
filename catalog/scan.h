// SPDX-License-Identifier: Apache-2.0
#ifndef VLMC_CATALOG_SCAN_H
#define VLMC_CATALOG_SCAN_H

#include "database.h"
#include "scan_files.h"

// As vlmc_catalog_scan, for these files; nothing is found missing.
vlmc_status vlmc_scan_known(vlmc_catalog *catalog, const vlmc_scan_params *params,
                            const vlmc_scan_files *files, vlmc_error *error);

bool vlmc_scan_is_below(const char *path, const char *folder);

#endif
