// SPDX-License-Identifier: Apache-2.0
// vlmc catalog list, dups, volumes
#include "catalog_actions.h"
#include "catalog_show.h"

#include <inttypes.h>
#include <stdio.h>

static vlmc_status copy_json(const vlmc_catalog_copy *copy, vlmc_error *error)
{
    json_t *object = json_object();
    catalog_json_location(object, &copy->location);
    vlmc_json_set_time(object, "created", copy->created, 0);
    if (copy->verified)
        vlmc_json_set_time(object, "verified", copy->verified, 0);
    json_object_set_new(object, "damaged", json_boolean(copy->is_damaged));
    json_object_set_new(object, "encrypted", json_boolean(copy->is_encrypted));
    json_object_set_new(object, "names", json_boolean(copy->has_names));
    vlmc_json_set_number(object, "archive_bytes", copy->file_bytes);
    vlmc_json_set_number(object, "content_bytes", copy->content_bytes);
    vlmc_json_set_number(object, "entries", copy->n_entries);
    vlmc_json_set_hex(object, "root_digest", copy->root_digest, 32);
    if (copy->model_digest)
        vlmc_json_set_hex(object, "model_digest", copy->model_digest, 32);
    if (copy->model_name)
        vlmc_json_set_bytes(object, "model_name", copy->model_name);
    return vlmc_json_line(stdout, object, error);
}

vlmc_status catalog_print_copy(void *user, const vlmc_catalog_copy *copy, vlmc_error *error)
{
    const cli *cli = user;
    char created[48], verified[48] = "never";
    if (cli->json)
        return copy_json(copy, error);
    vlmc_format_time(copy->created, 0, created, sizeof created);
    if (copy->verified)
        vlmc_format_time(copy->verified, 0, verified, sizeof verified);
    printf("%s %-20s %12" PRIu64 " %12" PRIu64 " ", created, verified, copy->file_bytes,
           copy->content_bytes);
    catalog_print_location(&copy->location);
    if (copy->location.missing)
        fputs(" (missing)", stdout);
    if (copy->is_damaged)
        fputs(" (damaged)", stdout);
    putchar('\n');
    return VLMC_OK;
}

vlmc_status catalog_list(const catalog_options *options, vlmc_catalog *catalog, vlmc_error *error)
{
    return vlmc_catalog_list(catalog, catalog_print_copy, options->common.cli, error);
}

static vlmc_status print_content(void *user, const vlmc_catalog_content *content, vlmc_error *error)
{
    const cli *cli = user;
    if (!cli->json) {
        printf("%12" PRIu64 " in %" PRIu64 " archives ", content->size_bytes, content->n_archives);
        cli_print_escaped(content->path, stdout);
        putchar('\n');
        return VLMC_OK;
    }
    json_t *object = json_object();
    vlmc_json_set_hex(object, "sha256", content->sha256, 32);
    vlmc_json_set_number(object, "size_bytes", content->size_bytes);
    vlmc_json_set_number(object, "archives", content->n_archives);
    vlmc_json_set_number(object, "entries", content->n_entries);
    vlmc_json_set_number(object, "extra_bytes", content->extra_bytes);
    vlmc_json_set_bytes(object, "path", content->path);
    return vlmc_json_line(stdout, object, error);
}

vlmc_status catalog_duplicates(const catalog_options *options, vlmc_catalog *catalog,
                               vlmc_error *error)
{
    return vlmc_catalog_duplicates(catalog, options->limit, print_content, options->common.cli,
                                   error);
}

static vlmc_status volume_json(const vlmc_catalog_volume *volume, vlmc_error *error)
{
    json_t *object = json_object();
    vlmc_json_set_bytes(object, "identity", volume->identity);
    if (volume->name)
        vlmc_json_set_bytes(object, "name", volume->name);
    if (volume->label)
        vlmc_json_set_bytes(object, "label", volume->label);
    if (volume->filesystem)
        vlmc_json_set_bytes(object, "filesystem", volume->filesystem);
    if (volume->point)
        vlmc_json_set_bytes(object, "mount_point", volume->point);
    json_object_set_new(object, "online", json_boolean(volume->is_online));
    vlmc_json_set_time(object, "seen", volume->seen, 0);
    vlmc_json_set_number(object, "copies", volume->n_copies);
    return vlmc_json_line(stdout, object, error);
}

static vlmc_status print_volume(void *user, const vlmc_catalog_volume *volume, vlmc_error *error)
{
    const cli *cli = user;
    char seen[48];
    if (cli->json)
        return volume_json(volume, error);
    vlmc_format_time(volume->seen, 0, seen, sizeof seen);
    printf("%-8s %s %8" PRIu64 " ", volume->is_online ? "here" : "not here", seen,
           volume->n_copies);
    cli_print_escaped(volume->identity, stdout);
    if (volume->name || volume->label) {
        fputs(" \"", stdout);
        cli_print_escaped(volume->name ? volume->name : volume->label, stdout);
        putchar('"');
    }
    if (volume->point) {
        fputs(volume->is_online ? " at " : " last at ", stdout);
        cli_print_escaped(volume->point, stdout);
    }
    putchar('\n');
    return VLMC_OK;
}

vlmc_status catalog_volumes(const catalog_options *options, vlmc_catalog *catalog,
                            vlmc_error *error)
{
    return vlmc_catalog_volumes(catalog, print_volume, options->common.cli, error);
}
