// SPDX-License-Identifier: Apache-2.0
#ifndef VLMC_CLI_VERIFY_H
#define VLMC_CLI_VERIFY_H

#include "options.h"

// Decodes the whole archive at `path` and checks every file. Each damaged file is reported
// through cli, and the result is on stdout. An error that ends the work is returned.
vlmc_status verify_archive(const cli_common *common, const char *path, vlmc_error *error);

#endif
