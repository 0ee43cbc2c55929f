// SPDX-License-Identifier: Apache-2.0
// Taking archives out of the catalog. Within a transaction.
#ifndef VLMC_CATALOG_FORGET_H
#define VLMC_CATALOG_FORGET_H

#include "database.h"

// Takes out what an archive holds: its entries, models and plugins, and the paths, contents, models
// and plugins that no other archive has. The archive itself stays.
vlmc_status vlmc_forget_entries(vlmc_catalog *catalog, int64_t archive, vlmc_error *error);

// Takes the archive out when no copy of it is left; 0 is no archive.
vlmc_status vlmc_forget_without_copy(vlmc_catalog *catalog, int64_t archive, vlmc_error *error);

#endif
