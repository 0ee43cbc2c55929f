// SPDX-License-Identifier: Apache-2.0
#include "missing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool cli_is_missing(vlmc_status status)
{
    return status == VLMC_ERROR_MODEL_MISSING || status == VLMC_ERROR_MODEL_INVALID ||
           status == VLMC_ERROR_PLUGIN_MISSING;
}

static cli_missing_thing *find_thing(cli_missing *missing, const vlmc_error *error)
{
    for (uint32_t i = 0; i < missing->n_things; i++)
        if (strcmp(missing->things[i].error.text, error->text) == 0)
            return &missing->things[i];
    if (missing->n_things == CLI_MISSING_MAX)
        return NULL;
    cli_missing_thing *thing = &missing->things[missing->n_things++];
    *thing = (cli_missing_thing){.error = *error};
    return thing;
}

void cli_missing_report(cli_missing *missing, cli *cli, const vlmc_error *error, const char *path)
{
    cli_missing_thing *thing = cli_is_missing(error->status) ? find_thing(missing, error) : NULL;
    if (!thing) {
        cli_error(cli, error);
        return;
    }
    if (thing->n_files < CLI_MISSING_NAMES)
        thing->paths[thing->n_files] = strdup(path);
    thing->n_files++;
}

static void print_thing(cli *cli, const cli_missing_thing *thing)
{
    const uint32_t n = thing->n_files;
    char files[CLI_MISSING_NAMES * 200 + 64] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < n && i < CLI_MISSING_NAMES; i++)
        used += (size_t)snprintf(files + used, sizeof files - used, "%s%.150s", i ? ", " : "",
                                 thing->paths[i] ? thing->paths[i] : "?");
    if (n > CLI_MISSING_NAMES)
        snprintf(files + used, sizeof files - used, " and %u more", n - CLI_MISSING_NAMES);
    cli_error(cli, &thing->error);
    cli_warn(cli, "%u %s without it: %s", n,
             n == 1 ? "file cannot be read" : "files cannot be read", files);
}

void cli_missing_finish(cli_missing *missing, cli *cli)
{
    for (uint32_t i = 0; i < missing->n_things; i++) {
        print_thing(cli, &missing->things[i]);
        for (uint32_t k = 0; k < CLI_MISSING_NAMES; k++)
            free(missing->things[i].paths[k]);
    }
    missing->n_things = 0;
}
