// SPDX-License-Identifier: Apache-2.0
// vlmc catalog and vlmc find
#include "options.h"
#include "record_archive.h"
#include "util/json_out.h"

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

static const struct argp find_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "TEXT",
    .doc = "Finds paths that contain TEXT in all archives that the catalog knows. Exit code 1: "
           "there is none."
           "\vExamples:\n"
           "  vlmc find alice\n"
           "  vlmc find --json .jpeg\n",
};

static vlmc_status print_copy(void *user, const vlmc_catalog_copy *copy, vlmc_error *error)
{
    const cli *cli = user;
    char created[48];
    vlmc_format_time(copy->created, 0, created, sizeof created);
    if (!cli->json) {
        printf("%s %12" PRIu64 " %12" PRIu64 " ", created, copy->archive_bytes,
               copy->content_bytes);
        cli_print_path(copy->path);
        putchar('\n');
        return VLMC_OK;
    }
    json_t *object = json_object();
    vlmc_json_set_bytes(object, "path", copy->path);
    vlmc_json_set_time(object, "created", copy->created, 0);
    vlmc_json_set_number(object, "archive_bytes", copy->archive_bytes);
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

typedef struct find_run {
    cli *cli;
    uint64_t hits;
} find_run;

static vlmc_status print_hit(void *user, const vlmc_catalog_hit *hit, vlmc_error *error)
{
    find_run *run = user;
    run->hits++;
    if (!run->cli->json) {
        cli_print_path(hit->archive);
        fputs(": ", stdout);
        cli_print_path(hit->path);
        putchar('\n');
        return VLMC_OK;
    }
    json_t *object = json_object();
    vlmc_json_set_bytes(object, "archive", hit->archive);
    vlmc_json_set_bytes(object, "path", hit->path);
    vlmc_json_set_time(object, "mtime", hit->mtime_seconds, hit->mtime_ns);
    vlmc_json_set_number(object, "size_bytes", hit->size_bytes);
    return vlmc_json_line(stdout, object, error);
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

void cli_find(cli *cli, int argc, char **argv)
{
    catalog_options options = {0};
    vlmc_error error;
    vlmc_catalog *catalog;
    find_run run = {.cli = cli};
    cli_common_init(&options.common, cli);
    cli_parse(&find_argp, argc, argv, &options);
    vlmc_status status = cli_catalog_open(cli, false, &catalog, &error);
    if (status == VLMC_OK)
        status = vlmc_catalog_find(catalog, options.word, print_hit, &run, &error);
    vlmc_catalog_close(&catalog);
    if (status != VLMC_OK)
        cli_error(cli, &error);
    else if (run.hits == 0)
        cli_raise(cli, CLI_EXIT_WARNING);
}
