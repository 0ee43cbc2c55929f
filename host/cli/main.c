// SPDX-License-Identifier: Apache-2.0
// vlmc: chooses the command. The environment is read here and nowhere else.
#include "cli.h"
#include "interrupt.h"
#include "passphrase.h"
#include "status_line.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct command {
    const char *name;
    void (*run)(cli *cli, int argc, char **argv);
    const char *summary;
} command;

static const command commands[] = {
    {"create", cli_create, "write an archive of files and folders"},
    {"extract", cli_extract, "restore files from an archive"},
    {"list", cli_list, "show what an archive holds"},
    {"info", cli_info, "show format, model, sizes and methods of an archive"},
    {"verify", cli_verify, "decode an archive in full and check every file"},
    {"protect", cli_protect, "add recovery data to an archive, or take them away"},
    {"repair", cli_repair, "mend a damaged archive from its recovery data"},
    {"diff", cli_diff, "compare an archive with the disk"},
    {"rekey", cli_rekey, "give an encrypted archive another passphrase"},
    {"jobs", cli_jobs, "list, go on with or give up archives that were interrupted"},
    {"find", cli_find, "find paths in all archives that the catalog knows"},
    {"catalog", cli_catalog, "show and keep the catalog of archives"},
    {"model", cli_model, "list, describe or verify models"},
    {"plugin", cli_plugin, "list, try or check the plugins for kinds of files"},
    {"device", cli_device, "list or test the devices that can compute"},
    {"estimate", cli_estimate, "predict the size of an archive and the time to create it"},
    {"bench", cli_bench, "measure what a model saves on chunks of a file"},
};

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

// What a line of progress needs: a terminal that clears a line when it is told to.
static bool stderr_is_terminal(void)
{
    const char *term = variable("TERM");
    return term && strcmp(term, "dumb") != 0 && isatty(STDERR_FILENO);
}

static cli_environment read_environment(void)
{
    return (cli_environment){
        .model = variable("VLMC_MODEL"),
        .device = variable("VLMC_DEVICE"),
        .model_path = variable("VLMC_MODEL_PATH"),
        .plugin_path = variable("VLMC_PLUGIN_PATH"),
        .plugin_seconds = variable("VLMC_PLUGIN_SECONDS"),
        .auto_seconds = variable("VLMC_AUTO_SECONDS"),
        .catalog = variable("VLMC_CATALOG"),
        .catalog_seconds = variable("VLMC_CATALOG_SECONDS"),
        .system = variable("VLMC_SYSTEM"),
        .data_home = variable("XDG_DATA_HOME"),
        .cache_home = variable("XDG_CACHE_HOME"),
        .state_home = variable("XDG_STATE_HOME"),
        .home = variable("HOME"),
        .temporary = variable("TMPDIR"),
    };
}

static void print_help(FILE *stream)
{
    fputs("Usage: vlmc COMMAND [OPTION…] …\n"
          "Lossless archives of files, packed by an integer transformer.\n\n"
          "Commands:\n",
          stream);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(stream, "  %-9s %s\n", commands[i].name, commands[i].summary);
    fputs("  help      show the options of a command: vlmc help COMMAND\n\n"
          "Examples:\n"
          "  vlmc create -o books.vlmc books/\n"
          "  vlmc list -l books.vlmc\n"
          "  vlmc extract books.vlmc -C restored/\n"
          "  vlmc --version\n",
          stream);
}

static const command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void run_command(cli *cli, const command *command, int argc, char **argv)
{
    char name[32];
    snprintf(name, sizeof name, "vlmc %s", command->name);
    argv[0] = name;
    command->run(cli, argc, argv);
}

static void unknown_command(cli *cli, const char *name)
{
    vlmc_error error;
    vlmc_fail(&error, VLMC_ERROR_USAGE, "there is no command \"%s\"; \"vlmc help\" lists them",
              name);
    cli_error(cli, &error);
}

static void dispatch(cli *cli, int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        cli_raise(cli, CLI_EXIT_USAGE);
        return;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        puts("vlmc " VLMC_VERSION);
        return;
    }
    const int help =
        strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
    if (help && argc < 3) {
        print_help(stdout);
        return;
    }
    const command *command = find_command(help ? argv[2] : name);
    if (!command) {
        unknown_command(cli, help ? argv[2] : name);
        return;
    }
    char help_option[] = "--help";
    char *help_argv[] = {argv[0], help_option, NULL};
    if (help)
        run_command(cli, command, 2, help_argv);
    else
        run_command(cli, command, argc - 1, argv + 1);
}

// Descriptors 0 to 2 that the caller closed must not become files of ours: a message would land
// in an archive. What takes their places fails as a closed one does: it cannot be used in its
// direction.
static bool occupy_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        const int mode = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", mode) != fd)
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    if (!occupy_standard_descriptors())
        return CLI_EXIT_FAILURE; // and nowhere to say why
    if (argc > 1 && strcmp(argv[1], CLI_PLUGIN_WORKER) == 0)
        return cli_plugin_worker(argc - 1, argv + 1);
    cli cli = {.env = read_environment(), .terminal = stderr_is_terminal()};
    cli_interrupt_install();
    cli_status_install(find_command(argc > 1 ? argv[1] : "") ? argv[1] : "starting", cli.terminal);
    dispatch(&cli, argc, argv);
    cli_passphrase_forget(&cli);
    // Results that did not reach their reader are a failure, whatever came before.
    if (fflush(stdout) != 0 || ferror(stdout)) {
        vlmc_error error;
        vlmc_fail_os(&error, VLMC_ERROR_IO, errno, "cannot write to standard output");
        cli_error(&cli, &error);
    }
    return cli.exit_code;
}
