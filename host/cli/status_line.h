// SPDX-License-Identifier: Apache-2.0
// The line that USR1 prints on stderr: what is being done, how far it is, and for how long. It is
// printed by the signal's handler, so that it comes at once, whatever the program waits for.
#ifndef VLMC_CLI_STATUS_LINE_H
#define VLMC_CLI_STATUS_LINE_H

#include <stdbool.h>

// Call once, before any thread is started. `text` is what the line says until it is set;
// `terminal` tells that stderr is a terminal that knows escape codes.
void cli_status_install(const char *text, bool terminal);

// Sets what the line says; one thread at a time. Plain text; what is too long is cut.
void cli_status_set(const char *text);

#endif
