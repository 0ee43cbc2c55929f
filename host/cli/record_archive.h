// SPDX-License-Identifier: Apache-2.0
// The catalog as commands see it.
#ifndef VLMC_CLI_RECORD_ARCHIVE_H
#define VLMC_CLI_RECORD_ARCHIVE_H

#include "catalog/catalog.h"
#include "cli.h"

// VLMC_CATALOG, else vlmc/catalog.db in XDG_DATA_HOME or ~/.local/share. Tells of the backup when
// the catalog was of an older version.
vlmc_status cli_catalog_open(cli *cli, bool create, vlmc_catalog **catalog, vlmc_error *error);

// vlmc_catalog_rebuild for the same file.
vlmc_status cli_catalog_rebuild(cli *cli, const vlmc_rebuild_params *rebuild, char **aside,
                                vlmc_error *error);

// Records the finished archive at `path`, the entries of an encrypted one only with `secret_names`.
// A catalog that cannot be written is an error message and exit code 8, and the archive stays.
void record_archive(cli *cli, const char *path, bool secret_names);

// Records the archive at `path` whose file has been changed, or written from that of another, in
// the catalog that is there; where none is, none is made. Names of an encrypted one that the
// catalog has learned stay. A failure is an error message and exit code 8.
void record_change(cli *cli, const char *path);

// Records a verification or an extraction of the archive at `path` in the catalog that is there;
// where none is, none is made. A failure is an error message and exit code 8. `reader` may be NULL
// (catalog.h); of an encrypted archive no entries are recorded whatever `names` says. Standard
// input ("-") is no archive that could be found again.
void record_verification(cli *cli, const vlmc_reader *reader, const char *path,
                         vlmc_catalog_names names, const vlmc_catalog_verification *verification);

#endif
