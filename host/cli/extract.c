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
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

typedef struct extract_options {
    cli_common common;
    const char *folder; // -C, or NULL
    bool to_stdout;
    bool dry_run;
    bool no_catalog;
    restore_options restore;
    bool has_limit;
    uint64_t max_output; // bytes, when has_limit
    const char *archive;
    char **patterns;
    int n_patterns;
} extract_options;

typedef struct extract_count {
    uint32_t selected;
    uint32_t done;
    uint64_t bytes;      // of the selected files
    uint64_t data_bytes; // of these, that are in no hole
    uint32_t decoded;    // files, and found to be as they were
    uint32_t damaged;
    uint32_t unread; // for want of a model or a plugin
    cli_missing missing;
} extract_count;

static const struct argp_option option_table[] = {
    {"directory", 'C', "DIR", 0, "Extract into DIR, which is made if it is missing", 1},
    {"stdout", CLI_KEY_STDOUT, 0, 0, "Write the files' contents to standard output", 1},
    {"overwrite", CLI_KEY_OVERWRITE, "WHEN", 0,
     "Replace existing files: never (default), always, newer (where the archive's is), different "
     "(where size or time are)",
     1},
    {"dry-run", CLI_KEY_DRY_RUN, 0, 0, "Show what would be extracted, write nothing", 1},
    {"no-catalog", CLI_KEY_NO_CATALOG, 0, 0, "Do not record the extraction in the catalog", 1},
    {"max-output", CLI_KEY_MAX_OUTPUT, "BYTES", 0,
     "Refuse to begin when the files hold more than this (such as 500M); default: what the disk "
     "has room for",
     1},
    {"same-owner", CLI_KEY_SAME_OWNER, 0, 0,
     "Give files to the users and groups that they had; default for root", 1},
    {"no-same-owner", CLI_KEY_NO_SAME_OWNER, 0, 0, "Files are yours; default for others", 1},
    {"numeric-owner", CLI_KEY_NUMERIC_OWNER, 0, 0, "Find users and groups by number, not by name",
     1},
    {"same-permissions", 'p', 0, 0,
     "Restore set-user-id, set-group-id and sticky bits and file capabilities, too", 1},
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
    if (strcmp(arg, "different") == 0)
        return RESTORE_OVERWRITE_DIFFERENT;
    if (strcmp(arg, "never") != 0)
        argp_error(state, "--overwrite wants never, always, newer or different, not \"%s\"", arg);
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
        options->restore.overwrite = parse_overwrite(state, arg);
        return 0;
    case CLI_KEY_MAX_OUTPUT:
        options->max_output = cli_parse_bytes(state, arg);
        options->has_limit = true;
        return 0;
    case CLI_KEY_SAME_OWNER:
    case CLI_KEY_NO_SAME_OWNER:
        options->restore.same_owner = key == CLI_KEY_SAME_OWNER;
        return 0;
    case CLI_KEY_NUMERIC_OWNER:
        options->restore.numeric_owner = true;
        return 0;
    case 'p':
        options->restore.special_bits = true;
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
    .doc = "Restores files, folders and links with their attributes, or those that match a shell "
           "pattern; a pattern that matches a folder takes all below. Existing files stay (exit "
           "code 7); "
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

static void add_bytes(uint64_t *sum, uint64_t bytes)
{
    if (__builtin_add_overflow(*sum, bytes, sum))
        *sum = UINT64_MAX;
}

static vlmc_status count_selected(const extract_options *options, const cli_archive *archive,
                                  extract_count *count, vlmc_error *error)
{
    for (uint32_t i = 0; i < archive->info->n_entries; i++) {
        const vlmc_entry *entry = vlmc_reader_entry(archive->reader, i);
        if (!is_selected(options, archive, i))
            continue;
        count->selected++;
        add_bytes(&count->bytes, entry->size_bytes);
        add_bytes(&count->data_bytes, entry->data_bytes);
    }
    if (options->has_limit && count->bytes > options->max_output)
        return vlmc_fail(error, VLMC_ERROR_REFUSED,
                         "the files hold %" PRIu64 " bytes, more than --max-output allows",
                         count->bytes);
    return VLMC_OK;
}

// Holes take no room, but time: they are read as zeros. No disk has files of so many.
#define HOLE_BYTES_MAX (UINT64_C(1) << 46)

// Without a limit of the user's, what the disk can hold is one: a small archive can declare any
// size. Files that replace others may need less than their size.
static vlmc_status check_room(const extract_options *options, const extract_count *count,
                              vlmc_error *error)
{
    struct statvfs disk;
    if (options->has_limit || statvfs(".", &disk) != 0 || disk.f_blocks == 0)
        return VLMC_OK;
    const uint64_t blocks =
        options->restore.overwrite == RESTORE_OVERWRITE_NEVER ? disk.f_bavail : disk.f_blocks;
    const bool fits = blocks >= count->data_bytes / disk.f_frsize;
    if (fits && count->bytes - count->data_bytes <= HOLE_BYTES_MAX)
        return VLMC_OK;
    return vlmc_fail(error, VLMC_ERROR_REFUSED,
                     "the files hold %" PRIu64 " bytes, more than the disk has room for (%" PRIu64
                     "); extract a part of them, or permit it with --max-output",
                     count->bytes, (uint64_t)disk.f_bavail * disk.f_frsize);
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
        vlmc_status status = restore_entry(restore, i, &skipped, error);
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
    VLMC_TRY(check_room(options, count, error));
    VLMC_TRY(
        restore_create(&options->restore, options->common.cli, archive->reader, &restore, error));
    vlmc_status status = restore_pass(options, archive, restore, false, count, error);
    if (status == VLMC_OK)
        status = restore_pass(options, archive, restore, true, count, error);
    if (restore_finish(restore, &close_error) != VLMC_OK)
        cli_error(options->common.cli, &close_error);
    restore_destroy(&restore);
    return status;
}

// All that is selected is decoded ahead.
static vlmc_status announce_selected(const extract_options *options, cli_archive *archive,
                                     vlmc_error *error)
{
    VLMC_TRY(cli_archive_read_ahead(archive, error));
    for (uint32_t i = 0; i < archive->info->n_entries; i++)
        if (is_selected(options, archive, i))
            VLMC_TRY(vlmc_reader_announce(archive->reader, i, error));
    return VLMC_OK;
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
        if ((entry->type != VLMC_ENTRY_FILE && entry->type != VLMC_ENTRY_HARD_LINK) ||
            !is_selected(options, archive, i))
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
    VLMC_TRY(announce_selected(options, archive, error));
    return options->to_stdout ? extract_to_stdout(options, archive, count, error)
                              : extract_to_disk(options, archive, count, error);
}

// What would become of an entry, and whether it would be refused.
static const char *show_entry(const extract_options *options, const vlmc_entry *entry)
{
    bool skipped = false;
    vlmc_error error;
    const vlmc_status status =
        options->to_stdout ? VLMC_OK
                           : restore_check_place(&options->restore, entry, &skipped, &error);
    if (status != VLMC_OK) {
        cli_error(options->common.cli, &error);
        return "would refuse";
    }
    return skipped ? "would keep" : "would extract";
}

static vlmc_status show_selected(const extract_options *options, const cli_archive *archive,
                                 vlmc_error *error)
{
    const bool there = !options->folder || chdir(options->folder) == 0;
    if (!there && errno != ENOENT)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot extract into \"%s\"",
                            options->folder);
    for (uint32_t i = 0; i < archive->info->n_entries; i++) {
        const vlmc_entry *entry = vlmc_reader_entry(archive->reader, i);
        if (!is_selected(options, archive, i))
            continue;
        const char *result = there ? show_entry(options, entry) : "would extract";
        report_entry(options->common.cli, entry, result);
        if (!options->common.cli->json && strcmp(result, "would extract") == 0) {
            cli_print_path(entry->path);
            putchar('\n');
        }
    }
    return VLMC_OK;
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
        status = show_selected(options, &archive, error);
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
    extract_options options = {.restore.same_owner = geteuid() == 0};
    vlmc_error error;
    cli_common_init(&options.common, cli);
    cli_parse(&extract_argp, argc, argv, &options);
    if (run(&options, &error) != VLMC_OK)
        cli_error(cli, &error);
}
