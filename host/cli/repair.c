// SPDX-License-Identifier: Apache-2.0
// vlmc repair
#include "archive/repair.h"
#include "archive_file.h"
#include "cli.h"
#include "job.h"
#include "options.h"
#include "record_archive.h"
#include "util/json_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct repair_options {
    cli_common common;
    const char *archive;
    const char *output; // NULL: beside the archive, or in its place
    bool in_place;
    bool force;
} repair_options;

static const struct argp_option option_table[] = {
    {"output", 'o', "FILE", 0, "Write the repaired archive here; default: NAME.repaired.vlmc", 1},
    {"in-place", CLI_KEY_IN_PLACE, 0, 0, "Replace ARCHIVE, but only when all is mended", 1},
    {"force", 'f', 0, 0, "Replace FILE when it exists", 1},
    CLI_OPTIONS_OUTPUT,
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    repair_options *options = state->input;
    switch (key) {
    case 'o':
        options->output = arg;
        return 0;
    case 'f':
        options->force = true;
        return 0;
    case CLI_KEY_IN_PLACE:
        options->in_place = true;
        return 0;
    case ARGP_KEY_END:
        if (options->output && options->in_place)
            argp_error(state, "--output and --in-place exclude each other");
        return 0;
    default:
        if (cli_one_archive_parse(key, arg, state, &options->archive) == 0)
            return 0;
        return cli_common_parse(key, arg, state, &options->common);
    }
}

static const struct argp repair_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "ARCHIVE",
    .doc =
        "Reads an archive with recovery data and writes it anew with its damage mended, beside "
        "the damaged file unless told otherwise. What was written is checked by its hashes before "
        "it gets its name. Needs no model, no plugin and no passphrase."
        "\vExit code 0: nothing was wrong, and nothing is written. 4: all damage is repaired. 3: "
        "it is not; what could be mended is written unless --in-place is given.\n"
        "Examples:\n"
        "  vlmc repair photos.vlmc\n"
        "  vlmc repair -o /mnt/good/photos.vlmc photos.vlmc\n"
        "  vlmc repair --in-place photos.vlmc\n",
};

// "A.vlmc" becomes "A.repaired.vlmc". malloc'ed.
static char *default_output(const char *archive)
{
    static const char suffix[] = ".vlmc";
    const size_t n = strlen(archive), s = sizeof suffix - 1;
    const bool has = n > s && strcmp(archive + n - s, suffix) == 0;
    char *name;
    if (asprintf(&name, "%.*s.repaired.vlmc", (int)(has ? n - s : n), archive) < 0)
        return NULL;
    return name;
}

// What came of it.
typedef struct repair_result {
    const char *output; // NULL: nothing was written
    bool whole;
} repair_result;

static vlmc_status print_json(const repair_options *options, const vlmc_repair_info *info,
                              const repair_result *result, double seconds, vlmc_error *error)
{
    json_t *object = json_object();
    vlmc_json_set_bytes(object, "archive", options->archive);
    json_object_set_new(object, "result",
                        json_string(info->need == VLMC_REPAIR_NOTHING ? "whole"
                                    : result->whole                   ? "repaired"
                                                                      : "damaged"));
    if (result->output)
        vlmc_json_set_bytes(object, "output", result->output);
    vlmc_json_set_number(object, "archive_bytes", info->archive_bytes);
    vlmc_json_set_number(object, "recovery_bytes", info->recovery_bytes);
    vlmc_json_set_number(object, "blocks", info->report.cells);
    vlmc_json_set_number(object, "damaged_blocks", info->report.bad_cells);
    vlmc_json_set_number(object, "mended_blocks", info->report.mended_cells);
    vlmc_json_set_number(object, "lost_blocks", info->report.lost_cells);
    vlmc_json_set_number(object, "recovery_blocks", info->report.packets);
    vlmc_json_set_number(object, "damaged_recovery_blocks", info->report.bad_packets);
    json_object_set_new(object, "seconds", json_real(seconds));
    return vlmc_json_line(stdout, object, error);
}

static void say_found(cli *cli, const char *name, const vlmc_repair_info *info)
{
    const vlmc_recovery_report *r = &info->report;
    if (!info->has_recovery) {
        cli_notice(cli,
                   info->need == VLMC_REPAIR_NOTHING
                       ? "%s is whole; it has no recovery data"
                       : "%s is whole, and followed by bytes that are not its own",
                   name);
        return;
    }
    if (info->need == VLMC_REPAIR_NOTHING)
        cli_notice(cli, "%s is whole, and so are its recovery data", name);
    else
        cli_notice(cli,
                   "%s: %" PRIu64 " of %" PRIu64 " blocks are damaged, and %" PRIu64 " of %" PRIu64
                   " of the recovery data",
                   name, r->bad_cells, r->cells, r->bad_packets, r->packets);
    if (r->unknown_cells)
        cli_notice(cli,
                   "of %" PRIu64 " blocks the recovery data do not say any more whether they are",
                   r->unknown_cells);
    if (info->shift != 0)
        cli_notice(cli, "%" PRIu64 " bytes %s", (uint64_t)llabs((long long)info->shift),
                   info->shift > 0 ? "came into the file" : "of the file are missing");
}

static void say_done(cli *cli, const repair_options *options, const vlmc_repair_info *info,
                     const repair_result *result)
{
    vlmc_error error;
    if (result->whole) {
        cli_notice(cli, "\"%s\" is whole again", result->output);
        record_change(cli, result->output);
        cli_raise(cli, CLI_EXIT_REPAIRED);
        return;
    }
    vlmc_fail(&error, VLMC_ERROR_DAMAGED,
              "%" PRIu64 " blocks of \"%s\" cannot be mended, the first at byte %" PRIu64
              "; %s%s%s get another copy",
              info->report.lost_cells, options->archive, info->report.lost_at,
              result->output ? "what could be mended is \"" : "nothing was written,",
              result->output ? result->output : "", result->output ? "\"; keep both and" : "");
    cli_error(cli, &error);
}

static vlmc_status write_file(const repair_options *options, const cli_archive_file *file,
                              const char *path, vlmc_repair *repair,
                              vlmc_recovery_progress *progress, repair_result *result,
                              vlmc_error *error)
{
    vlmc_output *output;
    const char *target = options->in_place ? file->path : path;
    const vlmc_output_params params = {
        .path = target,
        .replace = options->in_place || options->force,
    };
    VLMC_TRY(vlmc_output_create(&params, &output, error));
    vlmc_status status =
        vlmc_repair_write(repair, vlmc_output_fd(output), progress, &result->whole, error);
    if (status == VLMC_OK && (result->whole || !options->in_place)) {
        if (options->in_place)
            cli_archive_file_take_over(file, output);
        status = vlmc_output_commit(output, error);
        result->output = status == VLMC_OK ? path : NULL;
    }
    vlmc_output_destroy(&output);
    return status;
}

// Replacing the damaged file is for --in-place alone, which does so only when all is mended.
static vlmc_status check_output(const cli_archive_file *file, const char *path, vlmc_error *error)
{
    struct stat st;
    if (stat(path, &st) == 0 && st.st_dev == file->st.st_dev && st.st_ino == file->st.st_ino)
        return vlmc_fail(
            error, VLMC_ERROR_REFUSED,
            "\"%s\" is the damaged archive itself; name another file, or use --in-place", path);
    return VLMC_OK;
}

static vlmc_status mend(const repair_options *options, const cli_archive_file *file,
                        const char *path, cli_job *job, vlmc_error *error)
{
    cli *cli = options->common.cli;
    vlmc_recovery_progress progress = {.tell = cli_job_progress, .user = job};
    vlmc_repair *repair;
    repair_result result = {0};
    cli_job_begin(job, cli, "checking", file->file_bytes);
    vlmc_status status =
        vlmc_repair_create(file->fd, file->file_bytes, options->archive, &progress, &repair, error);
    cli_job_end(job);
    VLMC_TRY(status);
    const double checked = cli_job_seconds(job);
    const vlmc_repair_info *info = vlmc_repair_info_of(repair);
    say_found(cli, options->archive, info);
    if (info->need != VLMC_REPAIR_NOTHING) {
        progress.bytes_done = 0;
        cli_job_begin(job, cli, "mending", 3 * info->archive_bytes);
        status = write_file(options, file, path, repair, &progress, &result, error);
        cli_job_end(job);
        if (status == VLMC_OK)
            say_done(cli, options, info, &result);
    }
    if (status == VLMC_OK && cli->json)
        status = print_json(options, info, &result, checked + cli_job_seconds(job), error);
    vlmc_repair_destroy(&repair);
    return status;
}

static vlmc_status run(const repair_options *options, vlmc_error *error)
{
    cli_archive_file file;
    cli_job job;
    char *path = options->output     ? strdup(options->output)
                 : options->in_place ? strdup(options->archive)
                                     : default_output(options->archive);
    if (!path)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to repair %s",
                         options->archive);
    vlmc_status status = cli_archive_file_open(&file, options->archive, error);
    if (status == VLMC_OK && !options->in_place)
        status = check_output(&file, path, error);
    if (status == VLMC_OK)
        status = mend(options, &file, path, &job, error);
    cli_archive_file_close(&file);
    free(path);
    return status;
}

void cli_repair(cli *cli, int argc, char **argv)
{
    repair_options options = {0};
    vlmc_error error;
    cli_common_init(&options.common, cli);
    cli_parse(&repair_argp, argc, argv, &options);
    if (run(&options, &error) != VLMC_OK)
        cli_error(cli, &error);
}
