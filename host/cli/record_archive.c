// SPDX-License-Identifier: Apache-2.0
#include "record_archive.h"

#include "interrupt.h"
#include "passphrase.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static vlmc_status catalog_path(const cli *cli, char path[PATH_MAX], vlmc_error *error)
{
    const cli_environment *env = &cli->env;
    int used = env->catalog     ? snprintf(path, PATH_MAX, "%s", env->catalog)
               : env->data_home ? snprintf(path, PATH_MAX, "%s/vlmc/catalog.db", env->data_home)
               : env->home ? snprintf(path, PATH_MAX, "%s/.local/share/vlmc/catalog.db", env->home)
                           : -1;
    if (used < 0 || used >= PATH_MAX)
        return vlmc_fail(error, VLMC_ERROR_CATALOG,
                         "there is no place for a catalog; set HOME or VLMC_CATALOG");
    return VLMC_OK;
}

static bool is_stopped(void *user)
{
    (void)user;
    return cli_interrupt_signal() != 0;
}

static uint32_t busy_ms(const cli *cli)
{
    const double seconds = cli->env.catalog_seconds ? strtod(cli->env.catalog_seconds, NULL) : 0;
    return seconds > 0 && seconds < 86400 ? (uint32_t)(seconds * 1000) + 1 : 0;
}

static vlmc_catalog_params params_for(const cli *cli, const char *path, bool create)
{
    return (vlmc_catalog_params){
        .path = path,
        .create = create,
        .busy_ms = busy_ms(cli),
        .system = cli->env.system,
        .stop = is_stopped,
    };
}

vlmc_status cli_catalog_rebuild(cli *cli, const vlmc_rebuild_params *rebuild, char **aside,
                                vlmc_error *error)
{
    char path[PATH_MAX];
    *aside = NULL;
    VLMC_TRY(catalog_path(cli, path, error));
    const vlmc_catalog_params params = params_for(cli, path, true);
    return vlmc_catalog_rebuild(&params, rebuild, aside, error);
}

vlmc_status cli_catalog_open(cli *cli, bool create, vlmc_catalog **catalog, vlmc_error *error)
{
    char path[PATH_MAX];
    *catalog = NULL;
    VLMC_TRY(catalog_path(cli, path, error));
    const vlmc_catalog_params params = params_for(cli, path, create);
    VLMC_TRY(vlmc_catalog_open(&params, catalog, error));
    if (vlmc_catalog_backup_made(*catalog))
        cli_notice(cli, "the catalog was brought to a new version; the old one is \"%s\"",
                   vlmc_catalog_backup_made(*catalog));
    return VLMC_OK;
}

// What is in an encrypted archive is its owner's secret.
static vlmc_catalog_names names_of(const vlmc_reader *reader, bool secret_names)
{
    return vlmc_reader_info(reader)->encrypted && !secret_names ? VLMC_CATALOG_WITHOUT_NAMES
                                                                : VLMC_CATALOG_WITH_NAMES;
}

static vlmc_status record(cli *cli, const char *path, bool create, bool secret_names,
                          vlmc_error *error)
{
    char absolute[PATH_MAX];
    vlmc_reader *reader = NULL;
    vlmc_catalog *catalog = NULL;
    const vlmc_reader_params params = {
        // the index is all that is read
        .path = path,
        .passphrase = secret_names ? cli_passphrase_ask : NULL,
        .passphrase_user = cli,
        .may_be_locked = true,
    };
    if (!realpath(path, absolute))
        return vlmc_fail_os(error, VLMC_ERROR_CATALOG, errno, "cannot resolve \"%s\"", path);
    VLMC_TRY(cli_catalog_open(cli, create, &catalog, error));
    vlmc_status status = vlmc_reader_open_with(&params, &reader, error);
    if (status == VLMC_OK)
        status =
            vlmc_catalog_record(catalog, reader, absolute, names_of(reader, secret_names), error);
    vlmc_reader_destroy(&reader);
    vlmc_catalog_close(&catalog);
    return status;
}

void record_archive(cli *cli, const char *path, bool secret_names)
{
    vlmc_error error;
    if (record(cli, path, true, secret_names, &error) == VLMC_OK)
        return;
    cli_error(cli, &error);
    cli_notice(cli, "the archive \"%s\" is complete, but the catalog does not know it", path);
}

// Who only reads and keeps archives of others has no catalog, and needs none.
static bool has_catalog(const cli *cli)
{
    char path[PATH_MAX];
    vlmc_error unused;
    return catalog_path(cli, path, &unused) == VLMC_OK && access(path, F_OK) == 0;
}

void record_change(cli *cli, const char *path)
{
    vlmc_error error;
    if (!has_catalog(cli) || record(cli, path, false, false, &error) == VLMC_OK)
        return;
    cli_error(cli, &error);
    cli_notice(
        cli,
        "\"%s\" is complete, but the catalog does not know; \"vlmc catalog scan\" will tell it",
        path);
}

static vlmc_status verified(cli *cli, const vlmc_reader *reader, const char *path,
                            vlmc_catalog_names names, const vlmc_catalog_verification *verification,
                            vlmc_error *error)
{
    char absolute[PATH_MAX];
    vlmc_catalog *catalog = NULL;
    if (strcmp(path, "-") == 0 || !realpath(path, absolute) || !has_catalog(cli))
        return VLMC_OK;
    if (reader && vlmc_reader_info(reader)->encrypted)
        names = VLMC_CATALOG_WITHOUT_NAMES;
    VLMC_TRY(cli_catalog_open(cli, false, &catalog, error));
    vlmc_status status =
        vlmc_catalog_record_verify(catalog, reader, absolute, names, verification, error);
    vlmc_catalog_close(&catalog);
    return status;
}

void record_verification(cli *cli, const vlmc_reader *reader, const char *path,
                         vlmc_catalog_names names, const vlmc_catalog_verification *verification)
{
    vlmc_error error;
    if (verified(cli, reader, path, names, verification, &error) != VLMC_OK)
        cli_error(cli, &error);
}
