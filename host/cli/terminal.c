// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"

#include "cli.h"
#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

static int open_terminal(void)
{
    return open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
}

bool cli_terminal_is_there(void)
{
    const int fd = open_terminal();
    if (fd < 0)
        return false;
    close(fd);
    return true;
}

// The name may come from somebody else: it must not steer the terminal.
static void print_question(int fd, const char *question, const char *name)
{
    const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    FILE *stream = copy < 0 ? NULL : fdopen(copy, "w");
    if (!stream) {
        if (copy >= 0)
            close(copy);
        return;
    }
    fprintf(stream, "%s ", question);
    cli_print_escaped(name, stream);
    fputs(": ", stream);
    fclose(stream);
}

// A signal that comes between a look at the flag and a blocking read, or to another thread, would
// not end that read: so the wait has an end.
static vlmc_status wait_for_input(int fd, vlmc_error *error)
{
    enum { LOOK_MS = 100 };
    struct pollfd input = {.fd = fd, .events = POLLIN};
    do
        VLMC_TRY(cli_interrupt_check(error));
    while (poll(&input, 1, LOOK_MS) <= 0);
    return VLMC_OK;
}

// A line, byte by byte: what follows it stays with the terminal.
static vlmc_status read_line(int fd, vlmc_secret *answer, vlmc_error *error)
{
    for (answer->size = 0; answer->size < answer->capacity;) {
        VLMC_TRY(wait_for_input(fd, error));
        uint8_t *at = answer->bytes + answer->size;
        const ssize_t got = read(fd, at, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read from the terminal");
        if (got == 0 || *at == '\n')
            return VLMC_OK;
        answer->size++;
    }
    return VLMC_OK;
}

static vlmc_status ask_silently(int fd, const char *question, const char *name, vlmc_secret *answer,
                                vlmc_error *error)
{
    struct termios before, silent;
    if (tcgetattr(fd, &before) != 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot use the terminal");
    silent = before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK);
    silent.c_lflag |= ECHONL | ICANON | ISIG;
    silent.c_cc[VSUSP] = _POSIX_VDISABLE; // a shell that takes over would show what is typed next
    // What was typed before the question is no answer to it.
    if (tcsetattr(fd, TCSAFLUSH, &silent) != 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot use the terminal");
    print_question(fd, question, name);
    const vlmc_status status = read_line(fd, answer, error);
    tcsetattr(fd, TCSAFLUSH, &before);
    return status;
}

vlmc_status cli_terminal_ask(const char *question, const char *name, vlmc_secret *answer,
                             vlmc_error *error)
{
    const int fd = open_terminal();
    if (fd < 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot open the terminal");
    const vlmc_status status = ask_silently(fd, question, name, answer, error);
    close(fd);
    return status;
}
