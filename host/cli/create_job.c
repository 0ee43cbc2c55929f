// SPDX-License-Identifier: Apache-2.0
#include "create_job.h"

#include "engines.h"
#include "util/json_out.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// Members that decide what the archive is.
static const char *const settings[] = {
    "folder", "sources",     "exclude", "one_file_system",  "stored_as", "level",
    "model",  "group_bytes", "plugins", "recovery_percent", "encrypted",
};

// ---- Options and records ----

static json_t *make_sources(const create_options *options)
{
    json_t *sources = json_array();
    for (int i = 0; i < options->n_paths; i++) {
        json_t *source = json_object();
        vlmc_json_set_bytes(source, "path", options->paths[i]);
        json_array_append_new(sources, source);
    }
    return sources;
}

static json_t *make_exclude(const walk_filter *filter)
{
    json_t *exclude = json_array();
    for (size_t i = 0; i < filter->n_patterns; i++) {
        json_t *pattern = json_object();
        vlmc_json_set_bytes(pattern, "pattern", filter->patterns[i]);
        json_array_append_new(exclude, pattern);
    }
    return exclude;
}

static json_t *make_record(const create_options *options, const job_place *place)
{
    struct stat st;
    const char *from_environment = options->common.cli->env.model;
    const char *model = options->model ? options->model : from_environment;
    char *folder = getcwd(NULL, 0);
    json_t *record = json_object();
    vlmc_json_set_number(record, "version", 1);
    json_object_set_new(record, "id", json_string(place->id));
    json_object_set_new(record, "command", json_string("create"));
    json_object_set_new(record, "vlmc", json_string(VLMC_VERSION));
    vlmc_json_set_number(record, "begun", (uint64_t)time(NULL));
    vlmc_json_set_bytes(record, "output", place->output);
    vlmc_json_set_bytes(record, "partial", place->partial);
    vlmc_json_set_bytes(record, "folder", folder ? folder : "");
    json_object_set_new(record, "sources", make_sources(options));
    json_object_set_new(record, "exclude", make_exclude(&options->filter));
    json_object_set_new(record, "one_file_system", json_boolean(options->filter.one_file_system));
    vlmc_json_set_number(record, "level", options->level);
    vlmc_json_set_number(record, "group_bytes", options->group_bytes);
    vlmc_json_set_number(record, "recovery_percent", options->recovery_percent);
    if (model)
        vlmc_json_set_bytes(record, "model", model);
    vlmc_json_set_bytes(record, "device", options->common.device);
    json_object_set_new(record, "plugins", json_boolean(!options->no_plugins));
    json_object_set_new(record, "force", json_boolean(options->force));
    json_object_set_new(record, "verify", json_boolean(options->verify));
    json_object_set_new(record, "encrypted", json_boolean(options->encryption.wanted));
    json_object_set_new(record, "catalog_names", json_boolean(options->catalog_names));
    json_object_set_new(record, "catalog", json_boolean(!options->no_catalog));
    json_object_set_new(record, "verbose", json_boolean(options->verbose));
    json_object_set_new(record, "models", json_array());
    json_object_set_new(record, "tokenizers", json_array());
    if (lstat(place->output, &st) == 0)
        vlmc_json_set_number(record, "replaces_inode", (uint64_t)st.st_ino);
    free(folder);
    return record;
}

static uint32_t number_of(const json_t *record, const char *key)
{
    const json_int_t n = json_integer_value(json_object_get(record, key));
    return n > 0 && n <= UINT32_MAX ? (uint32_t)n : 0;
}

static vlmc_status unusable(vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_FORMAT, "the record of a job cannot be used");
}

static vlmc_status load_filter(const json_t *record, walk_filter *filter, vlmc_error *error)
{
    const json_t *exclude = json_object_get(record, "exclude");
    filter->one_file_system = job_flag(record, "one_file_system");
    for (size_t i = 0; i < json_array_size(exclude); i++) {
        char *pattern = job_text(json_array_get(exclude, i), "pattern");
        if (!pattern || !walk_exclude(filter, pattern)) {
            free(pattern);
            return unusable(error);
        }
    }
    return VLMC_OK;
}

vlmc_status create_options_load(const json_t *record, cli *cli, create_options *options,
                                vlmc_error *error)
{
    const json_t *sources = json_object_get(record, "sources");
    const size_t n = json_array_size(sources);
    *options = (create_options){.stdin_name = "stdin", .encryption = CLI_ENCRYPTION_DEFAULT};
    cli_common_init(&options->common, cli);
    options->output = job_text(record, "output");
    options->model = job_text(record, "model");
    options->common.device = job_text(record, "device");
    options->level = number_of(record, "level");
    options->group_bytes = number_of(record, "group_bytes");
    options->recovery_percent = number_of(record, "recovery_percent");
    options->force = job_flag(record, "force");
    options->verify = job_flag(record, "verify");
    options->encryption.wanted = job_flag(record, "encrypted");
    options->catalog_names = job_flag(record, "catalog_names");
    options->no_catalog = !job_flag(record, "catalog");
    options->no_plugins = !job_flag(record, "plugins");
    options->verbose = job_flag(record, "verbose");
    options->paths = calloc(n + 1, sizeof *options->paths);
    if (!options->paths || !options->output || !options->common.device)
        return unusable(error);
    for (size_t i = 0; i < n; i++) {
        options->paths[i] = job_text(json_array_get(sources, i), "path");
        if (!options->paths[i])
            return unusable(error);
        options->n_paths++;
    }
    return load_filter(record, &options->filter, error);
}

void create_options_destroy(create_options *options)
{
    for (int i = 0; i < options->n_paths; i++)
        free(options->paths[i]);
    free(options->paths);
    for (size_t i = 0; i < options->filter.n_patterns; i++)
        free((void *)(uintptr_t)options->filter.patterns[i]);
    walk_filter_destroy(&options->filter);
    free((void *)(uintptr_t)options->output);
    free((void *)(uintptr_t)options->model);
    free((void *)(uintptr_t)options->common.device);
    *options = (create_options){0};
}

// ---- An earlier run ----

static bool same_settings(const json_t *a, const json_t *b)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        json_t *left = json_object_get(a, settings[i]), *right = json_object_get(b, settings[i]);
        if (left != right && !(left && right && json_equal(left, right)))
            return false;
    }
    return true;
}

static void keep_out(walk *walk, const char *path)
{
    struct stat st;
    if (lstat(path, &st) == 0)
        walk_keep_out(walk, st.st_dev, st.st_ino);
}

static vlmc_status take_up(create_job *job, const create_options *options, json_t *earlier,
                           vlmc_error *error)
{
    const char *id = job->place.id;
    const job_state state = job_state_of(earlier, &job->place);
    if (state == JOB_RUNNING)
        return vlmc_fail(error, VLMC_ERROR_REFUSED,
                         "job %s is writing this archive at this moment; wait for it or stop it",
                         id);
    if (state != JOB_INTERRUPTED || !job_has_work(&job->place))
        return VLMC_OK; // nothing to take up
    if (!same_settings(job->record, earlier) && !options->force)
        return vlmc_fail(
            error, VLMC_ERROR_EXISTS,
            "job %s was interrupted while it wrote this archive, with other sources or "
            "options; \"vlmc jobs resume %s\" goes on with it, \"vlmc jobs cancel %s\" "
            "gives it up",
            id, id, id);
    if (same_settings(job->record, earlier)) {
        cli_notice(job->cli, "going on with job %s, which was interrupted", id);
        job->goes_on = true;
        json_object_set(job->record, "models", json_object_get(earlier, "models"));
        json_object_set(job->record, "tokenizers", json_object_get(earlier, "tokenizers"));
        json_object_set(job->record, "auto_model", json_object_get(earlier, "auto_model"));
        json_object_set(job->record, "begun", json_object_get(earlier, "begun"));
    }
    return VLMC_OK;
}

static bool can_be_a_job(const create_options *options)
{
    return strcmp(options->output, "-") != 0 && strcmp(options->paths[0], "-") != 0;
}

vlmc_status create_job_begin(create_job *job, const create_options *options, walk *walk,
                             vlmc_error *error)
{
    json_t *earlier;
    vlmc_error why;
    job_place unused;
    *job = (create_job){.cli = options->common.cli};
    if (!can_be_a_job(options))
        return VLMC_OK;
    VLMC_TRY(job_place_of(options->output, &job->place, error));
    vlmc_status status = job_load(job->cli, job->place.id, &earlier, &unused, &why);
    if (status != VLMC_OK)
        cli_notice(job->cli, "%s", why.text);
    job->record = make_record(options, &job->place);
    if (!job->record)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the record of a job");
    job->on_record = true;
    status = earlier ? take_up(job, options, earlier, error) : VLMC_OK;
    job->on_record = status == VLMC_OK; // else it is another job that is on record
    json_decref(earlier);
    keep_out(walk, job->place.partial);
    keep_out(walk, job->place.journal);
    return status;
}

void create_job_destroy(create_job *job)
{
    json_decref(job->record);
    *job = (create_job){0};
}

// ---- What the job needs ----

static vlmc_status check_model(create_job *job, const json_t *model, vlmc_error *error)
{
    uint8_t digest[VLMC_DIGEST_BYTES];
    const char *name = json_string_value(json_object_get(model, "name"));
    const char *hex = json_string_value(json_object_get(model, "digest"));
    const vlmc_model *found;
    size_t used = 0;
    if (!name || !hex ||
        sodium_hex2bin(digest, sizeof digest, hex, strlen(hex), NULL, &used, NULL) != 0 ||
        used != sizeof digest || !job->inner.find)
        return VLMC_OK;
    return job->inner.find(job->inner.user, digest, name, &found, error);
}

static vlmc_status check_tokenizer(vlmc_plugins *plugins, const json_t *tokenizer,
                                   vlmc_error *error)
{
    const vlmc_tokenizer *found;
    const char *id = json_string_value(json_object_get(tokenizer, "id"));
    if (!id || !plugins)
        return VLMC_OK;
    return vlmc_plugins_find(plugins, id, number_of(tokenizer, "version"), &found, error);
}

vlmc_status create_job_check_needs(create_job *job, vlmc_plugins *plugins, vlmc_error *error)
{
    const json_t *item;
    size_t i;
    if (!job->on_record)
        return VLMC_OK;
    json_array_foreach(json_object_get(job->record, "models"), i, item)
        VLMC_TRY(check_model(job, item, error));
    json_array_foreach(json_object_get(job->record, "tokenizers"), i, item)
        VLMC_TRY(check_tokenizer(plugins, item, error));
    return VLMC_OK;
}

// Adds an item to a list of the record, which is written again then.
static void note(create_job *job, const char *list, json_t *item)
{
    json_t *items = json_object_get(job->record, list);
    const json_t *other;
    size_t i;
    json_array_foreach(items, i, other)
    {
        if (json_equal(other, item)) {
            json_decref(item);
            return;
        }
    }
    vlmc_error unused; // the archive itself will say that the disk is full
    json_array_append_new(items, item);
    job_save(job->cli, job->record, &unused);
}

static vlmc_status choose(void *user, const vlmc_tokenizer *tokenizer, const vlmc_model **model,
                          vlmc_error *error)
{
    create_job *job = user;
    VLMC_TRY(job->inner.choose(job->inner.user, tokenizer, model, error));
    if (*model && job->on_record) {
        json_t *item = json_object();
        json_object_set_new(item, "name", json_string((*model)->name));
        vlmc_json_set_hex(item, "digest", (*model)->digest, VLMC_DIGEST_BYTES);
        note(job, "models", item);
    }
    return VLMC_OK;
}

static vlmc_status find(void *user, const uint8_t *digest, const char *name,
                        const vlmc_model **model, vlmc_error *error)
{
    create_job *job = user;
    return job->inner.find(job->inner.user, digest, name, model, error);
}

static vlmc_status open_engine(void *user, const vlmc_model *model, uint32_t max_streams,
                               uint32_t max_steps, vlmc_engine **engine, vlmc_error *error)
{
    create_job *job = user;
    return job->inner.open(job->inner.user, model, max_streams, max_steps, engine, error);
}

static bool lost(void *user, const vlmc_error *error)
{
    create_job *job = user;
    return job->inner.lost(job->inner.user, error);
}

vlmc_engine_source create_job_source(create_job *job, vlmc_engine_source inner)
{
    job->inner = inner;
    if (!inner.open)
        return inner;
    return (vlmc_engine_source){
        .choose = choose,
        .find = find,
        .open = open_engine,
        .user = job,
        .lost = lost,
    };
}

const char *create_job_auto_model(const create_job *job)
{
    return json_string_value(json_object_get(job->record, "auto_model"));
}

void create_job_note_auto_model(create_job *job, const char *name)
{
    if (job->on_record)
        json_object_set_new(job->record, "auto_model", json_string(name));
}

void create_job_note_tokenizer(create_job *job, const vlmc_tokenizer *tokenizer)
{
    if (!job->on_record)
        return;
    json_t *item = json_object();
    json_object_set_new(item, "id", json_string(tokenizer->id));
    vlmc_json_set_number(item, "version", tokenizer->version);
    note(job, "tokenizers", item);
}

// ---- The record ----

void create_job_save(create_job *job)
{
    vlmc_error why;
    if (!job->on_record || job_save(job->cli, job->record, &why) == VLMC_OK)
        return;
    cli_notice(job->cli,
               "an interruption will cost all of the work, because it cannot be put on "
               "record: %s",
               why.text);
    job->on_record = false;
}

void create_job_stopped(create_job *job)
{
    vlmc_error why;
    const char *id = job->place.id;
    if (!job->on_record)
        return;
    if (job_state_of(job->record, &job->place) == JOB_RUNNING)
        return; // it is another process's
    if (!job_has_work(&job->place)) {
        job_remove_files(&job->place, &why); // if they are the user's
        job_remove(job->cli, id, &why);
        return;
    }
    cli_notice(job->cli,
               "what is packed is kept: \"vlmc jobs resume %s\" goes on, \"vlmc jobs cancel "
               "%s\" gives it up",
               id, id);
}

void create_job_done(create_job *job)
{
    vlmc_error why;
    if (job->on_record && job_remove(job->cli, job->place.id, &why) != VLMC_OK)
        cli_notice(job->cli, "%s", why.text);
}
