// SPDX-License-Identifier: Apache-2.0
// What every command of the program shares: the environment, messages, the exit code.
#ifndef VLMC_CLI_CLI_H
#define VLMC_CLI_CLI_H

#include "util/secret.h"

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/status.h>

#ifndef VLMC_VERSION
#define VLMC_VERSION "0.1.0"
#endif

// Exit codes that no vlmc_status has (man page, "EXIT STATUS").
enum {
    CLI_EXIT_WARNING = 1,
    CLI_EXIT_FAILURE = 2,
    CLI_EXIT_DAMAGED = 3,
    CLI_EXIT_REPAIRED = 4,
    CLI_EXIT_REFUSED = 7,
    CLI_EXIT_CATALOG = 8,
    CLI_EXIT_USAGE = 64,
    CLI_EXIT_PAUSED = 75,
};

// Read once, in main. Strings are borrowed from the environment; unset or empty is NULL.
typedef struct cli_environment {
    const char *model;           // VLMC_MODEL
    const char *device;          // VLMC_DEVICE
    const char *model_path;      // VLMC_MODEL_PATH
    const char *plugin_path;     // VLMC_PLUGIN_PATH
    const char *plugin_seconds;  // VLMC_PLUGIN_SECONDS: of a plugin's call, for tests
    const char *auto_seconds;    // VLMC_AUTO_SECONDS: AUTO_MODEL_SECONDS_MOST, for tests
    const char *catalog;         // VLMC_CATALOG
    const char *catalog_seconds; // VLMC_CATALOG_SECONDS: to wait for one in use, for tests
    const char *system;          // VLMC_SYSTEM: stands before /proc, /dev and /etc, for tests
    const char *data_home;       // XDG_DATA_HOME
    const char *cache_home;      // XDG_CACHE_HOME
    const char *state_home;      // XDG_STATE_HOME
    const char *home;            // HOME
    const char *temporary;       // TMPDIR
} cli_environment;

typedef struct cli {
    cli_environment env;
    bool quiet;    // no notices and no progress; warnings and errors stay
    bool json;     // results as JSON lines
    bool terminal; // stderr is a terminal, and TERM says that it knows escape codes
    int exit_code; // the gravest so far
    // passphrase.h
    const char *passphrase_file; // --passphrase-file, else NULL: the terminal
    vlmc_secret passphrase;      // the last one that was given; bytes NULL: none
    bool any_archives;           // with --passphrase-file, those that are not encrypted as well
    uint32_t questions;          // that were asked for the current archive
} cli;

// One line on stderr, "vlmc: …", with control characters made visible. Progress lines are
// cleared first. A notice informs, a warning also makes the exit code at least 1.
void cli_notice(cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cli_warn(cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Prints the error's sentence and raises the exit code to the one of its status.
void cli_error(cli *cli, const vlmc_error *error);

// Keeps the graver of the code so far and `code`.
void cli_raise(cli *cli, int code);

// Writes `text` to `stream` so that a name from an archive cannot steer a terminal or look like
// another name: control characters and those that change the direction of writing as \xNN; on a
// terminal, so are bytes that are not of its charset.
void cli_print_escaped(const char *text, void *stream);

// A path on stdout: as it is for a pipe, escaped for a terminal.
void cli_print_path(const char *path);

// Commands: argv[0] is "vlmc NAME". They report through cli and return nothing.
void cli_create(cli *cli, int argc, char **argv);
void cli_extract(cli *cli, int argc, char **argv);
void cli_list(cli *cli, int argc, char **argv);
void cli_info(cli *cli, int argc, char **argv);
void cli_verify(cli *cli, int argc, char **argv);
void cli_rekey(cli *cli, int argc, char **argv);
void cli_diff(cli *cli, int argc, char **argv);
void cli_protect(cli *cli, int argc, char **argv);
void cli_repair(cli *cli, int argc, char **argv);
void cli_find(cli *cli, int argc, char **argv);
void cli_device(cli *cli, int argc, char **argv);
void cli_estimate(cli *cli, int argc, char **argv);
void cli_bench(cli *cli, int argc, char **argv);
void cli_model(cli *cli, int argc, char **argv);
void cli_catalog(cli *cli, int argc, char **argv);
void cli_plugin(cli *cli, int argc, char **argv);
void cli_jobs(cli *cli, int argc, char **argv);

// A command that only vlmc itself gives: the process that plugins run in. Returns the exit code.
#define CLI_PLUGIN_WORKER "plugin-worker"
int cli_plugin_worker(int argc, char **argv);

#endif
