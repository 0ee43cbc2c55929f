// SPDX-License-Identifier: Apache-2.0
#include "cli.h"

#include "interrupt.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// Graver codes later; a code that is not listed (128 + N) is graver than all.
static const int gravity[] = {0,
                              CLI_EXIT_WARNING,
                              CLI_EXIT_REPAIRED,
                              CLI_EXIT_PAUSED,
                              CLI_EXIT_CATALOG,
                              CLI_EXIT_REFUSED,
                              CLI_EXIT_FAILURE,
                              5,
                              6,
                              CLI_EXIT_DAMAGED,
                              CLI_EXIT_USAGE};

static size_t rank(int code)
{
    size_t i = 0;
    while (i < sizeof gravity / sizeof *gravity && gravity[i] != code)
        i++;
    return i;
}

void cli_raise(cli *cli, int code)
{
    if (rank(code) > rank(cli->exit_code))
        cli->exit_code = code;
}

void cli_print_escaped(const char *text, void *stream)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        // C1 controls arrive as UTF-8 (C2 80 .. C2 9F) on today's terminals.
        if (*p < 0x20 || *p == 0x7f)
            fprintf(stream, "\\x%02x", *p);
        else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
            fprintf(stream, "\\x%02x\\x%02x", p[0], p[1]), p++;
        else
            putc(*p, stream);
    }
}

void cli_print_path(const char *path)
{
    if (isatty(STDOUT_FILENO))
        cli_print_escaped(path, stdout);
    else
        fputs(path, stdout);
}

static void print_line(const char *prefix, const char *text)
{
    // Leaves the line of a progress display, which ends without a newline.
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    fputs(prefix, stderr);
    cli_print_escaped(text, stderr);
    putc('\n', stderr);
}

void cli_notice(cli *cli, const char *format, ...)
{
    if (cli->quiet)
        return;
    char text[VLMC_ERROR_TEXT_BYTES + 128];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    print_line("vlmc: ", text);
}

void cli_warn(cli *cli, const char *format, ...)
{
    char text[VLMC_ERROR_TEXT_BYTES + 128];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    print_line("vlmc: warning: ", text);
    cli_raise(cli, CLI_EXIT_WARNING);
}

void cli_error(cli *cli, const vlmc_error *error)
{
    const int signal = cli_interrupt_signal();
    // Whoever closed the pipe has seen enough, as with "vlmc list | head".
    if (signal == SIGPIPE &&
        (error->status == VLMC_ERROR_INTERRUPTED || error->status == VLMC_ERROR_IO)) {
        cli_raise(cli, 128 + signal);
        return;
    }
    if (error->status == VLMC_ERROR_INTERRUPTED && signal) {
        char text[64];
        snprintf(text, sizeof text, "stopped by SIG%s before the end", sigabbrev_np(signal));
        print_line("vlmc: ", text);
        cli_raise(cli, 128 + signal);
        return;
    }
    print_line("vlmc: ", error->text);
    cli_raise(cli, vlmc_exit_code(error->status));
}
