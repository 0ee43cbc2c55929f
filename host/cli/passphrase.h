// SPDX-License-Identifier: Apache-2.0
// Passphrases of encrypted archives: from a file or the terminal, never from an argument or the
// environment.
#ifndef VLMC_CLI_PASSPHRASE_H
#define VLMC_CLI_PASSPHRASE_H

#include "cli.h"
#include "util/secret.h"

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/status.h>

// A new passphrase for the archive `name`: what `file` holds, or with NULL what is typed twice. It
// stays known, so that the archive opens without another question. *passphrase is borrowed until
// cli_passphrase_forget.
vlmc_status cli_passphrase_choose(cli *cli, const char *file, const char *name,
                                  const vlmc_secret **passphrase, vlmc_error *error);

// A vlmc_passphrase_fn; user is the cli. Tries what is known before it asks; at the terminal it
// asks three times.
vlmc_status cli_passphrase_ask(void *user, const char *name, uint32_t attempt,
                               const vlmc_secret **passphrase, vlmc_error *error);

// The bytes of the file `path`, "-": of standard input, without a newline at the end.
vlmc_status cli_passphrase_read(cli *cli, const char *path, vlmc_secret *passphrase,
                                vlmc_error *error);

// Wipes what is known.
void cli_passphrase_forget(cli *cli);

#endif
