// SPDX-License-Identifier: Apache-2.0
// Checking archives: how deep, how long, and where the last run stopped.
#ifndef VLMC_CLI_VERIFY_H
#define VLMC_CLI_VERIFY_H

#include "options.h"
#include "verify_state.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct verify_request {
    const cli_common *common;
    const char *path;
    verify_level level;
    uint64_t until_ns; // of vlmc_progress_now_ns: when to pause; 0: never. At least one file, or
                       // block, is checked.
    bool no_catalog;   // the catalog is not told
} verify_request;

// Checks one archive. What is damaged is reported through cli, and the result is on stdout. An
// error that ends the work is returned. *paused: the time was over; where to go on is on record.
vlmc_status verify_one(const verify_request *request, bool *paused, vlmc_error *error);

// Decodes all of an archive.
vlmc_status verify_archive(const cli_common *common, const char *path, bool no_catalog,
                           vlmc_error *error);

#endif
