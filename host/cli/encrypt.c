// SPDX-License-Identifier: Apache-2.0
#include "encrypt.h"

#include "archive/seal_file.h"
#include "passphrase.h"

#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t parse_memory(struct argp_state *state, const char *arg)
{
    const uint64_t kib = cli_parse_bytes(state, arg) >> 10;
    return kib > UINT32_MAX ? UINT32_MAX : (uint32_t)kib;
}

static uint32_t parse_passes(struct argp_state *state, const char *arg)
{
    char *end;
    errno = 0;
    const unsigned long n = strtoul(arg, &end, 10);
    if (errno || *end || end == arg || *arg == '-' || n > UINT32_MAX)
        argp_error(state, "--kdf-passes wants a number from 1 to %u, not \"%s\"",
                   VLMC_SEAL_PASSES_MAX, arg);
    return (uint32_t)n;
}

error_t cli_encryption_parse(int key, const char *arg, struct argp_state *state,
                             cli_encryption *encryption)
{
    switch (key) {
    case CLI_KEY_ENCRYPT:
        encryption->wanted = true;
        return 0;
    case CLI_KEY_KDF_MEMORY:
        encryption->cost.memory_kib = parse_memory(state, arg);
        return 0;
    case CLI_KEY_KDF_PASSES:
        encryption->cost.passes = parse_passes(state, arg);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

vlmc_status cli_encrypt(cli *cli, const cli_encryption *encryption, const char *name,
                        const char *partial, vlmc_seal **seal, vlmc_error *error)
{
    const vlmc_secret *passphrase;
    uint8_t header[VLMC_HEADER_BYTES];
    *seal = NULL;
    if (!encryption->wanted)
        return VLMC_OK;
    if (strcmp(name, "-") == 0)
        name = "standard output";
    VLMC_TRY(vlmc_seal_check_cost(&encryption->cost, error));
    if (partial)
        VLMC_TRY(vlmc_seal_of_partial(partial, name, cli_passphrase_ask, cli, seal, error));
    if (*seal)
        return VLMC_OK;
    VLMC_TRY(cli_passphrase_choose(cli, cli->passphrase_file, name, &passphrase, error));
    vlmc_format_write_header(VLMC_FLAG_ENCRYPTED, header);
    return vlmc_seal_create(header, passphrase, &encryption->cost, seal, error);
}
