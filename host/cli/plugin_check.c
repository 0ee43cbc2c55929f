// SPDX-License-Identifier: Apache-2.0
// vlmc plugin check
#include "interrupt.h"
#include "plugin.h"
#include "plugin/check.h"
#include "util/json_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct report_run {
    const cli_plugin_options *options;
    vlmc_status status; // of writing
    vlmc_error error;
} report_run;

static const char *const words[] = {
    [VLMC_CHECK_OK] = "ok", [VLMC_CHECK_NOTE] = "note", [VLMC_CHECK_FAIL] = "FAIL"};
static const char *const json_words[] = {
    [VLMC_CHECK_OK] = "ok", [VLMC_CHECK_NOTE] = "note", [VLMC_CHECK_FAIL] = "fail"};

// The command line that shows a failure again.
static void format_again(const cli_plugin_options *options, const vlmc_check_result *result,
                         char *text, size_t size)
{
    snprintf(text, size,
             "vlmc plugin check %s --only %s --seed %" PRIu64 " --from %" PRIu64 "%s%s%s",
             options->arguments[0], result->name, options->seed, result->turn,
             options->as ? " --as " : "", options->as ? options->as : "",
             options->n_arguments > 1 ? " and the same files" : "");
}

static void print_result(void *user, const vlmc_check_result *result)
{
    report_run *run = user;
    char again[1024];
    format_again(run->options, result, again, sizeof again);
    if (run->options->common.cli->json) {
        json_t *object = json_object();
        vlmc_json_set_bytes(object, "check", result->name);
        vlmc_json_set_bytes(object, "verdict", json_words[result->verdict]);
        vlmc_json_set_bytes(object, "text", result->text);
        if (result->has_turn) {
            vlmc_json_set_number(object, "turn", result->turn);
            vlmc_json_set_bytes(object, "again", again);
        }
        if (run->status == VLMC_OK)
            run->status = vlmc_json_line(stdout, object, &run->error);
        return;
    }
    printf("%-4s %s: ", words[result->verdict], result->name);
    cli_print_escaped(result->text, stdout);
    putchar('\n');
    if (result->has_turn) {
        printf("     see it again: ");
        cli_print_escaped(again, stdout);
        putchar('\n');
    }
    fflush(stdout);
}

static bool stop_wanted(void *unused)
{
    (void)unused;
    return cli_interrupt_signal() != 0;
}

vlmc_status cli_plugin_check(const cli_plugin_options *options, vlmc_error *error)
{
    report_run run = {.options = options};
    const char *seconds = options->common.cli->env.plugin_seconds;
    const vlmc_check_options check = {
        .file = options->arguments[0],
        .samples = (const char *const *)options->arguments + 1,
        .n_samples = options->n_arguments - 1,
        .as = options->as,
        .seconds = options->seconds,
        .turn_seconds = seconds ? (uint32_t)strtoul(seconds, NULL, 10) : 0,
        .seed = options->seed,
        .only = options->only,
        .from = options->from,
        .report = print_result,
        .stop_wanted = stop_wanted,
        .user = &run,
    };
    uint32_t failures;
    vlmc_status status = vlmc_plugin_check(&check, &failures, error);
    if (status == VLMC_ERROR_INTERRUPTED)
        return cli_interrupt_check(error);
    // A plugin that breaks a rule is the finding, and no plugin that is missing.
    if (status == VLMC_ERROR_PLUGIN) {
        cli_raise(options->common.cli, CLI_EXIT_FAILURE);
        status = VLMC_OK;
    }
    if (status == VLMC_OK && run.status != VLMC_OK) {
        *error = run.error;
        status = run.status;
    }
    return status;
}
