// SPDX-License-Identifier: Apache-2.0
// The catalog as commands see it.
#ifndef VLMC_CLI_RECORD_ARCHIVE_H
#define VLMC_CLI_RECORD_ARCHIVE_H

#include "catalog/catalog.h"
#include "cli.h"

// VLMC_CATALOG, else vlmc/catalog.db in XDG_DATA_HOME or ~/.local/share.
vlmc_status cli_catalog_open(const cli *cli, bool create, vlmc_catalog **catalog,
                             vlmc_error *error);

// Records the finished archive at `path`. A catalog that cannot be written is an error
// message and exit code 8, and the archive stays.
void record_archive(cli *cli, const char *path);

#endif
