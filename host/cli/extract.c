// SPDX-License-Identifier: Apache-2.0
// vlmc extract
#include "cli.h"
#include "devices.h"
#include "job.h"
#include "missing.h"
#include "open_archive.h"
#include "options.h"
#include "record_archive.h"
#include "restore.h"
#include "util/json_out.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef struct extract_options {
    cli_common common;
    const char *folder; // -C, or NULL
    bool to_stdout;
    bool dry_run;
    bool no_catalog;
    restore_overwrite overwrite;
    uint64_t max_output; // bytes, UINT64_MAX = no limit
    const char *archive;
    char **patterns;
    int n_patterns;
} extract_options;

typedef struct extract_count {
    uint32_t selected;
    uint32_t done;
    uint64_t bytes;   // of the selected files
    uint32_t decoded; // files, and found to be as they were
    uint32_t damaged;
    uint32_t unread; // for want of a model or a plugin
    cli_missing missing;
} extract_count;

static const struct argp_option option_table[] = {
    {"directory", 'C', "DIR", 0, "Extract into DIR, which is made if it is missing", 1},
    {"stdout", CLI_KEY_STDOUT, 0, 0, "Write the files' contents to standard output", 1},
    {"overwrite", CLI_KEY_OVERWRITE, "WHEN", 0,
     "Replace existing files: never (default), always, newer", 1},
    {"dry-run", CLI_KEY_DRY_RUN, 0, 0, "Show what would be extracted, write nothing", 1},
    {"no-catalog", CLI_KEY_NO_CATALOG, 0, 0, "Do not record the extraction in the catalog", 1},
    {"max-output", CLI_KEY_MAX_OUTPUT, "BYTES", 0,
     "Refuse to begin when the files hold more than this (such as 500M)", 1},
    CLI_OPTIONS_COMPUTE,
    CLI_OPTIONS_PASSPHRASE,
    CLI_OPTIONS_OUTPUT,
    {0},
};

static restore_overwrite parse_overwrite(struct argp_state *state, const char *arg)
{
    if (strcmp(arg, "always") == 0)
        return RESTORE_OVERWRITE_ALWAYS;
    if (strcmp(arg, "newer") == 0)
        return RESTORE_OVERWRITE_NEWER;
    if (strcmp(arg, "never") != 0)
        argp_error(state, "--overwrite wants never, always or newer, not \"%s\"", arg);
    return RESTORE_OVERWRITE_NEVER;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    extract_options *options = state->input;
    switch (key) {
    case 'C':
        options->folder = arg;
        return 0;
    case CLI_KEY_STDOUT:
        options->to_stdout = true;
        return 0;
    case CLI_KEY_NO_CATALOG:
        options->no_catalog = true;
        return 0;
    case CLI_KEY_DRY_RUN:
        options->dry_run = true;
        return 0;
    case CLI_KEY_OVERWRITE:
        options->overwrite = parse_overwrite(state, arg);
        return 0;
    case CLI_KEY_MAX_OUTPUT:
        options->max_output = cli_parse_bytes(state, arg);
        return 0;
    case ARGP_KEY_ARGS:
        options->archive = state->argv[state->next];
        options->patterns = state->argv + state->next + 1;
        options->n_patterns = state->argc - state->next - 1;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "no archive named");
        return 0;
    case ARGP_KEY_SUCCESS:
        if (options->to_stdout && options->common.cli->json)
            argp_error(state, "--json and --stdout would both write to standard output");
        return 0;
    default:
        return cli_common_parse(key, arg, state, &options->common);
    }
}

static const struct argp extract_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "ARCHIVE [PATTERN…]",
    .doc = "Restores files, folders and symlinks, or those that match a shell pattern; a "
           "pattern that matches a folder takes all below. Existing files stay (exit code 7); "
           "a damaged file is not left behind (exit code 3). \"-\" reads standard input."
           "\vExamples:\n"
           "  vlmc extract books.vlmc -C restored/\n"
           "  vlmc extract books.vlmc 'books/*.txt'\n"
           "  vlmc extract --stdout books.vlmc books/alice29.txt | less\n",
};

static bool is_selected(const extract_options *options, const cli_archive *archive, uint32_t i)
{
    const vlmc_entry *entry = vlmc_reader_entry(archive->reader, i);
    return cli_matches(entry->path, options->patterns, options->n_patterns);
}

static vlmc_status count_selected(const extract_options *options, const cli_archive *archive,
                                  extract_count *count, vlmc_error *error)
{
    for (uint32_t i = 0; i < archive->info->n_entries; i++) {
        const vlmc_entry *entry = vlmc_reader_entry(archive->reader, i);
        if (!is_selected(options, archive, i))
            continue;
        count->selected++;
        if (__builtin_add_overflow(count->bytes, entry->size_bytes, &count->bytes))
            count->bytes = UINT64_MAX;
    }
    if (count->bytes > options->max_output)
        return vlmc_fail(error, VLMC_ERROR_REFUSED,
                         "the files hold %" PRIu64 " bytes, more than --max-output allows",
                         count->bytes);
    return VLMC_OK;
}

static void report_entry(const cli *cli, const vlmc_entry *entry, const char *result)
{
    if (!cli->json)
        return;
    vlmc_error unused; // main reports a standard output that cannot be written
    json_t *object = json_object();
    vlmc_json_set_bytes(object, "path", entry->path);
    json_object_set_new(object, "result", json_string(result));
    vlmc_json_line(stdout, object, &unused);
}

static const char *result_name(vlmc_status status, bool skipped)
{
    switch (status) {
    case VLMC_OK:
        return skipped ? "kept" : "extracted";
    case VLMC_ERROR_DAMAGED:
        return "damaged";
    case VLMC_ERROR_MODEL_MISSING:
    case VLMC_ERROR_MODEL_INVALID:
    case VLMC_ERROR_PLUGIN_MISSING:
        return "missing";
    case VLMC_ERROR_EXISTS:
    case VLMC_ERROR_REFUSED:
        return "refused";
    default:
        return "failed";
    }
}

// What an extraction says of the archive, for the catalog.
static void note_result(extract_count *count, const vlmc_entry *entry, vlmc_status status,
                        bool skipped)
{
    if (entry->type != VLMC_ENTRY_FILE)
        return;
    if (status == VLMC_OK)
        count->decoded += !skipped;
    else if (status == VLMC_ERROR_DAMAGED)
        count->damaged++;
    else if (status == VLMC_ERROR_PLUGIN || cli_is_missing(status))
        count->unread++;
}

// Files and folders, then symlinks.
static vlmc_status restore_pass(const extract_options *options, cli_archive *archive,
                                restore *restore, bool symlinks, extract_count *count,
                                vlmc_error *error)
{
    cli *cli = options->common.cli;
    for (uint32_t i = 0; i < archive->info->n_entries; i++) {
        const vlmc_entry *entry = vlmc_reader_entry(archive->reader, i);
        bool skipped;
        if ((entry->type == VLMC_ENTRY_SYMLINK) != symlinks || !is_selected(options, archive, i))
            continue;
        vlmc_status status = restore_entry(restore, archive->reader, i, &skipped, error);
        report_entry(cli, entry, result_name(status, skipped));
        note_result(count, entry, status, skipped);
        if (status != VLMC_OK && !cli_archive_survives(status, error))
            return status;
        if (status != VLMC_OK)
            cli_missing_report(&count->missing, cli, error, entry->path);
        else
            count->done += !skipped;
    }
    return VLMC_OK;
}

static vlmc_status enter_folder(const char *folder, vlmc_error *error)
{
    if (!folder)
        return VLMC_OK;
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot make the folder \"%s\"", folder);
    if (chdir(folder) != 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot extract into \"%s\"", folder);
    return VLMC_OK;
}

static vlmc_status extract_to_disk(const extract_options *options, cli_archive *archive,
                                   extract_count *count, vlmc_error *error)
{
    restore *restore;
    vlmc_error close_error;
    VLMC_TRY(enter_folder(options->folder, error));
    VLMC_TRY(restore_create(options->overwrite, &restore, error));
    vlmc_status status = restore_pass(options, archive, restore, false, count, error);
    if (status == VLMC_OK)
        status = restore_pass(options, archive, restore, true, count, error);
    if (restore_finish(restore, &close_error) != VLMC_OK)
        cli_error(options->common.cli, &close_error);
    restore_destroy(&restore);
    return status;
}

static vlmc_status write_stdout(void *user, const void *bytes, size_t size, vlmc_error *error)
{
    (void)user;
    if (fwrite(bytes, 1, size, stdout) != size)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot write to standard output");
    return VLMC_OK;
}

static vlmc_status extract_to_stdout(const extract_options *options, cli_archive *archive,
                                     extract_count *count, vlmc_error *error)
{
    cli *cli = options->common.cli;
    for (uint32_t i = 0; i < archive->info->n_entries; i++) {
        const vlmc_entry *entry = vlmc_reader_entry(archive->reader, i);
        if (entry->type != VLMC_ENTRY_FILE || !is_selected(options, archive, i))
            continue;
        vlmc_status status = vlmc_reader_read(archive->reader, i, write_stdout, NULL, error);
        note_result(count, entry, status, false);
        if (status != VLMC_OK && !cli_archive_survives(status, error))
            return status;
        if (status != VLMC_OK)
            cli_missing_report(&count->missing, cli, error, entry->path);
        else
            count->done++;
    }
    return VLMC_OK;
}

static vlmc_status extract_selected(const extract_options *options, cli_archive *archive,
                                    extract_count *count, vlmc_error *error)
{
    VLMC_TRY(cli_archive_use_plugins(archive, options->common.cli, error));
    return options->to_stdout ? extract_to_stdout(options, archive, count, error)
                              : extract_to_disk(options, archive, count, error);
}

static void show_selected(const extract_options *options, const cli_archive *archive)
{
    for (uint32_t i = 0; i < archive->info->n_entries; i++) {
        const vlmc_entry *entry = vlmc_reader_entry(archive->reader, i);
        if (!is_selected(options, archive, i))
            continue;
        report_entry(options->common.cli, entry, "would extract");
        if (!options->common.cli->json) {
            cli_print_path(entry->path);
            putchar('\n');
        }
    }
}

// An extraction of all files is as good as a verification.
static vlmc_catalog_level level_of(const cli_archive *archive, const extract_count *count)
{
    uint32_t files = 0;
    for (uint32_t i = 0; i < archive->info->n_entries; i++)
        files += vlmc_reader_entry(archive->reader, i)->type == VLMC_ENTRY_FILE;
    return count->decoded == files ? VLMC_CATALOG_DECODE : VLMC_CATALOG_EXTRACT;
}

static void tell_catalog(const extract_options *options, const cli_archive *archive,
                         const extract_count *count, vlmc_status status, double seconds)
{
    const vlmc_catalog_verification extraction = {
        .at = time(NULL),
        .level = level_of(archive, count),
        .result = count->damaged      ? VLMC_CATALOG_DAMAGED
                  : count->unread     ? VLMC_CATALOG_UNREAD
                  : status != VLMC_OK ? VLMC_CATALOG_STOPPED
                                      : VLMC_CATALOG_SOUND,
        .n_files = (uint64_t)count->decoded + count->damaged + count->unread,
        .n_bad = (uint64_t)count->damaged + count->unread,
        .seconds = seconds,
    };
    record_verification(options->common.cli, archive->reader, options->archive,
                        archive->info->encrypted ? VLMC_CATALOG_WITHOUT_NAMES
                                                 : VLMC_CATALOG_WITH_NAMES,
                        &extraction);
}

static vlmc_status extract(const extract_options *options, cli_archive *archive,
                           extract_count *count, cli_job *job, vlmc_error *error)
{
    // The folder to extract into becomes the working folder; the catalog and the archive are named
    // from the one before.
    const int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    job->progress.total = count->bytes;
    vlmc_reader_set_progress(archive->reader, cli_job_progress, job);
    const vlmc_status status = extract_selected(options, archive, count, error);
    cli_job_end(job);
    cli_missing_finish(&count->missing, options->common.cli);
    if (before >= 0 && fchdir(before) == 0 && !options->no_catalog)
        tell_catalog(options, archive, count, status, cli_job_seconds(job));
    if (before >= 0)
        close(before);
    if (status == VLMC_OK)
        cli_notice(options->common.cli, "%u of %u entries in %.1f s", (unsigned)count->done,
                   (unsigned)count->selected, cli_job_seconds(job));
    else if (status == VLMC_ERROR_INTERRUPTED && !options->to_stdout)
        cli_notice(options->common.cli,
                   "%u of %u entries are extracted; the same command with --overwrite newer "
                   "does the rest",
                   (unsigned)count->done, (unsigned)count->selected);
    return status;
}

static vlmc_status run(const extract_options *options, vlmc_error *error)
{
    cli *cli = options->common.cli;
    cli_archive archive;
    cli_job job;
    extract_count count = {0};
    VLMC_TRY(cli_device_check(options->common.device, error));
    VLMC_TRY(cli_archive_open(&archive, &options->common, options->archive, error));
    cli_job_begin(&job, cli, "extracting", archive.info->content_bytes);
    if (options->dry_run || (options->to_stdout && isatty(STDOUT_FILENO)))
        cli_job_hide(&job);
    vlmc_status status = count_selected(options, &archive, &count, error);
    // When nothing matches, not even the folder of -C is made.
    const bool any = count.selected > 0 || options->n_patterns == 0;
    if (status == VLMC_OK && options->dry_run) {
        show_selected(options, &archive);
    } else if (status == VLMC_OK && any) {
        status = extract(options, &archive, &count, &job, error);
    }
    if (status == VLMC_OK)
        cli_warn_unmatched(cli, &archive, options->patterns, options->n_patterns);
    cli_archive_close(&archive);
    return status;
}

void cli_extract(cli *cli, int argc, char **argv)
{
    extract_options options = {.max_output = UINT64_MAX};
    vlmc_error error;
    cli_common_init(&options.common, cli);
    cli_parse(&extract_argp, argc, argv, &options);
    if (run(&options, &error) != VLMC_OK)
        cli_error(cli, &error);
}
