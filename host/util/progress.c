// SPDX-License-Identifier: Apache-2.0
#include "progress.h"

#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#define SECOND_NS UINT64_C(1000000000)
#define INTERVAL_NS (SECOND_NS / 10)
#define RATE_FADES_S 15.0 // in which the rate forgets most of what was

uint64_t vlmc_progress_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

void vlmc_format_bytes(uint64_t bytes, char *text, size_t size)
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
    unsigned unit = 0;
    uint64_t scale = 1;
    while (unit < 6 && bytes / scale >= 1000) {
        scale *= 1000;
        unit++;
    }
    uint64_t whole = bytes / scale;
    if (unit > 0 && whole < 10)
        snprintf(text, size, "%" PRIu64 ".%" PRIu64 " %s", whole, bytes % scale / (scale / 10),
                 units[unit]);
    else
        snprintf(text, size, "%" PRIu64 " %s", whole, units[unit]);
}

unsigned vlmc_terminal_columns(FILE *stream)
{
    struct winsize window;
    const int fd = stream ? fileno(stream) : -1;
    return fd >= 0 && ioctl(fd, TIOCGWINSZ, &window) == 0 && window.ws_col ? window.ws_col : 80;
}

// A line that fills the last column makes some terminals go to the next.
static unsigned usable_columns(FILE *stream)
{
    const unsigned columns = vlmc_terminal_columns(stream);
    return columns > 1 ? columns - 1 : 1;
}

static void show(vlmc_progress *progress, const char *text)
{
    if (!progress->stream)
        return;
    fprintf(progress->stream, "\r\033[K%s", text);
    fflush(progress->stream);
    progress->visible = true;
}

void vlmc_progress_begin(vlmc_progress *progress, FILE *stream, const char *phase, uint64_t total)
{
    char text[VLMC_PROGRESS_TEXT_BYTES];
    *progress = (vlmc_progress){
        .stream = stream,
        .phase = phase,
        .total = total,
        .start_ns = vlmc_progress_now_ns(),
    };
    snprintf(text, sizeof text, "%.*s", (int)usable_columns(stream), phase);
    show(progress, text);
}

// ---- Rate ----

static double seconds_between(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? (double)(to_ns - from_ns) / (double)SECOND_NS : 0;
}

// The mean since the beginning as long as that is short; then the past counts as the time that
// it fades in, beside each interval as it lasted.
static void take_rate(vlmc_progress *p, uint64_t now_ns)
{
    const uint64_t since = p->rate_ns ? p->rate_ns : p->start_ns;
    const double seconds = seconds_between(since, now_ns);
    if (seconds <= 0)
        return;
    const uint64_t more = p->done > p->rate_done ? p->done - p->rate_done : 0;
    const double past = seconds_between(p->start_ns, since);
    const double weight = seconds / ((past < RATE_FADES_S ? past : RATE_FADES_S) + seconds);
    p->rate += ((double)more / seconds - p->rate) * weight;
    p->rate_ns = now_ns;
    p->rate_done = p->done;
}

// ---- The line ----

// Parts in the order of the line, and the order in which they are left out.
enum { SHARE, AMOUNT, RATE, RATIO, LEFT, N_PARTS };
static const unsigned least_needed[] = {AMOUNT, RATIO, RATE, LEFT};

typedef struct parts {
    char text[N_PARTS][48]; // empty: not known
} parts;

static void format_left(const vlmc_progress *p, char *text, size_t size)
{
    if (p->rate < 1 || p->total <= p->done)
        return;
    const double seconds = (double)(p->total - p->done) / p->rate;
    if (seconds >= 100 * 86400.0)
        return;
    const uint64_t left = (uint64_t)seconds;
    if (left >= 48 * 3600)
        snprintf(text, size, "%" PRIu64 " days left", left / 86400);
    else if (left >= 3600)
        snprintf(text, size, "%" PRIu64 ":%02u:%02u left", left / 3600, (unsigned)(left / 60 % 60),
                 (unsigned)(left % 60));
    else
        snprintf(text, size, "%u:%02u left", (unsigned)(left / 60), (unsigned)(left % 60));
}

static parts format_parts(const vlmc_progress *p)
{
    parts parts = {0};
    char done[16], total[16], rate[16];
    vlmc_format_bytes(p->done, done, sizeof done);
    vlmc_format_bytes(p->total, total, sizeof total);
    vlmc_format_bytes((uint64_t)p->rate, rate, sizeof rate);
    if (p->total) {
        const double share = 100.0 * (double)p->done / (double)p->total;
        snprintf(parts.text[SHARE], sizeof parts.text[SHARE], "%s %.0f %%", p->phase,
                 share < 100 ? share : 100);
        snprintf(parts.text[AMOUNT], sizeof parts.text[AMOUNT], "%s of %s", done, total);
    } else {
        snprintf(parts.text[SHARE], sizeof parts.text[SHARE], "%s %s", p->phase, done);
    }
    snprintf(parts.text[RATE], sizeof parts.text[RATE], "%s/s", rate);
    if (p->ratio_done)
        snprintf(parts.text[RATIO], sizeof parts.text[RATIO], "ratio %.3f",
                 (double)p->ratio_packed / (double)p->ratio_done);
    format_left(p, parts.text[LEFT], sizeof parts.text[LEFT]);
    return parts;
}

static size_t columns_of(const parts *parts)
{
    size_t columns = 0;
    for (unsigned i = 0; i < N_PARTS; i++)
        if (parts->text[i][0])
            columns += strlen(parts->text[i]) + (i ? 2 : 0);
    return columns;
}

void vlmc_progress_text(const vlmc_progress *progress, uint64_t now_ns, unsigned columns,
                        char *text, size_t size)
{
    vlmc_progress now = *progress;
    take_rate(&now, now_ns);
    parts parts = format_parts(&now);
    for (size_t i = 0; i < sizeof least_needed / sizeof *least_needed; i++)
        if (columns && columns_of(&parts) > columns)
            parts.text[least_needed[i]][0] = 0;
    if (columns && columns < sizeof parts.text[SHARE])
        parts.text[SHARE][columns] = 0;
    size_t used = 0;
    for (unsigned i = 0; i < N_PARTS && used < size; i++)
        if (parts.text[i][0])
            used +=
                (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", parts.text[i]);
}

// Is it time for another line?
static bool is_due(vlmc_progress *progress, uint64_t now_ns)
{
    if (now_ns - progress->shown_ns < INTERVAL_NS)
        return false;
    progress->shown_ns = now_ns;
    return true;
}

void vlmc_progress_found_text(const vlmc_progress *progress, unsigned columns, char *text,
                              size_t size)
{
    char bytes[16];
    vlmc_format_bytes(progress->done, bytes, sizeof bytes);
    snprintf(text, size, "%s: %" PRIu64 " file%s, %s found", progress->phase, progress->n_files,
             progress->n_files == 1 ? "" : "s", bytes);
    if (columns && columns < size)
        text[columns] = 0;
}

bool vlmc_progress_found(vlmc_progress *progress, uint64_t now_ns, uint64_t n_files, uint64_t bytes)
{
    progress->n_files = n_files;
    progress->done = bytes;
    if (!is_due(progress, now_ns))
        return false;
    if (progress->stream) {
        char text[VLMC_PROGRESS_TEXT_BYTES];
        vlmc_progress_found_text(progress, usable_columns(progress->stream), text, sizeof text);
        show(progress, text);
    }
    return true;
}

bool vlmc_progress_update(vlmc_progress *progress, uint64_t now_ns, uint64_t done, uint64_t packed)
{
    progress->done = done;
    // The first bytes are the archive's header and not yet a group.
    if (packed != progress->packed && progress->packed) {
        progress->ratio_done = done;
        progress->ratio_packed = packed;
    }
    progress->packed = packed;
    if (!is_due(progress, now_ns))
        return false;
    take_rate(progress, now_ns);
    if (progress->stream) {
        char text[VLMC_PROGRESS_TEXT_BYTES];
        vlmc_progress_text(progress, now_ns, usable_columns(progress->stream), text, sizeof text);
        show(progress, text);
    }
    return true;
}

void vlmc_progress_end(vlmc_progress *progress)
{
    if (progress->visible) {
        fputs("\r\033[K", progress->stream);
        fflush(progress->stream);
    }
    progress->visible = false;
}
