// SPDX-License-Identifier: Apache-2.0
// vlmc protect
#include "archive/extent.h"
#include "archive/record_walk.h"
#include "archive_file.h"
#include "cli.h"
#include "job.h"
#include "options.h"
#include "percent.h"
#include "record_archive.h"
#include "recovery/bytes_at.h"
#include "recovery/recovery.h"
#include "util/json_out.h"

#include <inttypes.h>

#define PERCENT_DEFAULT 10u

typedef struct protect_options {
    cli_common common;
    const char *archive;
    uint32_t percent;
    bool remove;
} protect_options;

static const struct argp_option option_table[] = {
    {"recovery", CLI_KEY_RECOVERY, "N%", 0, "How much, 1% to 100% of the archive; default: 10%", 1},
    {"remove", CLI_KEY_REMOVE, 0, 0, "Take the recovery data away", 1},
    CLI_OPTIONS_OUTPUT,
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    protect_options *options = state->input;
    switch (key) {
    case CLI_KEY_RECOVERY:
        options->percent = cli_parse_percent(state, arg);
        return 0;
    case CLI_KEY_REMOVE:
        options->remove = true;
        return 0;
    case ARGP_KEY_END:
        if (options->remove && options->percent)
            argp_error(state, "--remove and --recovery exclude each other");
        return 0;
    default:
        if (cli_one_archive_parse(key, arg, state, &options->archive) == 0)
            return 0;
        return cli_common_parse(key, arg, state, &options->common);
    }
}

static const struct argp protect_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "ARCHIVE",
    .doc =
        "Adds recovery data to an archive, or replaces those that it has, so that \"vlmc repair\" "
        "can mend damage: with 10 % damage of any 5 % of the file. The archive itself stays as it "
        "is; the file is replaced only when the new one is complete, so there must be room for "
        "both."
        "\vExamples:\n"
        "  vlmc protect photos.vlmc\n"
        "  vlmc protect --recovery 25% photos.vlmc\n"
        "  vlmc protect --remove photos.vlmc\n",
};

static vlmc_status write_file(const cli_archive_file *file, uint64_t archive_bytes,
                              uint32_t percent, vlmc_recovery_progress *progress,
                              uint64_t *file_bytes, vlmc_error *error)
{
    vlmc_output *output;
    const vlmc_output_params params = {.path = file->path, .replace = true};
    VLMC_TRY(vlmc_output_create(&params, &output, error));
    const int to = vlmc_output_fd(output);
    vlmc_status status = vlmc_recovery_copy(file->fd, to, 0, archive_bytes, progress, error);
    *file_bytes = archive_bytes;
    if (status == VLMC_OK && percent)
        status = vlmc_recovery_protect(to, archive_bytes, percent, progress, file_bytes, error);
    if (status == VLMC_OK) {
        cli_archive_file_take_over(file, output);
        status = vlmc_output_commit(output, error);
    }
    vlmc_output_destroy(&output);
    return status;
}

static vlmc_status print_result(const protect_options *options, uint64_t archive_bytes,
                                uint64_t file_bytes, double seconds, vlmc_error *error)
{
    cli *cli = options->common.cli;
    const uint64_t recovery = file_bytes - archive_bytes;
    if (!cli->json) {
        if (options->remove)
            cli_notice(cli, "%s: without recovery data, %" PRIu64 " bytes", options->archive,
                       file_bytes);
        else
            cli_notice(cli, "%s: %" PRIu64 " bytes of recovery data (%.1f %%) in %.1f s",
                       options->archive, recovery, 100 * (double)recovery / (double)archive_bytes,
                       seconds);
        return VLMC_OK;
    }
    json_t *object = json_object();
    vlmc_json_set_bytes(object, "archive", options->archive);
    vlmc_json_set_number(object, "archive_bytes", file_bytes);
    vlmc_json_set_number(object, "recovery_bytes", recovery);
    json_object_set_new(object, "seconds", json_real(seconds));
    return vlmc_json_line(stdout, object, error);
}

static vlmc_status protect(const protect_options *options, const cli_archive_file *file,
                           cli_job *job, vlmc_error *error)
{
    vlmc_archive_extent extent;
    vlmc_recovery_progress progress = {.tell = cli_job_progress, .user = job};
    uint64_t file_bytes;
    VLMC_TRY(
        vlmc_archive_find_extent(file->fd, file->file_bytes, options->archive, &extent, error));
    if (options->remove && extent.recovery_bytes == 0) {
        cli_notice(options->common.cli, "%s has no recovery data", options->archive);
        return options->common.cli->json
                   ? print_result(options, extent.archive_bytes, extent.archive_bytes, 0, error)
                   : VLMC_OK;
    }
    cli_job_begin(job, options->common.cli, "protecting", 3 * extent.archive_bytes);
    vlmc_status status =
        vlmc_record_walk_check(file->fd, extent.archive_bytes, options->archive, &progress, error);
    if (status == VLMC_ERROR_DAMAGED && !options->remove)
        cli_notice(options->common.cli, "recovery data of a damaged archive would be of no use; "
                                        "\"vlmc repair\" it first, or get another copy");
    if (status == VLMC_OK)
        status =
            write_file(file, extent.archive_bytes, options->percent, &progress, &file_bytes, error);
    cli_job_end(job);
    VLMC_TRY(status);
    record_change(options->common.cli, file->path);
    return print_result(options, extent.archive_bytes, file_bytes, cli_job_seconds(job), error);
}

void cli_protect(cli *cli, int argc, char **argv)
{
    protect_options options = {0};
    cli_archive_file file;
    cli_job job;
    vlmc_error error;
    cli_common_init(&options.common, cli);
    cli_parse(&protect_argp, argc, argv, &options);
    if (!options.percent && !options.remove)
        options.percent = PERCENT_DEFAULT;
    vlmc_status status = cli_archive_file_open(&file, options.archive, &error);
    if (status == VLMC_OK)
        status = protect(&options, &file, &job, &error);
    if (status != VLMC_OK)
        cli_error(cli, &error);
    cli_archive_file_close(&file);
}
