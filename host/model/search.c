// SPDX-License-Identifier: Apache-2.0
#include "search.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_model_file(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return size > 5 && strcmp(entry->d_name + size - 5, ".gguf") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

vlmc_status vlmc_model_walk(const vlmc_model_path *path, int (*visit)(void *user, const char *file),
                            void *user, vlmc_error *error)
{
    int stop = 0;
    vlmc_status status = VLMC_OK;
    for (uint32_t f = 0; f < path->n_folders && !stop && status == VLMC_OK; f++) {
        struct dirent **names;
        int n = scandir(path->folders[f], &names, is_model_file, by_bytes);
        if (n < 0)
            continue; // a folder that is not there holds no models
        for (int i = 0; i < n; i++) {
            char *file = NULL;
            if (!stop && asprintf(&file, "%s/%s", path->folders[f], names[i]->d_name) < 0) {
                status = vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to list models");
                stop = 1;
            } else if (!stop) {
                stop = visit(user, file);
                free(file);
            }
            free(names[i]);
        }
        free(names);
    }
    return status;
}

void vlmc_digest_text(const uint8_t *digest, char text[2 * VLMC_DIGEST_BYTES + 1])
{
    for (int i = 0; i < VLMC_DIGEST_BYTES; i++)
        snprintf(text + 2 * (size_t)i, 3, "%02x", digest[i]);
}

static void folders_text(const vlmc_model_path *path, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < path->n_folders && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", path->folders[i]);
}

typedef struct wanted {
    const char *name;      // NULL: any
    const uint8_t *digest; // NULL: any
    vlmc_model *found;
    int other_content; // a model of the name but with another digest is there
    vlmc_status invalid;
    vlmc_error invalid_error;
} wanted;

static int has_file_name(const char *file, const char *name)
{
    const char *base = strrchr(file, '/');
    base = base ? base + 1 : file;
    size_t size = strlen(name);
    return strncmp(base, name, size) == 0 && strcmp(base + size, ".gguf") == 0;
}

static int consider(void *user, const char *file)
{
    wanted *w = user;
    vlmc_model *model;
    vlmc_error error;
    vlmc_status status = vlmc_model_load(file, &model, &error);
    if (status != VLMC_OK) { // a broken file matters only when it is the one that was asked for
        if (w->name && has_file_name(file, w->name) && !w->invalid) {
            w->invalid = status;
            w->invalid_error = error;
        }
        return 0;
    }
    int named = w->name && (has_file_name(file, w->name) || strcmp(model->name, w->name) == 0);
    int same = !w->digest || memcmp(model->digest, w->digest, VLMC_DIGEST_BYTES) == 0;
    if (same && (named || w->digest)) {
        w->found = model;
        return 1;
    }
    w->other_content |= named;
    vlmc_model_destroy(&model);
    return 0;
}

vlmc_status vlmc_model_find_name(const vlmc_model_path *path, const char *name, vlmc_model **model,
                                 vlmc_error *error)
{
    *model = NULL;
    size_t size = strlen(name);
    if (strchr(name, '/') || (size > 5 && strcmp(name + size - 5, ".gguf") == 0))
        return vlmc_model_load(name, model, error);
    wanted w = {.name = name};
    VLMC_TRY(vlmc_model_walk(path, consider, &w, error));
    *model = w.found;
    if (w.found)
        return VLMC_OK;
    if (w.invalid) {
        if (error)
            *error = w.invalid_error;
        return w.invalid;
    }
    char folders[300];
    folders_text(path, folders, sizeof folders);
    return vlmc_fail(error, VLMC_ERROR_MODEL_MISSING,
                     "no model named \"%s\" in %s; put its .gguf file there or name it with -m",
                     name, path->n_folders ? folders : "an empty model path");
}

vlmc_status vlmc_model_find_digest(const vlmc_model_path *path, const uint8_t *digest,
                                   const char *name, vlmc_model **model, vlmc_error *error)
{
    wanted w = {.name = name, .digest = digest};
    *model = NULL;
    VLMC_TRY(vlmc_model_walk(path, consider, &w, error));
    *model = w.found;
    if (w.found)
        return VLMC_OK;
    char text[2 * VLMC_DIGEST_BYTES + 1], folders[200];
    vlmc_digest_text(digest, text);
    folders_text(path, folders, sizeof folders);
    if (w.invalid)
        return vlmc_fail(error, VLMC_ERROR_MODEL_INVALID,
                         "needs the model \"%s\" (%.16s…), but: %.180s", name, text,
                         w.invalid_error.text);
    return vlmc_fail(error, VLMC_ERROR_MODEL_MISSING,
                     "needs the model \"%s\" with digest %s, %s %s", name, text,
                     w.other_content ? "but only another version of it is in" : "which is not in",
                     path->n_folders ? folders : "an empty model path");
}
