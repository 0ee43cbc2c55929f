// SPDX-License-Identifier: Apache-2.0
// vlmc diff: by metadata and SHA-256, so that nothing is decoded.
#include "cli.h"
#include "interrupt.h"
#include "open_archive.h"
#include "options.h"
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
    const char *archive;
    char **patterns;
    int n_patterns;
} diff_options;

static const struct argp_option option_table[] = {
    {"directory", 'C', "DIR", 0, "Compare with what is below DIR", 1},
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
    .doc = "Compares the entries of an archive with the disk: type, mode, time, link target "
           "and, by SHA-256, content. Files that only the disk has are not looked for. Exit "
           "code 1: something differs."
           "\vExample:\n"
           "  vlmc diff books.vlmc -C /home/me\n",
};

static vlmc_status hash_file(int fd, const char *path, unsigned char *buffer, uint8_t digest[32],
                             vlmc_error *error)
{
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    for (;;) {
        VLMC_TRY(cli_interrupt_check(error));
        ssize_t n = read(fd, buffer, READ_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read \"%s\"", path);
        if (n == 0)
            break;
        crypto_hash_sha256_update(&state, buffer, (unsigned long long)n);
    }
    crypto_hash_sha256_final(&state, digest);
    return VLMC_OK;
}

static vlmc_status same_content(const vlmc_entry *entry, unsigned char *buffer, bool *same,
                                vlmc_error *error)
{
    uint8_t digest[32];
    int fd = open(entry->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read \"%s\"", entry->path);
    vlmc_status status = hash_file(fd, entry->path, buffer, digest, error);
    close(fd);
    *same = status == VLMC_OK && memcmp(digest, entry->sha256, sizeof digest) == 0;
    return status;
}

static bool same_link(const vlmc_entry *entry)
{
    char target[4096];
    ssize_t n = readlink(entry->path, target, sizeof target);
    return n >= 0 && (size_t)n == strlen(entry->link) &&
           memcmp(target, entry->link, (size_t)n) == 0;
}

static unsigned type_bits(vlmc_entry_type type)
{
    return type == VLMC_ENTRY_FOLDER ? S_IFDIR : type == VLMC_ENTRY_SYMLINK ? S_IFLNK : S_IFREG;
}

// *difference: NULL, or what differs in a word.
static vlmc_status compare(const vlmc_entry *entry, unsigned char *buffer, const char **difference,
                           vlmc_error *error)
{
    struct stat st;
    bool same = true;
    *difference = NULL;
    if (lstat(entry->path, &st) != 0)
        *difference = "missing";
    else if ((st.st_mode & S_IFMT) != type_bits(entry->type))
        *difference = "type";
    else if (entry->type == VLMC_ENTRY_SYMLINK)
        *difference = same_link(entry) ? NULL : "link";
    else if (entry->type == VLMC_ENTRY_FILE && (uint64_t)st.st_size != entry->size_bytes)
        *difference = "size";
    if (*difference || entry->type == VLMC_ENTRY_SYMLINK)
        return VLMC_OK;
    if (entry->type == VLMC_ENTRY_FILE)
        VLMC_TRY(same_content(entry, buffer, &same, error));
    if (!same)
        *difference = "content";
    else if ((st.st_mode & 07777) != entry->mode)
        *difference = "mode";
    else if (st.st_mtim.tv_sec != entry->mtime_seconds ||
             st.st_mtim.tv_nsec != (long)entry->mtime_ns)
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

static vlmc_status compare_all(const diff_options *options, const cli_archive *archive,
                               unsigned char *buffer, vlmc_error *error)
{
    cli *cli = options->common.cli;
    for (uint32_t i = 0; i < archive->info->n_entries; i++) {
        const vlmc_entry *entry = vlmc_reader_entry(archive->reader, i);
        const char *difference;
        if (!cli_matches(entry->path, options->patterns, options->n_patterns))
            continue;
        vlmc_status status = compare(entry, buffer, &difference, error);
        if (status != VLMC_OK && !cli_archive_survives(status, error))
            return status;
        if (status != VLMC_OK) {
            cli_error(cli, error);
        } else if (difference) {
            cli_raise(cli, CLI_EXIT_WARNING);
            VLMC_TRY(print_difference(cli, entry, difference, error));
        }
    }
    cli_warn_unmatched(cli, archive, options->patterns, options->n_patterns);
    return VLMC_OK;
}

static vlmc_status run(const diff_options *options, vlmc_error *error)
{
    cli_archive archive;
    unsigned char *buffer = malloc(READ_BYTES);
    if (!buffer)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to compare");
    vlmc_status status = cli_archive_open(&archive, &options->common, options->archive, error);
    if (status == VLMC_OK) {
        if (options->folder && chdir(options->folder) != 0)
            status = vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot look into \"%s\"",
                                  options->folder);
        else
            status = compare_all(options, &archive, buffer, error);
        cli_archive_close(&archive);
    }
    free(buffer);
    return status;
}

void cli_diff(cli *cli, int argc, char **argv)
{
    diff_options options = {0};
    vlmc_error error;
    cli_common_init(&options.common, cli);
    cli_parse(&diff_argp, argc, argv, &options);
    if (run(&options, &error) != VLMC_OK)
        cli_error(cli, &error);
}
