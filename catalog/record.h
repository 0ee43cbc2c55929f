// SPDX-License-Identifier: Apache-2.0
// Recording an archive, within a transaction of whoever calls.
#ifndef VLMC_CATALOG_RECORD_H
#define VLMC_CATALOG_RECORD_H

#include "database.h"

// As vlmc_catalog_record. *copy: the row of the copy.
vlmc_status vlmc_record_archive(vlmc_catalog *catalog, const vlmc_reader *reader,
                                const vlmc_place *place, const char *path, vlmc_catalog_names names,
                                int64_t *copy, vlmc_error *error);

#endif
