// SPDX-License-Identifier: Apache-2.0
#include "estimate_media.h"

#include "interrupt.h"
#include "util/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// What is looked at of a file, at most: longer ones go on as they begin.
#define FILE_BYTES_MAX ((size_t)12 << 20)
#define FILE_SEGMENTS_MAX 64u

// Shorter segments are plain bytes, as for the writer.
#define SEGMENT_BYTES_MIN 4096u

#define SLICE_TOKENS (32u << 10)

// ---- Files ----

// O_NONBLOCK: a pipe that took the file's place since the walk must not hang.
int estimate_open(cli *cli, const char *path)
{
    struct stat st;
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    const int code = errno;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    if (cli)
        cli_warn(cli, "left out \"%s\": %s", path, strerror(fd < 0 ? code : EINVAL));
    estimate_close(fd);
    return -1;
}

void estimate_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

size_t estimate_read(int fd, uint64_t offset, uint8_t *at, size_t n)
{
    size_t got = 0;
    while (got < n) {
        const ssize_t some = pread(fd, at + got, n - got, (off_t)(offset + got));
        if (some < 0 && errno == EINTR && !cli_interrupt_signal())
            continue;
        if (some <= 0)
            break;
        got += (size_t)some;
    }
    return got;
}

bool estimate_fill_window(vlmc_worker *worker, int fd, size_t most, size_t *n)
{
    for (*n = 0; *n < most;) {
        uint8_t *at;
        size_t room;
        vlmc_worker_room(worker, &at, &room);
        const size_t got = estimate_read(fd, *n, at, most - *n < room ? most - *n : room);
        if (got == 0)
            break;
        vlmc_worker_add(worker, got);
        *n += got;
    }
    return *n > 0;
}

// ---- Tokens ----

static double now(void)
{
    return (double)vlmc_progress_now_ns() * 1e-9;
}

static size_t held(const vlmc_worker *worker)
{
    const uint8_t *bytes;
    size_t n;
    vlmc_worker_window(worker, &bytes, &n);
    return n;
}

static bool is_failure(vlmc_status status)
{
    return status != VLMC_OK && status != VLMC_ERROR_PLUGIN && status != VLMC_ERROR_UNSUPPORTED;
}

static vlmc_status keep_slice(estimate_slice *slice, const vlmc_worker_segment *segment,
                              const vlmc_worker_tokens *tokens, size_t first, size_t n,
                              vlmc_error *error)
{
    *slice = (estimate_slice){
        .n = (uint32_t)n,
        .first_token = first,
        .segment_tokens = tokens->n,
        .params_bytes = segment->params_bytes,
        .tokens = malloc(n),
        .params = malloc(segment->params_bytes + 1u),
    };
    if (!slice->tokens || !slice->params) {
        free(slice->tokens);
        free(slice->params);
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for a sample of the files");
    }
    memcpy(slice->tokens, tokens->tokens + first, n);
    if (segment->params_bytes)
        memcpy(slice->params, segment->params, segment->params_bytes);
    return VLMC_OK;
}

// ---- Text ----

static vlmc_status give(vlmc_worker *worker, const uint8_t *bytes, size_t n, vlmc_error *error)
{
    VLMC_TRY(vlmc_worker_begin(worker, NULL, error));
    while (n > 0) {
        uint8_t *at;
        size_t room;
        vlmc_worker_room(worker, &at, &room);
        const size_t some = n < room ? n : room;
        if (some == 0)
            break;
        memcpy(at, bytes, some);
        vlmc_worker_add(worker, some);
        bytes += some;
        n -= some;
    }
    return VLMC_OK;
}

// Tokens of a stretch of text are tokens wherever it begins; where the plugin does not see text in
// the pieces, its bytes are taken for its tokens.
vlmc_status estimate_text_slice(vlmc_worker *worker, estimate_kind *kind, vlmc_error *error)
{
    vlmc_worker_probe probe;
    vlmc_worker_segment segment;
    vlmc_worker_tokens tokens;
    const double start = now();
    VLMC_TRY(give(worker, kind->thin, kind->thin_bytes, error));
    vlmc_status status = vlmc_worker_probe_file(worker, &probe, error);
    size_t left = kind->thin_bytes;
    while (status == VLMC_OK && probe.plugin == kind->plugin && left > 0) {
        status = vlmc_worker_next_segment(worker, true, &segment, error);
        if (status != VLMC_OK || segment.bytes > left)
            break;
        if (segment.tokenizer == kind->tokenizer && segment.bytes > left / 2) {
            status =
                vlmc_worker_encode(worker, segment.tokenizer, segment.params, segment.params_bytes,
                                   (size_t)segment.bytes, &tokens, error);
            if (status != VLMC_OK || tokens.n == 0)
                break;
            VLMC_TRY(
                keep_slice(&kind->slices[kind->n_slices++], &segment, &tokens, 0, tokens.n, error));
            kind->seen_bytes = segment.bytes;
            kind->seen_tokens = tokens.n;
            kind->seen_seconds = now() - start;
            return VLMC_OK;
        }
        vlmc_worker_skip(worker, (size_t)segment.bytes);
        left -= (size_t)segment.bytes;
    }
    if (is_failure(status))
        return status;
    kind->as_bytes = true;
    segment = (vlmc_worker_segment){0};
    tokens = (vlmc_worker_tokens){.tokens = kind->thin, .n = kind->thin_bytes};
    kind->seen_bytes = kind->seen_tokens = kind->thin_bytes;
    return keep_slice(&kind->slices[kind->n_slices++], &segment, &tokens, 0, tokens.n, error);
}

// ---- Media ----

// Where in a segment a slice lies: in its middle, where a stream may begin.
static size_t slice_begin(const vlmc_worker_segment *segment, size_t n_tokens)
{
    vlmc_token_geometry geometry;
    if (n_tokens <= SLICE_TOKENS ||
        vlmc_plugin_geometry(segment->tokenizer, segment->params, segment->params_bytes, &geometry,
                             NULL) != VLMC_OK)
        return 0;
    const size_t middle = (n_tokens - SLICE_TOKENS) / 2;
    return middle - middle % geometry.align_tokens;
}

static vlmc_status take_segment(estimate_media *media, const vlmc_worker_segment *segment,
                                size_t bytes, vlmc_error *error)
{
    vlmc_worker_tokens tokens = {0};
    estimate_kind *kind = estimate_kind_of(media->sample, media->plugin, segment->tokenizer);
    const double start = now();
    const vlmc_status status =
        vlmc_worker_encode(media->worker, segment->tokenizer, segment->params,
                           segment->params_bytes, bytes, &tokens, error);
    if (is_failure(status))
        return status;
    if (status != VLMC_OK || tokens.n == 0 || !kind->tokenizer) {
        media->plain_bytes += bytes;
        return VLMC_OK;
    }
    kind->seen_bytes += bytes;
    kind->seen_tokens += tokens.n;
    kind->seen_seconds += now() - start;
    if (kind->n_slices == ESTIMATE_SLICES_MAX)
        return VLMC_OK;
    const size_t first = slice_begin(segment, tokens.n);
    const size_t n = tokens.n - first < SLICE_TOKENS ? tokens.n - first : SLICE_TOKENS;
    return keep_slice(&kind->slices[kind->n_slices++], segment, &tokens, first, n, error);
}

static vlmc_status take_segments(estimate_media *media, bool at_end, vlmc_error *error)
{
    for (uint32_t i = 0; i < FILE_SEGMENTS_MAX && held(media->worker) > 0; i++) {
        vlmc_worker_segment segment;
        const size_t left = held(media->worker);
        const vlmc_status status = vlmc_worker_next_segment(media->worker, at_end, &segment, error);
        if (status != VLMC_OK) {
            media->plain_bytes += left;
            return is_failure(status) ? status : VLMC_OK;
        }
        const size_t n = segment.bytes < left ? (size_t)segment.bytes : left;
        if (segment.tokenizer && n >= SEGMENT_BYTES_MIN)
            VLMC_TRY(take_segment(media, &segment, n, error));
        else
            media->plain_bytes += n;
        vlmc_worker_skip(media->worker, n);
    }
    return VLMC_OK;
}

vlmc_status estimate_media_file(estimate_media *media, cli *cli, const walk_item *item,
                                vlmc_error *error)
{
    vlmc_worker_probe probe;
    size_t n;
    VLMC_TRY(cli_interrupt_check(error));
    const int fd = estimate_open(cli, item->disk);
    if (fd < 0)
        return VLMC_OK;
    vlmc_status status = vlmc_worker_begin(media->worker, item->stored, error);
    if (status == VLMC_OK && estimate_fill_window(media->worker, fd, FILE_BYTES_MAX, &n)) {
        status = vlmc_worker_probe_file(media->worker, &probe, error);
        if (status == VLMC_OK && probe.plugin == media->plugin)
            status = take_segments(media, n < FILE_BYTES_MAX, error);
        if (!is_failure(status))
            status = VLMC_OK;
    }
    estimate_close(fd);
    return status;
}

void estimate_media_finish(estimate_media *media, uint64_t bytes)
{
    uint64_t seen = media->plain_bytes;
    estimate_sample *sample = media->sample;
    for (uint32_t i = 0; i < sample->n_kinds; i++)
        if (sample->kinds[i].plugin == media->plugin)
            seen += sample->kinds[i].seen_bytes;
    const double each = seen ? (double)bytes / (double)seen : 0;
    uint64_t rest = bytes;
    for (uint32_t i = 0; i < sample->n_kinds; i++) {
        estimate_kind *kind = &sample->kinds[i];
        if (kind->plugin != media->plugin)
            continue;
        kind->raw_bytes = (size_t)((double)kind->seen_bytes * each);
        rest -= kind->raw_bytes < rest ? kind->raw_bytes : rest;
    }
    sample->kinds[1].raw_bytes += rest; // pictures and sound that no plugin takes are packed
}
