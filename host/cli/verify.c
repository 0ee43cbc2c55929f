// SPDX-License-Identifier: Apache-2.0
// vlmc verify
#include "verify.h"

#include "cli.h"
#include "devices.h"
#include "job.h"
#include "missing.h"
#include "open_archive.h"
#include "recovery_check.h"
#include "util/json_out.h"

#include <inttypes.h>
#include <stdio.h>

static vlmc_status discard(void *user, const void *bytes, size_t size, vlmc_error *error)
{
    (void)user;
    (void)bytes;
    (void)size;
    (void)error;
    return VLMC_OK;
}

typedef struct verify_count {
    uint32_t files;
    uint32_t damaged;
    uint32_t unread; // for want of a model or a plugin
    cli_missing missing;
} verify_count;

static vlmc_status print_bad(cli *cli, verify_count *count, const vlmc_entry *entry,
                             const vlmc_error *why, vlmc_error *error)
{
    cli_missing_report(&count->missing, cli, why, entry->path);
    if (!cli->json)
        return VLMC_OK;
    json_t *object = json_object();
    json_object_set_new(object, "type",
                        json_string(why->status == VLMC_ERROR_DAMAGED ? "damaged" : "unread"));
    vlmc_json_set_bytes(object, "path", entry->path);
    vlmc_json_set_bytes(object, "message", why->text);
    return vlmc_json_line(stdout, object, error);
}

static vlmc_status read_all(cli *cli, cli_archive *archive, verify_count *count, vlmc_error *error)
{
    for (uint32_t i = 0; i < archive->info->n_entries; i++) {
        const vlmc_entry *entry = vlmc_reader_entry(archive->reader, i);
        if (entry->type != VLMC_ENTRY_FILE)
            continue;
        count->files++;
        const vlmc_status status = vlmc_reader_read(archive->reader, i, discard, NULL, error);
        if (status == VLMC_OK)
            continue;
        if (status != VLMC_ERROR_DAMAGED && status != VLMC_ERROR_PLUGIN && !cli_is_missing(status))
            return status;
        if (status == VLMC_ERROR_DAMAGED)
            count->damaged++;
        else
            count->unread++;
        const vlmc_error why = *error;
        VLMC_TRY(print_bad(cli, count, entry, &why, error));
    }
    return VLMC_OK;
}

static vlmc_status print_result(const cli *cli, const cli_archive *archive,
                                const verify_count *count, cli_recovery_state recovery,
                                double seconds, vlmc_error *error)
{
    if (!cli->json) {
        if (count->damaged)
            printf("%u of %u files are damaged\n", (unsigned)count->damaged,
                   (unsigned)count->files);
        if (count->unread)
            printf("%u of %u files could not be read\n", (unsigned)count->unread,
                   (unsigned)count->files);
        else if (!count->damaged && !cli->quiet)
            printf("%u files, %" PRIu64 " bytes: all as they were\n", (unsigned)count->files,
                   archive->info->content_bytes);
        return VLMC_OK;
    }
    json_t *object = json_object();
    json_object_set_new(object, "type", json_string("summary"));
    vlmc_json_set_bytes(object, "archive", archive->name);
    vlmc_json_set_number(object, "files", count->files);
    vlmc_json_set_number(object, "damaged", count->damaged);
    vlmc_json_set_number(object, "unread", count->unread);
    vlmc_json_set_number(object, "content_bytes", archive->info->content_bytes);
    json_object_set_new(object, "recovery", json_string(cli_recovery_state_name(recovery)));
    vlmc_json_set_hex(object, "root_digest", archive->info->root_digest,
                      sizeof archive->info->root_digest);
    json_object_set_new(object, "seconds", json_real(seconds));
    return vlmc_json_line(stdout, object, error);
}

vlmc_status verify_archive(const cli_common *common, const char *path, vlmc_error *error)
{
    cli_archive archive;
    cli_job job;
    verify_count count = {0};
    cli_recovery_state recovery = CLI_RECOVERY_NONE;
    VLMC_TRY(cli_device_check(common->device, error));
    VLMC_TRY(cli_archive_open(&archive, common, path, error));
    cli_job_begin(&job, common->cli, "verifying", archive.info->content_bytes);
    vlmc_reader_set_progress(archive.reader, cli_job_progress, &job);
    vlmc_status status = cli_archive_use_plugins(&archive, common->cli, error);
    if (status == VLMC_OK)
        status = read_all(common->cli, &archive, &count, error);
    cli_job_end(&job);
    cli_missing_finish(&count.missing, common->cli);
    if (status == VLMC_OK && archive.info->recovery_bytes)
        status = cli_recovery_check(common->cli, &archive, path, &recovery, error);
    if (status == VLMC_OK)
        status =
            print_result(common->cli, &archive, &count, recovery, cli_job_seconds(&job), error);
    cli_archive_close(&archive);
    return status;
}

typedef struct verify_options {
    cli_common common;
    const char *archive;
} verify_options;

static const struct argp_option option_table[] = {
    CLI_OPTIONS_COMPUTE,
    CLI_OPTIONS_PASSPHRASE,
    CLI_OPTIONS_OUTPUT,
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    verify_options *options = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (options->archive)
            argp_error(state, "one archive at a time");
        options->archive = arg;
        return 0;
    case ARGP_KEY_END:
        if (!options->archive)
            argp_error(state, "no archive named");
        return 0;
    default:
        return cli_common_parse(key, arg, state, &options->common);
    }
}

static const struct argp verify_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "ARCHIVE",
    .doc = "Decodes everything in an archive and compares each file with its SHA-256. Nothing "
           "is written to disk. Exit code 3: some files are damaged, each is named."
           "\vExamples:\n"
           "  vlmc verify books.vlmc\n"
           "  vlmc verify -d vulkan:1 --json books.vlmc\n",
};

void cli_verify(cli *cli, int argc, char **argv)
{
    verify_options options = {0};
    vlmc_error error;
    cli_common_init(&options.common, cli);
    cli_parse(&verify_argp, argc, argv, &options);
    if (verify_archive(&options.common, options.archive, &error) != VLMC_OK)
        cli_error(cli, &error);
}
