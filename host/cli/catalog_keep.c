// SPDX-License-Identifier: Apache-2.0
// vlmc catalog check, backup, forget, name
#include "catalog_actions.h"
#include "catalog_show.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

vlmc_status catalog_check(const catalog_options *options, vlmc_catalog *catalog, vlmc_error *error)
{
    VLMC_TRY(vlmc_catalog_check(catalog, error));
    if (options->common.cli->json)
        return vlmc_json_line(stdout, json_pack("{s:b}", "ok", 1), error);
    puts("the catalog is sound");
    return VLMC_OK;
}

vlmc_status catalog_backup(const catalog_options *options, vlmc_catalog *catalog, vlmc_error *error)
{
    VLMC_TRY(vlmc_catalog_backup(catalog, options->args[0], error));
    if (!options->common.cli->json)
        return VLMC_OK;
    json_t *object = json_object();
    vlmc_json_set_bytes(object, "backup", options->args[0]);
    return vlmc_json_line(stdout, object, error);
}

// What the catalog may call an archive that `arg` names: where it is, also when it is no longer
// there; as "vlmc catalog list" shows one that is elsewhere; or a digest.
static vlmc_status resolve(const char *arg, char path[PATH_MAX], vlmc_error *error)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(arg, '/');
    const size_t digits = strspn(arg, "0123456789abcdefABCDEF");
    if (realpath(arg, path))
        return VLMC_OK;
    const bool is_digest = digits >= 8 && digits <= 64 && !arg[digits];
    if (arg[0] == '[' || is_digest || strlen(arg) >= PATH_MAX) {
        snprintf(path, PATH_MAX, "%s", arg);
        return VLMC_OK;
    }
    // Its folder, at least, may be there.
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - arg) : 1, slash ? arg : ".");
    char *resolved = realpath(*folder ? folder : "/", NULL);
    int used;
    if (resolved)
        used = snprintf(path, PATH_MAX, "%s/%s", strcmp(resolved, "/") == 0 ? "" : resolved,
                        slash ? slash + 1 : arg);
    else
        used = snprintf(path, PATH_MAX, "%s", arg);
    free(resolved);
    if (used < 0 || used >= PATH_MAX)
        return vlmc_fail_os(error, VLMC_ERROR_USAGE, ENAMETOOLONG, "\"%s\" is no archive", arg);
    return VLMC_OK;
}

static vlmc_status report_forgotten(const catalog_options *options, const char *what, uint64_t n,
                                    vlmc_error *error)
{
    cli *cli = options->common.cli;
    if (!n && what)
        cli_warn(cli, "the catalog knows no archive \"%s\"", what);
    if (!cli->json) {
        if (n)
            cli_notice(cli, "%" PRIu64 " %s forgotten", n, n == 1 ? "copy is" : "copies are");
        return VLMC_OK;
    }
    json_t *object = json_object();
    if (what)
        vlmc_json_set_bytes(object, "archive", what);
    vlmc_json_set_number(object, "forgotten", n);
    return vlmc_json_line(stdout, object, error);
}

vlmc_status catalog_forget(const catalog_options *options, vlmc_catalog *catalog, vlmc_error *error)
{
    uint64_t n;
    if (!options->missing && options->n_args == 0)
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         "say which archives to forget, or --missing for those that are gone");
    if (options->missing) {
        VLMC_TRY(vlmc_catalog_forget_missing(catalog, &n, error));
        VLMC_TRY(report_forgotten(options, NULL, n, error));
    }
    for (int i = 0; i < options->n_args; i++) {
        char path[PATH_MAX];
        VLMC_TRY(resolve(options->args[i], path, error));
        VLMC_TRY(vlmc_catalog_forget(catalog, path, &n, error));
        VLMC_TRY(report_forgotten(options, options->args[i], n, error));
    }
    return VLMC_OK;
}

vlmc_status catalog_name(const catalog_options *options, vlmc_catalog *catalog, vlmc_error *error)
{
    char path[PATH_MAX];
    const char *which = options->args[0];
    // A path has a slash, so that a folder of the same name does not stand in for a volume.
    if (strchr(which, '/') && strncmp(which, "net:", 4) != 0) {
        if (!realpath(which, path))
            return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot find \"%s\"", which);
        which = path;
    }
    VLMC_TRY(vlmc_catalog_name_volume(catalog, which, options->args[1], error));
    if (!options->common.cli->json)
        return VLMC_OK;
    json_t *object = json_object();
    vlmc_json_set_bytes(object, "name", options->args[1]);
    return vlmc_json_line(stdout, object, error);
}
