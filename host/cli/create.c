// SPDX-License-Identifier: Apache-2.0
// vlmc create
#include "create.h"
#include "auto_model.h"
#include "cli.h"
#include "codec/cut.h"
#include "codec/level.h"
#include "create_coming.h"
#include "create_job.h"
#include "create_source.h"
#include "devices.h"
#include "encrypt.h"
#include "engines.h"
#include "job.h"
#include "options.h"
#include "percent.h"
#include "plugins.h"
#include "record_archive.h"
#include "status_line.h"
#include "util/json_out.h"
#include "verify.h"
#include "walk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const struct argp_option option_table[] = {
    {"output", 'o', "ARCHIVE", 0, "Write this archive; \"-\" is standard output", 1},
    {"force", 'f', 0, 0, "Replace ARCHIVE when it exists", 1},
    {"verify", CLI_KEY_VERIFY, 0, 0, "Decode the finished archive and compare every file", 1},
    {"recovery", CLI_KEY_RECOVERY, "N%", 0,
     "Add recovery data of N % of the archive, from which \"vlmc repair\" mends damage", 1},
    {"stdin-name", CLI_KEY_STDIN_NAME, "NAME", 0, "Name of what \"-\" reads; default: stdin", 1},
    {"no-catalog", CLI_KEY_NO_CATALOG, 0, 0, "Do not record the archive in the catalog", 1},
    {"exclude", CLI_KEY_EXCLUDE, "PATTERN", 0,
     "Leave out what matches this shell pattern, and all below it; may be given again", 1},
    {"one-file-system", CLI_KEY_ONE_FILE_SYSTEM, 0, 0,
     "Leave out what lies on another file system than its PATH", 1},
    {"encrypt", CLI_KEY_ENCRYPT, 0, 0,
     "Encrypt contents, names and all else with a passphrase, asked twice on the terminal", 6},
    CLI_OPTIONS_PASSPHRASE,
    CLI_OPTIONS_KDF,
    {"catalog-names", CLI_KEY_CATALOG_NAMES, 0, 0,
     "Let the catalog know the names in an encrypted archive", 6},
    {"verbose", 'v', 0, 0, "Say which files a plugin turned into tokens", 1},
    {"model", 'm', "MODEL", 0,
     "A model's name or file, for plain bytes and all of its modality; default: VLMC_MODEL, else "
     "\"" CLI_DEFAULT_MODEL "\"; \"auto\" takes the largest for text that is fast enough here; "
     "\"none\" packs with zstd only",
     5},
    {0, '1', 0, 0, "Fastest: context models alone, without a transformer", 4},
    {0, '2', 0, 0, "The same with more contexts and memory", 4},
    {0, '3', 0, 0, "Fastest with a transformer: the model text-nano, where it is there", 4},
    {0, '4', 0, 0, "Smaller groups than the default: faster to get one file out", 4},
    {0, '5', 0, 0, "The default", 4},
    {0, '6', 0, 0, "Larger groups, more memory", 4},
    {0, '7', 0, 0, "More contexts", 4},
    {0, '8', 0, 0, "Larger groups still", 4},
    {0, '9', 0, 0, "Smallest; takes some 3 GB of memory, to extract as well", 4},
    {"group-size", CLI_KEY_GROUP_SIZE, "BYTES", 0,
     "Groups of at most this size, 64K to 64M; default: by level. An interruption costs those in "
     "work",
     5},
    {"no-plugins", CLI_KEY_NO_PLUGINS, 0, 0, "Take every file as plain bytes", 5},
    CLI_OPTIONS_COMPUTE,
    CLI_OPTIONS_OUTPUT,
    {0},
};

static uint32_t parse_group_size(struct argp_state *state, const char *arg)
{
    const uint64_t bytes = cli_parse_bytes(state, arg);
    if (bytes < VLMC_GROUP_BYTES_LEAST || bytes > VLMC_GROUP_BYTES_MAX)
        argp_error(state, "--group-size wants 64K to 64M, not \"%s\"", arg);
    return (uint32_t)bytes;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    create_options *options = state->input;
    switch (key) {
    case 'o':
        options->output = arg;
        return 0;
    case 'f':
        options->force = true;
        return 0;
    case 'm':
        options->model = arg;
        return 0;
    case 'v':
        options->verbose = true;
        return 0;
    case '1' ... '9':
        options->level = (uint32_t)(key - '0');
        return 0;
    case CLI_KEY_GROUP_SIZE:
        options->group_bytes = parse_group_size(state, arg);
        return 0;
    case CLI_KEY_NO_PLUGINS:
        options->no_plugins = true;
        return 0;
    case CLI_KEY_VERIFY:
        options->verify = true;
        return 0;
    case CLI_KEY_RECOVERY:
        options->recovery_percent = cli_parse_percent(state, arg);
        return 0;
    case CLI_KEY_STDIN_NAME:
        options->stdin_name = arg;
        return 0;
    case CLI_KEY_CATALOG_NAMES:
        options->catalog_names = true;
        return 0;
    case CLI_KEY_NO_CATALOG:
        options->no_catalog = true;
        return 0;
    case CLI_KEY_EXCLUDE:
        return walk_exclude(&options->filter, arg) ? 0 : ENOMEM;
    case CLI_KEY_ONE_FILE_SYSTEM:
        options->filter.one_file_system = true;
        return 0;
    case ARGP_KEY_ARGS:
        options->paths = state->argv + state->next;
        options->n_paths = state->argc - state->next;
        return 0;
    case ARGP_KEY_END:
        if (!options->output)
            argp_error(state, "no archive named; use -o ARCHIVE");
        if (!options->encryption.wanted &&
            (options->common.cli->passphrase_file || options->catalog_names))
            argp_error(state, "without --encrypt there is neither a passphrase nor a secret name");
        if (options->n_paths == 0)
            argp_error(state, "nothing to archive; name files or folders, or - for standard input");
        return 0;
    default:
        if (cli_encryption_parse(key, arg, state, &options->encryption) == 0)
            return 0;
        return cli_common_parse(key, arg, state, &options->common);
    }
}

static const struct argp create_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "-o ARCHIVE PATH…\n-o ARCHIVE -",
    .doc = "Writes an archive of files and folders. Symlinks are stored as links. The archive "
           "appears under its name only when it is complete. What interrupts the work costs the "
           "groups in work: the same command again, or \"vlmc jobs resume\", goes on."
           "\vExamples:\n"
           "  vlmc create -o books.vlmc books/\n"
           "  vlmc create --recovery 10% -o photos.vlmc photos/\n"
           "  vlmc create -m auto -o mails.vlmc mails/\n"
           "  vlmc create -d vulkan:0 --verify -o notes.vlmc notes/ todo.txt\n"
           "  vlmc create --encrypt --passphrase-file key -o diary.vlmc diary/\n"
           "  tar c src | vlmc create -o src.vlmc --stdin-name src.tar -\n",
};

// What the archive's content goes through.
typedef struct create_tools {
    cli_engines engines;
    uint32_t groups_at_once;
    uint32_t models_at_once;
    uint64_t beside_bytes;
    vlmc_engine_source source; // nothing: zstd only
    vlmc_plugins *plugins;     // NULL: none
    vlmc_worker *worker;
    vlmc_worker *ahead_worker; // for files that come later; NULL: none
    vlmc_seal *seal;           // NULL: the archive is not encrypted
} create_tools;

// The only argument "-" means standard input; among others it would be ambiguous.
static vlmc_status check_arguments(const create_options *options, bool *from_stdin,
                                   vlmc_error *error)
{
    VLMC_TRY(cli_device_check(options->common.device, error));
    if (!*options->output)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "-o wants the name of an archive, not \"\"");
    *from_stdin = options->n_paths == 1 && strcmp(options->paths[0], "-") == 0;
    for (int i = 0; i < options->n_paths && !*from_stdin; i++)
        if (strcmp(options->paths[i], "-") == 0)
            return vlmc_fail(error, VLMC_ERROR_USAGE,
                             "\"-\" reads standard input and must be the only path; a file of "
                             "that name is ./-");
    if (*from_stdin && options->common.cli->passphrase_file &&
        strcmp(options->common.cli->passphrase_file, "-") == 0)
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         "content and passphrase cannot both come from standard input");
    if (options->verify && strcmp(options->output, "-") == 0)
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         "--verify needs an archive that can be read again, not standard output");
    if (options->recovery_percent && strcmp(options->output, "-") == 0)
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         "--recovery needs an archive that can be read again, not standard output; "
                         "write a file, or use \"vlmc protect\" where the archive ends up");
    if (strcmp(options->output, "-") == 0 && isatty(STDOUT_FILENO))
        return vlmc_fail(error, VLMC_ERROR_REFUSED,
                         "refusing to write an archive to a terminal; use -o FILE or a pipe");
    if (strcmp(options->output, "-") == 0 && options->common.cli->json)
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         "--json and -o - would both write to standard output");
    return VLMC_OK;
}

// An early look, so that a long walk is not in vain; the writer decides.
static vlmc_status look_at_output(const create_options *options, walk *walk, vlmc_error *error)
{
    struct stat st;
    if (strcmp(options->output, "-") == 0 || stat(options->output, &st) != 0)
        return VLMC_OK;
    if (!options->force)
        return vlmc_fail(error, VLMC_ERROR_EXISTS,
                         "\"%s\" exists; use -f to replace it or choose another name",
                         options->output);
    if (S_ISDIR(st.st_mode))
        return vlmc_fail(error, VLMC_ERROR_EXISTS, "\"%s\" is a folder", options->output);
    walk_keep_out(walk, st.st_dev, st.st_ino);
    return VLMC_OK;
}

static vlmc_status add_stdin(create_target *target, const create_options *options,
                             vlmc_error *error)
{
    char *stored;
    VLMC_TRY(walk_stored_path(options->stdin_name, &stored, error));
    vlmc_entry entry = {
        .path = stored,
        .type = VLMC_ENTRY_FILE,
        .mode = 0644,
        .mtime_seconds = time(NULL),
    };
    struct stat st;
    if (fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode)) {
        entry.mtime_seconds = st.st_mtim.tv_sec;
        entry.mtime_ns = (uint32_t)st.st_mtim.tv_nsec;
        entry.mode = st.st_mode & 07777;
    }
    vlmc_status status;
    if (!*stored)
        status = vlmc_fail(error, VLMC_ERROR_USAGE, "--stdin-name must name a file, not \"%s\"",
                           options->stdin_name);
    else
        status = create_add_stream(target, &entry, STDIN_FILENO, "standard input", error);
    free(stored);
    return status;
}

static vlmc_status collect(const create_options *options, walk *walk, vlmc_error *error)
{
    walk->filter = &options->filter;
    for (int i = 0; i < options->n_paths; i++)
        VLMC_TRY(walk_add(walk, options->common.cli, options->paths[i], error));
    return walk_finish(walk, error);
}

// Progress of a run and its job.
typedef struct create_run_state {
    cli_job progress;
    create_job job;
} create_run_state;

static bool show_progress(void *user, uint64_t bytes_done, uint64_t packed_bytes)
{
    create_run_state *run = user;
    create_job *job = &run->job;
    const bool goes_on = cli_job_progress(&run->progress, bytes_done, packed_bytes);
    if (!goes_on && job->on_record && !job->told_stop) {
        cli_notice(job->cli, "finishing the groups in work; a second signal stops at once");
        job->told_stop = true;
    }
    return goes_on;
}

static vlmc_status add_all(create_target *target, const create_options *options, const walk *walk,
                           bool from_stdin, vlmc_error *error)
{
    if (from_stdin)
        return add_stdin(target, options, error);
    for (size_t i = 0; i < walk->n_items; i++) {
        target->number = i;
        VLMC_TRY(create_add_item(target, &walk->items[i], error));
    }
    return VLMC_OK;
}

static vlmc_status write_archive(const create_options *options, const walk *walk, bool from_stdin,
                                 const create_tools *tools, create_run_state *run,
                                 create_target *target, uint64_t *archive_bytes, vlmc_error *error)
{
    const bool to_stdout = strcmp(options->output, "-") == 0;
    const uint32_t by_level = vlmc_level_of(options->level)->group_bytes;
    create_coming coming = CREATE_COMING_NONE(walk);
    const vlmc_writer_params params = {
        .level = vlmc_level_of(options->level),
        .group_bytes = options->group_bytes ? options->group_bytes : by_level,
        .groups_at_once = tools->groups_at_once,
        .models_at_once = tools->models_at_once,
        .beside_bytes = tools->beside_bytes,
        .recovery_percent = options->recovery_percent,
        .path = to_stdout ? NULL : options->output,
        .partial = run->job.on_record ? run->job.place.partial : NULL,
        .journal = run->job.place.journal,
        .fd = STDOUT_FILENO,
        .replace = options->force,
        .seal = tools->seal,
        .engine = create_job_source(&run->job, tools->source),
        .plugins = create_plugins(target, tools->worker),
        .coming = create_coming_source(&coming, from_stdin ? NULL : tools->ahead_worker),
        .progress = show_progress,
        .progress_user = run,
    };
    VLMC_TRY(create_begin(target, error));
    vlmc_status status = vlmc_writer_create(&params, &target->writer, error);
    if (status == VLMC_OK) {
        create_job_save(&run->job); // another run may have put itself on record before it failed
        status = add_all(target, options, walk, from_stdin, error);
    }
    if (status == VLMC_OK)
        status = vlmc_writer_finish(target->writer, archive_bytes, error);
    const vlmc_writer_progress state =
        target->writer ? vlmc_writer_state(target->writer) : (vlmc_writer_progress){0};
    vlmc_writer_destroy(&target->writer);
    create_coming_end(&coming);
    if (status == VLMC_OK && state.taken)
        cli_notice(options->common.cli, "%u groups were taken over from the interrupted run",
                   (unsigned)state.taken);
    create_end(target);
    return status;
}

static void print_result(const create_options *options, const cli_job *job,
                         const create_target *target, uint64_t archive)
{
    cli *cli = options->common.cli;
    const uint64_t content = target->content_bytes;
    const double ratio = content ? (double)archive / (double)content : 0;
    if (cli->json) {
        vlmc_error error;
        json_t *object = json_object();
        vlmc_json_set_bytes(object, "archive", options->output);
        vlmc_json_set_number(object, "entries", target->n_entries);
        vlmc_json_set_number(object, "content_bytes", content);
        vlmc_json_set_number(object, "archive_bytes", archive);
        json_object_set_new(object, "seconds", json_real(cli_job_seconds(job)));
        if (vlmc_json_line(stdout, object, &error) != VLMC_OK)
            cli_error(cli, &error);
        return;
    }
    cli_notice(cli, "%s: %zu entries, %" PRIu64 " to %" PRIu64 " bytes (%.3f) in %.1f s",
               options->output, target->n_entries, content, archive, ratio, cli_job_seconds(job));
}

// -m auto: what an interrupted run chose, so that the archive becomes the same, or a choice.
static vlmc_status choose_model(const create_options *options, const walk *walk, bool from_stdin,
                                create_tools *tools, create_job *job, vlmc_error *error)
{
    cli *cli = options->common.cli;
    cli_engines *engines = &tools->engines;
    auto_model chosen;
    uint64_t text_bytes = 0;
    struct stat st;
    if (!auto_model_wanted(engines->model_name))
        return VLMC_OK;
    const char *earlier = create_job_auto_model(job);
    if (earlier && auto_model_again(engines, earlier))
        return VLMC_OK;
    if (!from_stdin)
        VLMC_TRY(auto_model_look(cli, walk, tools->worker, &text_bytes, error));
    else if (fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode))
        text_bytes = (uint64_t)st.st_size;
    else {
        cli_notice(cli, "the model " CLI_DEFAULT_MODEL ", because it is not known beforehand how "
                        "much comes from a pipe");
        auto_model_again(engines, CLI_DEFAULT_MODEL);
        return cli_engines_load(engines, error);
    }
    VLMC_TRY(auto_model_choose(engines, text_bytes, options->level, &chosen, error));
    create_job_note_auto_model(job, chosen.name ? chosen.name : "");
    auto_model_tell(cli, &chosen, text_bytes);
    return VLMC_OK;
}

static vlmc_status pack(create_options *options, walk *walk, bool from_stdin, create_tools *tools,
                        create_run_state *run, vlmc_error *error)
{
    cli *cli = options->common.cli;
    create_target target = {.cli = cli, .job = &run->job, .verbose = options->verbose};
    uint64_t archive_bytes = 0;
    cli_status_set("looking at the files");
    if (!from_stdin)
        VLMC_TRY(collect(options, walk, error));
    VLMC_TRY(choose_model(options, walk, from_stdin, tools, &run->job, error));
    if (run->job.on_record)
        vlmc_json_set_number(run->job.record, "content_bytes", walk->content_bytes);
    create_job_save(&run->job);
    cli_job_begin(&run->progress, cli, "packing", walk->content_bytes);
    vlmc_status status =
        write_archive(options, walk, from_stdin, tools, run, &target, &archive_bytes, error);
    cli_job_end(&run->progress);
    if (status == VLMC_OK)
        print_result(options, &run->progress, &target, archive_bytes);
    return status;
}

static vlmc_status open_tools(const create_options *options, const create_job *job,
                              create_tools *tools, vlmc_error *error)
{
    cli *cli = options->common.cli;
    *tools = (create_tools){0};
    VLMC_TRY(cli_encrypt(cli, &options->encryption, options->output,
                         job->goes_on ? job->place.partial : NULL, &tools->seal, error));
    VLMC_TRY(cli_engines_create(&tools->engines, &options->common, options->model, error));
    cli_engines_at_level(&tools->engines, options->level);
    const uint32_t models = cli_models_at_once(&options->common, options->level);
    tools->groups_at_once = cli_groups_at_once(&options->common, options->level);
    tools->models_at_once = models;
    tools->beside_bytes = cli_beside_bytes(&options->common, models);
    tools->engines.threads = (options->common.threads + models - 1) / models;
    if (strcmp(tools->engines.model_name, "none") == 0)
        return VLMC_OK; // tokens are of no use to zstd
    tools->source = cli_engines_source(&tools->engines);
    if (tools->engines.model_chosen && !auto_model_wanted(tools->engines.model_name))
        VLMC_TRY(cli_engines_load(&tools->engines, error)); // asked for by name: must be there
    if (options->no_plugins)
        return VLMC_OK;
    VLMC_TRY(cli_plugins_open(cli, &tools->plugins, error));
    if (tools->groups_at_once > 1)
        VLMC_TRY(cli_worker_create(cli, tools->plugins, &tools->ahead_worker, error));
    return cli_worker_create(cli, tools->plugins, &tools->worker, error);
}

static void close_tools(create_tools *tools)
{
    vlmc_seal_destroy(&tools->seal);
    vlmc_worker_destroy(&tools->worker);
    vlmc_worker_destroy(&tools->ahead_worker);
    vlmc_plugins_close(&tools->plugins);
    cli_engines_destroy(&tools->engines);
}

static vlmc_status write_it(create_options *options, walk *walk, create_run_state *run,
                            vlmc_error *error)
{
    bool from_stdin;
    create_tools tools;
    VLMC_TRY(check_arguments(options, &from_stdin, error));
    VLMC_TRY(look_at_output(options, walk, error));
    VLMC_TRY(create_job_begin(&run->job, options, walk, error));
    vlmc_status status = open_tools(options, &run->job, &tools, error);
    create_job_source(&run->job, tools.source);
    if (status == VLMC_OK)
        status = create_job_check_needs(&run->job, tools.plugins, error);
    if (status == VLMC_OK)
        status = pack(options, walk, from_stdin, &tools, run, error);
    close_tools(&tools);
    return status;
}

vlmc_status create_follow_up(const create_options *options, vlmc_error *error)
{
    if (!options->no_catalog && strcmp(options->output, "-") != 0)
        record_archive(options->common.cli, options->output, options->catalog_names);
    return options->verify
               ? verify_archive(&options->common, options->output, options->no_catalog, error)
               : VLMC_OK;
}

void create_run(create_options *options)
{
    cli *cli = options->common.cli;
    create_run_state run = {0};
    walk walk = {0};
    vlmc_error error;
    vlmc_status status = write_it(options, &walk, &run, &error);
    const bool written = status == VLMC_OK;
    if (written)
        status = create_follow_up(options, &error);
    if (status != VLMC_OK)
        cli_error(cli, &error);
    if (!written)
        create_job_stopped(&run.job);
    else if (status == VLMC_ERROR_INTERRUPTED && run.job.on_record)
        cli_notice(cli, "the archive is complete; \"vlmc jobs resume %s\" does the rest",
                   run.job.place.id);
    else
        create_job_done(&run.job);
    create_job_destroy(&run.job);
    walk_destroy(&walk);
}

void cli_create(cli *cli, int argc, char **argv)
{
    create_options options = {.stdin_name = "stdin", .encryption = CLI_ENCRYPTION_DEFAULT};
    cli_common_init(&options.common, cli);
    cli_parse(&create_argp, argc, argv, &options);
    create_run(&options);
    walk_filter_destroy(&options.filter);
}
