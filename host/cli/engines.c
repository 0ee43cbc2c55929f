// SPDX-License-Identifier: Apache-2.0
#include "engines.h"

#include "devices.h"
#include "model/fit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Devices that fail in the middle of their work before the CPU takes over: a driver that was
// reset works again, a broken one does not.
#define LOSSES_MAX 2u
#define USING_CPU "using the CPU from here on, because the device failed: %s"

#define VARIABLE "VLMC_MODEL_PATH"

#define MEMORY_SHARE 4u // of the machine's, that may go to mixers

static vlmc_status add_all(cli_folders *folders, const cli_environment *env, vlmc_error *error)
{
    char folder[PATH_MAX];
    if (env->model_path)
        VLMC_TRY(cli_folders_add_list(folders, env->model_path, VARIABLE, error));
    int used = env->data_home ? snprintf(folder, sizeof folder, "%s/vlmc/models", env->data_home)
               : env->home
                   ? snprintf(folder, sizeof folder, "%s/.local/share/vlmc/models", env->home)
                   : -1;
    if (used > 0 && (size_t)used < sizeof folder)
        VLMC_TRY(cli_folders_add(folders, folder, VARIABLE, error));
    return cli_folders_add_installed(folders, "share/vlmc/models", VARIABLE, error);
}

vlmc_status cli_model_path_create(cli_model_path *path, const cli_environment *env,
                                  vlmc_error *error)
{
    *path = (cli_model_path){0};
    const vlmc_status status = add_all(&path->folders, env, error);
    if (status != VLMC_OK)
        cli_model_path_destroy(path);
    path->path = (vlmc_model_path){
        .folders = (const char *const *)path->folders.names,
        .n_folders = path->folders.n,
    };
    return status;
}

void cli_model_path_destroy(cli_model_path *path)
{
    cli_folders_destroy(&path->folders);
    *path = (cli_model_path){0};
}

vlmc_status cli_engines_create(cli_engines *engines, const cli_common *common, const char *model,
                               vlmc_error *error)
{
    const char *from_environment = common->cli->env.model;
    *engines = (cli_engines){
        .common = common,
        .threads = common->threads,
        .model_name = model              ? model
                      : from_environment ? from_environment
                                         : CLI_DEFAULT_MODEL,
        .model_chosen = model || from_environment,
        .text_model = CLI_DEFAULT_MODEL,
    };
    return cli_model_path_create(&engines->path, &common->cli->env, error);
}

uint64_t cli_mixer_memory(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / MEMORY_SHARE;
}

// Mixers that there is memory for beside much else.
static uint32_t mixers_at_once(uint32_t level)
{
    const uint64_t mixer_bytes = (uint64_t)VLMC_MIX_LINE_BYTES << vlmc_level_of(level)->mix.memory;
    const uint64_t by_memory = cli_mixer_memory() / mixer_bytes;
    return by_memory < UINT32_MAX ? (uint32_t)by_memory : UINT32_MAX;
}

static uint32_t within(uint32_t n, uint32_t least, uint32_t most)
{
    n = n < most ? n : most;
    return n > least ? n : least;
}

// A transformer has a thread of its own.
uint32_t cli_models_at_once(const cli_common *common, uint32_t level)
{
    const uint32_t each = vlmc_level_of(level)->models ? CLI_THREADS_PER_MODEL : 1;
    return within(common->threads / each, 1, mixers_at_once(level));
}

uint32_t cli_groups_at_once(const cli_common *common, uint32_t level)
{
    const uint32_t models = cli_models_at_once(common, level), mixers = mixers_at_once(level);
    return vlmc_level_of(level)->models
               ? within(common->threads, models, mixers > models ? mixers - models : 0)
               : models;
}

uint64_t cli_beside_bytes(const cli_common *common, uint32_t models_at_once)
{
    return common->threads > 1 ? cli_mixer_memory() / 2 / models_at_once : 0;
}

void cli_engines_destroy(cli_engines *engines)
{
    for (uint32_t i = 0; i < engines->n_models; i++) {
        vlmc_model_destroy(&engines->models[i].model);
        free(engines->models[i].name);
    }
    engines->n_models = 0;
    cli_model_path_destroy(&engines->path);
}

static vlmc_status keep_model(cli_engines *engines, vlmc_model *model, const char *name,
                              vlmc_error *error)
{
    cli_loaded_model *slot = &engines->models[engines->n_models];
    *slot = (cli_loaded_model){.model = model, .name = name ? strdup(name) : NULL};
    if (name && !slot->name) {
        vlmc_model_destroy(&slot->model);
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for a model");
    }
    engines->n_models++;
    return VLMC_OK;
}

static vlmc_status check_room(const cli_engines *engines, vlmc_error *error)
{
    if (engines->n_models < CLI_MODELS_MAX)
        return VLMC_OK;
    return vlmc_fail(error, VLMC_ERROR_REFUSED, "more than %u models at a time", CLI_MODELS_MAX);
}

// *model NULL: it was looked for before, and said to be missing then.
static vlmc_status load_by_name(cli_engines *engines, const char *name, const vlmc_model **model,
                                vlmc_error *error)
{
    *model = NULL;
    for (uint32_t i = 0; i < engines->n_models; i++)
        if (engines->models[i].name && strcmp(engines->models[i].name, name) == 0) {
            *model = engines->models[i].model;
            return VLMC_OK;
        }
    vlmc_model *loaded = NULL;
    VLMC_TRY(check_room(engines, error));
    const vlmc_status status = vlmc_model_find_name(&engines->path.path, name, &loaded, error);
    *model = loaded;
    if (status != VLMC_OK && status != VLMC_ERROR_MODEL_MISSING)
        return status;
    vlmc_error unused;
    VLMC_TRY(keep_model(engines, loaded, name, status == VLMC_OK ? error : &unused));
    return status;
}

vlmc_status cli_engines_find(cli_engines *engines, const char *name, const vlmc_model **model,
                             vlmc_error *error)
{
    VLMC_TRY(load_by_name(engines, name, model, error));
    return *model ? VLMC_OK
                  : vlmc_fail(error, VLMC_ERROR_MODEL_MISSING, "no model named \"%s\"", name);
}

void cli_engines_at_level(cli_engines *engines, uint32_t level)
{
    engines->text_model = vlmc_level_of(level)->text_model;
}

vlmc_status cli_engines_load(cli_engines *engines, vlmc_error *error)
{
    const vlmc_model *model;
    return load_by_name(engines, engines->model_name, &model, error);
}

// ---- Which model codes what ----

static void tell_once(cli_engines *engines, const vlmc_tokenizer *tokenizer, const char *text)
{
    for (uint32_t i = 0; i < engines->n_told; i++)
        if (engines->told[i] == tokenizer)
            return;
    if (engines->n_told < CLI_MODELS_MAX)
        engines->told[engines->n_told++] = tokenizer;
    cli_notice(engines->common->cli, "%s is packed without a model: %s", tokenizer->id, text);
}

// Plain bytes are text until proven otherwise.
static const char *modality_of(const vlmc_tokenizer *tokenizer)
{
    return tokenizer ? tokenizer->modality : "text";
}

// The model of -m is for all of its own modality.
static bool is_for(const vlmc_model *model, const vlmc_tokenizer *tokenizer)
{
    return strcmp(model->modality, modality_of(tokenizer)) == 0;
}

// A tokenizer's own model. The default one of text is the level's, where that is there.
static vlmc_status load_own(cli_engines *engines, const char *name, const vlmc_model **model,
                            vlmc_error *error)
{
    if (strcmp(name, CLI_DEFAULT_MODEL) == 0 && strcmp(name, engines->text_model) != 0) {
        const vlmc_status status = load_by_name(engines, engines->text_model, model, error);
        if (status != VLMC_ERROR_MODEL_MISSING && (status != VLMC_OK || *model))
            return status;
    }
    return load_by_name(engines, name, model, error);
}

static vlmc_status choose_for_bytes(cli_engines *engines, const vlmc_model **model,
                                    vlmc_error *error)
{
    if (engines->model_chosen)
        VLMC_TRY(load_by_name(engines, engines->model_name, model, error));
    if (!*model || !is_for(*model, NULL))
        VLMC_TRY(load_own(engines, CLI_DEFAULT_MODEL, model, error));
    return *model ? VLMC_OK
                  : vlmc_fail(error, VLMC_ERROR_MODEL_MISSING, "no model for plain bytes");
}

static vlmc_status choose_model(void *user, const vlmc_tokenizer *tokenizer,
                                const vlmc_model **model, vlmc_error *error)
{
    cli_engines *engines = user;
    *model = NULL;
    if (engines->no_text_model && strcmp(modality_of(tokenizer), "text") == 0)
        return VLMC_OK;
    if (!tokenizer)
        return choose_for_bytes(engines, model, error);
    vlmc_error why = {0};
    vlmc_status status = VLMC_OK;
    if (engines->model_chosen)
        VLMC_TRY(load_by_name(engines, engines->model_name, model, error));
    if (!*model || !is_for(*model, tokenizer)) {
        *model = NULL;
        if (tokenizer->default_model)
            status = load_own(engines, tokenizer->default_model, model, &why);
    }
    if (status == VLMC_OK && *model)
        status = vlmc_model_fits(*model, tokenizer, &why);
    if (status == VLMC_OK)
        return VLMC_OK;
    *model = NULL;
    if (status == VLMC_ERROR_MODEL_MISSING || status == VLMC_ERROR_MODEL_INVALID) {
        tell_once(engines, tokenizer, why.text);
        return VLMC_OK;
    }
    *error = why;
    return status;
}

static vlmc_status find_model(void *user, const uint8_t *digest, const char *name,
                              const vlmc_model **model, vlmc_error *error)
{
    cli_engines *engines = user;
    vlmc_model *loaded;
    *model = NULL;
    for (uint32_t i = 0; i < engines->n_models; i++) {
        const vlmc_model *known = engines->models[i].model;
        if (known && memcmp(known->digest, digest, VLMC_DIGEST_BYTES) == 0) {
            *model = known;
            return VLMC_OK;
        }
    }
    VLMC_TRY(check_room(engines, error));
    VLMC_TRY(vlmc_model_find_digest(&engines->path.path, digest, name, &loaded, error));
    VLMC_TRY(keep_model(engines, loaded, NULL, error));
    *model = loaded;
    return VLMC_OK;
}

// ---- Devices ----

// The device that the user wants, or the CPU once that has failed too often: the bits are the
// same.
static vlmc_status open_device(cli_engines *engines, const vlmc_engine_params *params,
                               vlmc_engine **engine, vlmc_error *error)
{
    cli *cli = engines->common->cli;
    if (engines->losses < LOSSES_MAX) {
        const vlmc_status status = cli_device_open(cli, engines->common->device, params,
                                                   &engines->told_device, engine, error);
        if (status != VLMC_ERROR_DEVICE || engines->losses == 0)
            return status;
        cli_notice(cli, USING_CPU, error->text);
        engines->losses = LOSSES_MAX;
    }
    return cli_device_open(cli, "cpu", params, &engines->told_device, engine, error);
}

static vlmc_status open_engine(void *user, const vlmc_model *model, uint32_t max_streams,
                               uint32_t max_steps, vlmc_engine **engine, vlmc_error *error)
{
    cli_engines *engines = user;
    *engine = NULL;
    if (!model)
        VLMC_TRY(load_by_name(engines, engines->model_name, &model, error));
    const vlmc_engine_params params = {
        .model = model,
        .max_streams = max_streams,
        .max_steps = max_steps,
        .threads = engines->threads,
    };
    return open_device(engines, &params, engine, error);
}

static bool engine_lost(void *user, const vlmc_error *error)
{
    cli_engines *engines = user;
    cli *cli = engines->common->cli;
    if (engines->losses == LOSSES_MAX)
        return false; // the CPU has failed, then
    if (++engines->losses < LOSSES_MAX)
        cli_notice(cli, "trying the device once more: %s", error->text);
    else
        cli_notice(cli, USING_CPU, error->text);
    return true;
}

vlmc_engine_source cli_engines_source(cli_engines *engines)
{
    return (vlmc_engine_source){
        .choose = choose_model,
        .find = find_model,
        .open = open_engine,
        .user = engines,
        .lost = engine_lost,
    };
}
