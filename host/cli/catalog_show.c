// SPDX-License-Identifier: Apache-2.0
#include "catalog_show.h"

#include "cli.h"

void catalog_print_location(const vlmc_catalog_location *location)
{
    if (location->path) {
        cli_print_escaped(location->path, stdout);
        return;
    }
    putchar('[');
    cli_print_escaped(location->volume, stdout);
    fputs("] ", stdout);
    cli_print_escaped(location->volume_path, stdout);
}

void catalog_json_location(json_t *object, const vlmc_catalog_location *location)
{
    if (location->path)
        vlmc_json_set_bytes(object, "archive", location->path);
    vlmc_json_set_bytes(object, "volume", location->volume);
    vlmc_json_set_bytes(object, "volume_path", location->volume_path);
    json_object_set_new(object, "online", json_boolean(location->path != NULL));
    json_object_set_new(object, "missing", json_boolean(location->missing));
}
