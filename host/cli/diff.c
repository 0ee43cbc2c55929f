// SPDX-License-Identifier: Apache-2.0
// vlmc diff: by metadata and SHA-256, so that nothing is decoded.
#include "cli.h"
#include "interrupt.h"
#include "job.h"
#include "metadata.h"
#include "open_archive.h"
#include "options.h"
#include "restore_entry.h"
#include "util/json_out.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES (1u << 18)

typedef struct diff_options {
    cli_common common;
    const char *folder;
    bool owners; // are compared
    const char *archive;
    char **patterns;
    int n_patterns;
} diff_options;

static const struct argp_option option_table[] = {
    {"directory", 'C', "DIR", 0, "Compare with what is below DIR", 1},
    {"same-owner", CLI_KEY_SAME_OWNER, 0, 0, "Compare users and groups; default for root", 1},
    {"no-same-owner", CLI_KEY_NO_SAME_OWNER, 0, 0, "Do not; default for others", 1},
    CLI_OPTIONS_PASSPHRASE,
    CLI_OPTIONS_OUTPUT,
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    diff_options *options = state->input;
    switch (key) {
    case 'C':
        options->folder = arg;
        return 0;
    case CLI_KEY_SAME_OWNER:
    case CLI_KEY_NO_SAME_OWNER:
        options->owners = key == CLI_KEY_SAME_OWNER;
        return 0;
    case ARGP_KEY_ARGS:
        options->archive = state->argv[state->next];
        options->patterns = state->argv + state->next + 1;
        options->n_patterns = state->argc - state->next - 1;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "no archive named");
        return 0;
    default:
        return cli_common_parse(key, arg, state, &options->common);
    }
}

static const struct argp diff_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "ARCHIVE [PATTERN…]",
    .doc = "Compares the entries of an archive with the disk: type, mode, owner, access control "
           "lists, extended attributes, time, link target and, by SHA-256, content. Files that "
           "only the disk has are not looked for. Exit "
           "code 1: something differs."
           "\vExample:\n"
           "  vlmc diff books.vlmc -C /home/me\n",
};

typedef struct diff_tools {
    const diff_options *options;
    const vlmc_reader *reader;
    metadata *metadata;
    unsigned char *buffer; // (READ_BYTES)
    cli_job *job;
    uint64_t done_bytes; // of the files before this one
} diff_tools;

static vlmc_status hash_file(const diff_tools *tools, int fd, const char *path, uint8_t digest[32],
                             vlmc_error *error)
{
    crypto_hash_sha256_state state;
    uint64_t hashed_bytes = 0;
    crypto_hash_sha256_init(&state);
    for (;;) {
        VLMC_TRY(cli_interrupt_check(error));
        ssize_t n = read(fd, tools->buffer, READ_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read \"%s\"", path);
        if (n == 0)
            break;
        crypto_hash_sha256_update(&state, tools->buffer, (unsigned long long)n);
        hashed_bytes += (uint64_t)n;
        cli_job_progress(tools->job, tools->done_bytes + hashed_bytes, 0);
    }
    crypto_hash_sha256_final(&state, digest);
    return VLMC_OK;
}

static vlmc_status same_content(const diff_tools *tools, const vlmc_entry *entry, bool *same,
                                vlmc_error *error)
{
    uint8_t digest[32];
    int fd = open(entry->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read \"%s\"", entry->path);
    vlmc_status status = hash_file(tools, fd, entry->path, digest, error);
    close(fd);
    *same = status == VLMC_OK && memcmp(digest, entry->sha256, sizeof digest) == 0;
    return status;
}

static bool same_symlink(const vlmc_entry *entry)
{
    char target[4096];
    ssize_t n = readlink(entry->path, target, sizeof target);
    return n >= 0 && (size_t)n == strlen(entry->link) &&
           memcmp(target, entry->link, (size_t)n) == 0;
}

// Is the other name of the file here another name, too?
static bool same_file(const vlmc_entry *entry, const struct stat *st)
{
    struct stat file;
    return lstat(entry->link, &file) == 0 && file.st_dev == st->st_dev && file.st_ino == st->st_ino;
}

static unsigned type_bits(vlmc_entry_type type)
{
    return type == VLMC_ENTRY_FOLDER ? S_IFDIR : type == VLMC_ENTRY_SYMLINK ? S_IFLNK : S_IFREG;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

// Names decide where both have one.
static bool same_owner(const char *a, uint32_t a_id, const char *b, uint32_t b_id)
{
    return a && *a && b && *b ? strcmp(a, b) == 0 : a_id == b_id;
}

// The next attribute from *i on that an extraction would restore.
static const vlmc_xattr *next_xattr(const diff_tools *tools, const vlmc_attributes *a, uint32_t *i)
{
    const restore_options options = {.same_owner = tools->options->owners, .special_bits = true};
    while (*i < a->n_xattrs && !restore_wants_xattr(&options, a->xattrs[*i].name))
        ++*i;
    return *i < a->n_xattrs ? &a->xattrs[(*i)++] : NULL;
}

static bool same_xattrs(const diff_tools *tools, const vlmc_attributes *a, const vlmc_attributes *b)
{
    uint32_t i = 0, k = 0;
    for (;;) {
        const vlmc_xattr *x = next_xattr(tools, a, &i), *y = next_xattr(tools, b, &k);
        if (!x || !y)
            return x == y;
        if (strcmp(x->name, y->name) != 0 || x->size != y->size ||
            memcmp(x->value, y->value, x->size) != 0)
            return false;
    }
}

// What differs in a word, or NULL.
static vlmc_status compare_attributes(const diff_tools *tools, const vlmc_entry *entry,
                                      const struct stat *st, const char **difference,
                                      vlmc_error *error)
{
    const vlmc_attributes *a = entry->attributes;
    vlmc_attributes b;
    if (!a)
        return VLMC_OK;
    VLMC_TRY(metadata_read(tools->metadata, entry->path, -1, st, &b, error));
    if (tools->options->owners && a->has_owner &&
        (!same_owner(a->user, a->uid, b.user, b.uid) ||
         !same_owner(a->group, a->gid, b.group, b.gid)))
        *difference = "owner";
    else if (!same_text(a->acl_access, b.acl_access) || !same_text(a->acl_default, b.acl_default))
        *difference = "acl";
    else if (!same_xattrs(tools, a, &b))
        *difference = "xattr";
    return VLMC_OK;
}

// What differs of a file's content, or NULL. Another name of a file that is compared itself is not
// read again.
static vlmc_status compare_content(const diff_tools *tools, const vlmc_entry *entry,
                                   const struct stat *st, const char **difference,
                                   vlmc_error *error)
{
    vlmc_entry file = *entry;
    bool same = true;
    if (entry->type == VLMC_ENTRY_HARD_LINK) {
        file = *vlmc_reader_entry(tools->reader, entry->target);
        file.path = entry->path;
        if (!same_file(entry, st))
            *difference = "link";
        else if (tools->options->n_patterns == 0)
            return VLMC_OK;
    }
    if (!*difference && (uint64_t)st->st_size != file.size_bytes)
        *difference = "size";
    if (*difference)
        return VLMC_OK;
    VLMC_TRY(same_content(tools, &file, &same, error));
    *difference = same ? NULL : "content";
    return VLMC_OK;
}

// *difference: NULL, or what differs in a word.
static vlmc_status compare(const diff_tools *tools, const vlmc_entry *entry,
                           const char **difference, vlmc_error *error)
{
    struct stat st;
    *difference = NULL;
    if (lstat(entry->path, &st) != 0)
        *difference = "missing";
    else if ((st.st_mode & S_IFMT) != type_bits(entry->type))
        *difference = "type";
    else if (entry->type == VLMC_ENTRY_SYMLINK)
        *difference = same_symlink(entry) ? NULL : "link";
    else if (entry->type != VLMC_ENTRY_FOLDER)
        VLMC_TRY(compare_content(tools, entry, &st, difference, error));
    if (*difference)
        return VLMC_OK;
    if (entry->type != VLMC_ENTRY_SYMLINK && (st.st_mode & 07777) != entry->mode)
        *difference = "mode";
    else
        VLMC_TRY(compare_attributes(tools, entry, &st, difference, error));
    if (!*difference &&
        (st.st_mtim.tv_sec != entry->mtime_seconds || st.st_mtim.tv_nsec != (long)entry->mtime_ns))
        *difference = "time";
    return VLMC_OK;
}

static vlmc_status print_difference(const cli *cli, const vlmc_entry *entry, const char *difference,
                                    vlmc_error *error)
{
    if (!cli->json) {
        printf("%-7s ", difference);
        cli_print_path(entry->path);
        putchar('\n');
        return VLMC_OK;
    }
    json_t *object = json_object();
    vlmc_json_set_bytes(object, "path", entry->path);
    json_object_set_new(object, "difference", json_string(difference));
    return vlmc_json_line(stdout, object, error);
}

// Results go to the terminal as well, perhaps: the line of progress makes room for them.
static vlmc_status report_difference(const diff_tools *tools, const vlmc_entry *entry,
                                     const char *difference, vlmc_error *error)
{
    cli *cli = tools->options->common.cli;
    cli_job_end(tools->job);
    cli_raise(cli, CLI_EXIT_WARNING);
    return print_difference(cli, entry, difference, error);
}

// The next entry that is to be compared, from *i on.
static const vlmc_entry *next_entry(const diff_tools *tools, uint32_t *i)
{
    const diff_options *options = tools->options;
    const uint32_t n = vlmc_reader_info(tools->reader)->n_entries;
    while (*i < n) {
        const vlmc_entry *entry = vlmc_reader_entry(tools->reader, (*i)++);
        if (cli_matches(entry->path, options->patterns, options->n_patterns))
            return entry;
    }
    return NULL;
}

static uint64_t all_bytes(const diff_tools *tools)
{
    const vlmc_entry *entry;
    uint64_t bytes = 0;
    for (uint32_t i = 0; (entry = next_entry(tools, &i));)
        bytes += entry->size_bytes;
    return bytes;
}

static vlmc_status compare_all(diff_tools *tools, const cli_archive *archive, vlmc_error *error)
{
    const diff_options *options = tools->options;
    cli *cli = options->common.cli;
    const vlmc_entry *entry;
    for (uint32_t i = 0; (entry = next_entry(tools, &i));) {
        const char *difference;
        vlmc_status status = compare(tools, entry, &difference, error);
        if (status != VLMC_OK && !cli_archive_survives(status, error))
            return status;
        if (status != VLMC_OK)
            cli_error(cli, error);
        else if (difference)
            VLMC_TRY(report_difference(tools, entry, difference, error));
        tools->done_bytes += entry->size_bytes;
        cli_job_progress(tools->job, tools->done_bytes, 0);
    }
    cli_warn_unmatched(cli, archive, options->patterns, options->n_patterns);
    return VLMC_OK;
}

static vlmc_status run_with(diff_tools *tools, cli_archive *archive, vlmc_error *error)
{
    const char *folder = tools->options->folder;
    tools->reader = archive->reader;
    tools->buffer = malloc(READ_BYTES);
    if (!tools->buffer)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to compare");
    VLMC_TRY(metadata_create(&tools->metadata, error));
    if (folder && chdir(folder) != 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot look into \"%s\"", folder);
    cli_job_begin(tools->job, tools->options->common.cli, "comparing", all_bytes(tools));
    const vlmc_status status = compare_all(tools, archive, error);
    cli_job_end(tools->job);
    return status;
}

static vlmc_status run(const diff_options *options, vlmc_error *error)
{
    cli_archive archive;
    cli_job job;
    diff_tools tools = {.options = options, .job = &job};
    VLMC_TRY(cli_archive_open(&archive, &options->common, options->archive, error));
    const vlmc_status status = run_with(&tools, &archive, error);
    metadata_destroy(&tools.metadata);
    free(tools.buffer);
    cli_archive_close(&archive);
    return status;
}

void cli_diff(cli *cli, int argc, char **argv)
{
    diff_options options = {.owners = geteuid() == 0};
    vlmc_error error;
    cli_common_init(&options.common, cli);
    cli_parse(&diff_argp, argc, argv, &options);
    if (run(&options, &error) != VLMC_OK)
        cli_error(cli, &error);
}
