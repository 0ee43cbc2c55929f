// SPDX-License-Identifier: Apache-2.0
// vlmc estimate
#include "auto_model.h"
#include "cli.h"
#include "codec/level.h"
#include "devices.h"
#include "engines.h"
#include "estimate_rate.h"
#include "estimate_sample.h"
#include "job.h"
#include "options.h"
#include "plugins.h"
#include "status_line.h"
#include "util/json_out.h"
#include "util/progress.h"
#include "walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_BYTES (UINT64_C(16) << 20)
#define READ_BYTES_ZSTD_ALONE (UINT64_C(4) << 20) // at its slowest
#define SLICE_BYTES (1u << 20)

// What an archive takes beside its groups: header, footer and the models' names; for each entry,
// with its digest; for each byte of a path, most of which repeat.
#define FIXED_BYTES 210u
#define FILE_BYTES 40u
#define OTHER_BYTES 8u
#define PATH_SHARE 0.1

// How far off an estimate is, about: where everything was in the sample, and where little was.
#define ERROR_LEAST 0.08
#define ERROR_MOST 0.2

typedef struct estimate_options {
    cli_common common;
    const char *model;
    bool no_plugins;
    uint32_t level; // 0: all
    char **paths;
    int n_paths;
} estimate_options;

static const struct argp_option option_table[] = {
    {"model", 'm', "MODEL", 0,
     "As for create; \"auto\": for the default level; \"none\": zstd only", 5},
    {0, '1', 0, 0, "This level only, -1 to -9", 4},
    {0, '2', 0, OPTION_ALIAS, 0, 4},
    {0, '3', 0, OPTION_ALIAS, 0, 4},
    {0, '4', 0, OPTION_ALIAS, 0, 4},
    {0, '5', 0, OPTION_ALIAS, 0, 4},
    {0, '6', 0, OPTION_ALIAS, 0, 4},
    {0, '7', 0, OPTION_ALIAS, 0, 4},
    {0, '8', 0, OPTION_ALIAS, 0, 4},
    {0, '9', 0, OPTION_ALIAS, 0, 4},
    {"no-plugins", CLI_KEY_NO_PLUGINS, 0, 0, "Take every file as plain bytes", 5},
    CLI_OPTIONS_COMPUTE,
    CLI_OPTIONS_OUTPUT,
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    estimate_options *options = state->input;
    switch (key) {
    case 'm':
        options->model = arg;
        return 0;
    case '1' ... '9':
        options->level = (uint32_t)(key - '0');
        return 0;
    case CLI_KEY_NO_PLUGINS:
        options->no_plugins = true;
        return 0;
    case ARGP_KEY_ARGS:
        options->paths = state->argv + state->next;
        options->n_paths = state->argc - state->next;
        return 0;
    case ARGP_KEY_END:
        if (options->n_paths == 0)
            argp_error(state, "nothing to estimate; name files or folders");
        return 0;
    default:
        return cli_common_parse(key, arg, state, &options->common);
    }
}

static const struct argp estimate_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "PATH…",
    .doc = "Says about how large an archive of files and folders would be at each level, and how "
           "long vlmc create would take here with nothing else to do. Some MiB of the content are "
           "read and some of that is packed; nothing is written. Files that are copies of others "
           "are seen, copies within files only where they are near."
           "\vExamples:\n"
           "  vlmc estimate books/\n"
           "  vlmc estimate -9 -d vulkan:0 notes/ todo.txt\n"
           "  vlmc estimate --json src | jq .archive_bytes\n",
};

// ---- Results ----

typedef struct summary {
    const walk *walk;
    uint64_t read_bytes;
    double index_bytes;
} summary;

static double index_bytes(const walk *walk)
{
    double bytes = FIXED_BYTES;
    for (size_t i = 0; i < walk->n_items; i++) {
        const walk_item *item = &walk->items[i];
        bytes += item->type == VLMC_ENTRY_FILE ? FILE_BYTES : OTHER_BYTES;
        bytes += PATH_SHARE * (double)strlen(item->stored);
        bytes += item->link ? (double)strlen(item->link) : 0;
    }
    return bytes;
}

static double error_of(const summary *s)
{
    const uint64_t all = s->walk->content_bytes;
    const double read = all ? (double)s->read_bytes / (double)all : 1;
    return read > 1 ? ERROR_LEAST : ERROR_LEAST + (ERROR_MOST - ERROR_LEAST) * (1 - read);
}

static vlmc_status print_json(const summary *s, uint32_t level, const estimate_result *result,
                              vlmc_error *error)
{
    const double bytes = result->bytes + s->index_bytes, off = error_of(s);
    const uint64_t content = s->walk->content_bytes;
    json_t *object = json_object();
    vlmc_json_set_number(object, "level", level);
    json_object_set_new(object, "default", json_boolean(level == VLMC_LEVEL_DEFAULT));
    vlmc_json_set_number(object, "entries", s->walk->n_items);
    vlmc_json_set_number(object, "content_bytes", content);
    vlmc_json_set_number(object, "sample_bytes", s->read_bytes);
    vlmc_json_set_number(object, "archive_bytes", (uint64_t)bytes);
    vlmc_json_set_number(object, "archive_bytes_low", (uint64_t)(bytes * (1 - off)));
    vlmc_json_set_number(object, "archive_bytes_high", (uint64_t)(bytes * (1 + off)));
    if (content)
        json_object_set_new(object, "ratio", json_real(bytes / (double)content));
    json_object_set_new(object, "seconds", json_real(result->seconds));
    vlmc_json_set_number(object, "memory_bytes", result->memory_bytes);
    return vlmc_json_line(stdout, object, error);
}

static void format_time(double seconds, char *text, size_t size)
{
    if (seconds < 100)
        snprintf(text, size, "%.*f s", seconds < 10 ? 1 : 0, seconds);
    else if (seconds < 6000)
        snprintf(text, size, "%.0f min", seconds / 60);
    else if (seconds < 48.0 * 3600)
        snprintf(text, size, "%.1f h", seconds / 3600);
    else
        snprintf(text, size, "%.1f days", seconds / 86400);
}

static void print_row(const summary *s, uint32_t level, const estimate_result *result)
{
    const double bytes = result->bytes + s->index_bytes;
    const uint64_t content = s->walk->content_bytes;
    char size[16], time[32], memory[16], ratio[16] = "-";
    vlmc_format_bytes((uint64_t)bytes, size, sizeof size);
    vlmc_format_bytes(result->memory_bytes, memory, sizeof memory);
    format_time(result->seconds, time, sizeof time);
    if (content)
        snprintf(ratio, sizeof ratio, "%.3f", bytes / (double)content);
    printf("-%" PRIu32 "%s %10s %10s %12s %12s\n", level,
           level == VLMC_LEVEL_DEFAULT ? " (default)" : "          ", size, ratio, time, memory);
}

static vlmc_status print_results(const estimate_options *options, const summary *s,
                                 const estimate_result *results, uint32_t first, uint32_t last,
                                 vlmc_error *error)
{
    char content[16], read[16];
    if (options->common.cli->json) {
        for (uint32_t level = first; level <= last; level++)
            VLMC_TRY(print_json(s, level, &results[level], error));
        return VLMC_OK;
    }
    vlmc_format_bytes(s->walk->content_bytes, content, sizeof content);
    vlmc_format_bytes(s->read_bytes, read, sizeof read);
    printf("%zu entries, %s; from %s of it, sizes to about %.0f %%\n", s->walk->n_items, content,
           read, 100 * error_of(s));
    printf("level        %10s %10s %12s %12s\n", "archive", "ratio", "create", "memory");
    for (uint32_t level = first; level <= last; level++)
        print_row(s, level, &results[level]);
    return VLMC_OK;
}

// ---- Running ----

typedef struct estimate_tools {
    cli_engines engines;
    vlmc_engine_source source; // without `open`: zstd only
    vlmc_plugins *plugins;
    vlmc_worker *worker;
} estimate_tools;

static vlmc_status open_tools(const estimate_options *options, estimate_tools *tools,
                              vlmc_error *error)
{
    cli *cli = options->common.cli;
    VLMC_TRY(cli_engines_create(&tools->engines, &options->common, options->model, error));
    if (strcmp(tools->engines.model_name, "none") == 0)
        return VLMC_OK;
    tools->source = cli_engines_source(&tools->engines);
    if (tools->engines.model_chosen && !auto_model_wanted(tools->engines.model_name))
        VLMC_TRY(cli_engines_load(&tools->engines, error));
    if (options->no_plugins)
        return VLMC_OK;
    VLMC_TRY(cli_plugins_open(cli, &tools->plugins, error));
    return cli_worker_create(cli, tools->plugins, &tools->worker, error);
}

static void close_tools(estimate_tools *tools)
{
    vlmc_worker_destroy(&tools->worker);
    vlmc_plugins_close(&tools->plugins);
    cli_engines_destroy(&tools->engines);
}

static vlmc_status collect(const estimate_options *options, walk *walk, vlmc_error *error)
{
    for (int i = 0; i < options->n_paths; i++) {
        if (strcmp(options->paths[i], "-") == 0)
            return vlmc_fail(error, VLMC_ERROR_USAGE,
                             "an estimate needs files that can be read here and there, not "
                             "standard input; a file named - is ./-");
        VLMC_TRY(walk_add(walk, options->common.cli, options->paths[i], error));
    }
    return walk_finish(walk, error);
}

// -m auto, which create would choose for one level.
static vlmc_status choose_model(const estimate_options *options, estimate_tools *tools,
                                const estimate_sample *sample, vlmc_error *error)
{
    const uint64_t text_bytes = auto_model_text_bytes(sample);
    auto_model chosen;
    if (!auto_model_wanted(tools->engines.model_name))
        return VLMC_OK;
    VLMC_TRY(auto_model_choose(&tools->engines, text_bytes, options->level, &chosen, error));
    auto_model_tell(options->common.cli, &chosen, text_bytes);
    return VLMC_OK;
}

static vlmc_status estimate(const estimate_options *options, const walk *walk,
                            estimate_tools *tools, vlmc_error *error)
{
    const uint32_t first = options->level ? options->level : VLMC_LEVEL_MIN;
    const uint32_t last = options->level ? options->level : VLMC_LEVEL_MAX;
    estimate_result results[VLMC_LEVEL_MAX + 1];
    estimate_sample sample;
    const estimate_sample_params take = {
        .cli = options->common.cli,
        .walk = walk,
        .worker = tools->worker,
        .read_bytes = tools->source.open ? READ_BYTES : READ_BYTES_ZSTD_ALONE,
        .slice_bytes = SLICE_BYTES,
    };
    cli_job job;
    cli_job_begin(&job, options->common.cli, "reading a sample", 0);
    vlmc_status status = estimate_sample_take(&take, &sample, error);
    cli_job_end(&job);
    VLMC_TRY(status);
    estimate_rate_params rate = {
        .source = &tools->source,
        .engines = &tools->engines,
        .sample = &sample,
        .first = first,
        .last = last,
    };
    for (uint32_t level = first; level <= last; level++) {
        const uint32_t models = cli_models_at_once(&options->common, level);
        rate.groups_at_once[level] = cli_groups_at_once(&options->common, level);
        rate.models_at_once[level] = models;
        rate.beside_bytes[level] = cli_beside_bytes(&options->common, models);
    }
    const summary s = {
        .walk = walk,
        .read_bytes = sample.read_bytes,
        .index_bytes = index_bytes(walk),
    };
    cli_job_begin(&job, options->common.cli, "packing the sample", 0);
    status = choose_model(options, tools, &sample, error);
    if (status == VLMC_OK)
        status = estimate_rate(&rate, results, error);
    cli_job_end(&job);
    estimate_sample_free(&sample);
    if (status == VLMC_OK)
        status = print_results(options, &s, results, first, last, error);
    return status;
}

static vlmc_status run(const estimate_options *options, walk *walk, vlmc_error *error)
{
    estimate_tools tools = {0};
    VLMC_TRY(cli_device_check(options->common.device, error));
    cli_status_set("looking at the files");
    VLMC_TRY(collect(options, walk, error));
    vlmc_status status = open_tools(options, &tools, error);
    if (status == VLMC_OK)
        status = estimate(options, walk, &tools, error);
    close_tools(&tools);
    return status;
}

void cli_estimate(cli *cli, int argc, char **argv)
{
    estimate_options options = {0};
    walk walk = {0};
    vlmc_error error;
    cli_common_init(&options.common, cli);
    cli_parse(&estimate_argp, argc, argv, &options);
    if (run(&options, &walk, &error) != VLMC_OK)
        cli_error(cli, &error);
    walk_destroy(&walk);
}
