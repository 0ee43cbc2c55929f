// SPDX-License-Identifier: Apache-2.0
#include "passphrase.h"

#include "archive/seal.h"
#include "interrupt.h"
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUESTIONS 3u
#define NEWLINE_BYTES 2u // at the end of a file, that do not count

// ---- Files ----

static void look_at_mode(cli *cli, int fd, const char *path)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & (S_IRGRP | S_IROTH))
        cli_notice(cli, "others than you can read \"%s\"; chmod 600 keeps it secret", path);
}

static vlmc_status read_bytes(int fd, const char *path, vlmc_secret *passphrase, vlmc_error *error)
{
    while (passphrase->size < passphrase->capacity) {
        VLMC_TRY(cli_interrupt_check(error));
        const ssize_t got =
            read(fd, passphrase->bytes + passphrase->size, passphrase->capacity - passphrase->size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read \"%s\"", path);
        if (got == 0)
            return VLMC_OK;
        passphrase->size += (size_t)got;
    }
    return VLMC_OK;
}

static void cut_newline(vlmc_secret *passphrase)
{
    if (passphrase->size && passphrase->bytes[passphrase->size - 1] == '\n') {
        passphrase->size--;
        if (passphrase->size && passphrase->bytes[passphrase->size - 1] == '\r')
            passphrase->size--;
    }
}

static vlmc_status check_size(const vlmc_secret *passphrase, const char *from, vlmc_error *error)
{
    if (passphrase->size == 0)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "there is no passphrase in \"%s\"", from);
    if (passphrase->size > VLMC_PASSPHRASE_BYTES_MAX)
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         "\"%s\" is too long for a passphrase, which has %u bytes at most", from,
                         VLMC_PASSPHRASE_BYTES_MAX);
    return VLMC_OK;
}

static vlmc_status read_file(cli *cli, const char *path, vlmc_secret *passphrase, vlmc_error *error)
{
    const bool from_stdin = strcmp(path, "-") == 0;
    if (from_stdin && isatty(STDIN_FILENO))
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         "\"--passphrase-file -\" reads a pipe; without it vlmc asks on the "
                         "terminal");
    const int fd = from_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot open \"%s\"", path);
    look_at_mode(cli, fd, path);
    vlmc_status status = read_bytes(fd, from_stdin ? "standard input" : path, passphrase, error);
    if (!from_stdin)
        close(fd);
    VLMC_TRY(status);
    cut_newline(passphrase);
    return check_size(passphrase, from_stdin ? "standard input" : path, error);
}

vlmc_status cli_passphrase_read(cli *cli, const char *path, vlmc_secret *passphrase,
                                vlmc_error *error)
{
    VLMC_TRY(vlmc_secret_create(VLMC_PASSPHRASE_BYTES_MAX + NEWLINE_BYTES + 1, passphrase, error));
    const vlmc_status status = read_file(cli, path, passphrase, error);
    if (status != VLMC_OK)
        vlmc_secret_destroy(passphrase);
    return status;
}

// ---- The terminal ----

static vlmc_status ask(const char *question, const char *name, vlmc_secret *answer,
                       vlmc_error *error)
{
    vlmc_secret_destroy(answer);
    VLMC_TRY(vlmc_secret_create(VLMC_PASSPHRASE_BYTES_MAX + 1, answer, error));
    VLMC_TRY(cli_terminal_ask(question, name, answer, error));
    if (answer->size > VLMC_PASSPHRASE_BYTES_MAX)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "a passphrase has at most %u bytes",
                         VLMC_PASSPHRASE_BYTES_MAX);
    return VLMC_OK;
}

static vlmc_status need_terminal(const char *name, vlmc_error *error)
{
    if (cli_terminal_is_there())
        return VLMC_OK;
    return vlmc_fail(error, VLMC_ERROR_PASSPHRASE,
                     "%s needs a passphrase and there is no terminal to ask on; give "
                     "--passphrase-file FILE",
                     name);
}

static vlmc_status ask_twice(cli *cli, const char *name, vlmc_error *error)
{
    vlmc_secret again = {0};
    VLMC_TRY(need_terminal(name, error));
    VLMC_TRY(ask("New passphrase for", name, &cli->passphrase, error));
    if (cli->passphrase.size == 0)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "a passphrase has at least one character");
    const vlmc_status status = ask("The same once more for", name, &again, error);
    const bool same = again.size == cli->passphrase.size && again.bytes &&
                      sodium_memcmp(again.bytes, cli->passphrase.bytes, again.size) == 0;
    vlmc_secret_destroy(&again);
    VLMC_TRY(status);
    return same ? VLMC_OK
                : vlmc_fail(error, VLMC_ERROR_PASSPHRASE,
                            "the two passphrases differ; nothing was written");
}

// ---- What commands call ----

vlmc_status cli_passphrase_choose(cli *cli, const char *file, const char *name,
                                  const vlmc_secret **passphrase, vlmc_error *error)
{
    cli_passphrase_forget(cli);
    *passphrase = &cli->passphrase;
    if (file)
        return cli_passphrase_read(cli, file, &cli->passphrase, error);
    return ask_twice(cli, name, error);
}

static vlmc_status from_file(cli *cli, const char *name, uint32_t attempt, vlmc_error *error)
{
    if (attempt > 0)
        return vlmc_fail(
            error, VLMC_ERROR_PASSPHRASE, "the passphrase in \"%s\" is not that of %s",
            strcmp(cli->passphrase_file, "-") ? cli->passphrase_file : "standard input", name);
    return cli->passphrase.bytes
               ? VLMC_OK
               : cli_passphrase_read(cli, cli->passphrase_file, &cli->passphrase, error);
}

vlmc_status cli_passphrase_ask(void *user, const char *name, uint32_t attempt,
                               const vlmc_secret **passphrase, vlmc_error *error)
{
    cli *cli = user;
    *passphrase = &cli->passphrase;
    if (cli->passphrase_file)
        return from_file(cli, name, attempt, error);
    if (attempt == 0)
        cli->questions = 0;
    if (attempt == 0 && cli->passphrase.size)
        return VLMC_OK; // that of another archive, perhaps of this one as well
    VLMC_TRY(need_terminal(name, error));
    if (cli->questions++ == QUESTIONS)
        return vlmc_fail(error, VLMC_ERROR_PASSPHRASE, "that is not the passphrase of %s", name);
    VLMC_TRY(ask(cli->questions > 1 ? "That is not it. Passphrase for" : "Passphrase for", name,
                 &cli->passphrase, error));
    return cli->passphrase.size ? VLMC_OK
                                : vlmc_fail(error, VLMC_ERROR_PASSPHRASE,
                                            "%s stays shut without its passphrase", name);
}

void cli_passphrase_forget(cli *cli)
{
    vlmc_secret_destroy(&cli->passphrase);
}
