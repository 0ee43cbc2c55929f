// SPDX-License-Identifier: Apache-2.0
// Recording an archive, within a transaction of whoever calls.
#ifndef VLMC_CATALOG_RECORD_H
#define VLMC_CATALOG_RECORD_H

#include "database.h"
#include "place.h"

typedef struct vlmc_record_params {
    const vlmc_place *place; // of `path`
    const char *path;        // of the file
    vlmc_catalog_names names;
    bool again; // what is known of the archive is read anew
} vlmc_record_params;

// As vlmc_catalog_record.
vlmc_status vlmc_record_archive(vlmc_catalog *catalog, const vlmc_reader *reader,
                                const vlmc_record_params *params, vlmc_placed *placed,
                                vlmc_error *error);

#endif
