// SPDX-License-Identifier: Apache-2.0
// Engines for the archive code: the model that an archive wants, on the device that the
// user wants.
#ifndef VLMC_CLI_ENGINES_H
#define VLMC_CLI_ENGINES_H

#include "archive/archive.h"
#include "cli.h"
#include "codec/level.h"
#include "folders.h"
#include "model/search.h"
#include "options.h"

#define CLI_DEFAULT_MODEL VLMC_TEXT_MODEL

// The folders where models are looked for (docs/models.md). Not to be copied or moved.
typedef struct cli_model_path {
    vlmc_model_path path;
    cli_folders folders; // path.folders points here
} cli_model_path;

vlmc_status cli_model_path_create(cli_model_path *path, const cli_environment *env,
                                  vlmc_error *error);
void cli_model_path_destroy(cli_model_path *path);

#define CLI_MODELS_MAX 64u

// A model that was asked for: what it was found by, and what came of it.
typedef struct cli_loaded_model {
    vlmc_model *model; // NULL: it could not be loaded
    char *name;        // that it was looked for by; NULL: by its digest
} cli_loaded_model;

typedef struct cli_engines {
    const cli_common *common;
    cli_model_path path;
    const char
        *model_name;   // writing: the model for plain bytes and all of its modality, never NULL
    bool model_chosen; // model_name was asked for, it is not the default
    const char *text_model; // the default for text, where it is there, else CLI_DEFAULT_MODEL
    bool no_text_model;     // text goes through context models alone, whatever model_name is
    cli_loaded_model models[CLI_MODELS_MAX]; // each stays until the end
    uint32_t n_models;
    const vlmc_tokenizer *told[CLI_MODELS_MAX]; // tokenizers that lack a model, once for each
    uint32_t n_told;
    uint32_t threads; // of each engine on the CPU
    bool told_device; // the notice about an unusable GPU was given
    uint32_t losses;  // Vulkan engines that failed in the middle of their work
} cli_engines;

// `model` is the value of -m (borrowed), or NULL.
vlmc_status cli_engines_create(cli_engines *engines, const cli_common *common, const char *model,
                               vlmc_error *error);

// CPU threads for each group that is coded with a transformer: one of them runs that.
#define CLI_THREADS_PER_MODEL 2u

// Of the machine's memory, what mixers of groups that are coded at a time may take together.
uint64_t cli_mixer_memory(void);

// Groups that `create` packs at a time at a level, as many as there are CPU threads for, and
// memory: those with a model, and with all others.
uint32_t cli_models_at_once(const cli_common *common, uint32_t level);
uint32_t cli_groups_at_once(const cli_common *common, uint32_t level);

// Memory that the mixer of a further thread may take for each of those with a model.
uint64_t cli_beside_bytes(const cli_common *common, uint32_t models_at_once);

// After every reader, writer and engine that came from it.
void cli_engines_destroy(cli_engines *engines);

// Loads the model of -m now, so that a wrong name is found before any work.
vlmc_status cli_engines_load(cli_engines *engines, vlmc_error *error);

// The default for text is that of this level from here on.
void cli_engines_at_level(cli_engines *engines, uint32_t level);

// The model of this name; it stays until the end.
vlmc_status cli_engines_find(cli_engines *engines, const char *name, const vlmc_model **model,
                             vlmc_error *error);

// For the archive code; `engines` must outlive it.
vlmc_engine_source cli_engines_source(cli_engines *engines);

#endif
