// SPDX-License-Identifier: Apache-2.0
// vlmc plugin list
#include "engines.h"
#include "plugin.h"
#include "util/json_out.h"

#include <stdio.h>
#include <string.h>

typedef struct list_run {
    const cli_plugin_options *options;
    cli_model_path models;
} list_run;

static bool model_installed(const list_run *run, const char *name)
{
    vlmc_model *model;
    vlmc_error error;
    if (vlmc_model_find_name(&run->models.path, name, &model, &error) != VLMC_OK)
        return false;
    vlmc_model_destroy(&model);
    return true;
}

static const struct {
    uint32_t flag;
    const char *name;
} uses[] = {
    {VLMC_CONTEXT_EMBED, "embed"}, {VLMC_CONTEXT_MIX, "mix"}, {VLMC_CONTEXT_SELECT, "select"}};

static void print_contexts(const vlmc_tokenizer *t)
{
    for (uint32_t i = 0; i < t->n_contexts; i++) {
        const vlmc_context_declaration *context = &t->contexts[i];
        char words[32] = "";
        char count[CLI_COUNT_BYTES];
        for (size_t k = 0; k < sizeof uses / sizeof *uses; k++)
            if (context->flags & uses[k].flag)
                snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s",
                         *words ? " " : "", uses[k].name);
        printf("    %-20s %9s  %-16s ", context->name,
               context->cardinality ? cli_count(context->cardinality, count) : "hash", words);
        cli_print_escaped(context->meaning, stdout);
        putchar('\n');
    }
}

static void print_tokenizer(const list_run *run, const vlmc_tokenizer *t)
{
    printf("  %s %u  ", t->id, (unsigned)t->version);
    cli_print_escaped(t->description, stdout);
    printf("; %s, %u context%s, ", t->modality, (unsigned)t->n_contexts,
           t->n_contexts == 1 ? "" : "s");
    if (t->default_model)
        printf("model %s%s\n", t->default_model,
               model_installed(run, t->default_model) ? "" : " (not installed)");
    else
        puts("no model");
    if (run->options->long_form)
        print_contexts(t);
}

static void print_plugin(const list_run *run, const vlmc_loaded_plugin *loaded)
{
    printf("%s ", loaded->plugin->id);
    cli_print_escaped(loaded->plugin->version, stdout);
    printf("  ");
    cli_print_escaped(loaded->plugin->name, stdout);
    if (run->options->long_form) {
        printf(" (");
        cli_print_escaped(loaded->plugin->licence, stdout);
        printf(")");
    }
    printf("  ");
    cli_print_path(loaded->path);
    putchar('\n');
    for (uint32_t i = 0; i < loaded->n_tokenizers; i++)
        print_tokenizer(run, loaded->tokenizers[i]);
}

static json_t *context_json(const vlmc_context_declaration *context)
{
    json_t *object = json_object();
    json_t *flags = json_array();
    vlmc_json_set_bytes(object, "name", context->name);
    vlmc_json_set_bytes(object, "meaning", context->meaning);
    vlmc_json_set_number(object, "cardinality", context->cardinality);
    for (size_t k = 0; k < sizeof uses / sizeof *uses; k++)
        if (context->flags & uses[k].flag)
            json_array_append_new(flags, json_string(uses[k].name));
    json_object_set_new(object, "uses", flags);
    return object;
}

static json_t *tokenizer_json(const list_run *run, const vlmc_tokenizer *t)
{
    json_t *object = json_object();
    json_t *contexts = json_array();
    vlmc_json_set_bytes(object, "id", t->id);
    vlmc_json_set_number(object, "version", t->version);
    vlmc_json_set_bytes(object, "modality", t->modality);
    vlmc_json_set_bytes(object, "description", t->description);
    vlmc_json_set_number(object, "alphabet", t->alphabet);
    json_object_set_new(object, "centred", json_boolean(t->flags & VLMC_TOKENIZER_CENTRED));
    json_object_set_new(object, "joins", json_boolean(t->flags & VLMC_TOKENIZER_JOINS));
    json_object_set_new(object, "orders", json_boolean(t->flags & VLMC_TOKENIZER_ORDERS));
    json_object_set_new(object, "takes_settings", json_boolean(t->parse_params != NULL));
    if (t->default_model) {
        vlmc_json_set_bytes(object, "model", t->default_model);
        json_object_set_new(object, "model_installed",
                            json_boolean(model_installed(run, t->default_model)));
    }
    for (uint32_t i = 0; i < t->n_contexts; i++)
        json_array_append_new(contexts, context_json(&t->contexts[i]));
    json_object_set_new(object, "contexts", contexts);
    return object;
}

static vlmc_status plugin_json(const list_run *run, const vlmc_loaded_plugin *loaded,
                               vlmc_error *error)
{
    json_t *object = json_object();
    json_t *tokenizers = json_array();
    vlmc_json_set_bytes(object, "id", loaded->plugin->id);
    vlmc_json_set_bytes(object, "version", loaded->plugin->version);
    vlmc_json_set_bytes(object, "name", loaded->plugin->name);
    vlmc_json_set_bytes(object, "licence", loaded->plugin->licence);
    vlmc_json_set_bytes(object, "path", loaded->path);
    json_object_set_new(object, "analyser", json_boolean(loaded->analyser != NULL));
    for (uint32_t i = 0; i < loaded->n_tokenizers; i++)
        json_array_append_new(tokenizers, tokenizer_json(run, loaded->tokenizers[i]));
    json_object_set_new(object, "tokenizers", tokenizers);
    return vlmc_json_line(stdout, object, error);
}

// A plugin that crashes while it is loaded shall do so in the child, and be left out here.
static vlmc_status try_all(cli *cli, vlmc_plugins *plugins, vlmc_error *error)
{
    vlmc_worker *worker;
    vlmc_worker_probe probe;
    VLMC_TRY(cli_worker_create(cli, plugins, &worker, error));
    vlmc_status status = vlmc_worker_begin(worker, NULL, error);
    if (status == VLMC_OK)
        status = vlmc_worker_probe_file(worker, &probe, error);
    vlmc_worker_destroy(&worker);
    if (status != VLMC_ERROR_PLUGIN)
        return status;
    cli_warn(cli, "%s", error->text);
    return VLMC_OK;
}

static vlmc_status list_all(const list_run *run, vlmc_plugins *plugins, vlmc_error *error)
{
    cli *cli = run->options->common.cli;
    VLMC_TRY(try_all(cli, plugins, error));
    const uint32_t n = vlmc_plugins_count(plugins);
    for (uint32_t i = 0; i < n; i++) {
        const vlmc_loaded_plugin *loaded = vlmc_plugins_get(plugins, i);
        if (cli->json)
            VLMC_TRY(plugin_json(run, loaded, error));
        else
            print_plugin(run, loaded);
    }
    if (n == 0)
        cli_warn(cli, "there is no plugin on the search path; set VLMC_PLUGIN_PATH");
    return VLMC_OK;
}

vlmc_status cli_plugin_list(const cli_plugin_options *options, vlmc_error *error)
{
    list_run run = {.options = options};
    vlmc_plugins *plugins;
    VLMC_TRY(cli_model_path_create(&run.models, &options->common.cli->env, error));
    vlmc_status status = cli_plugins_open(options->common.cli, &plugins, error);
    if (status == VLMC_OK)
        status = list_all(&run, plugins, error);
    vlmc_plugins_close(&plugins);
    cli_model_path_destroy(&run.models);
    return status;
}
