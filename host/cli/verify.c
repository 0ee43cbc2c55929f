// SPDX-License-Identifier: Apache-2.0
// vlmc verify
#include "verify.h"

#include "cli.h"
#include "record_archive.h"
#include "util/progress.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct verify_options {
    cli_common common;
    verify_level level;
    uint64_t limit_ns; // 0: none
    uint64_t due_ns;   // 0: the archives that are named
    char **archives;
    int n_archives;
} verify_options;

static const struct argp_option option_table[] = {
    {"level", CLI_KEY_LEVEL, "LEVEL", 0,
     "How deep: header (structure and index), blocks (every record is what was written), decode "
     "(every file is what was archived; default)",
     1},
    {"time-limit", CLI_KEY_TIME_LIMIT, "TIME", 0,
     "Stop after this time, such as 90s, 10m or 2h, and go on there the next time", 1},
    {"due", CLI_KEY_DUE, "TIME", 0,
     "Check the archives of the catalog that have not been decoded in full for so long, such as "
     "90d",
     1},
    CLI_OPTIONS_COMPUTE,
    CLI_OPTIONS_PASSPHRASE,
    CLI_OPTIONS_OUTPUT,
    {0},
};

static verify_level parse_level(struct argp_state *state, const char *arg)
{
    for (verify_level level = VERIFY_HEADER; level <= VERIFY_DECODE; level++)
        if (strcmp(arg, verify_level_name(level)) == 0)
            return level;
    argp_error(state, "--level wants header, blocks or decode, not \"%s\"", arg);
    return VERIFY_DECODE;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    verify_options *options = state->input;
    switch (key) {
    case CLI_KEY_LEVEL:
        options->level = parse_level(state, arg);
        return 0;
    case CLI_KEY_TIME_LIMIT:
        options->limit_ns = cli_parse_time_ns(state, arg);
        return 0;
    case CLI_KEY_DUE:
        options->due_ns = cli_parse_time_ns(state, arg);
        return 0;
    case ARGP_KEY_ARGS:
        options->archives = state->argv + state->next;
        options->n_archives = state->argc - state->next;
        return 0;
    case ARGP_KEY_SUCCESS:
        if (options->n_archives == 0 && !options->due_ns)
            argp_error(state, "no archive named; or say --due TIME");
        if (options->n_archives > 0 && options->due_ns)
            argp_error(state, "--due takes its archives from the catalog; name none");
        if (options->due_ns && options->level != VERIFY_DECODE)
            argp_error(state, "--due asks when archives were decoded; leave --level out");
        for (int i = 0; i < options->n_archives; i++)
            if (options->limit_ns && strcmp(options->archives[i], "-") == 0)
                argp_error(state, "--time-limit cannot go on in standard input the next time");
        return 0;
    default:
        return cli_common_parse(key, arg, state, &options->common);
    }
}

static const struct argp verify_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "ARCHIVE…\n--due TIME",
    .doc = "Decodes everything in archives and compares each file with its SHA-256, or looks less "
           "deep. Nothing is written to disk. Exit code 3: some files are damaged, each is named; "
           "75: the time was over, and the same command goes on."
           "\vExamples:\n"
           "  vlmc verify books.vlmc\n"
           "  vlmc verify --level blocks *.vlmc\n"
           "  vlmc verify --due 90d --time-limit 2h\n"
           "  vlmc verify -d vulkan:1 --json books.vlmc\n",
};

// ---- Archives that are due ----

typedef struct due_list {
    cli *cli;
    char **paths; // (capacity), those in which a check has begun first
    int n;
    int n_begun;
    int capacity;
    int n_away;
} due_list;

static vlmc_status add_due(void *user, const vlmc_catalog_copy *copy, vlmc_error *error)
{
    due_list *list = user;
    const char *path = copy->location.path;
    if (!path || access(path, F_OK) != 0) {
        list->n_away++;
        return VLMC_OK;
    }
    if (list->n == list->capacity) {
        const int capacity = 2 * list->capacity + 16;
        char **grown = realloc(list->paths, (size_t)capacity * sizeof *grown);
        if (!grown)
            return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for a list of archives");
        list->paths = grown;
        list->capacity = capacity;
    }
    char *copied = strdup(path);
    if (!copied)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for a list of archives");
    list->paths[list->n] = copied;
    if (verify_state_waits(list->cli, path, VERIFY_DECODE)) {
        list->paths[list->n] = list->paths[list->n_begun];
        list->paths[list->n_begun++] = copied;
    }
    list->n++;
    return VLMC_OK;
}

static vlmc_status find_due(cli *cli, uint64_t due_ns, due_list *list, vlmc_error *error)
{
    vlmc_catalog *catalog;
    VLMC_TRY(cli_catalog_open(cli, false, &catalog, error));
    const int64_t before = time(NULL) - (int64_t)(due_ns / 1000000000u);
    const vlmc_status status = vlmc_catalog_due(catalog, before, add_due, list, error);
    vlmc_catalog_close(&catalog);
    return status;
}

static void free_due(due_list *list)
{
    for (int i = 0; i < list->n; i++)
        free(list->paths[i]);
    free(list->paths);
}

// ---- Rounds ----

// A round over several archives may take several runs: those that wait are the rest of one.
static bool any_waits(const verify_options *options)
{
    for (int i = 0; i < options->n_archives; i++)
        if (verify_state_waits(options->common.cli, options->archives[i], options->level))
            return true;
    return false;
}

// Archives from the ith on that belong to this round.
static vlmc_status leave_for_later(const verify_options *options, int i, bool rest,
                                   vlmc_error *error)
{
    cli *cli = options->common.cli;
    const verify_state nothing = {0};
    if (options->due_ns) { // the catalog knows
        if (i < options->n_archives)
            cli_raise(cli, CLI_EXIT_PAUSED);
        return VLMC_OK;
    }
    for (; i < options->n_archives; i++) {
        const char *path = options->archives[i];
        const bool waits = verify_state_waits(cli, path, options->level);
        if (!rest && !waits)
            VLMC_TRY(verify_state_save(cli, path, options->level, NULL, &nothing, error));
        if (!rest || waits)
            cli_raise(cli, CLI_EXIT_PAUSED);
    }
    return VLMC_OK;
}

// The error of one archive is reported and does not keep others from being checked.
static vlmc_status check_all(const verify_options *options, vlmc_error *error)
{
    cli *cli = options->common.cli;
    const uint64_t until = options->limit_ns ? vlmc_progress_now_ns() + options->limit_ns : 0;
    const bool rest = until && !options->due_ns && any_waits(options);
    for (int i = 0; i < options->n_archives; i++) {
        const verify_request request = {
            .common = &options->common,
            .path = options->archives[i],
            .level = options->level,
            .until_ns = until,
        };
        if (rest && !verify_state_waits(cli, request.path, options->level))
            continue; // was done in this round
        bool paused;
        const vlmc_status status = verify_one(&request, &paused, error);
        if (status != VLMC_OK)
            cli_error(cli, error);
        if (paused)
            cli_raise(cli, CLI_EXIT_PAUSED);
        if (status == VLMC_ERROR_INTERRUPTED && !until)
            return VLMC_OK;
        if (status == VLMC_ERROR_INTERRUPTED || paused ||
            (until && vlmc_progress_now_ns() >= until))
            return leave_for_later(options, i + 1, rest, error);
        if (status != VLMC_OK && until)
            verify_state_remove(cli, request.path, options->level);
    }
    return VLMC_OK;
}

static vlmc_status run(verify_options *options, vlmc_error *error)
{
    cli *cli = options->common.cli;
    due_list due = {.cli = cli};
    cli->any_archives = options->due_ns || options->n_archives > 1;
    if (!options->due_ns)
        return check_all(options, error);
    vlmc_status status = find_due(cli, options->due_ns, &due, error);
    options->archives = due.paths;
    options->n_archives = due.n;
    if (status == VLMC_OK && due.n_away)
        cli_notice(cli, "%d archives that are due are not here", due.n_away);
    if (status == VLMC_OK && due.n == 0)
        cli_notice(cli, "no archive that is here is due");
    if (status == VLMC_OK)
        status = check_all(options, error);
    free_due(&due);
    return status;
}

void cli_verify(cli *cli, int argc, char **argv)
{
    verify_options options = {.level = VERIFY_DECODE};
    vlmc_error error;
    cli_common_init(&options.common, cli);
    cli_parse(&verify_argp, argc, argv, &options);
    if (run(&options, &error) != VLMC_OK)
        cli_error(cli, &error);
}
