// SPDX-License-Identifier: Apache-2.0
// The keys of encrypted archives, as options say: of "create --encrypt" and "rekey".
#ifndef VLMC_CLI_ENCRYPT_H
#define VLMC_CLI_ENCRYPT_H

#include "archive/seal.h"
#include "cli.h"

#include <argp.h>
#include <stdbool.h>
#include <vlmc/status.h>

typedef struct cli_encryption {
    bool wanted;
    vlmc_seal_cost cost;
} cli_encryption;

#define CLI_ENCRYPTION_DEFAULT                                                                     \
    {                                                                                              \
        .cost = { VLMC_SEAL_MEMORY_KIB_DEFAULT, VLMC_SEAL_PASSES_DEFAULT }                         \
    }

// Rows of a command's table: what trying a passphrase costs.
#define CLI_OPTIONS_KDF                                                                            \
    {"kdf-memory",                                                                                 \
     CLI_KEY_KDF_MEMORY,                                                                           \
     "BYTES",                                                                                      \
     0,                                                                                            \
     "Memory that trying a passphrase takes, 8K to 1G; default: 256M",                             \
     6},                                                                                           \
    {                                                                                              \
        "kdf-passes", CLI_KEY_KDF_PASSES, "N", 0,                                                  \
            "Passes over that memory, 1 to 64, at most 4G in all; default: 3", 6                   \
    }

// Handles them, and --encrypt; ARGP_ERR_UNKNOWN for others.
error_t cli_encryption_parse(int key, const char *arg, struct argp_state *state,
                             cli_encryption *encryption);

// Chooses a passphrase (passphrase.h) for the archive `name` ("-": standard output) and makes its
// keys; or, where an interrupted run has begun the file `partial` (NULL: there is none), asks for
// its passphrase and takes its keys, so that what it has packed is of use. *seal NULL: encryption
// is not wanted.
vlmc_status cli_encrypt(cli *cli, const cli_encryption *encryption, const char *name,
                        const char *partial, vlmc_seal **seal, vlmc_error *error);

#endif
