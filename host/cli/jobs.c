// SPDX-License-Identifier: Apache-2.0
// vlmc jobs
#include "cli.h"
#include "create.h"
#include "create_job.h"
#include "job_record.h"
#include "options.h"
#include "util/json_out.h"
#include "util/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct jobs_options {
    cli_common common;
    bool device_given;
    const char *action;
    char **ids;
    int n_ids;
} jobs_options;

static const struct argp_option option_table[] = {
    CLI_OPTIONS_COMPUTE,
    CLI_OPTIONS_PASSPHRASE,
    CLI_OPTIONS_OUTPUT,
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    jobs_options *options = state->input;
    switch (key) {
    case 'd':
        options->device_given = true;
        return cli_common_parse(key, arg, state, &options->common);
    case ARGP_KEY_ARGS:
        options->action = state->argv[state->next];
        options->ids = state->argv + state->next + 1;
        options->n_ids = state->argc - state->next - 1;
        return 0;
    case ARGP_KEY_NO_ARGS:
        options->action = "list";
        return 0;
    default:
        return cli_common_parse(key, arg, state, &options->common);
    }
}

static const struct argp jobs_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "[list]\nresume [ID]\ncancel ID…",
    .doc = "Archives whose creation was interrupted, by a signal, a full disk or a power cut. "
           "resume reads the same files again and takes over what is packed, so that the archive "
           "is the one that it would have become; without an ID it takes the only job there is. "
           "cancel removes what is packed. Nothing else is ever removed."
           "\vExamples:\n"
           "  vlmc jobs\n"
           "  vlmc jobs resume 3f0a91c2\n"
           "  vlmc jobs cancel 3f0a91c2\n",
};

static const char *const state_names[] = {
    [JOB_RUNNING] = "running",
    [JOB_INTERRUPTED] = "interrupted",
    [JOB_COMPLETE] = "complete",
    [JOB_STALE] = "stale",
};

// ---- list ----

static uint64_t partial_bytes(const job_place *place)
{
    struct stat st;
    return lstat(place->partial, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static uint64_t member(const json_t *record, const char *key)
{
    const json_int_t n = json_integer_value(json_object_get(record, key));
    return n > 0 ? (uint64_t)n : 0;
}

static vlmc_status print_json(const json_t *record, const job_place *place, const char *state,
                              vlmc_error *error)
{
    json_t *object = json_object();
    json_object_set_new(object, "id", json_string(place->id));
    json_object_set_new(object, "state", json_string(state));
    vlmc_json_set_bytes(object, "output", place->output);
    vlmc_json_set_bytes(object, "partial", place->partial);
    json_object_set(object, "sources", json_object_get(record, "sources"));
    json_object_set(object, "level", json_object_get(record, "level"));
    vlmc_json_set_time(object, "begun", (int64_t)member(record, "begun"), 0);
    vlmc_json_set_number(object, "content_bytes", member(record, "content_bytes"));
    vlmc_json_set_number(object, "packed_bytes", partial_bytes(place));
    return vlmc_json_line(stdout, object, error);
}

static vlmc_status print_job(const jobs_options *options, const char *id, vlmc_error *error)
{
    cli *cli = options->common.cli;
    json_t *record;
    job_place place;
    vlmc_error why;
    if (job_load(cli, id, &record, &place, &why) != VLMC_OK) {
        cli_warn(cli, "%s", why.text);
        return VLMC_OK;
    }
    if (!record) // removed meanwhile
        return VLMC_OK;
    const char *state = state_names[job_state_of(record, &place)];
    vlmc_status status = VLMC_OK;
    if (cli->json) {
        status = print_json(record, &place, state, error);
    } else {
        char begun[48], packed[16];
        vlmc_format_time((int64_t)member(record, "begun"), 0, begun, sizeof begun);
        vlmc_format_bytes(partial_bytes(&place), packed, sizeof packed);
        printf("%s  %-11s  %s  %8s  ", id, state, begun, packed);
        cli_print_path(place.output);
        putchar('\n');
    }
    json_decref(record);
    return status;
}

static vlmc_status list(const jobs_options *options, vlmc_error *error)
{
    char(*ids)[JOB_ID_BYTES];
    size_t n;
    vlmc_status status = job_list(options->common.cli, &ids, &n, error);
    for (size_t i = 0; i < n && status == VLMC_OK; i++)
        status = print_job(options, ids[i], error);
    free(ids);
    return status;
}

// ---- resume ----

static vlmc_status only_job(const cli *cli, char id[JOB_ID_BYTES], vlmc_error *error)
{
    char(*ids)[JOB_ID_BYTES];
    size_t n;
    VLMC_TRY(job_list(cli, &ids, &n, error));
    if (n == 1)
        memcpy(id, ids[0], JOB_ID_BYTES);
    free(ids);
    if (n == 1)
        return VLMC_OK;
    return n ? vlmc_fail(error, VLMC_ERROR_USAGE,
                         "there are %zu jobs; name one that \"vlmc jobs\" lists", n)
             : vlmc_fail(error, VLMC_ERROR_USAGE, "there is no job on record");
}

static vlmc_status load(const cli *cli, const char *id, json_t **record, job_place *place,
                        vlmc_error *error)
{
    VLMC_TRY(job_load(cli, id, record, place, error));
    return *record
               ? VLMC_OK
               : vlmc_fail(error, VLMC_ERROR_USAGE,
                           "there is no job %s; \"vlmc jobs\" lists those that are on record", id);
}

static vlmc_status enter_folder(const json_t *record, vlmc_error *error)
{
    char *folder = job_text(record, "folder");
    vlmc_status status = VLMC_OK;
    if (!folder || chdir(folder) != 0)
        status = vlmc_fail_os(error, VLMC_ERROR_IO, folder ? errno : ENOMEM,
                              "cannot enter the folder \"%s\", where the job was begun",
                              folder ? folder : "");
    free(folder);
    return status;
}

static void apply(const jobs_options *options, create_options *create)
{
    create->common.threads = options->common.threads;
    if (options->device_given) {
        free((void *)(uintptr_t)create->common.device);
        create->common.device = strdup(options->common.device);
    }
}

static vlmc_status follow_up(const create_options *create, const job_place *place,
                             vlmc_error *error)
{
    cli *cli = create->common.cli;
    cli_notice(cli, "%s is complete already", place->output);
    VLMC_TRY(create_follow_up(create, error));
    unlink(place->journal);
    return job_remove(cli, place->id, error);
}

static vlmc_status resume_record(const jobs_options *options, const json_t *record,
                                 const job_place *place, vlmc_error *error)
{
    create_options create = {0};
    const job_state state = job_state_of(record, place);
    if (state == JOB_RUNNING)
        return vlmc_fail(error, VLMC_ERROR_REFUSED,
                         "job %s is running at this moment; wait for it or stop it", place->id);
    if (state == JOB_STALE)
        cli_notice(options->common.cli, "the partial file of job %s is gone: from the start, then",
                   place->id);
    VLMC_TRY(enter_folder(record, error));
    vlmc_status status = create_options_load(record, options->common.cli, &create, error);
    if (status == VLMC_OK) {
        apply(options, &create);
        if (state == JOB_COMPLETE)
            status = follow_up(&create, place, error);
        else
            create_run(&create); // reports by itself
    }
    create_options_destroy(&create);
    return status;
}

static vlmc_status resume(const jobs_options *options, vlmc_error *error)
{
    cli *cli = options->common.cli;
    char id[JOB_ID_BYTES];
    json_t *record;
    job_place place;
    if (options->n_ids > 1)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "resume takes one job at a time");
    if (options->n_ids == 0)
        VLMC_TRY(only_job(cli, id, error));
    VLMC_TRY(load(cli, options->n_ids ? options->ids[0] : id, &record, &place, error));
    const vlmc_status status = resume_record(options, record, &place, error);
    json_decref(record);
    return status;
}

// ---- cancel ----

static vlmc_status cancel_one(const jobs_options *options, const char *id, vlmc_error *error)
{
    cli *cli = options->common.cli;
    json_t *record;
    job_place place;
    const vlmc_status status = job_load(cli, id, &record, &place, error);
    if (status == VLMC_ERROR_FORMAT) {
        VLMC_TRY(job_remove(cli, id, error));
        cli_notice(cli,
                   "removed the record of job %s, which says nothing of its files; they are "
                   "named \".ARCHIVE.part-%s\"",
                   id, id);
        return VLMC_OK;
    }
    VLMC_TRY(status);
    if (!record)
        return load(cli, id, &record, &place, error);
    json_decref(record);
    VLMC_TRY(job_remove_files(&place, error));
    VLMC_TRY(job_remove(cli, id, error));
    cli_notice(cli, "gave up job %s", id);
    if (!cli->json)
        return VLMC_OK;
    json_t *object = json_object();
    json_object_set_new(object, "id", json_string(id));
    json_object_set_new(object, "state", json_string("cancelled"));
    return vlmc_json_line(stdout, object, error);
}

static vlmc_status cancel(const jobs_options *options, vlmc_error *error)
{
    if (options->n_ids == 0)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "cancel wants the id of a job");
    for (int i = 0; i < options->n_ids; i++)
        VLMC_TRY(cancel_one(options, options->ids[i], error));
    return VLMC_OK;
}

static vlmc_status run(const jobs_options *options, vlmc_error *error)
{
    if (strcmp(options->action, "resume") == 0)
        return resume(options, error);
    if (strcmp(options->action, "cancel") == 0)
        return cancel(options, error);
    if (strcmp(options->action, "list") == 0 && options->n_ids == 0)
        return list(options, error);
    return vlmc_fail(error, VLMC_ERROR_USAGE, "say list, resume ID or cancel ID, not \"%s\"",
                     options->n_ids && strcmp(options->action, "list") == 0 ? options->ids[0]
                                                                            : options->action);
}

void cli_jobs(cli *cli, int argc, char **argv)
{
    jobs_options options = {0};
    vlmc_error error;
    cli_common_init(&options.common, cli);
    cli_parse(&jobs_argp, argc, argv, &options);
    if (run(&options, &error) != VLMC_OK)
        cli_error(cli, &error);
}
