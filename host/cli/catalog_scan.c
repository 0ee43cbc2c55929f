// SPDX-License-Identifier: Apache-2.0
// vlmc catalog scan, rebuild
#include "catalog_actions.h"
#include "catalog_show.h"
#include "job.h"
#include "record_archive.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct scan_run {
    cli *cli;
    cli_job job;
    uint64_t counts[VLMC_SCAN_NO_FOLDER + 1];
} scan_run;

static const char *const event_names[] = {
    [VLMC_SCAN_KNOWN] = "known",         [VLMC_SCAN_NEW] = "new",
    [VLMC_SCAN_MOVED] = "moved",         [VLMC_SCAN_REPLACED] = "replaced",
    [VLMC_SCAN_MISSING] = "missing",     [VLMC_SCAN_UNREADABLE] = "unreadable",
    [VLMC_SCAN_NO_FOLDER] = "no folder",
};

static vlmc_status event_json(const vlmc_scan_hit *hit, vlmc_error *error)
{
    json_t *object = json_object();
    json_object_set_new(object, "event", json_string(event_names[hit->event]));
    vlmc_json_set_bytes(object, "path", hit->path);
    if (hit->before)
        vlmc_json_set_bytes(object, "before", hit->before);
    if (hit->why)
        vlmc_json_set_bytes(object, "message", hit->why->text);
    return vlmc_json_line(stdout, object, error);
}

static vlmc_status print_event(void *user, const vlmc_scan_hit *hit, vlmc_error *error)
{
    scan_run *run = user;
    run->counts[hit->event]++;
    cli_job_end(&run->job); // the line makes room for results
    if (hit->why)
        cli_warn(run->cli, "%s", hit->why->text);
    if (run->cli->json)
        return event_json(hit, error);
    if (hit->why || hit->event == VLMC_SCAN_KNOWN)
        return VLMC_OK;
    printf("%-8s ", event_names[hit->event]);
    cli_print_escaped(hit->path, stdout);
    if (hit->before) {
        fputs(" (was ", stdout);
        cli_print_escaped(hit->before, stdout);
        putchar(')');
    }
    putchar('\n');
    return VLMC_OK;
}

static void show_looked(void *user, uint64_t n_files, uint64_t bytes)
{
    scan_run *run = user;
    cli_job_found(&run->job, n_files, bytes);
}

static void print_summary(const scan_run *run)
{
    const uint64_t *counts = run->counts;
    cli_notice(run->cli,
               "%" PRIu64 " archives: %" PRIu64 " new, %" PRIu64 " moved, %" PRIu64
               " replaced; %" PRIu64 " missing",
               counts[VLMC_SCAN_KNOWN] + counts[VLMC_SCAN_NEW] + counts[VLMC_SCAN_MOVED] +
                   counts[VLMC_SCAN_REPLACED],
               counts[VLMC_SCAN_NEW], counts[VLMC_SCAN_MOVED], counts[VLMC_SCAN_REPLACED],
               counts[VLMC_SCAN_MISSING]);
}

static void destroy_folders(char **folders, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(folders[i]);
    free(folders);
}

// The folders that were named, absolute and without symlinks.
static vlmc_status resolve_folders(const catalog_options *options, char ***folders_out,
                                   vlmc_error *error)
{
    const size_t n = (size_t)options->n_args;
    char **folders = calloc(n + 1, sizeof *folders);
    if (!folders)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the folders");
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        folders[i] = realpath(options->args[i], NULL);
        int code = folders[i] ? 0 : errno;
        if (folders[i] && (stat(folders[i], &st) != 0 || !S_ISDIR(st.st_mode)))
            code = ENOTDIR;
        if (code) {
            destroy_folders(folders, n);
            return vlmc_fail_os(error, VLMC_ERROR_IO, code, "cannot look through \"%s\"",
                                options->args[i]);
        }
    }
    *folders_out = folders;
    return VLMC_OK;
}

static vlmc_status scan_folders(const catalog_options *options, char *const *folders, scan_run *run,
                                vlmc_error *error)
{
    vlmc_catalog *catalog;
    VLMC_TRY(cli_catalog_open(options->common.cli, true, &catalog, error));
    vlmc_status status = VLMC_OK;
    for (int i = 0; i < options->n_args && status == VLMC_OK; i++) {
        const vlmc_scan_params params = {
            .folder = folders[i],
            .all_files = options->all_files,
            .visit = print_event,
            .looked = show_looked,
            .user = run,
        };
        status = vlmc_catalog_scan(catalog, &params, error);
    }
    vlmc_catalog_close(&catalog);
    return status;
}

vlmc_status catalog_scan(const catalog_options *options, vlmc_error *error)
{
    scan_run run = {.cli = options->common.cli};
    char **folders;
    VLMC_TRY(resolve_folders(options, &folders, error));
    cli_job_begin(&run.job, run.cli, "looking", 0);
    vlmc_status status = scan_folders(options, folders, &run, error);
    cli_job_end(&run.job);
    destroy_folders(folders, (size_t)options->n_args);
    if (status == VLMC_OK)
        print_summary(&run);
    return status;
}

vlmc_status catalog_rebuild(const catalog_options *options, vlmc_error *error)
{
    cli *cli = options->common.cli;
    scan_run run = {.cli = cli};
    char **folders, *aside = NULL;
    VLMC_TRY(resolve_folders(options, &folders, error));
    const vlmc_rebuild_params params = {
        .folders = (const char *const *)folders,
        .n_folders = (size_t)options->n_args,
        .all_files = options->all_files,
        .visit = print_event,
        .looked = show_looked,
        .user = &run,
    };
    cli_job_begin(&run.job, cli, "looking", 0);
    vlmc_status status = cli_catalog_rebuild(cli, &params, &aside, error);
    cli_job_end(&run.job);
    destroy_folders(folders, params.n_folders);
    if (aside)
        cli_notice(cli, "the damaged catalog was put aside as \"%s\"", aside);
    free(aside);
    if (status == VLMC_OK)
        print_summary(&run);
    return status;
}
