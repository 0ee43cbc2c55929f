// SPDX-License-Identifier: Apache-2.0
// vlmc find
#include "catalog_show.h"
#include "options.h"
#include "record_archive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct find_options {
    cli_common common;
    vlmc_find_params find;
    bool nul_ended; // -0
    uint64_t hits;
    char *offline; // a volume with hits that is not here
} find_options;

enum { KEY_GLOB = 0x400, KEY_REGEX, KEY_HASH };

static const struct argp_option option_table[] = {
    {"glob", KEY_GLOB, 0, 0, "PATTERN is a shell pattern for the whole path; * matches / as well",
     1},
    {"regex", KEY_REGEX, 0, 0, "PATTERN is an extended regular expression for a part of the path",
     1},
    {"exact", 'x', 0, 0, "PATTERN is the path itself", 1},
    {"hash", KEY_HASH, 0, 0, "PATTERN is the SHA-256 of a file's content, or its first 8 digits",
     1},
    {"ignore-case", 'i', 0, 0, "Do not tell the letters A-Z from a-z", 1},
    {"null", '0', 0, 0, "Print archive and path as they are, each with a NUL behind it", 1},
    CLI_OPTIONS_OUTPUT,
    {0},
};

static void set_kind(struct argp_state *state, find_options *options, vlmc_find_kind kind)
{
    if (options->find.kind != VLMC_FIND_TEXT && options->find.kind != kind)
        argp_error(state, "--glob, --regex, --exact and --hash exclude each other");
    options->find.kind = kind;
}

static void check_options(struct argp_state *state, const find_options *options)
{
    if (!options->find.pattern)
        argp_error(state, "say what to find");
    if (options->find.ignore_case &&
        (options->find.kind == VLMC_FIND_EXACT || options->find.kind == VLMC_FIND_HASH))
        argp_error(state, "--ignore-case has no meaning with --exact and --hash");
    if (options->nul_ended && options->common.cli->json)
        argp_error(state, "--json and -0 exclude each other");
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    find_options *options = state->input;
    switch (key) {
    case KEY_GLOB:
        set_kind(state, options, VLMC_FIND_GLOB);
        return 0;
    case KEY_REGEX:
        set_kind(state, options, VLMC_FIND_REGEX);
        return 0;
    case 'x':
        set_kind(state, options, VLMC_FIND_EXACT);
        return 0;
    case KEY_HASH:
        set_kind(state, options, VLMC_FIND_HASH);
        return 0;
    case 'i':
        options->find.ignore_case = true;
        return 0;
    case '0':
        options->nul_ended = true;
        return 0;
    case ARGP_KEY_ARG:
        if (options->find.pattern)
            argp_error(state, "\"%s\" is one argument too many", arg);
        options->find.pattern = arg;
        return 0;
    case ARGP_KEY_END:
        check_options(state, options);
        return 0;
    default:
        return cli_common_parse(key, arg, state, &options->common);
    }
}

static const struct argp find_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "PATTERN",
    .doc = "Finds files in all archives that the catalog knows, those on disks that are not here "
           "included: paths that contain PATTERN, byte for byte. Prints \"ARCHIVE: PATH\", for an "
           "archive on a volume that is not mounted \"[VOLUME] ARCHIVE: PATH\", control characters "
           "as \\xNN. Exit code 1: there is none."
           "\vExamples:\n"
           "  vlmc find alice\n"
           "  vlmc find --glob '*/2024/*.jpeg'\n"
           "  vlmc find --regex 'invoice-[0-9]+\\.pdf$'\n"
           "  vlmc find --hash \"$(sha256sum photo.jpg | cut -c 1-64)\"\n"
           "  vlmc find -0 alice | xargs -0 -n 2 vlmc extract\n",
};

static vlmc_status print_json(const vlmc_catalog_hit *hit, vlmc_error *error)
{
    json_t *object = json_object();
    catalog_json_location(object, &hit->archive);
    vlmc_json_set_bytes(object, "path", hit->path);
    vlmc_json_set_time(object, "mtime", hit->mtime_seconds, hit->mtime_ns);
    vlmc_json_set_number(object, "size_bytes", hit->size_bytes);
    if (hit->sha256)
        vlmc_json_set_hex(object, "sha256", hit->sha256, 32);
    return vlmc_json_line(stdout, object, error);
}

static vlmc_status print_hit(void *user, const vlmc_catalog_hit *hit, vlmc_error *error)
{
    find_options *options = user;
    options->hits++;
    if (!hit->archive.path && !options->offline)
        options->offline = strdup(hit->archive.volume);
    if (options->common.cli->json)
        return print_json(hit, error);
    if (options->nul_ended) {
        if (hit->archive.path)
            fputs(hit->archive.path, stdout);
        else
            printf("[%s] %s", hit->archive.volume, hit->archive.volume_path);
        putchar(0);
        fputs(hit->path, stdout);
        putchar(0);
        return VLMC_OK;
    }
    catalog_print_location(&hit->archive);
    if (hit->archive.missing)
        fputs(" (missing)", stdout);
    fputs(": ", stdout);
    cli_print_escaped(hit->path, stdout);
    putchar('\n');
    return VLMC_OK;
}

// As paths are in archives: from no root, and no folder of its own at the start.
static const char *stored_path(const char *path)
{
    for (;;) {
        if (path[0] == '/')
            path++;
        else if (path[0] == '.' && path[1] == '/')
            path += 2;
        else
            return path;
    }
}

void cli_find(cli *cli, int argc, char **argv)
{
    find_options options = {0};
    vlmc_error error;
    vlmc_catalog *catalog;
    cli_common_init(&options.common, cli);
    cli_parse(&find_argp, argc, argv, &options);
    if (options.find.kind == VLMC_FIND_EXACT)
        options.find.pattern = stored_path(options.find.pattern);
    vlmc_status status = cli_catalog_open(cli, false, &catalog, &error);
    if (status == VLMC_OK)
        status = vlmc_catalog_find(catalog, &options.find, print_hit, &options, &error);
    vlmc_catalog_close(&catalog);
    if (options.offline)
        cli_notice(cli, "the volume \"%s\" is not here", options.offline);
    free(options.offline);
    if (status != VLMC_OK)
        cli_error(cli, &error);
    else if (options.hits == 0)
        cli_raise(cli, CLI_EXIT_WARNING);
}
