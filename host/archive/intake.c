// SPDX-License-Identifier: Apache-2.0
#include "intake.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

// Shorter segments are plain bytes: what they could save is less than what they would cost.
#define SEGMENT_BYTES_MIN 4096u

// A first segment whose tokens join others brings the cost of a TOKENIZER record.
#define FIRST_JOINED_BYTES_MIN 16384u

// More segments of one file would cost memory out of proportion: its rest is plain bytes.
#define FILE_SEGMENTS_MAX 65536u

struct vlmc_intake {
    vlmc_writer_plugins plugins;
    vlmc_packer *packer;
    vlmc_records *records;
    vlmc_pending *pending;
    vlmc_segment_info *segments; // (capacity)
    uint32_t n_segments;
    uint32_t capacity;
    // The current file.
    const char *path;
    vlmc_read_fn read;
    void *read_user;
    bool refused; // its read has failed
    bool ended;   // it has been read to its end
    uint64_t size_bytes;
    crypto_hash_sha256_state hash;
};

vlmc_status vlmc_intake_create(const vlmc_writer_plugins *plugins, vlmc_packer *packer,
                               vlmc_records *records, vlmc_pending *pending, vlmc_intake **intake,
                               vlmc_error *error)
{
    vlmc_intake *in = *intake = calloc(1, sizeof *in);
    if (!in)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
    in->plugins = *plugins;
    in->packer = packer;
    in->records = records;
    in->pending = pending;
    return VLMC_OK;
}

void vlmc_intake_destroy(vlmc_intake **intake)
{
    if (*intake)
        free((*intake)->segments);
    free(*intake);
    *intake = NULL;
}

// ---- Bytes and segments of the current file ----

static vlmc_status read_some(vlmc_intake *in, uint8_t *at, size_t room, size_t *got,
                             vlmc_error *error)
{
    *got = 0;
    const vlmc_status status = in->read(in->read_user, at, room, got, error);
    in->refused = status != VLMC_OK;
    VLMC_TRY(status);
    if (*got > room)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "more content than there was room for");
    in->ended = *got == 0;
    return VLMC_OK;
}

// Bytes that have found their place: size and hash know them.
static void count_bytes(vlmc_intake *in, const uint8_t *bytes, size_t n)
{
    crypto_hash_sha256_update(&in->hash, bytes, n);
    in->size_bytes += n;
}

static vlmc_status add_segment(vlmc_intake *in, vlmc_segment_info segment, vlmc_error *error)
{
    vlmc_segment_info *last = in->n_segments ? &in->segments[in->n_segments - 1] : NULL;
    if (segment.n_bytes == 0)
        return VLMC_OK;
    if (last && !last->tokenizer && !segment.tokenizer &&
        last->first_token + last->n_tokens == segment.first_token) {
        last->n_tokens += segment.n_tokens;
        last->n_bytes += segment.n_bytes;
        return VLMC_OK;
    }
    if (in->n_segments == in->capacity) {
        const uint32_t capacity = 2 * in->capacity + 8;
        vlmc_segment_info *grown = realloc(in->segments, capacity * sizeof *grown);
        if (!grown)
            return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
        in->segments = grown;
        in->capacity = capacity;
    }
    in->segments[in->n_segments++] = segment;
    return VLMC_OK;
}

// ---- Plain bytes ----

typedef struct stretch {
    uint64_t first; // position in the sequence of plain bytes
} stretch;

static stretch begin_plain(vlmc_intake *in)
{
    vlmc_pending_begin_plain(in->pending);
    return (stretch){vlmc_pending_plain_position(in->pending)};
}

static vlmc_status end_plain(vlmc_intake *in, stretch s, vlmc_error *error)
{
    const uint64_t n = vlmc_pending_plain_position(in->pending) - s.first;
    const vlmc_segment_info segment = {.first_token = s.first, .n_tokens = n, .n_bytes = n};
    VLMC_TRY(vlmc_pending_end_plain(in->pending, error));
    return add_segment(in, segment, error);
}

static vlmc_status copy_plain(vlmc_intake *in, const uint8_t *bytes, size_t n, vlmc_error *error)
{
    count_bytes(in, bytes, n);
    while (n > 0) {
        uint8_t *at;
        size_t room;
        VLMC_TRY(vlmc_pending_room(in->pending, &at, &room, error));
        const size_t piece = n < room ? n : room;
        memcpy(at, bytes, piece);
        vlmc_pending_add(in->pending, piece);
        bytes += piece;
        n -= piece;
    }
    return VLMC_OK;
}

// Reads up to `most` bytes of the file, at most to its end, without the window.
static vlmc_status stream_plain(vlmc_intake *in, uint64_t most, vlmc_error *error)
{
    while (most > 0 && !in->ended) {
        uint8_t *at;
        size_t room, got;
        VLMC_TRY(vlmc_pending_room(in->pending, &at, &room, error));
        VLMC_TRY(read_some(in, at, most < room ? (size_t)most : room, &got, error));
        count_bytes(in, at, got);
        vlmc_pending_add(in->pending, got);
        most -= got;
    }
    return VLMC_OK;
}

// ---- The window ----

// Until it holds `wanted` bytes, is full or the file ends.
static vlmc_status fill_window(vlmc_intake *in, size_t wanted, vlmc_error *error)
{
    vlmc_worker *worker = in->plugins.worker;
    const uint8_t *bytes;
    size_t n = 0;
    vlmc_worker_window(worker, &bytes, &n);
    while (!in->ended && n < wanted) {
        uint8_t *at;
        size_t room, got;
        vlmc_worker_room(worker, &at, &room);
        if (room == 0)
            return VLMC_OK;
        VLMC_TRY(read_some(in, at, wanted - n < room ? wanted - n : room, &got, error));
        vlmc_worker_add(worker, got);
        n += got;
    }
    return VLMC_OK;
}

static size_t window_size(const vlmc_intake *in)
{
    const uint8_t *bytes;
    size_t n;
    vlmc_worker_window(in->plugins.worker, &bytes, &n);
    return n;
}

// The first n bytes of the file from here on, n at most what is left of it, as plain bytes.
static vlmc_status take_plain(vlmc_intake *in, uint64_t n, vlmc_error *error)
{
    const uint8_t *bytes;
    size_t held;
    vlmc_worker_window(in->plugins.worker, &bytes, &held);
    const size_t from_window = n < held ? (size_t)n : held;
    const stretch s = begin_plain(in);
    VLMC_TRY(copy_plain(in, bytes, from_window, error));
    vlmc_worker_skip(in->plugins.worker, from_window);
    VLMC_TRY(stream_plain(in, n - from_window, error));
    return end_plain(in, s, error);
}

// True for what only costs the plugin's tokens. A notice is given where the user should know.
static bool falls_back(vlmc_intake *in, vlmc_status status, const vlmc_error *error)
{
    if (status == VLMC_ERROR_PLUGIN)
        vlmc_packer_notice(in->packer, error->text);
    return status == VLMC_ERROR_PLUGIN || status == VLMC_ERROR_UNSUPPORTED;
}

// A plugin that stops because the user stops all of it is no cause for a notice.
static vlmc_status still_wanted(vlmc_intake *in, vlmc_error *error)
{
    return vlmc_packer_done(in->packer, 0, error);
}

// ---- Segments ----

static bool worth_tokens(const vlmc_intake *in, const vlmc_worker_segment *segment,
                         const vlmc_token_coding *coding)
{
    if (!segment->tokenizer || segment->bytes < SEGMENT_BYTES_MIN ||
        segment->bytes > window_size(in) || in->n_segments >= FILE_SEGMENTS_MAX)
        return false;
    return !(segment->tokenizer->flags & VLMC_TOKENIZER_JOINS) ||
           segment->bytes >= FIRST_JOINED_BYTES_MIN ||
           vlmc_records_tokenizer_cost(in->records, coding) == 0;
}

// Puts the tokens of a segment into groups; *number 0: they were not worth it.
static vlmc_status place_tokens(vlmc_intake *in, const vlmc_token_coding *coding,
                                const vlmc_worker_tokens *tokens, const uint8_t *bytes,
                                size_t n_bytes, uint32_t *number, vlmc_error *error)
{
    vlmc_segment_info segment = {.n_tokens = tokens->n, .n_bytes = n_bytes};
    *number = 0;
    if (tokens->n == 0)
        return VLMC_OK;
    if (!(coding->tokenizer->flags & VLMC_TOKENIZER_JOINS)) {
        VLMC_TRY(vlmc_packer_segment(in->packer, coding, tokens->tokens, tokens->n, bytes, n_bytes,
                                     number, error));
        // Its groups are the last of their sequence.
        segment.first_token = vlmc_records_tokens(in->records, *number) - tokens->n;
    } else if (tokens->n <= n_bytes) {
        VLMC_TRY(vlmc_pending_join(in->pending, coding, tokens->tokens, tokens->n, n_bytes, number,
                                   &segment.first_token, error));
    }
    segment.tokenizer = *number;
    return *number ? add_segment(in, segment, error) : VLMC_OK;
}

// The segment at the start of the window as tokens. *done: it was.
static vlmc_status take_tokens(vlmc_intake *in, const vlmc_worker_segment *segment,
                               const vlmc_token_coding *coding, bool *done, vlmc_error *error)
{
    const size_t n = (size_t)segment->bytes;
    vlmc_worker *worker = in->plugins.worker;
    vlmc_worker_tokens tokens;
    vlmc_error detail = {0};
    const uint8_t *bytes; // valid until the window is filled again
    size_t held;
    uint32_t number = 0;
    vlmc_worker_window(worker, &bytes, &held);
    vlmc_status status = vlmc_worker_encode(worker, segment->tokenizer, segment->params,
                                            segment->params_bytes, n, &tokens, &detail);
    VLMC_TRY(still_wanted(in, error));
    if (status == VLMC_OK)
        status = place_tokens(in, coding, &tokens, bytes, n, &number, &detail);
    if (status != VLMC_OK && !falls_back(in, status, &detail)) {
        if (error)
            *error = detail;
        return status;
    }
    *done = number != 0;
    if (!*done)
        return VLMC_OK;
    count_bytes(in, bytes, n);
    vlmc_worker_skip(worker, n);
    if (in->plugins.coded)
        in->plugins.coded(in->plugins.user, in->path, segment->tokenizer, n);
    return VLMC_OK;
}

static vlmc_status take_segment(vlmc_intake *in, const vlmc_worker_segment *segment,
                                vlmc_error *error)
{
    bool done = false;
    const vlmc_token_coding coding = {
        .tokenizer = segment->tokenizer,
        .params = segment->params,
        .params_bytes = segment->params_bytes,
    };
    if (worth_tokens(in, segment, &coding))
        VLMC_TRY(take_tokens(in, segment, &coding, &done, error));
    return done ? VLMC_OK : take_plain(in, segment->bytes, error);
}

// A file that a plugin has claimed.
static vlmc_status take_claimed(vlmc_intake *in, vlmc_error *error)
{
    for (;;) {
        vlmc_worker_segment segment;
        vlmc_error detail = {0};
        VLMC_TRY(fill_window(in, VLMC_WORKER_WINDOW_BYTES, error));
        if (window_size(in) == 0)
            return VLMC_OK;
        const vlmc_status status =
            vlmc_worker_next_segment(in->plugins.worker, in->ended, &segment, &detail);
        VLMC_TRY(still_wanted(in, error));
        if (falls_back(in, status, &detail))
            return take_plain(in, UINT64_MAX, error);
        if (status != VLMC_OK) {
            if (error)
                *error = detail;
            return status;
        }
        VLMC_TRY(take_segment(in, &segment, error));
    }
}

static vlmc_status take_file(vlmc_intake *in, vlmc_error *error)
{
    vlmc_worker *worker = in->plugins.worker;
    vlmc_worker_probe probe = {0};
    vlmc_error detail = {0};
    if (!worker) {
        const stretch s = begin_plain(in);
        VLMC_TRY(stream_plain(in, UINT64_MAX, error));
        return end_plain(in, s, error);
    }
    VLMC_TRY(vlmc_worker_begin(worker, in->path, error));
    VLMC_TRY(fill_window(in, VLMC_WORKER_PROBE_BYTES, error));
    if (window_size(in) >= SEGMENT_BYTES_MIN) {
        const vlmc_status status = vlmc_worker_probe_file(worker, &probe, &detail);
        VLMC_TRY(still_wanted(in, error));
        if (status != VLMC_OK && !falls_back(in, status, &detail)) {
            if (error)
                *error = detail;
            return status;
        }
        if (status == VLMC_OK && probe.plugin)
            return take_claimed(in, error);
    }
    return take_plain(in, UINT64_MAX, error);
}

vlmc_status vlmc_intake_file(vlmc_intake *in, const char *path, vlmc_read_fn read, void *user,
                             vlmc_intake_result *result, bool *refused, vlmc_error *error)
{
    in->path = path;
    in->read = read;
    in->read_user = user;
    in->refused = in->ended = false;
    in->size_bytes = 0;
    in->n_segments = 0;
    crypto_hash_sha256_init(&in->hash);
    vlmc_packer_begin_file(in->packer, path);
    const vlmc_status status = take_file(in, error);
    *refused = in->refused;
    *result = (vlmc_intake_result){
        .size_bytes = in->size_bytes,
        .segments = in->segments,
        .n_segments = in->n_segments,
    };
    crypto_hash_sha256_final(&in->hash, result->sha256);
    return status;
}
