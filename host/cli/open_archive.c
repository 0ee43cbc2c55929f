// SPDX-License-Identifier: Apache-2.0
#include "open_archive.h"

#include "interrupt.h"
#include "missing.h"
#include "passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SPOOL_BUFFER_BYTES (1u << 18)

static vlmc_status write_all(int fd, const char *bytes, size_t size, vlmc_error *error)
{
    while (size) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno == EINTR)
            n = 0;
        if (n < 0)
            return vlmc_fail_os(error, VLMC_ERROR_IO, errno,
                                "cannot keep standard input in a temporary file (TMPDIR)");
        bytes += n;
        size -= (size_t)n;
    }
    return VLMC_OK;
}

static vlmc_status copy_stdin(int fd, char *buffer, vlmc_error *error)
{
    for (;;) {
        VLMC_TRY(cli_interrupt_check(error));
        ssize_t n = read(STDIN_FILENO, buffer, SPOOL_BUFFER_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read standard input");
        if (n == 0)
            return VLMC_OK;
        VLMC_TRY(write_all(fd, buffer, (size_t)n, error));
    }
}

// A temporary file without a name: whatever ends the program, nothing stays behind.
static int open_nameless(const char *folder)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    char path[4096];
    int used = snprintf(path, sizeof path, "%s/vlmc-XXXXXX", folder);
    if (used < 0 || (size_t)used >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

static const char *temporary_folder(const cli *cli)
{
    return cli->env.temporary ? cli->env.temporary : "/var/tmp";
}

static int open_spool(void *user)
{
    return open_nameless(temporary_folder(user));
}

static vlmc_status spool_stdin(const cli *cli, int *spool, vlmc_error *error)
{
    if (isatty(STDIN_FILENO))
        return vlmc_fail(error, VLMC_ERROR_REFUSED,
                         "refusing to read an archive from a terminal; name a file or use a pipe");
    const char *folder = temporary_folder(cli);
    char *buffer = malloc(SPOOL_BUFFER_BYTES);
    if (!buffer)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to read standard input");
    vlmc_status status = VLMC_OK;
    *spool = open_nameless(folder);
    if (*spool < 0)
        status = vlmc_fail_os(error, VLMC_ERROR_IO, errno,
                              "cannot make a temporary file in \"%s\" (set TMPDIR)", folder);
    else
        status = copy_stdin(*spool, buffer, error);
    free(buffer);
    return status;
}

static vlmc_status open_reader(cli_archive *archive, const cli_common *common, const char *path,
                               bool look, vlmc_error *error)
{
    cli *cli = common->cli;
    const vlmc_engine_source source = cli_engines_source(&archive->engines);
    const vlmc_reader_params params = {
        .path = path,
        .name = archive->name,
        .engine = &source,
        .passphrase = look && !cli->passphrase_file ? NULL : cli_passphrase_ask,
        .passphrase_user = cli,
        .may_be_locked = look,
    };
    VLMC_TRY(vlmc_reader_open_with(&params, &archive->reader, error));
    archive->info = vlmc_reader_info(archive->reader);
    if (cli->passphrase_file && !archive->info->encrypted && !cli->any_archives)
        return vlmc_fail(error, VLMC_ERROR_REFUSED,
                         "%s is not encrypted; if that is as it should be, leave --passphrase-file "
                         "out",
                         archive->name);
    return VLMC_OK;
}

// One standard input holds one thing.
static vlmc_status check_stdin(const cli *cli, bool from_stdin, vlmc_error *error)
{
    if (from_stdin && cli->passphrase_file && strcmp(cli->passphrase_file, "-") == 0)
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         "the archive and its passphrase cannot both come from standard input");
    return VLMC_OK;
}

static vlmc_status open_archive(cli_archive *archive, const cli_common *common, const char *path,
                                bool look, vlmc_error *error)
{
    char spool_path[32];
    const bool from_stdin = strcmp(path, "-") == 0;
    *archive = (cli_archive){.name = from_stdin ? "standard input" : path, .spool = -1};
    VLMC_TRY(check_stdin(common->cli, from_stdin, error));
    vlmc_status status = cli_engines_create(&archive->engines, common, NULL, error);
    if (status == VLMC_OK && from_stdin) {
        status = spool_stdin(common->cli, &archive->spool, error);
        snprintf(spool_path, sizeof spool_path, "/proc/self/fd/%d", archive->spool);
        path = spool_path;
    }
    if (status == VLMC_OK)
        status = open_reader(archive, common, path, look, error);
    if (status != VLMC_OK) {
        cli_archive_close(archive);
        return status;
    }
    vlmc_reader_set_spool(archive->reader, open_spool, common->cli);
    return VLMC_OK;
}

vlmc_status cli_archive_open(cli_archive *archive, const cli_common *common, const char *path,
                             vlmc_error *error)
{
    return open_archive(archive, common, path, false, error);
}

vlmc_status cli_archive_look(cli_archive *archive, const cli_common *common, const char *path,
                             vlmc_error *error)
{
    return open_archive(archive, common, path, true, error);
}

vlmc_status cli_archive_use_plugins(cli_archive *archive, cli *cli, vlmc_error *error)
{
    if (archive->info->n_tokenizers == 0)
        return VLMC_OK;
    VLMC_TRY(cli_plugins_open(cli, &archive->plugins, error));
    VLMC_TRY(cli_worker_create(cli, archive->plugins, &archive->worker, error));
    vlmc_reader_set_plugins(archive->reader, archive->plugins, archive->worker);
    return VLMC_OK;
}

void cli_archive_close(cli_archive *archive)
{
    vlmc_reader_destroy(&archive->reader);
    vlmc_worker_destroy(&archive->worker);
    vlmc_plugins_close(&archive->plugins);
    cli_engines_destroy(&archive->engines);
    if (archive->spool >= 0)
        close(archive->spool);
    archive->spool = -1;
}

vlmc_status cli_archive_read_ahead(cli_archive *archive, vlmc_error *error)
{
    cli_engines *engines = &archive->engines;
    uint32_t at_once = engines->common->threads;
    if (archive->info->has_model)
        at_once = at_once / CLI_THREADS_PER_MODEL;
    if (at_once > 1)
        engines->threads = (engines->common->threads + at_once - 1) / at_once;
    return vlmc_reader_set_ahead(archive->reader, at_once, cli_mixer_memory(), error);
}

bool cli_archive_survives(vlmc_status status, const vlmc_error *error)
{
    static const int local[] = {EACCES, EPERM,        EEXIST, ENOTDIR, EISDIR,
                                EBUSY,  ENAMETOOLONG, ELOOP,  EILSEQ,  ENOTEMPTY};
    if (status != VLMC_ERROR_IO)
        return status == VLMC_ERROR_DAMAGED || status == VLMC_ERROR_EXISTS ||
               status == VLMC_ERROR_REFUSED || status == VLMC_ERROR_PLUGIN ||
               cli_is_missing(status);
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        if (error->os_error == local[i])
            return true;
    return false;
}

bool cli_matches(const char *path, char *const *patterns, int n_patterns)
{
    if (n_patterns == 0)
        return true;
    for (int i = 0; i < n_patterns; i++)
        if (fnmatch(patterns[i], path, FNM_LEADING_DIR) == 0)
            return true;
    return false;
}

void cli_warn_unmatched(cli *cli, const cli_archive *archive, char *const *patterns, int n_patterns)
{
    for (int i = 0; i < n_patterns; i++) {
        bool any = false;
        for (uint32_t k = 0; k < archive->info->n_entries && !any; k++)
            any = cli_matches(vlmc_reader_entry(archive->reader, k)->path, &patterns[i], 1);
        if (!any)
            cli_warn(cli, "nothing in \"%s\" matches \"%s\"", archive->name, patterns[i]);
    }
}
