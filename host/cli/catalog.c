// SPDX-License-Identifier: Apache-2.0
// vlmc catalog
#include "catalog_show.h"
#include "options.h"
#include "record_archive.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct catalog_options {
    cli_common common;
    const char *word; // the action, or what to find
} catalog_options;

static const struct argp_option option_table[] = {CLI_OPTIONS_OUTPUT, {0}};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    catalog_options *options = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (options->word)
            argp_error(state, "\"%s\" is one argument too many", arg);
        options->word = arg;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "an argument is missing");
        return 0;
    default:
        return cli_common_parse(key, arg, state, &options->common);
    }
}

static const struct argp catalog_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "list\ncheck",
    .doc = "Shows the archives that the catalog knows, or checks the catalog's own integrity. "
           "The catalog is VLMC_CATALOG, else ~/.local/share/vlmc/catalog.db."
           "\vExamples:\n"
           "  vlmc catalog list\n"
           "  vlmc catalog check\n",
};

static vlmc_status print_copy(void *user, const vlmc_catalog_copy *copy, vlmc_error *error)
{
    const cli *cli = user;
    char created[48];
    vlmc_format_time(copy->created, 0, created, sizeof created);
    if (!cli->json) {
        printf("%s %12" PRIu64 " %12" PRIu64 " ", created, copy->file_bytes, copy->content_bytes);
        catalog_print_location(&copy->location);
        putchar('\n');
        return VLMC_OK;
    }
    json_t *object = json_object();
    catalog_json_location(object, &copy->location);
    vlmc_json_set_time(object, "created", copy->created, 0);
    if (copy->verified)
        vlmc_json_set_time(object, "verified", copy->verified, 0);
    json_object_set_new(object, "damaged", json_boolean(copy->is_damaged));
    json_object_set_new(object, "names", json_boolean(copy->has_names));
    vlmc_json_set_number(object, "archive_bytes", copy->file_bytes);
    vlmc_json_set_number(object, "content_bytes", copy->content_bytes);
    vlmc_json_set_number(object, "entries", copy->n_entries);
    vlmc_json_set_hex(object, "root_digest", copy->root_digest, 32);
    if (copy->model_digest)
        vlmc_json_set_hex(object, "model_digest", copy->model_digest, 32);
    if (copy->model_name)
        vlmc_json_set_bytes(object, "model_name", copy->model_name);
    return vlmc_json_line(stdout, object, error);
}

static vlmc_status run_catalog(cli *cli, const char *action, vlmc_error *error)
{
    vlmc_catalog *catalog;
    const bool check = strcmp(action, "check") == 0;
    if (!check && strcmp(action, "list") != 0)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "\"vlmc catalog\" can list and check, not \"%s\"",
                         action);
    VLMC_TRY(cli_catalog_open(cli, false, &catalog, error));
    vlmc_status status;
    if (!check) {
        status = vlmc_catalog_list(catalog, print_copy, cli, error);
    } else {
        status = vlmc_catalog_check(catalog, error);
        if (status == VLMC_OK && cli->json)
            status = vlmc_json_line(stdout, json_pack("{s:b}", "ok", 1), error);
        else if (status == VLMC_OK)
            puts("the catalog is sound");
    }
    vlmc_catalog_close(&catalog);
    return status;
}

void cli_catalog(cli *cli, int argc, char **argv)
{
    catalog_options options = {0};
    vlmc_error error;
    cli_common_init(&options.common, cli);
    cli_parse(&catalog_argp, argc, argv, &options);
    if (run_catalog(cli, options.word, &error) != VLMC_OK)
        cli_error(cli, &error);
}
