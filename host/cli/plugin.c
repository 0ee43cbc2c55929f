// SPDX-License-Identifier: Apache-2.0
// vlmc plugin
#include "plugin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_SECONDS 10u
#define CHECK_SECONDS_MAX 86400u

enum {
    KEY_LONG = 'l',
    KEY_TIME = 0x300,
    KEY_SEED,
    KEY_ONLY,
    KEY_FROM,
    KEY_AS,
};

static const struct argp_option option_table[] = {
    {"long", KEY_LONG, 0, 0, "list: side contexts and their meaning too", 1},
    {"time", KEY_TIME, "SECONDS", 0, "check: how long; default 10", 2},
    {"seed", KEY_SEED, "N", 0, "check: other random inputs; default 1", 2},
    {"as", KEY_AS, "TOKENIZER:SETTINGS", 0, "check: parameters to try beside those found", 2},
    {"only", KEY_ONLY, "CHECK", 0, "check: one check, as the report names it", 2},
    {"from", KEY_FROM, "TURN", 0, "check: begin at this turn of it, to see a failure again", 2},
    CLI_OPTIONS_OUTPUT,
    {0}};

static uint64_t parse_number(struct argp_state *state, const char *arg, uint64_t max)
{
    char *end;
    const unsigned long long n = strtoull(arg, &end, 10);
    if (*arg < '0' || *arg > '9' || *end || n > max)
        argp_error(state, "\"%s\" is not a number from 0 to %" PRIu64, arg, max);
    return n;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    cli_plugin_options *options = state->input;
    switch (key) {
    case KEY_LONG:
        options->long_form = true;
        return 0;
    case KEY_TIME:
        options->seconds = (uint32_t)parse_number(state, arg, CHECK_SECONDS_MAX);
        return 0;
    case KEY_SEED:
        options->seed = parse_number(state, arg, UINT64_MAX);
        return 0;
    case KEY_ONLY:
        options->only = arg;
        return 0;
    case KEY_FROM:
        options->from = parse_number(state, arg, UINT64_MAX);
        return 0;
    case KEY_AS:
        options->as = arg;
        return 0;
    case ARGP_KEY_ARGS:
        options->action = state->argv[state->next];
        options->arguments = state->argv + state->next + 1;
        options->n_arguments = (uint32_t)(state->argc - state->next - 1);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "say list, probe FILE or check PLUGIN.so");
        return 0;
    default:
        return cli_common_parse(key, arg, state, &options->common);
    }
}

static const struct argp plugin_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "list\nprobe FILE…\ncheck PLUGIN.so [FILE…]",
    .doc = "Lists the plugins that turn kinds of files into tokens, shows what they make of files, "
           "or checks that one keeps the rules of docs/plugins.md: FILEs of its kind make the "
           "check better. Exit code 5: there is no such plugin, 2: one breaks a rule."
           "\vExamples:\n"
           "  vlmc plugin list --long\n"
           "  vlmc plugin probe photo.png\n"
           "  vlmc plugin check ./mine.so --time 60 samples/*\n",
};

static vlmc_status run(const cli_plugin_options *options, vlmc_error *error)
{
    if (strcmp(options->action, "list") == 0 && options->n_arguments == 0)
        return cli_plugin_list(options, error);
    if (strcmp(options->action, "list") == 0)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "\"%s\" is one argument too many",
                         options->arguments[0]);
    const bool probe = strcmp(options->action, "probe") == 0;
    if (!probe && strcmp(options->action, "check") != 0)
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         "\"vlmc plugin\" can list, probe and check, not \"%s\"", options->action);
    if (options->n_arguments == 0)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "\"vlmc plugin %s\" wants %s", options->action,
                         probe ? "a file" : "a plugin's .so file");
    return probe ? cli_plugin_probe(options, error) : cli_plugin_check(options, error);
}

const char *cli_count(uint64_t n, char text[CLI_COUNT_BYTES])
{
    char digits[24];
    const int used = snprintf(digits, sizeof digits, "%" PRIu64, n);
    char *out = text;
    for (int i = 0; i < used; i++) {
        if (i > 0 && (used - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    *out = 0;
    return text;
}

void cli_plugin(cli *cli, int argc, char **argv)
{
    cli_plugin_options options = {.seconds = CHECK_SECONDS, .seed = 1};
    vlmc_error error;
    cli_common_init(&options.common, cli);
    cli_parse(&plugin_argp, argc, argv, &options);
    if (run(&options, &error) != VLMC_OK)
        cli_error(cli, &error);
}
