// SPDX-License-Identifier: Apache-2.0
#include "cli.h"

#include "interrupt.h"
#include "util/utf8.h"

#include <langinfo.h>
#include <locale.h>
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

// Code points that steer a terminal, or that make a text look like another one.
static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || // C0, DEL, C1
           code == 0x2028 || code == 0x2029 ||             // separators of lines
           (code >= 0x202a && code <= 0x202e) ||           // embeddings and overrides of direction
           (code >= 0x2066 && code <= 0x2069);             // isolates of direction
}

// Of the terminal's own, in the locale of the environment; messages and results do not depend on
// it otherwise.
static bool charset_is_utf8(void)
{
    const locale_t locale = newlocale(LC_CTYPE_MASK, "", 0);
    if (!locale)
        return false;
    const bool is = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
    freelocale(locale);
    return is;
}

// One code point, or one byte that is none. Returns its bytes.
static size_t print_special(const unsigned char *p, FILE *stream)
{
    // Elsewhere than on a terminal other charsets are no danger, and whoever reads it may know
    // better than the locale what the bytes mean.
    const bool terminal = isatty(fileno(stream));
    uint32_t code;
    const size_t utf8 = vlmc_utf8_sequence(p, &code);
    const size_t n = utf8 ? utf8 : 1;
    const bool known = utf8 ? code < 0x80 || !terminal || charset_is_utf8() : !terminal;
    if (known && !is_control(code))
        fwrite(p, 1, n, stream);
    else
        for (size_t i = 0; i < n; i++)
            fprintf(stream, "\\x%02x", p[i]);
    return n;
}

static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x7f;
}

// Most of it is plain, and there may be a million of them.
void cli_print_escaped(const char *text, void *stream)
{
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        size_t n = 0;
        while (is_plain(p[n]))
            n++;
        fwrite(p, 1, n, stream);
        p += n;
        if (*p)
            p += print_special(p, stream);
    }
}

void cli_print_path(const char *path)
{
    if (isatty(STDOUT_FILENO))
        cli_print_escaped(path, stdout);
    else
        fputs(path, stdout);
}

static void print_line(const cli *cli, const char *prefix, const char *text)
{
    // Leaves the line of a progress display, which ends without a newline.
    if (cli->terminal)
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
    print_line(cli, "vlmc: ", text);
}

void cli_warn(cli *cli, const char *format, ...)
{
    char text[VLMC_ERROR_TEXT_BYTES + 128];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    print_line(cli, "vlmc: warning: ", text);
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
        print_line(cli, "vlmc: ", text);
        cli_raise(cli, 128 + signal);
        return;
    }
    print_line(cli, "vlmc: ", error->text);
    cli_raise(cli, vlmc_exit_code(error->status));
}
