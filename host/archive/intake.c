// SPDX-License-Identifier: Apache-2.0
#include "intake.h"

#include "codec/level.h"
#include "holes.h"

#include <stdlib.h>
#include <string.h>

// A first segment whose tokens join others brings the cost of a TOKENIZER record.
#define FIRST_JOINED_BYTES_MIN 16384u

// More segments of one file would cost memory out of proportion: its rest is plain bytes.
#define FILE_SEGMENTS_MAX 65536u

// The same for references to what the archive has, which are worth more: 48 MiB for one file.
#define FILE_REFERENCES_MAX 1048576u

struct vlmc_intake {
    vlmc_writer_plugins plugins;
    bool joined; // tokens that join others are used
    vlmc_packer *packer;
    vlmc_records *records;
    vlmc_pending *pending;
    vlmc_dedup *dedup;
    vlmc_segment_info *segments; // (capacity)
    uint32_t n_segments;
    uint32_t capacity;
    // The current file.
    const char *path;
    vlmc_read_fn read;
    void *read_user;
    bool refused; // its read has failed
    bool ended;   // it has been read to its end
    uint64_t data_bytes;
    vlmc_content_hash hash;
    uint8_t *buffer; // (VLMC_DEDUP_PIECE_BYTES) of plain bytes
    size_t buffered;
};

vlmc_status vlmc_intake_create(const vlmc_writer_params *params, vlmc_packer *packer,
                               vlmc_records *records, vlmc_pending *pending, vlmc_dedup *dedup,
                               vlmc_intake **intake, vlmc_error *error)
{
    vlmc_intake *in = *intake = calloc(1, sizeof *in);
    if (!in)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
    in->plugins = params->plugins;
    in->joined = params->level->models;
    in->packer = packer;
    in->records = records;
    in->pending = pending;
    in->dedup = dedup;
    in->buffer = malloc(VLMC_DEDUP_PIECE_BYTES);
    if (in->buffer)
        return VLMC_OK;
    vlmc_intake_destroy(intake);
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
}

void vlmc_intake_destroy(vlmc_intake **intake)
{
    if (*intake) {
        free((*intake)->segments);
        free((*intake)->buffer);
    }
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

static bool still_going(void *user)
{
    return vlmc_packer_tick(user);
}

// Bytes that have found their place: sizes and hash know them.
static vlmc_status count_bytes(vlmc_intake *in, const uint8_t *bytes, size_t n, vlmc_error *error)
{
    in->data_bytes += n;
    if (vlmc_content_hash_add(&in->hash, bytes, n, still_going, in->packer))
        return VLMC_OK;
    return vlmc_fail(error, VLMC_ERROR_INTERRUPTED, "stopped on request");
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

// ---- Plain bytes ----

// Bytes of the file, at most to its end: first those of the window, *got 0 at the end.
static vlmc_status take_some(vlmc_intake *in, uint8_t *at, size_t room, size_t *got,
                             vlmc_error *error)
{
    const uint8_t *bytes;
    size_t held = 0;
    if (in->plugins.worker)
        vlmc_worker_window(in->plugins.worker, &bytes, &held);
    *got = held < room ? held : room;
    if (*got > 0) {
        memcpy(at, bytes, *got);
        vlmc_worker_skip(in->plugins.worker, *got);
        return VLMC_OK;
    }
    return in->ended ? VLMC_OK : read_some(in, at, room, got, error);
}

// Fills the buffer up with what is left of a stretch, at most to the end of the file. It is always
// filled, so that what becomes of the bytes does not depend on how the file was read.
static vlmc_status fill_buffer(vlmc_intake *in, uint64_t *left, vlmc_error *error)
{
    while (*left > 0 && in->buffered < VLMC_DEDUP_PIECE_BYTES) {
        const size_t room = VLMC_DEDUP_PIECE_BYTES - in->buffered;
        size_t got;
        VLMC_TRY(take_some(in, in->buffer + in->buffered, *left < room ? (size_t)*left : room, &got,
                           error));
        if (got == 0)
            *left = 0;
        in->buffered += got;
        *left -= got;
    }
    return VLMC_OK;
}

static vlmc_status store_plain(vlmc_intake *in, const uint8_t *bytes, size_t n, vlmc_error *error)
{
    const vlmc_segment_info segment = {
        .first_token = vlmc_pending_plain_position(in->pending),
        .n_tokens = n,
        .n_bytes = n,
    };
    VLMC_TRY(count_bytes(in, bytes, n, error));
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
    VLMC_TRY(vlmc_dedup_placed(in->dedup, &segment, error));
    return add_segment(in, segment, error);
}

// Bytes that the archive has.
static vlmc_status refer_to(vlmc_intake *in, const vlmc_dedup_step *step, const uint8_t *bytes,
                            vlmc_error *error)
{
    VLMC_TRY(count_bytes(in, bytes, step->n, error));
    VLMC_TRY(add_segment(in, step->segment, error));
    return vlmc_packer_done(in->packer, step->n, error);
}

// What the next n bytes are; all of them are new where the file has many segments already.
static vlmc_status next_step(vlmc_intake *in, const uint8_t *bytes, size_t n, bool ended,
                             vlmc_dedup_step *step, vlmc_error *error)
{
    if (in->n_segments < FILE_REFERENCES_MAX)
        return vlmc_dedup_next(in->dedup, bytes, n, ended, step, error);
    *step = (vlmc_dedup_step){.n = n};
    return VLMC_OK;
}

// The steps of what is buffered; the rest of it moves up.
static vlmc_status take_buffer(vlmc_intake *in, bool ended, vlmc_error *error)
{
    size_t at = 0;
    for (;;) {
        vlmc_dedup_step step = {0};
        if (at < in->buffered)
            VLMC_TRY(next_step(in, in->buffer + at, in->buffered - at, ended, &step, error));
        if (step.n == 0)
            break;
        if (step.known)
            VLMC_TRY(refer_to(in, &step, in->buffer + at, error));
        else
            VLMC_TRY(store_plain(in, in->buffer + at, step.n, error));
        at += step.n;
    }
    in->buffered -= at;
    memmove(in->buffer, in->buffer + at, in->buffered);
    return VLMC_OK;
}

// The next n bytes of the file, at most to its end, as plain bytes.
static vlmc_status take_plain(vlmc_intake *in, uint64_t n, vlmc_error *error)
{
    in->buffered = 0;
    vlmc_pending_begin_plain(in->pending);
    do {
        VLMC_TRY(fill_buffer(in, &n, error));
        VLMC_TRY(take_buffer(in, n == 0, error));
    } while (n > 0);
    return vlmc_pending_end_plain(in->pending, error);
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
    if (!segment->tokenizer || segment->bytes < VLMC_SEGMENT_BYTES_MIN ||
        segment->bytes > window_size(in) || in->n_segments >= FILE_SEGMENTS_MAX)
        return false;
    if (!(segment->tokenizer->flags & VLMC_TOKENIZER_JOINS))
        return true;
    return in->joined && (segment->bytes >= FIRST_JOINED_BYTES_MIN ||
                          vlmc_records_tokenizer_cost(in->records, coding) == 0);
}

// Puts the tokens of a segment into groups; segment->tokenizer 0: they were not worth it.
static vlmc_status place_tokens(vlmc_intake *in, const vlmc_token_coding *coding,
                                const vlmc_worker_tokens *tokens, const uint8_t *bytes,
                                size_t n_bytes, vlmc_segment_info *segment, vlmc_error *error)
{
    *segment = (vlmc_segment_info){.n_tokens = tokens->n, .n_bytes = n_bytes};
    if (tokens->n == 0)
        return VLMC_OK;
    if (!(coding->tokenizer->flags & VLMC_TOKENIZER_JOINS)) {
        VLMC_TRY(vlmc_packer_segment(in->packer, coding, tokens->tokens, tokens->n, bytes, n_bytes,
                                     &segment->tokenizer, error));
        // Its groups are the last of their sequence.
        segment->first_token =
            vlmc_records_tokens(in->records, segment->tokenizer) - segment->n_tokens;
    } else if (tokens->n <= n_bytes) {
        VLMC_TRY(vlmc_pending_join(in->pending, coding, tokens->tokens, tokens->n, n_bytes,
                                   &segment->tokenizer, &segment->first_token, error));
    }
    return VLMC_OK;
}

// What became of bytes that were to become tokens.
typedef enum outcome {
    OUTCOME_TOKENS,
    OUTCOME_PLAIN,  // they are to be plain bytes
    OUTCOME_FAILED, // so are those behind them: the plugin has failed
} outcome;

// Tells the packer where in the file it is.
static void reach(vlmc_intake *in)
{
    vlmc_place place = vlmc_packer_reached(in->packer);
    place.offset = in->data_bytes;
    vlmc_packer_reach(in->packer, place);
}

// The first n bytes of the window, all of one segment, as tokens.
static vlmc_status take_tokens(vlmc_intake *in, const vlmc_token_coding *coding, size_t n,
                               outcome *result, vlmc_error *error)
{
    vlmc_worker *worker = in->plugins.worker;
    vlmc_worker_tokens tokens;
    vlmc_error detail = {0};
    vlmc_segment_info segment = {0};
    const uint8_t *bytes; // valid until the window is filled again
    size_t held;
    vlmc_worker_window(worker, &bytes, &held);
    reach(in);
    vlmc_status status = vlmc_worker_encode(worker, coding->tokenizer, coding->params,
                                            coding->params_bytes, n, &tokens, &detail);
    VLMC_TRY(still_wanted(in, error));
    if (status == VLMC_OK)
        status = place_tokens(in, coding, &tokens, bytes, n, &segment, &detail);
    if (status != VLMC_OK && !falls_back(in, status, &detail)) {
        if (error)
            *error = detail;
        return status;
    }
    *result = status == VLMC_ERROR_PLUGIN ? OUTCOME_FAILED : OUTCOME_PLAIN;
    if (status != VLMC_OK || !segment.tokenizer)
        return VLMC_OK;
    *result = OUTCOME_TOKENS;
    VLMC_TRY(count_bytes(in, bytes, n, error));
    vlmc_worker_skip(worker, n);
    if (in->plugins.coded)
        in->plugins.coded(in->plugins.user, in->path, coding->tokenizer, n);
    VLMC_TRY(vlmc_dedup_placed(in->dedup, &segment, error));
    return add_segment(in, segment, error);
}

// New bytes of a segment: tokens, or plain bytes.
static vlmc_status take_piece(vlmc_intake *in, const vlmc_token_coding *coding, size_t n,
                              outcome *result, vlmc_error *error)
{
    const uint8_t *bytes;
    size_t held;
    VLMC_TRY(take_tokens(in, coding, n, result, error));
    if (*result == OUTCOME_TOKENS)
        return VLMC_OK;
    vlmc_worker_window(in->plugins.worker, &bytes, &held);
    vlmc_pending_begin_plain(in->pending);
    VLMC_TRY(store_plain(in, bytes, n, error));
    vlmc_worker_skip(in->plugins.worker, n);
    return vlmc_pending_end_plain(in->pending, error);
}

// The first n bytes of the window, a segment whose tokens join others: so it may be taken in
// pieces, and without what the archive has.
static vlmc_status take_joined(vlmc_intake *in, const vlmc_token_coding *coding, size_t n,
                               vlmc_error *error)
{
    outcome result = OUTCOME_TOKENS;
    while (n > 0 && result != OUTCOME_FAILED) {
        const uint8_t *bytes;
        size_t held;
        vlmc_dedup_step step;
        vlmc_worker_window(in->plugins.worker, &bytes, &held);
        VLMC_TRY(next_step(in, bytes, n, true, &step, error));
        if (step.known) {
            VLMC_TRY(refer_to(in, &step, bytes, error));
            vlmc_worker_skip(in->plugins.worker, step.n);
        } else {
            VLMC_TRY(take_piece(in, coding, step.n, &result, error));
        }
        n -= step.n;
    }
    return n > 0 ? take_plain(in, n, error) : VLMC_OK;
}

static vlmc_status take_segment(vlmc_intake *in, const vlmc_worker_segment *segment,
                                vlmc_error *error)
{
    outcome result = OUTCOME_PLAIN;
    const vlmc_token_coding coding = {
        .tokenizer = segment->tokenizer,
        .params = segment->params,
        .params_bytes = segment->params_bytes,
    };
    if (!worth_tokens(in, segment, &coding))
        return take_plain(in, segment->bytes, error);
    if (segment->tokenizer->flags & VLMC_TOKENIZER_JOINS)
        return take_joined(in, &coding, (size_t)segment->bytes, error);
    VLMC_TRY(take_tokens(in, &coding, (size_t)segment->bytes, &result, error));
    return result == OUTCOME_TOKENS ? VLMC_OK : take_plain(in, segment->bytes, error);
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
    if (!worker)
        return take_plain(in, UINT64_MAX, error);
    VLMC_TRY(vlmc_worker_begin(worker, in->path, error));
    VLMC_TRY(fill_window(in, VLMC_WORKER_PROBE_BYTES, error));
    if (window_size(in) >= VLMC_SEGMENT_BYTES_MIN) {
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

vlmc_status vlmc_intake_file(vlmc_intake *in, const char *path, const uint8_t *holes,
                             vlmc_read_fn read, void *user, vlmc_intake_result *result,
                             bool *refused, vlmc_error *error)
{
    in->path = path;
    in->read = read;
    in->read_user = user;
    in->refused = in->ended = false;
    in->data_bytes = 0;
    in->n_segments = 0;
    vlmc_content_hash_begin(&in->hash, holes);
    vlmc_packer_begin_file(in->packer, path);
    vlmc_status status = take_file(in, error);
    if (status == VLMC_OK)
        status = count_bytes(in, NULL, 0, error); // a hole at the end
    *refused = in->refused;
    *result = (vlmc_intake_result){
        .size_bytes = in->hash.size_bytes,
        .data_bytes = in->data_bytes,
        .segments = in->segments,
        .n_segments = in->n_segments,
    };
    vlmc_content_hash_end(&in->hash, result->sha256);
    return status;
}
