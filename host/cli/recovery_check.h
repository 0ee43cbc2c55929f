// SPDX-License-Identifier: Apache-2.0
// The recovery data of an archive that is verified.
#ifndef VLMC_CLI_RECOVERY_CHECK_H
#define VLMC_CLI_RECOVERY_CHECK_H

#include "open_archive.h"

#include <vlmc/status.h>

typedef enum cli_recovery_state {
    CLI_RECOVERY_NONE,
    CLI_RECOVERY_WHOLE,
    CLI_RECOVERY_DAMAGED, // they need repair, the archive does not
    CLI_RECOVERY_NEEDED,  // the archive is damaged
} cli_recovery_state;

// "none", "whole", "damaged", "needed".
const char *cli_recovery_state_name(cli_recovery_state state);

// Reads all of an archive that has recovery data, `path` as it was opened, and compares it with its
// hashes. Damage of recovery data is a warning that says what helps; of the archive, a notice that
// there is something to mend it with.
vlmc_status cli_recovery_check(cli *cli, const cli_archive *archive, const char *path,
                               cli_recovery_state *state, vlmc_error *error);

#endif
