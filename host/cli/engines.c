// SPDX-License-Identifier: Apache-2.0
#include "engines.h"

#include "devices.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Devices that fail in the middle of their work before the CPU takes over: a driver that was
// reset works again, a broken one does not.
#define LOSSES_MAX 2u
#define USING_CPU "using the CPU from here on, because the device failed: %s"

// share/vlmc/models beside the folder of the program: PREFIX/bin/vlmc. Empty when unknown.
static void installed_folder(char *text, size_t size)
{
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    text[0] = 0;
    if (n <= 0)
        return;
    program[n] = 0;
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(program, '/');
        if (!slash)
            return;
        *slash = 0;
    }
    int used = snprintf(text, size, "%s/share/vlmc/models", program);
    if (used < 0 || (size_t)used >= size)
        text[0] = 0;
}

// Absolute, because extraction changes the current folder before a model is looked for.
static vlmc_status add_folder(cli_model_path *path, const char *folder, vlmc_error *error)
{
    char here[PATH_MAX];
    char *copy = NULL;
    if (!*folder)
        return VLMC_OK;
    if (path->path.n_folders == CLI_MODEL_FOLDERS_MAX)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "VLMC_MODEL_PATH names more than %u folders",
                         CLI_MODEL_FOLDERS_MAX - 2);
    if (*folder == '/' || !getcwd(here, sizeof here))
        copy = strdup(folder);
    else if (asprintf(&copy, "%s/%s", here, folder) < 0)
        copy = NULL;
    if (!copy)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the model path");
    path->folders[path->path.n_folders++] = copy;
    return VLMC_OK;
}

static vlmc_status add_list(cli_model_path *path, const char *list, vlmc_error *error)
{
    vlmc_status status = VLMC_OK;
    char *copy = strdup(list);
    char *rest = copy;
    for (char *folder; status == VLMC_OK && (folder = strsep(&rest, ":"));)
        status = add_folder(path, folder, error);
    free(copy);
    return copy ? status
                : vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the model path");
}

static vlmc_status add_all(cli_model_path *path, const cli_environment *env, vlmc_error *error)
{
    char folder[PATH_MAX];
    if (env->model_path)
        VLMC_TRY(add_list(path, env->model_path, error));
    int used = env->data_home ? snprintf(folder, sizeof folder, "%s/vlmc/models", env->data_home)
               : env->home
                   ? snprintf(folder, sizeof folder, "%s/.local/share/vlmc/models", env->home)
                   : -1;
    if (used > 0 && (size_t)used < sizeof folder)
        VLMC_TRY(add_folder(path, folder, error));
    installed_folder(folder, sizeof folder);
    return add_folder(path, folder, error);
}

vlmc_status cli_model_path_create(cli_model_path *path, const cli_environment *env,
                                  vlmc_error *error)
{
    *path = (cli_model_path){0};
    vlmc_status status = add_all(path, env, error);
    if (status != VLMC_OK)
        cli_model_path_destroy(path);
    path->path.folders = (const char *const *)path->folders;
    return status;
}

void cli_model_path_destroy(cli_model_path *path)
{
    for (uint32_t i = 0; i < path->path.n_folders; i++)
        free(path->folders[i]);
    *path = (cli_model_path){0};
}

vlmc_status cli_engines_create(cli_engines *engines, const cli_common *common, const char *model,
                               vlmc_error *error)
{
    const char *from_environment = common->cli->env.model;
    *engines = (cli_engines){
        .common = common,
        .model_name = model              ? model
                      : from_environment ? from_environment
                                         : CLI_DEFAULT_MODEL,
        .model_chosen = model || from_environment,
        .wanted_name = "unknown",
    };
    return cli_model_path_create(&engines->path, &common->cli->env, error);
}

void cli_engines_destroy(cli_engines *engines)
{
    vlmc_model_destroy(&engines->model);
    cli_model_path_destroy(&engines->path);
}

vlmc_status cli_engines_load(cli_engines *engines, vlmc_error *error)
{
    if (engines->model)
        return VLMC_OK;
    return vlmc_model_find_name(&engines->path.path, engines->model_name, &engines->model, error);
}

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

static vlmc_status open_engine(void *user, const uint8_t *digest, uint32_t max_streams,
                               uint32_t max_steps, vlmc_engine **engine, vlmc_error *error)
{
    cli_engines *engines = user;
    *engine = NULL;
    if (!digest)
        VLMC_TRY(cli_engines_load(engines, error));
    else if (!engines->model || memcmp(engines->model->digest, digest, VLMC_DIGEST_BYTES) != 0) {
        // A model of another digest stays alive for the engines that use it: there are none,
        // an archive names one model.
        vlmc_model_destroy(&engines->model);
        VLMC_TRY(vlmc_model_find_digest(&engines->path.path, digest, engines->wanted_name,
                                        &engines->model, error));
    }
    const vlmc_engine_params params = {
        .model = engines->model,
        .max_streams = max_streams,
        .max_steps = max_steps,
        .threads = engines->common->threads,
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
    return (vlmc_engine_source){.open = open_engine, .user = engines, .lost = engine_lost};
}
