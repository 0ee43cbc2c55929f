// SPDX-License-Identifier: Apache-2.0
// What an archive holds, into the tables. Within a transaction.
#ifndef VLMC_CATALOG_RECORD_ENTRIES_H
#define VLMC_CATALOG_RECORD_ENTRIES_H

#include "database.h"

// The models and tokenizers that the archive needs, and with `names` its entries.
vlmc_status vlmc_record_entries(vlmc_catalog *catalog, const vlmc_reader *reader, int64_t archive,
                                bool names, vlmc_error *error);

#endif
