// SPDX-License-Identifier: Apache-2.0
// vlmc catalog
#include "catalog_actions.h"
#include "record_archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_ALL_FILES = 0x400, KEY_MISSING };

#define LIMIT 20 // of dups, unless said otherwise

static const struct argp_option option_table[] = {
    {"all-files", KEY_ALL_FILES, 0, 0,
     "(scan, rebuild) Look into every file, not only into those named *.vlmc", 1},
    {"limit", 'n', "N", 0, "(dups) Show the N largest; default: 20", 1},
    {"missing", KEY_MISSING, 0, 0, "(forget) What a scan did not find any more", 1},
    CLI_OPTIONS_OUTPUT,
    {0},
};

static uint64_t parse_limit(struct argp_state *state, const char *arg)
{
    char *end;
    errno = 0;
    const unsigned long long n = strtoull(arg, &end, 10);
    if (errno || *end || end == arg || *arg == '-' || n < 1)
        argp_error(state, "--limit wants a number from 1 on, not \"%s\"", arg);
    return n;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    catalog_options *options = state->input;
    switch (key) {
    case KEY_ALL_FILES:
        options->all_files = true;
        return 0;
    case KEY_MISSING:
        options->missing = true;
        return 0;
    case 'n':
        options->limit = parse_limit(state, arg);
        return 0;
    case ARGP_KEY_ARGS:
        options->action = state->argv[state->next];
        options->args = state->argv + state->next + 1;
        options->n_args = state->argc - state->next - 1;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "an action is missing");
        return 0;
    default:
        return cli_common_parse(key, arg, state, &options->common);
    }
}

static const struct argp catalog_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "list\ndups\nstats\nneeds-model [MODEL]\nscan DIR…\nrebuild [DIR…]\ncheck\n"
                "backup FILE\nforget ARCHIVE…\nvolumes\nname VOLUME NAME",
    .doc = "Shows and keeps the catalog of archives: where they are, on disks that are not here as "
           "well, what they hold in common, which models they need. \"scan\" looks for archives in "
           "folders, and notices what was moved; \"rebuild\" makes the catalog again from the "
           "archives themselves. The catalog is VLMC_CATALOG, else ~/.local/share/vlmc/catalog.db."
           "\vExamples:\n"
           "  vlmc catalog list\n"
           "  vlmc catalog scan /media/backup\n"
           "  vlmc catalog name /media/backup shelf-3\n"
           "  vlmc catalog dups --limit 100\n"
           "  vlmc catalog backup catalog-2026-11-25.db\n",
};

typedef struct action {
    const char *name;
    int min_args;
    int max_args;
    const char *args; // for messages
    // Of one that opens the catalog itself, else of one that gets it open.
    vlmc_status (*alone)(const catalog_options *options, vlmc_error *error);
    vlmc_status (*run)(const catalog_options *options, vlmc_catalog *catalog, vlmc_error *error);
} action;

static const action actions[] = {
    {"list", 0, 0, "nothing", NULL, catalog_list},
    {"dups", 0, 0, "nothing", NULL, catalog_duplicates},
    {"stats", 0, 0, "nothing", NULL, catalog_stats},
    {"needs-model", 0, 1, "at most one model", NULL, catalog_needs_model},
    {"scan", 1, INT32_MAX, "folders", catalog_scan, NULL},
    {"rebuild", 0, INT32_MAX, "folders", catalog_rebuild, NULL},
    {"check", 0, 0, "nothing", NULL, catalog_check},
    {"backup", 1, 1, "one new file", NULL, catalog_backup},
    {"forget", 0, INT32_MAX, "archives", NULL, catalog_forget},
    {"volumes", 0, 0, "nothing", NULL, catalog_volumes},
    {"name", 2, 2, "a volume and its new name", NULL, catalog_name},
};

static vlmc_status find_action(const catalog_options *options, const action **found,
                               vlmc_error *error)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        const action *action = &actions[i];
        if (strcmp(action->name, options->action) != 0)
            continue;
        *found = action;
        if (options->n_args < action->min_args || options->n_args > action->max_args)
            return vlmc_fail(error, VLMC_ERROR_USAGE, "\"vlmc catalog %s\" wants %s behind it",
                             action->name, action->args);
        return VLMC_OK;
    }
    return vlmc_fail(error, VLMC_ERROR_USAGE,
                     "\"vlmc catalog\" has no action \"%s\"; \"vlmc help catalog\" lists them",
                     options->action);
}

static vlmc_status run(const catalog_options *options, vlmc_error *error)
{
    const action *action;
    vlmc_catalog *catalog;
    VLMC_TRY(find_action(options, &action, error));
    if (action->alone)
        return action->alone(options, error);
    VLMC_TRY(cli_catalog_open(options->common.cli, false, &catalog, error));
    vlmc_status status = action->run(options, catalog, error);
    vlmc_catalog_close(&catalog);
    return status;
}

void cli_catalog(cli *cli, int argc, char **argv)
{
    catalog_options options = {.limit = LIMIT};
    vlmc_error error;
    cli_common_init(&options.common, cli);
    cli_parse(&catalog_argp, argc, argv, &options);
    if (run(&options, &error) != VLMC_OK)
        cli_error(cli, &error);
}
