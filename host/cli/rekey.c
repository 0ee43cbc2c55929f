// SPDX-License-Identifier: Apache-2.0
// vlmc rekey
#include "archive/rekey.h"

#include "cli.h"
#include "encrypt.h"
#include "open_archive.h"
#include "options.h"
#include "passphrase.h"
#include "record_archive.h"
#include "util/json_out.h"

#include <stdio.h>
#include <string.h>

typedef struct rekey_options {
    cli_common common;
    cli_encryption encryption;
    const char *new_file; // NULL: the terminal
    const char *archive;
} rekey_options;

static const struct argp_option option_table[] = {
    CLI_OPTIONS_PASSPHRASE,
    {"new-passphrase-file", CLI_KEY_NEW_PASSPHRASE_FILE, "FILE", 0,
     "Take the new passphrase from FILE; default: ask twice on the terminal", 6},
    CLI_OPTIONS_KDF,
    CLI_OPTIONS_OUTPUT,
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    rekey_options *options = state->input;
    switch (key) {
    case CLI_KEY_NEW_PASSPHRASE_FILE:
        options->new_file = arg;
        return 0;
    default:
        if (cli_encryption_parse(key, arg, state, &options->encryption) == 0 ||
            cli_one_archive_parse(key, arg, state, &options->archive) == 0)
            return 0;
        return cli_common_parse(key, arg, state, &options->common);
    }
}

static const struct argp rekey_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "ARCHIVE",
    .doc = "Gives an encrypted archive another passphrase, in place and at once: only the key "
           "that encrypts its key is changed. Who has a copy that was made before opens it with "
           "the old passphrase."
           "\vExamples:\n"
           "  vlmc rekey diary.vlmc\n"
           "  vlmc rekey --passphrase-file old --new-passphrase-file new diary.vlmc\n",
};

static vlmc_status check_arguments(const rekey_options *options, vlmc_error *error)
{
    const char *old_file = options->common.cli->passphrase_file;
    if (strcmp(options->archive, "-") == 0)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "rekey changes a file, not standard input");
    if (old_file && options->new_file && strcmp(old_file, "-") == 0 &&
        strcmp(options->new_file, "-") == 0)
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         "two passphrases cannot both come from standard input");
    return vlmc_seal_check_cost(&options->encryption.cost, error);
}

static vlmc_status print_result(const rekey_options *options, vlmc_error *error)
{
    cli *cli = options->common.cli;
    if (cli->json) {
        json_t *object = json_object();
        vlmc_json_set_bytes(object, "archive", options->archive);
        return vlmc_json_line(stdout, object, error);
    }
    cli_notice(cli, "%s has its new passphrase", options->archive);
    return VLMC_OK;
}

static vlmc_status run(const rekey_options *options, vlmc_error *error)
{
    cli_archive archive;
    const vlmc_secret *passphrase;
    VLMC_TRY(check_arguments(options, error));
    VLMC_TRY(cli_archive_open(&archive, &options->common, options->archive, error));
    vlmc_status status = VLMC_OK;
    if (!archive.info->encrypted)
        status = vlmc_fail(error, VLMC_ERROR_REFUSED, "%s is not encrypted and has no passphrase",
                           archive.name);
    if (status == VLMC_OK && archive.info->recovery_bytes)
        status = vlmc_fail(error, VLMC_ERROR_REFUSED,
                           "%s has recovery data, which would bring the old key back; use \"vlmc "
                           "protect --remove\" before and \"vlmc protect\" after",
                           archive.name);
    if (status == VLMC_OK)
        status = cli_passphrase_choose(options->common.cli, options->new_file, archive.name,
                                       &passphrase, error);
    if (status == VLMC_OK)
        status = vlmc_reader_rekey(archive.reader, options->archive, passphrase,
                                   &options->encryption.cost, error);
    cli_archive_close(&archive);
    VLMC_TRY(status);
    record_change(options->common.cli, options->archive);
    return print_result(options, error);
}

void cli_rekey(cli *cli, int argc, char **argv)
{
    rekey_options options = {.encryption = CLI_ENCRYPTION_DEFAULT};
    vlmc_error error;
    cli_common_init(&options.common, cli);
    cli_parse(&rekey_argp, argc, argv, &options);
    if (run(&options, &error) != VLMC_OK)
        cli_error(cli, &error);
}
