// SPDX-License-Identifier: Apache-2.0
#include "progress.h"

#include <inttypes.h>
#include <time.h>

#define SECOND_NS UINT64_C(1000000000)
#define INTERVAL_NS (SECOND_NS / 10)

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

void vlmc_progress_begin(vlmc_progress *progress, FILE *stream, const char *phase, uint64_t total)
{
    *progress = (vlmc_progress){
        .stream = stream,
        .phase = phase,
        .total = total,
        .start_ns = vlmc_progress_now_ns(),
    };
}

static size_t append(char *text, size_t size, size_t used, const char *part)
{
    if (used < size) {
        int n = snprintf(text + used, size - used, "%s", part);
        used += n > 0 ? (size_t)n : 0;
    }
    return used;
}

void vlmc_progress_text(const vlmc_progress *progress, uint64_t now_ns, char *text, size_t size)
{
    char part[96], done[16], total[16], rate_text[16];
    uint64_t elapsed_ms = (now_ns - progress->start_ns) / 1000000;
    // The largest double that counts bytes exactly is far beyond any archive's rate.
    uint64_t rate =
        elapsed_ms ? (uint64_t)((double)progress->done * 1000.0 / (double)elapsed_ms) : 0;
    vlmc_format_bytes(progress->done, done, sizeof done);
    vlmc_format_bytes(progress->total, total, sizeof total);
    vlmc_format_bytes(rate, rate_text, sizeof rate_text);
    size_t used = append(text, size, 0, progress->phase);
    if (progress->total) {
        double percent = 100.0 * (double)progress->done / (double)progress->total;
        snprintf(part, sizeof part, " %.0f %% · %s of %s", percent, done, total);
    } else {
        snprintf(part, sizeof part, " %s", done);
    }
    used = append(text, size, used, part);
    snprintf(part, sizeof part, " · %s/s", rate_text);
    used = append(text, size, used, part);
    if (progress->ratio_done) {
        snprintf(part, sizeof part, " · ratio %.3f",
                 (double)progress->ratio_packed / (double)progress->ratio_done);
        used = append(text, size, used, part);
    }
    if (rate && progress->total > progress->done) {
        uint64_t left = (progress->total - progress->done) / rate;
        if (left >= 3600)
            snprintf(part, sizeof part, " · %" PRIu64 ":%02u:%02u left", left / 3600,
                     (unsigned)(left / 60 % 60), (unsigned)(left % 60));
        else
            snprintf(part, sizeof part, " · %u:%02u left", (unsigned)(left / 60),
                     (unsigned)(left % 60));
        append(text, size, used, part);
    }
}

void vlmc_progress_update(vlmc_progress *progress, uint64_t now_ns, uint64_t done, uint64_t packed)
{
    progress->done = done;
    // The first bytes are the archive's header and not yet a group.
    if (packed != progress->packed && progress->packed) {
        progress->ratio_done = done;
        progress->ratio_packed = packed;
    }
    progress->packed = packed;
    if (!progress->stream || now_ns - progress->shown_ns < INTERVAL_NS)
        return;
    char text[200];
    progress->shown_ns = now_ns;
    progress->visible = true;
    vlmc_progress_text(progress, now_ns, text, sizeof text);
    fprintf(progress->stream, "\r\033[K%s", text);
    fflush(progress->stream);
}

void vlmc_progress_end(vlmc_progress *progress)
{
    if (progress->visible) {
        fputs("\r\033[K", progress->stream);
        fflush(progress->stream);
    }
    progress->visible = false;
}
