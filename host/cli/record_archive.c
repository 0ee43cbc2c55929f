// SPDX-License-Identifier: Apache-2.0
#include "record_archive.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

vlmc_status cli_catalog_open(const cli *cli, bool create, vlmc_catalog **catalog, vlmc_error *error)
{
    char path[PATH_MAX];
    const cli_environment *env = &cli->env;
    int used = env->catalog     ? snprintf(path, sizeof path, "%s", env->catalog)
               : env->data_home ? snprintf(path, sizeof path, "%s/vlmc/catalog.db", env->data_home)
               : env->home
                   ? snprintf(path, sizeof path, "%s/.local/share/vlmc/catalog.db", env->home)
                   : -1;
    *catalog = NULL;
    if (used < 0 || (size_t)used >= sizeof path)
        return vlmc_fail(error, VLMC_ERROR_CATALOG,
                         "there is no place for a catalog; set HOME or VLMC_CATALOG");
    return vlmc_catalog_open(path, create, catalog, error);
}

static vlmc_status record(cli *cli, const char *path, vlmc_error *error)
{
    char absolute[PATH_MAX];
    vlmc_reader *reader = NULL;
    vlmc_catalog *catalog = NULL;
    const vlmc_engine_source no_engine = {0}; // the index is all that is read
    if (!realpath(path, absolute))
        return vlmc_fail_os(error, VLMC_ERROR_CATALOG, errno, "cannot resolve \"%s\"", path);
    VLMC_TRY(cli_catalog_open(cli, true, &catalog, error));
    vlmc_status status = vlmc_reader_open(path, &no_engine, &reader, error);
    if (status == VLMC_OK)
        status = vlmc_catalog_record(catalog, reader, absolute, time(NULL), error);
    vlmc_reader_destroy(&reader);
    vlmc_catalog_close(&catalog);
    return status;
}

void record_archive(cli *cli, const char *path)
{
    vlmc_error error;
    if (record(cli, path, &error) == VLMC_OK)
        return;
    cli_error(cli, &error);
    cli_notice(cli, "the archive \"%s\" is complete, but the catalog does not know it", path);
}
