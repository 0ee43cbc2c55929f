// SPDX-License-Identifier: Apache-2.0
// vlmc catalog stats, needs-model
#include "catalog_actions.h"
#include "catalog_show.h"
#include "engines.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

vlmc_status catalog_stats(const catalog_options *options, vlmc_catalog *catalog, vlmc_error *error)
{
    vlmc_catalog_stats stats;
    VLMC_TRY(vlmc_catalog_count(catalog, &stats, error));
    const struct {
        const char *key;
        const char *text;
        uint64_t value;
    } rows[] = {
        {"archives", "archives", stats.n_archives},
        {"without_names", "  without names in the catalog", stats.n_without_names},
        {"copies", "copies of them", stats.n_copies},
        {"missing", "  missing", stats.n_missing},
        {"damaged", "  damaged", stats.n_damaged},
        {"unverified", "  never verified in full", stats.n_unverified},
        {"volumes", "volumes", stats.n_volumes},
        {"entries", "entries", stats.n_entries},
        {"paths", "different paths", stats.n_paths},
        {"contents", "different contents", stats.n_contents},
        {"models", "models", stats.n_models},
        {"plugins", "plugins", stats.n_plugins},
        {"content_bytes", "bytes of all files", stats.content_bytes},
        {"unique_bytes", "bytes of different contents", stats.unique_bytes},
        {"archive_bytes", "bytes of all copies", stats.file_bytes},
        {"catalog_bytes", "bytes of the catalog", stats.catalog_bytes},
    };
    json_t *object = options->common.cli->json ? json_object() : NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (object)
            vlmc_json_set_number(object, rows[i].key, rows[i].value);
        else
            printf("%16" PRIu64 " %s\n", rows[i].value, rows[i].text);
    }
    return object ? vlmc_json_line(stdout, object, error) : VLMC_OK;
}

typedef struct models_run {
    const catalog_options *options;
    vlmc_catalog *catalog;
    const vlmc_model_path *path;
    const char *wanted; // name, or the first digits of a digest; NULL: all
    uint64_t n;
} models_run;

static vlmc_status print_model(models_run *run, const vlmc_catalog_model *model, bool is_here,
                               vlmc_error *error)
{
    char digest[2 * VLMC_DIGEST_BYTES + 1];
    vlmc_digest_text(model->digest, digest);
    if (!run->options->common.cli->json) {
        printf("%-16s %.16s %8" PRIu64 " archives %14" PRIu64 " bytes  %s\n", model->name, digest,
               model->n_archives, model->content_bytes, is_here ? "here" : "not here");
        return VLMC_OK;
    }
    json_t *object = json_object();
    vlmc_json_set_bytes(object, "name", model->name);
    vlmc_json_set_hex(object, "digest", model->digest, VLMC_DIGEST_BYTES);
    vlmc_json_set_number(object, "archives", model->n_archives);
    vlmc_json_set_number(object, "content_bytes", model->content_bytes);
    json_object_set_new(object, "here", json_boolean(is_here));
    return vlmc_json_line(stdout, object, error);
}

static vlmc_status show_model(void *user, const vlmc_catalog_model *model, vlmc_error *error)
{
    models_run *run = user;
    vlmc_model *loaded = NULL;
    vlmc_error unused;
    run->n++;
    const bool is_here =
        vlmc_model_find_digest(run->path, model->digest, model->name, &loaded, &unused) == VLMC_OK;
    vlmc_model_destroy(&loaded);
    return print_model(run, model, is_here, error);
}

static vlmc_status show_copies(void *user, const vlmc_catalog_model *model, vlmc_error *error)
{
    models_run *run = user;
    char digest[2 * VLMC_DIGEST_BYTES + 1];
    const size_t size = strlen(run->wanted);
    vlmc_digest_text(model->digest, digest);
    if (strcmp(model->name, run->wanted) != 0 &&
        (size < 8 || strncasecmp(digest, run->wanted, size) != 0))
        return VLMC_OK;
    run->n++;
    return vlmc_catalog_list_of_model(run->catalog, model->digest, catalog_print_copy,
                                      run->options->common.cli, error);
}

vlmc_status catalog_needs_model(const catalog_options *options, vlmc_catalog *catalog,
                                vlmc_error *error)
{
    cli *cli = options->common.cli;
    cli_model_path path;
    models_run run = {.options = options, .catalog = catalog};
    VLMC_TRY(cli_model_path_create(&path, &cli->env, error));
    run.path = &path.path;
    run.wanted = options->n_args ? options->args[0] : NULL;
    vlmc_status status =
        vlmc_catalog_models(catalog, run.wanted ? show_copies : show_model, &run, error);
    cli_model_path_destroy(&path);
    if (status == VLMC_OK && run.n == 0 && run.wanted)
        cli_warn(cli, "no archive needs a model \"%s\"", run.wanted);
    return status;
}
