// SPDX-License-Identifier: Apache-2.0
#include "registry.h"

#include "trust.h"
#include "validate.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX ".so"

typedef enum entry_state { FOUND, LOADED, REFUSED } entry_state;

typedef struct entry {
    char id[VLMC_PLUGIN_ID_BYTES_MAX + 1]; // by the file's name
    char *path;                            // real, absolute
    entry_state state;
    void *library;
    vlmc_loaded_plugin loaded;
} entry;

struct vlmc_plugins {
    vlmc_plugin_notices notices;
    pthread_mutex_t mutex; // of all below
    bool any_name;         // a single file, which may have any name
    uint32_t n_entries;
    entry *entries; // (VLMC_PLUGINS_MAX), ascending ids once open
    bool counted;   // all entries were tried and `ready` is complete
    uint32_t n_ready;
    uint32_t ready[VLMC_PLUGINS_MAX];
};

static void give_notice(const vlmc_plugins *plugins, const char *text)
{
    if (plugins->notices.notice)
        plugins->notices.notice(plugins->notices.user, text);
}

// ---- Finding files ----

static entry *find_entry(const vlmc_plugins *plugins, const char *id, size_t id_bytes)
{
    for (uint32_t i = 0; i < plugins->n_entries; i++) {
        entry *e = &plugins->entries[i];
        if (strlen(e->id) == id_bytes && memcmp(e->id, id, id_bytes) == 0)
            return e;
    }
    return NULL;
}

static vlmc_status add_entry(vlmc_plugins *plugins, const char *id, const char *path,
                             vlmc_error *error)
{
    entry *e = &plugins->entries[plugins->n_entries];
    *e = (entry){.path = strdup(path)};
    if (!e->path)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the list of plugins");
    memcpy(e->id, id, strlen(id) + 1);
    plugins->n_entries++;
    return VLMC_OK;
}

// "image.so" → "image". False when the name says no id.
static bool id_of_file(const char *file, char id[VLMC_PLUGIN_ID_BYTES_MAX + 1])
{
    const char *slash = strrchr(file, '/');
    const char *name = slash ? slash + 1 : file;
    const size_t n = strlen(name);
    const size_t suffix = strlen(SUFFIX);
    if (n <= suffix || n - suffix > VLMC_PLUGIN_ID_BYTES_MAX ||
        memcmp(name + n - suffix, SUFFIX, suffix) != 0)
        return false;
    memcpy(id, name, n - suffix);
    id[n - suffix] = 0;
    return vlmc_plugin_id_valid(id);
}

// Whether the file may be an entry; *real is then its path.
static vlmc_status check_file(const vlmc_plugins *plugins, const char *file,
                              char id[VLMC_PLUGIN_ID_BYTES_MAX + 1], char real[PATH_MAX],
                              vlmc_error *error)
{
    if (!id_of_file(file, id))
        return vlmc_fail(error, VLMC_ERROR_PLUGIN,
                         "the plugin \"%s\" is not used: a plugin's file is its id and \"" SUFFIX
                         "\", as in \"image" SUFFIX "\"",
                         file);
    if (plugins->n_entries == VLMC_PLUGINS_MAX)
        return vlmc_fail(error, VLMC_ERROR_PLUGIN,
                         "the plugin \"%s\" is not used: %u plugins is the most", file,
                         VLMC_PLUGINS_MAX);
    return vlmc_trust_file(file, real, error);
}

static vlmc_status add_file(vlmc_plugins *plugins, const char *file, vlmc_error *error)
{
    char id[VLMC_PLUGIN_ID_BYTES_MAX + 1];
    char real[PATH_MAX];
    vlmc_error why;
    if (check_file(plugins, file, id, real, &why) != VLMC_OK) {
        give_notice(plugins, why.text);
        return VLMC_OK;
    }
    return find_entry(plugins, id, strlen(id)) ? VLMC_OK : add_entry(plugins, id, real, error);
}

static int is_plugin_name(const struct dirent *item)
{
    const size_t n = strlen(item->d_name);
    const size_t suffix = strlen(SUFFIX);
    return item->d_name[0] != '.' && n > suffix && strcmp(item->d_name + n - suffix, SUFFIX) == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static vlmc_status add_folder(vlmc_plugins *plugins, const char *folder, vlmc_error *error)
{
    char real[PATH_MAX];
    bool exists;
    vlmc_error why;
    if (vlmc_trust_folder(folder, real, &exists, &why) != VLMC_OK) {
        give_notice(plugins, why.text);
        return VLMC_OK;
    }
    if (!exists)
        return VLMC_OK;
    struct dirent **items;
    const int n = scandir(real, &items, is_plugin_name, by_name);
    if (n < 0) {
        vlmc_fail_os(&why, VLMC_ERROR_IO, errno, "cannot look for plugins in \"%s\"", real);
        give_notice(plugins, why.text);
        return VLMC_OK;
    }
    vlmc_status status = VLMC_OK;
    for (int i = 0; i < n; i++) {
        char file[PATH_MAX + sizeof items[i]->d_name + 1];
        snprintf(file, sizeof file, "%s/%s", strcmp(real, "/") == 0 ? "" : real, items[i]->d_name);
        if (status == VLMC_OK)
            status = add_file(plugins, file, error);
        free(items[i]);
    }
    free(items);
    return status;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->id, ((const entry *)b)->id);
}

static vlmc_status create(vlmc_plugin_notices notices, vlmc_plugins **plugins, vlmc_error *error)
{
    vlmc_plugins *made = calloc(1, sizeof *made);
    entry *entries = calloc(VLMC_PLUGINS_MAX, sizeof *entries);
    *plugins = NULL;
    if (!made || !entries) {
        free(made);
        free(entries);
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the list of plugins");
    }
    made->notices = notices;
    made->entries = entries;
    pthread_mutex_init(&made->mutex, NULL);
    *plugins = made;
    return VLMC_OK;
}

vlmc_status vlmc_plugins_open(const char *const *folders, uint32_t n_folders,
                              vlmc_plugin_notices notices, vlmc_plugins **plugins,
                              vlmc_error *error)
{
    VLMC_TRY(create(notices, plugins, error));
    for (uint32_t i = 0; i < n_folders; i++) {
        vlmc_status status = add_folder(*plugins, folders[i], error);
        if (status != VLMC_OK) {
            vlmc_plugins_close(plugins);
            return status;
        }
    }
    qsort((*plugins)->entries, (*plugins)->n_entries, sizeof(entry), by_id);
    return VLMC_OK;
}

static vlmc_status add_named_file(vlmc_plugins *plugins, const char *file, vlmc_error *error)
{
    char real[PATH_MAX];
    char id[VLMC_PLUGIN_ID_BYTES_MAX + 1];
    if (!realpath(file, real))
        return vlmc_fail_os(error, VLMC_ERROR_PLUGIN_MISSING, errno,
                            "cannot load the plugin \"%s\"", file);
    if (plugins->n_entries == VLMC_PLUGINS_MAX)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "%u plugins is the most", VLMC_PLUGINS_MAX);
    if (!id_of_file(real, id))
        id[0] = 0;
    return add_entry(plugins, id, real, error);
}

vlmc_status vlmc_plugins_open_files(const char *const *files, uint32_t n_files,
                                    vlmc_plugin_notices notices, vlmc_plugins **plugins,
                                    vlmc_error *error)
{
    VLMC_TRY(create(notices, plugins, error));
    (*plugins)->any_name = true;
    for (uint32_t i = 0; i < n_files; i++) {
        vlmc_status status = add_named_file(*plugins, files[i], error);
        if (status != VLMC_OK) {
            vlmc_plugins_close(plugins);
            return status;
        }
    }
    return VLMC_OK;
}

void vlmc_plugins_close(vlmc_plugins **plugins)
{
    vlmc_plugins *p = *plugins;
    if (!p)
        return;
    for (uint32_t i = 0; i < p->n_entries; i++) {
        if (p->entries[i].library)
            dlclose(p->entries[i].library);
        free(p->entries[i].path);
    }
    pthread_mutex_destroy(&p->mutex);
    free(p->entries);
    free(p);
    *plugins = NULL;
}

// ---- Loading ----

static vlmc_status open_library(const vlmc_plugins *plugins, entry *e, vlmc_error *error)
{
    e->library = dlopen(e->path, RTLD_NOW | RTLD_LOCAL);
    if (!e->library)
        return vlmc_fail(error, VLMC_ERROR_PLUGIN, "the plugin \"%s\" cannot be loaded: %s",
                         e->path, dlerror());
    const vlmc_plugin *plugin = dlsym(e->library, "vlmc_plugin_entry");
    if (!plugin)
        return vlmc_fail(error, VLMC_ERROR_PLUGIN,
                         "the plugin \"%s\" is not used: it does not export vlmc_plugin_entry",
                         e->path);
    VLMC_TRY(vlmc_plugin_validate(plugin, e->path, &e->loaded, error));
    e->loaded.path = e->path;
    if (!plugins->any_name && strcmp(plugin->id, e->id) != 0)
        return vlmc_fail(error, VLMC_ERROR_PLUGIN,
                         "the plugin \"%s\" is not used: its id is %s, so its file must be "
                         "\"%s" SUFFIX "\"",
                         e->path, plugin->id, plugin->id);
    memcpy(e->id, plugin->id, strlen(plugin->id) + 1);
    return VLMC_OK;
}

// With the mutex. False when the plugin cannot be used; the first time there was a notice.
static bool load(const vlmc_plugins *plugins, entry *e)
{
    vlmc_error error;
    if (e->state != FOUND)
        return e->state == LOADED;
    if (open_library(plugins, e, &error) == VLMC_OK) {
        e->state = LOADED;
        return true;
    }
    if (e->library)
        dlclose(e->library);
    e->library = NULL;
    e->state = REFUSED;
    give_notice(plugins, error.text);
    return false;
}

static void load_all(vlmc_plugins *plugins)
{
    for (uint32_t i = 0; !plugins->counted && i < plugins->n_entries; i++)
        if (load(plugins, &plugins->entries[i]))
            plugins->ready[plugins->n_ready++] = i;
    plugins->counted = true;
}

uint32_t vlmc_plugins_count(vlmc_plugins *plugins)
{
    pthread_mutex_lock(&plugins->mutex);
    load_all(plugins);
    const uint32_t n = plugins->n_ready;
    pthread_mutex_unlock(&plugins->mutex);
    return n;
}

const vlmc_loaded_plugin *vlmc_plugins_get(vlmc_plugins *plugins, uint32_t index)
{
    pthread_mutex_lock(&plugins->mutex);
    load_all(plugins);
    const vlmc_loaded_plugin *loaded =
        index < plugins->n_ready ? &plugins->entries[plugins->ready[index]].loaded : NULL;
    pthread_mutex_unlock(&plugins->mutex);
    return loaded;
}

const vlmc_loaded_plugin *vlmc_plugins_owner(vlmc_plugins *plugins, const vlmc_tokenizer *tokenizer)
{
    uint32_t file;
    uint32_t index;
    return vlmc_plugins_locate(plugins, tokenizer, &file, &index) ? &plugins->entries[file].loaded
                                                                  : NULL;
}

// ---- Finding tokenizers ----

static const vlmc_tokenizer *tokenizer_of(const vlmc_loaded_plugin *loaded, const char *id)
{
    for (uint32_t i = 0; i < loaded->n_tokenizers; i++)
        if (strcmp(loaded->tokenizers[i]->id, id) == 0)
            return loaded->tokenizers[i];
    return NULL;
}

// The plugin whose id is a prefix of `id` and that has this tokenizer; the longest first.
static const vlmc_tokenizer *search(vlmc_plugins *plugins, const char *id,
                                    const vlmc_loaded_plugin **owner)
{
    const vlmc_tokenizer *found = NULL;
    for (size_t n = strlen(id); !found && n-- > 0;) {
        entry *e = id[n] == '.' ? find_entry(plugins, id, n) : NULL;
        if (!e || !load(plugins, e))
            continue;
        found = tokenizer_of(&e->loaded, id);
        *owner = &e->loaded;
    }
    return found;
}

static const vlmc_tokenizer *find_tokenizer(vlmc_plugins *plugins, const char *id,
                                            const vlmc_loaded_plugin **owner)
{
    pthread_mutex_lock(&plugins->mutex);
    const vlmc_tokenizer *found = search(plugins, id, owner);
    if (!found && plugins->any_name && !plugins->counted) {
        load_all(plugins); // then the ids are known
        found = search(plugins, id, owner);
    }
    pthread_mutex_unlock(&plugins->mutex);
    return found;
}

static vlmc_status missing(const char *id, vlmc_error *error)
{
    if (!vlmc_plugin_id_valid(id))
        return vlmc_fail(error, VLMC_ERROR_PLUGIN_MISSING,
                         "the tokenizer that is asked for has no proper id");
    const char *dot = strchr(id, '.');
    const int n = dot ? (int)(dot - id) : (int)strlen(id);
    return vlmc_fail(error, VLMC_ERROR_PLUGIN_MISSING,
                     "no plugin with the tokenizer \"%s\" is here; install the plugin \"%.*s\", or "
                     "name its folder in VLMC_PLUGIN_PATH",
                     id, n, id);
}

vlmc_status vlmc_plugins_find_any(vlmc_plugins *plugins, const char *id,
                                  const vlmc_tokenizer **tokenizer, vlmc_error *error)
{
    const vlmc_loaded_plugin *owner;
    *tokenizer = vlmc_plugin_id_valid(id) ? find_tokenizer(plugins, id, &owner) : NULL;
    return *tokenizer ? VLMC_OK : missing(id, error);
}

vlmc_status vlmc_plugins_find(vlmc_plugins *plugins, const char *id, uint32_t version,
                              const vlmc_tokenizer **tokenizer, vlmc_error *error)
{
    const vlmc_loaded_plugin *owner = NULL;
    *tokenizer = vlmc_plugin_id_valid(id) ? find_tokenizer(plugins, id, &owner) : NULL;
    if (!*tokenizer)
        return missing(id, error);
    if ((*tokenizer)->version != version)
        return vlmc_fail(error, VLMC_ERROR_PLUGIN_MISSING,
                         "version %u of the tokenizer \"%s\" is needed and the plugin %s %s has "
                         "version %u; install %s plugin \"%s\"",
                         (unsigned)version, id, owner->plugin->id, owner->plugin->version,
                         (unsigned)(*tokenizer)->version,
                         (*tokenizer)->version < version ? "a newer" : "an older",
                         owner->plugin->id);
    return VLMC_OK;
}

// ---- Parameters ----

// The first tokenizer of the plugin with this id that takes parameters, or NULL.
static const vlmc_tokenizer *first_with_params(vlmc_plugins *plugins, const char *id)
{
    const vlmc_tokenizer *found = NULL;
    pthread_mutex_lock(&plugins->mutex);
    if (plugins->any_name)
        load_all(plugins);
    entry *e = find_entry(plugins, id, strlen(id));
    if (e && load(plugins, e))
        for (uint32_t i = 0; !found && i < e->loaded.n_tokenizers; i++)
            if (e->loaded.tokenizers[i]->parse_params)
                found = e->loaded.tokenizers[i];
    pthread_mutex_unlock(&plugins->mutex);
    return found;
}

static vlmc_status parse_with(const vlmc_tokenizer *t, const char *settings, uint8_t *params,
                              uint32_t *params_bytes, vlmc_error *error)
{
    vlmc_token_geometry geometry;
    *params_bytes = VLMC_PLUGIN_PARAMS_BYTES_MAX;
    if (!t->parse_params) {
        *params_bytes = 0;
        return *settings ? vlmc_fail(error, VLMC_ERROR_USAGE, "%s takes no parameters", t->id)
                         : VLMC_OK;
    }
    if (t->parse_params(settings, params, params_bytes) != VLMC_PLUGIN_OK ||
        *params_bytes > VLMC_PLUGIN_PARAMS_BYTES_MAX ||
        vlmc_plugin_geometry(t, params, *params_bytes, &geometry, error) != VLMC_OK)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "%s does not take the parameters \"%s\"", t->id,
                         settings);
    return VLMC_OK;
}

vlmc_status vlmc_plugins_parse(vlmc_plugins *plugins, const char *text,
                               const vlmc_tokenizer **tokenizer, uint8_t *params,
                               uint32_t *params_bytes, vlmc_error *error)
{
    char id[VLMC_PLUGIN_ID_BYTES_MAX + 1];
    const size_t n = strcspn(text, ":");
    const char *settings = text[n] ? text + n + 1 : "";
    *tokenizer = NULL;
    *params_bytes = 0;
    if (n < sizeof id) {
        memcpy(id, text, n);
        id[n] = 0;
    }
    if (n >= sizeof id || !vlmc_plugin_id_valid(id))
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         "\"%s\" does not begin with a tokenizer's id, as in "
                         "\"image.pixels:width=64\"",
                         text);
    *tokenizer = first_with_params(plugins, id);
    if (!*tokenizer)
        VLMC_TRY(vlmc_plugins_find_any(plugins, id, tokenizer, error));
    return parse_with(*tokenizer, settings, params, params_bytes, error);
}

vlmc_status vlmc_plugin_geometry(const vlmc_tokenizer *tokenizer, const void *params,
                                 uint32_t params_bytes, vlmc_token_geometry *geometry,
                                 vlmc_error *error)
{
    *geometry = (vlmc_token_geometry){0};
    if (params_bytes > VLMC_PLUGIN_PARAMS_BYTES_MAX ||
        tokenizer->geometry(params, params_bytes, geometry) != VLMC_PLUGIN_OK)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s does not take these parameters",
                         tokenizer->id);
    if (geometry->align_tokens == 0)
        geometry->align_tokens = 1;
    if (geometry->stream_tokens < VLMC_PLUGIN_STREAM_TOKENS_MIN)
        geometry->stream_tokens = VLMC_PLUGIN_STREAM_TOKENS_MIN;
    if (geometry->stream_tokens > VLMC_PLUGIN_STREAM_TOKENS_MAX)
        geometry->stream_tokens = VLMC_PLUGIN_STREAM_TOKENS_MAX;
    return VLMC_OK;
}

// ---- Files ----

uint32_t vlmc_plugins_n_files(const vlmc_plugins *plugins)
{
    return plugins->n_entries;
}

const char *vlmc_plugins_file(const vlmc_plugins *plugins, uint32_t file)
{
    return plugins->entries[file].path;
}

const char *vlmc_plugins_file_id(const vlmc_plugins *plugins, uint32_t file)
{
    return plugins->entries[file].id;
}

const vlmc_loaded_plugin *vlmc_plugins_load(vlmc_plugins *plugins, uint32_t file)
{
    entry *e = &plugins->entries[file];
    pthread_mutex_lock(&plugins->mutex);
    const vlmc_loaded_plugin *loaded = load(plugins, e) ? &e->loaded : NULL;
    pthread_mutex_unlock(&plugins->mutex);
    return loaded;
}

void vlmc_plugins_refuse(vlmc_plugins *plugins, uint32_t file, const char *why)
{
    entry *e = &plugins->entries[file];
    pthread_mutex_lock(&plugins->mutex);
    if (e->state == FOUND) {
        e->state = REFUSED;
        give_notice(plugins, why);
    }
    pthread_mutex_unlock(&plugins->mutex);
}

void vlmc_plugins_notice(vlmc_plugins *plugins, const char *text)
{
    pthread_mutex_lock(&plugins->mutex);
    give_notice(plugins, text);
    pthread_mutex_unlock(&plugins->mutex);
}

bool vlmc_plugins_locate(vlmc_plugins *plugins, const vlmc_tokenizer *tokenizer, uint32_t *file,
                         uint32_t *index)
{
    bool found = false;
    pthread_mutex_lock(&plugins->mutex);
    for (uint32_t i = 0; !found && i < plugins->n_entries; i++) {
        const entry *e = &plugins->entries[i];
        for (uint32_t k = 0; !found && e->state == LOADED && k < e->loaded.n_tokenizers; k++) {
            found = e->loaded.tokenizers[k] == tokenizer;
            *file = i;
            *index = k;
        }
    }
    pthread_mutex_unlock(&plugins->mutex);
    return found;
}
