// SPDX-License-Identifier: Apache-2.0
// Options that several commands share; each command has its own argp table.
#ifndef VLMC_CLI_OPTIONS_H
#define VLMC_CLI_OPTIONS_H

#include "cli.h"

#include <argp.h>
#include <stdint.h>

// Keys of options without a short letter.
enum {
    CLI_KEY_JSON = 0x100,
    CLI_KEY_NO_CATALOG,
    CLI_KEY_VERIFY,
    CLI_KEY_RECOVERY,
    CLI_KEY_REMOVE,
    CLI_KEY_IN_PLACE,
    CLI_KEY_STDIN_NAME,
    CLI_KEY_STDOUT,
    CLI_KEY_OVERWRITE,
    CLI_KEY_DRY_RUN,
    CLI_KEY_MAX_OUTPUT,
    CLI_KEY_NO_PLUGINS,
    CLI_KEY_PASSPHRASE_FILE,
    CLI_KEY_ENCRYPT,
    CLI_KEY_KDF_MEMORY,
    CLI_KEY_KDF_PASSES,
    CLI_KEY_CATALOG_NAMES,
    CLI_KEY_NEW_PASSPHRASE_FILE,
    CLI_KEY_GROUP_SIZE,
    CLI_KEY_LEVEL,
    CLI_KEY_TIME_LIMIT,
    CLI_KEY_DUE,
    CLI_KEY_EXCLUDE,
    CLI_KEY_ONE_FILE_SYSTEM,
    CLI_KEY_SAME_OWNER,
    CLI_KEY_NO_SAME_OWNER,
    CLI_KEY_NUMERIC_OWNER,
};

// Rows of a command's table.
#define CLI_OPTIONS_OUTPUT                                                                         \
    {"quiet", 'q', 0, 0, "Print warnings and errors only", 9},                                     \
    {                                                                                              \
        "json", CLI_KEY_JSON, 0, 0, "Print results as JSON lines", 9                               \
    }
#define CLI_OPTIONS_PASSPHRASE                                                                     \
    {                                                                                              \
        "passphrase-file", CLI_KEY_PASSPHRASE_FILE, "FILE", 0,                                     \
            "Take the passphrase from FILE, \"-\" is standard input; default: ask on the "         \
            "terminal",                                                                            \
            6                                                                                      \
    }
#define CLI_OPTIONS_COMPUTE                                                                        \
    {"device",                                                                                     \
     'd',                                                                                          \
     "DEVICE",                                                                                     \
     0,                                                                                            \
     "auto (default), cpu, cpu:VARIANT, vulkan, vulkan:INDEX or vulkan:NAME",                      \
     5},                                                                                           \
    {                                                                                              \
        "threads", 't', "N", 0, "CPU threads; default: every CPU that this process may use", 5     \
    }

typedef struct cli_common {
    cli *cli;
    const char *device; // as given, else VLMC_DEVICE, else "auto"
    uint32_t threads;   // >= 1
} cli_common;

void cli_common_init(cli_common *common, cli *cli);

// Handles the shared keys; ARGP_ERR_UNKNOWN for others. For use in a command's parser.
error_t cli_common_parse(int key, const char *arg, struct argp_state *state, cli_common *common);

// For commands with one ARCHIVE, which it stores: ARGP_KEY_ARG and ARGP_KEY_NO_ARGS;
// ARGP_ERR_UNKNOWN for other keys.
error_t cli_one_archive_parse(int key, char *arg, struct argp_state *state, const char **archive);

// "4096", "64K", "2M", "10G", "1T" (powers of 1024); a usage error otherwise.
uint64_t cli_parse_bytes(struct argp_state *state, const char *arg);

// "500ms", "90", "90s", "10m", "2h", "90d", "4w", more than nothing and at most 100 years, in
// nanoseconds; a usage error otherwise.
uint64_t cli_parse_time_ns(struct argp_state *state, const char *arg);

// Parses a command line; a usage error ends the program with exit code 64, --help with 0.
void cli_parse(const struct argp *argp, int argc, char **argv, void *input);

#endif
