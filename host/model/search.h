// SPDX-License-Identifier: Apache-2.0
// Finding models by name or identity in a list of folders.
#ifndef VLMC_MODEL_SEARCH_H
#define VLMC_MODEL_SEARCH_H

#include "model.h"

// Folders in order of preference; strings are borrowed. Folders that are missing are skipped.
typedef struct vlmc_model_path {
    const char *const *folders; // (n_folders)
    uint32_t n_folders;
} vlmc_model_path;

// Calls `visit` with each *.gguf file, folder by folder, names in byte order. A visit that
// returns nonzero ends the walk.
vlmc_status vlmc_model_walk(const vlmc_model_path *path, int (*visit)(void *user, const char *file),
                            void *user, vlmc_error *error);

// Loads the first model whose file is NAME.gguf or whose general.name is NAME. A NAME with
// '/' or ending in ".gguf" is taken as a file. VLMC_ERROR_MODEL_MISSING says where it looked.
vlmc_status vlmc_model_find_name(const vlmc_model_path *path, const char *name, vlmc_model **model,
                                 vlmc_error *error);

// Loads the model with this digest. `name` is what the archive calls it, for messages, and
// says whether a model of that name but other content is there.
vlmc_status vlmc_model_find_digest(const vlmc_model_path *path, const uint8_t *digest,
                                   const char *name, vlmc_model **model, vlmc_error *error);

// Lower-case hexadecimal of a digest, with its final NUL.
void vlmc_digest_text(const uint8_t *digest, char text[2 * VLMC_DIGEST_BYTES + 1]);

#endif
