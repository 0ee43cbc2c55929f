// SPDX-License-Identifier: Apache-2.0
#include "status_line.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TEXT_BYTES 160u
#define TEXTS 8u // a handler reads one while others are written: seven later it is written again

// A signal handler can reach nothing but static storage.
static char texts[TEXTS][TEXT_BYTES];
static atomic_uint current; // of texts
static time_t start_seconds;
static bool on_terminal; // stderr, which may hold a line of progress

typedef struct line {
    char text[TEXT_BYTES + 64];
    size_t used;
} line;

// No snprintf: a handler may call only what is safe there.
static void append(line *line, const char *text)
{
    while (*text && line->used < sizeof line->text)
        line->text[line->used++] = *text++;
}

static void append_number(line *line, uint64_t n, unsigned least_digits)
{
    char digits[24];
    unsigned i = sizeof digits - 1;
    digits[i] = 0;
    for (unsigned k = 0; k < least_digits || n; k++, n /= 10)
        digits[--i] = (char)('0' + n % 10);
    append(line, digits + i);
}

static void append_time(line *line, uint64_t seconds)
{
    if (seconds >= 3600) {
        append_number(line, seconds / 3600, 1);
        append(line, ":");
    }
    append_number(line, seconds / 60 % 60, seconds >= 3600 ? 2 : 1);
    append(line, ":");
    append_number(line, seconds % 60, 2);
}

static time_t now_seconds(void)
{
    struct timespec t;
    return clock_gettime(CLOCK_MONOTONIC, &t) == 0 ? t.tv_sec : 0;
}

static void on_status(int signal_number)
{
    const int saved = errno;
    line line = {.used = 0};
    (void)signal_number;
    if (on_terminal)
        append(&line, "\r\033[K");
    append(&line, "vlmc: ");
    append(&line, texts[atomic_load(&current)]);
    append(&line, "; running for ");
    append_time(&line, (uint64_t)(now_seconds() - start_seconds));
    append(&line, "\n");
    // A reader that is gone is no reason to do anything.
    if (write(STDERR_FILENO, line.text, line.used) < 0) {
    }
    errno = saved;
}

void cli_status_install(const char *text, bool terminal)
{
    struct sigaction action = {.sa_handler = on_status, .sa_flags = SA_RESTART};
    start_seconds = now_seconds();
    on_terminal = terminal;
    cli_status_set(text);
    sigemptyset(&action.sa_mask);
    sigaction(SIGUSR1, &action, NULL);
}

void cli_status_set(const char *text)
{
    const unsigned next = (atomic_load(&current) + 1) % TEXTS;
    const size_t n = strnlen(text, TEXT_BYTES - 1);
    memcpy(texts[next], text, n);
    texts[next][n] = 0;
    atomic_store(&current, next);
}
