// SPDX-License-Identifier: Apache-2.0
// vlmc model
#include "engines.h"
#include "options.h"
#include "util/json_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct model_options {
    cli_common common;
    const char *action;
    const char *name;
} model_options;

static const struct argp_option option_table[] = {CLI_OPTIONS_OUTPUT, {0}};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    model_options *options = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (!options->action)
            options->action = arg;
        else if (!options->name)
            options->name = arg;
        else
            argp_error(state, "\"%s\" is one argument too many", arg);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "say list, info MODEL or verify MODEL");
        return 0;
    default:
        return cli_common_parse(key, arg, state, &options->common);
    }
}

static const struct argp model_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "list\ninfo MODEL\nverify MODEL",
    .doc = "Lists the models on the search path, describes one, or reads one in full, checks "
           "every value and prints its identity. MODEL is a name or a .gguf file. Exit code 5: "
           "it is not there or breaks its format."
           "\vExamples:\n"
           "  vlmc model list\n"
           "  vlmc model info text\n"
           "  vlmc model verify ./mine.gguf\n",
};

static uint64_t parameters(const vlmc_model *model)
{
    const vlmc_hyperparameters *hp = &model->hp;
    const uint64_t up = hp->ffn == VLMC_FFN_REGLU ? 2 : 1;
    const uint64_t attention = 2 * (uint64_t)hp->width * hp->head_dim * (hp->heads + hp->kv_heads);
    const uint64_t feed_forward = (up + 1) * (uint64_t)hp->width * hp->hidden;
    return hp->layers * (attention + feed_forward) +
           (uint64_t)hp->width * (2 * (uint64_t)hp->vocab + 1) +
           (uint64_t)hp->width * hp->n_contexts * hp->context_dim;
}

static uint64_t table_bytes(const vlmc_model *model)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < model->hp.n_contexts; i++)
        sum += (uint64_t)model->hp.contexts[i].rows * model->hp.context_dim;
    return sum;
}

static json_t *model_json(const char *file, const vlmc_model *model)
{
    const vlmc_hyperparameters *hp = &model->hp;
    json_t *object = json_object();
    if (file)
        vlmc_json_set_bytes(object, "path", file);
    vlmc_json_set_bytes(object, "name", model->name);
    vlmc_json_set_hex(object, "digest", model->digest, sizeof model->digest);
    vlmc_json_set_number(object, "numerics", hp->numerics);
    vlmc_json_set_number(object, "vocab", hp->vocab);
    vlmc_json_set_number(object, "width", hp->width);
    vlmc_json_set_number(object, "layers", hp->layers);
    vlmc_json_set_number(object, "heads", hp->heads);
    vlmc_json_set_number(object, "kv_heads", hp->kv_heads);
    vlmc_json_set_number(object, "head_dim", hp->head_dim);
    vlmc_json_set_number(object, "hidden", hp->hidden);
    vlmc_json_set_number(object, "window", hp->window);
    json_object_set_new(object, "feed_forward",
                        json_string(hp->ffn == VLMC_FFN_REGLU ? "reglu" : "relu2"));
    vlmc_json_set_number(object, "contexts", hp->n_contexts);
    vlmc_json_set_number(object, "parameters", parameters(model));
    vlmc_json_set_number(object, "table_bytes", table_bytes(model));
    vlmc_json_set_number(object, "storage_bytes", model->storage_bytes);
    return object;
}

typedef struct list_run {
    cli *cli;
    vlmc_status status;
    vlmc_error *error;
    uint32_t n;
} list_run;

static int list_one(void *user, const char *file)
{
    list_run *run = user;
    vlmc_model *model;
    vlmc_error error;
    if (vlmc_model_load(file, &model, &error) != VLMC_OK) {
        cli_warn(run->cli, "%s", error.text);
        return 0;
    }
    run->n++;
    if (run->cli->json) {
        run->status = vlmc_json_line(stdout, model_json(file, model), run->error);
    } else {
        char digest[2 * VLMC_DIGEST_BYTES + 1];
        vlmc_digest_text(model->digest, digest);
        printf("%-16s %.16s %10zu bytes  ", model->name, digest, model->storage_bytes);
        cli_print_path(file);
        putchar('\n');
    }
    vlmc_model_destroy(&model);
    return run->status != VLMC_OK;
}

static vlmc_status run_list(cli *cli, const cli_model_path *path, vlmc_error *error)
{
    list_run run = {.cli = cli, .error = error};
    VLMC_TRY(vlmc_model_walk(&path->path, list_one, &run, error));
    VLMC_TRY(run.status);
    if (run.n == 0)
        cli_warn(cli, "there is no model on the search path; set VLMC_MODEL_PATH");
    return VLMC_OK;
}

static const char *context_kind(uint32_t kind)
{
    switch (kind) {
    case VLMC_CONTEXT_NGRAM:
        return "n-gram";
    case VLMC_CONTEXT_WORD:
        return "word";
    case VLMC_CONTEXT_LINE:
        return "line";
    case VLMC_CONTEXT_RECALL:
        return "recall";
    case VLMC_CONTEXT_PLUGIN:
        return "plugin";
    default:
        return "other";
    }
}

static void print_info(const vlmc_model *model)
{
    const vlmc_hyperparameters *hp = &model->hp;
    char digest[2 * VLMC_DIGEST_BYTES + 1];
    vlmc_digest_text(model->digest, digest);
    printf("name        %s\n"
           "identity    %s\n"
           "numerics    %u\n"
           "layers      %u × %u, feed-forward %u (%s)\n"
           "attention   %u heads, %u for keys and values, of %u; window %u\n"
           "vocabulary  %u\n"
           "parameters  %" PRIu64 " in matrices, %" PRIu64 " in tables\n",
           model->name, digest, (unsigned)hp->numerics, (unsigned)hp->layers, (unsigned)hp->width,
           (unsigned)hp->hidden, hp->ffn == VLMC_FFN_REGLU ? "gated ReLU" : "squared ReLU",
           (unsigned)hp->heads, (unsigned)hp->kv_heads, (unsigned)hp->head_dim,
           (unsigned)hp->window, (unsigned)hp->vocab, parameters(model), table_bytes(model));
    for (uint32_t i = 0; i < hp->n_contexts; i++)
        printf("context     %s, order %u, %u rows of %u\n", context_kind(hp->contexts[i].kind),
               (unsigned)hp->contexts[i].order, (unsigned)hp->contexts[i].rows,
               (unsigned)hp->context_dim);
}

// Loading checks every value; what a model says is its digest is computed from them.
static vlmc_status run_one(cli *cli, const cli_model_path *path, const model_options *options,
                           vlmc_error *error)
{
    vlmc_model *model;
    const char *name = options->name;
    if (!name)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "\"vlmc model %s\" wants a model's name or file",
                         options->action);
    VLMC_TRY(vlmc_model_find_name(&path->path, name, &model, error));
    vlmc_status status = VLMC_OK;
    if (cli->json) {
        status = vlmc_json_line(stdout, model_json(NULL, model), error);
    } else if (strcmp(options->action, "info") == 0) {
        print_info(model);
    } else {
        char digest[2 * VLMC_DIGEST_BYTES + 1];
        vlmc_digest_text(model->digest, digest);
        printf("%s %s\n", digest, model->name);
    }
    vlmc_model_destroy(&model);
    return status;
}

static vlmc_status run(const model_options *options, vlmc_error *error)
{
    cli *cli = options->common.cli;
    const bool list = strcmp(options->action, "list") == 0;
    if (!list && strcmp(options->action, "info") != 0 && strcmp(options->action, "verify") != 0)
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         "\"vlmc model\" can list, info and verify, not \"%s\"", options->action);
    cli_model_path path;
    VLMC_TRY(cli_model_path_create(&path, &cli->env, error));
    vlmc_status status = list ? run_list(cli, &path, error) : run_one(cli, &path, options, error);
    cli_model_path_destroy(&path);
    return status;
}

void cli_model(cli *cli, int argc, char **argv)
{
    model_options options = {0};
    vlmc_error error;
    cli_common_init(&options.common, cli);
    cli_parse(&model_argp, argc, argv, &options);
    if (run(&options, &error) != VLMC_OK)
        cli_error(cli, &error);
}
