// SPDX-License-Identifier: Apache-2.0
// The tables, and the way to them from older versions.
#ifndef VLMC_CATALOG_SCHEMA_H
#define VLMC_CATALOG_SCHEMA_H

#include "database.h"

// Makes all tables of this version, within a transaction.
vlmc_status vlmc_schema_create(vlmc_catalog *catalog, vlmc_error *error);

// Brings a catalog of the older `version` to this one: a backup, then one transaction.
vlmc_status vlmc_schema_migrate(vlmc_catalog *catalog, int64_t version, vlmc_error *error);

// Takes the tables of version 1 over, within that transaction; the new ones are not there yet.
vlmc_status vlmc_schema_from_version_1(vlmc_catalog *catalog, vlmc_error *error);

#endif
