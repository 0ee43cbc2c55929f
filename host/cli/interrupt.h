// SPDX-License-Identifier: Apache-2.0
// Signals: the first INT, TERM or HUP asks for a clean stop, the second one kills; PIPE asks
// for one as well, so that a reader who went away leaves nothing temporary. USR1, which asks for a
// line of status, is in status_line.h.
#ifndef VLMC_CLI_INTERRUPT_H
#define VLMC_CLI_INTERRUPT_H

#include <vlmc/status.h>

// Call once, before any thread is started. Also makes a write beyond the file size limit
// an error (EFBIG) instead of a death.
void cli_interrupt_install(void);

// The signal that asked to stop, or 0.
int cli_interrupt_signal(void);

// VLMC_ERROR_INTERRUPTED with its sentence once a signal has asked to stop.
vlmc_status cli_interrupt_check(vlmc_error *error);

#endif
