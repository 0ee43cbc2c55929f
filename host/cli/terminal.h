// SPDX-License-Identifier: Apache-2.0
// Questions on the terminal whose answers are not shown.
#ifndef VLMC_CLI_TERMINAL_H
#define VLMC_CLI_TERMINAL_H

#include "util/secret.h"

#include <stdbool.h>
#include <vlmc/status.h>

// Has this process a terminal, wherever its standard streams go?
bool cli_terminal_is_there(void);

// Prints "QUESTION NAME: " and reads a line, its newline not counted, into `answer`, which is
// filled to its capacity when the line is longer. The end of the input is an answer as well; a
// signal to stop is VLMC_ERROR_INTERRUPTED. The terminal is as it was afterwards.
vlmc_status cli_terminal_ask(const char *question, const char *name, vlmc_secret *answer,
                             vlmc_error *error);

#endif
