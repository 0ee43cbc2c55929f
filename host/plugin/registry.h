// SPDX-License-Identifier: Apache-2.0
// The plugins of a list of folders: found, checked, loaded when first needed.
//
// A plugin with the id ID is the file ID.so; the first folder that has one wins. A plugin is
// loaded only when its file and the folder that it lies in belong to root or the user, neither
// can be written by others, and no folder above can be written by everybody (a sticky one
// can); symbolic links are followed first. What a plugin declares is checked in full before
// any of its functions is used.
#ifndef VLMC_PLUGIN_REGISTRY_H
#define VLMC_PLUGIN_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/plugin.h>
#include <vlmc/status.h>

#define VLMC_PLUGINS_MAX 256u          // files on the search path
#define VLMC_PLUGIN_ID_BYTES_MAX 63u   // of a plugin or a tokenizer
#define VLMC_PLUGIN_TOKENIZERS_MAX 64u // of one plugin
#define VLMC_PLUGIN_STREAM_TOKENS_MIN 2048u
#define VLMC_PLUGIN_STREAM_TOKENS_MAX (1u << 20)

// Gets one sentence for the user. Called on the thread that needed the plugin, and at most once
// for each file: a plugin that was not loaded stays so. `user` outlives the registry.
typedef struct vlmc_plugin_notices {
    void (*notice)(void *user, const char *text); // NULL: nobody listens
    void *user;
} vlmc_plugin_notices;

// [any]: every function but open and close may be called from several threads at once.
typedef struct vlmc_plugins vlmc_plugins;

// One loaded plugin. Everything lives until vlmc_plugins_close.
typedef struct vlmc_loaded_plugin {
    const char *path; // of the file
    const vlmc_plugin *plugin;
    const vlmc_tokenizer *const *tokenizers; // (n_tokenizers), as the plugin orders them
    uint32_t n_tokenizers;
    const vlmc_analyser *analyser; // NULL: it has none
} vlmc_loaded_plugin;

// Lists the folders, in order of preference, and loads nothing, which takes microseconds. A
// folder that is not there is skipped; one that is not to be trusted, or a file in it, gives a
// notice and is skipped. Only a lack of memory is a failure.
vlmc_status vlmc_plugins_open(const char *const *folders, uint32_t n_folders,
                              vlmc_plugin_notices notices, vlmc_plugins **plugins,
                              vlmc_error *error);

// A registry of the plugins in these files, for `vlmc plugin check` and for a child that gets the
// list from its parent: whoever names a file trusts it, so its owner, mode and name do not
// matter. VLMC_ERROR_PLUGIN_MISSING: there is no such file.
vlmc_status vlmc_plugins_open_files(const char *const *files, uint32_t n_files,
                                    vlmc_plugin_notices notices, vlmc_plugins **plugins,
                                    vlmc_error *error);

void vlmc_plugins_close(vlmc_plugins **plugins); // after every object that came from a plugin

// Loads what is not loaded yet, and says how many there are. Numbers go by id in byte order, so
// that they do not depend on folders.
uint32_t vlmc_plugins_count(vlmc_plugins *plugins);
const vlmc_loaded_plugin *vlmc_plugins_get(vlmc_plugins *plugins, uint32_t index); // < count

// The tokenizer with this id and version, as an archive names it; only the plugin whose id it
// begins with is loaded. VLMC_ERROR_PLUGIN_MISSING otherwise, with a sentence that says what is
// missing and what to do: *tokenizer is then NULL when there is none of this id, and the one
// that is there when its version is another. `id` may be anything.
vlmc_status vlmc_plugins_find(vlmc_plugins *plugins, const char *id, uint32_t version,
                              const vlmc_tokenizer **tokenizer, vlmc_error *error);

// The same without a version, for what the user or an analyser names. [any]
vlmc_status vlmc_plugins_find_any(vlmc_plugins *plugins, const char *id,
                                  const vlmc_tokenizer **tokenizer, vlmc_error *error);

// The plugin of a tokenizer that came from this registry.
const vlmc_loaded_plugin *vlmc_plugins_owner(vlmc_plugins *plugins,
                                             const vlmc_tokenizer *tokenizer);

// What `--as` says: "image.pixels:width=64,grey", or "image:width=64,grey" for the plugin's first
// tokenizer that takes parameters. params // (VLMC_PLUGIN_PARAMS_BYTES_MAX). VLMC_ERROR_USAGE
// when the tokenizer does not take them, VLMC_ERROR_PLUGIN_MISSING when it is not there.
vlmc_status vlmc_plugins_parse(vlmc_plugins *plugins, const char *text,
                               const vlmc_tokenizer **tokenizer, uint8_t *params,
                               uint32_t *params_bytes, vlmc_error *error);

// How to cut a segment, with align_tokens >= 1 and stream_tokens within its bounds whatever the
// plugin said. VLMC_ERROR_DAMAGED: the tokenizer does not take these parameters. [any]
vlmc_status vlmc_plugin_geometry(const vlmc_tokenizer *tokenizer, const void *params,
                                 uint32_t params_bytes, vlmc_token_geometry *geometry,
                                 vlmc_error *error);

// ---- Files, for the worker: two processes with the same list speak of them by number ----

// The files that were found, by id in byte order (after open_files: as they were given).
uint32_t vlmc_plugins_n_files(const vlmc_plugins *plugins);
const char *vlmc_plugins_file(const vlmc_plugins *plugins, uint32_t file); // its real path

// The id that its name says; empty when it says none and the plugin is not loaded.
const char *vlmc_plugins_file_id(const vlmc_plugins *plugins, uint32_t file);

// Loads one. NULL: refused, with a notice when this is the first time.
const vlmc_loaded_plugin *vlmc_plugins_load(vlmc_plugins *plugins, uint32_t file);

// Takes over from another process that this file was refused there, and why.
void vlmc_plugins_refuse(vlmc_plugins *plugins, uint32_t file, const char *why);

// A sentence about a plugin that somebody else found out.
void vlmc_plugins_notice(vlmc_plugins *plugins, const char *text);

// Where a tokenizer is: the file's number, and its own within the plugin. False: not one of ours.
bool vlmc_plugins_locate(vlmc_plugins *plugins, const vlmc_tokenizer *tokenizer, uint32_t *file,
                         uint32_t *index);

#endif
