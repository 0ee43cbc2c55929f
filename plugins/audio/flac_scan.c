// SPDX-License-Identifier: Apache-2.0
// FLAC files cut into segments of whole frames.
#include "flac.h"
#include "flac_code.h"

#include <stdlib.h>
#include <string.h>

#define SEGMENT_TOKENS (2u << 20)     // two groups of the host
#define SEGMENT_FLAC_BYTES (8u << 20) // only odd files come near it
#define PARAMS_BYTES_FULL (60u << 10) // of VLMC_PLUGIN_PARAMS_BYTES_MAX
#define ID3_HEAD_BYTES 10u
#define STREAMINFO_BYTES 34u
// Failed attempts at frames may look at this many bytes of a file in all.
#define SEARCH_BYTES_MAX ((uint64_t)256 << 20)
#define BREAKS_MAX 64u // between runs of frames; then the rest of the file is plain

struct flac_scan {
    flac_frame frame;
    flac_code code;
    flac_code before; // a frame that did not come out right
    uint64_t searched_bytes;
    uint32_t breaks;
    uint8_t *frame_bytes; // (flac_frame_bytes_max)
    uint8_t params[VLMC_PLUGIN_PARAMS_BYTES_MAX];
};

static uint32_t load_be(const uint8_t *bytes, uint32_t n)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < n; i++)
        value = value << 8 | bytes[i];
    return value;
}

// Some programs put an ID3 tag before a FLAC file. Returns its size, or 0.
static size_t id3_bytes(const uint8_t *bytes, size_t n_bytes)
{
    if (n_bytes < ID3_HEAD_BYTES || memcmp(bytes, "ID3", 3) != 0)
        return 0;
    size_t size = 0;
    for (uint32_t i = 6; i < 10; i++)
        size = size << 7 | (bytes[i] & 0x7F);
    return ID3_HEAD_BYTES + size;
}

bool flac_read_start(const uint8_t *bytes, size_t n_bytes, flac_stream *stream, size_t *frames_at)
{
    size_t at = id3_bytes(bytes, n_bytes);
    *frames_at = 0;
    if (at > n_bytes || n_bytes - at < 8 + STREAMINFO_BYTES || memcmp(bytes + at, "fLaC", 4) != 0)
        return false;
    const uint8_t *info = bytes + at + 8;
    if ((info[-4] & 0x7F) != 0 || load_be(info - 3, 3) != STREAMINFO_BYTES)
        return false;
    *stream = (flac_stream){
        .rate = load_be(info + 10, 3) >> 4,
        .channels = (info[12] >> 1 & 7u) + 1,
        .bits = ((info[12] & 1u) << 4 | info[13] >> 4) + 1,
    };
    if (stream->bits < 4 || stream->bits > FLAC_BITS_MAX)
        return false;
    for (at += 4; at <= n_bytes && n_bytes - at >= 4;) {
        const bool is_last = bytes[at] >> 7;
        at += 4 + load_be(bytes + at + 1, 3);
        if (is_last) {
            *frames_at = at <= n_bytes ? at : 0;
            break;
        }
    }
    return true;
}

int32_t flac_scan_create(const flac_stream *stream, flac_scan **scan)
{
    const flac_header largest = {.block_samples = FLAC_BLOCK_MAX};
    flac_scan *s = calloc(1, sizeof *s);
    *scan = s;
    if (!s)
        return VLMC_PLUGIN_MEMORY;
    s->code.stream = *stream;
    s->frame_bytes = malloc(flac_frame_bytes_max(&largest, stream));
    if (s->frame_bytes)
        return VLMC_PLUGIN_OK;
    flac_scan_destroy(s);
    *scan = NULL;
    return VLMC_PLUGIN_MEMORY;
}

void flac_scan_destroy(flac_scan *scan)
{
    if (scan)
        free(scan->frame_bytes);
    free(scan);
}

// Codes the frame that starts here. Returns its size, 0 when there is none that comes out of its
// samples and decisions as it is, or no room for the decisions is left.
static size_t take_frame(flac_scan *scan, const uint8_t *bytes, size_t n_bytes)
{
    flac_frame *frame = &scan->frame;
    size_t looked;
    const size_t size = flac_read_frame(frame, &scan->code.stream, bytes, n_bytes, &looked);
    if (size > 0) {
        scan->before = scan->code;
        if (flac_code_header(&scan->code, &frame->header) &&
            flac_code_frame(&scan->code, frame, scan->frame_bytes, size) == size &&
            memcmp(scan->frame_bytes, bytes, size) == 0 && !scan->code.coder.over)
            return size;
        scan->code = scan->before;
    }
    scan->searched_bytes += looked;
    return 0;
}

static void start_segment(flac_scan *scan)
{
    const flac_stream stream = scan->code.stream;
    memset(&scan->code, 0, sizeof scan->code);
    scan->code.stream = stream;
    flac_params_write(&stream, scan->params);
    side_write_start(&scan->code.coder, scan->params + FLAC_PARAMS_HEAD_BYTES,
                     sizeof scan->params - FLAC_PARAMS_HEAD_BYTES - 8);
}

// As many frames as one segment may have. Returns their bytes.
static size_t take_frames(flac_scan *scan, const uint8_t *bytes, size_t n_bytes)
{
    const flac_stream *stream = &scan->code.stream;
    const size_t sample_bytes = stream->channels * ((stream->bits + 7) / 8);
    size_t at = 0, tokens = 0;
    start_segment(scan);
    while (at < n_bytes && at < SEGMENT_FLAC_BYTES && scan->code.coder.at < PARAMS_BYTES_FULL) {
        flac_header h;
        bit_reader r = {.bytes = bytes + at, .n_bytes = n_bytes - at};
        if (!flac_read_header(&h, stream, &r) ||
            (at > 0 && tokens + h.block_samples * sample_bytes > SEGMENT_TOKENS))
            break;
        const size_t size = take_frame(scan, bytes + at, n_bytes - at);
        if (size == 0)
            break;
        tokens += h.block_samples * sample_bytes;
        at += size;
    }
    return at;
}

// Bytes before the next place that looks like the start of a frame.
static size_t find_frame(flac_scan *scan, const uint8_t *bytes, size_t n_bytes)
{
    for (size_t at = 1; at < n_bytes; at++) {
        const uint8_t *next = memchr(bytes + at, 0xFF, n_bytes - at);
        flac_header h;
        if (!next || scan->searched_bytes > SEARCH_BYTES_MAX)
            return n_bytes;
        at = (size_t)(next - bytes);
        bit_reader r = {.bytes = next, .n_bytes = n_bytes - at};
        size_t looked;
        if (!flac_read_header(&h, &scan->code.stream, &r))
            continue;
        if (flac_read_frame(&scan->frame, &scan->code.stream, next, n_bytes - at, &looked) > 0)
            return at;
        scan->searched_bytes += looked;
    }
    return n_bytes;
}

int32_t flac_scan_next(flac_scan *scan, const uint8_t *bytes, size_t n_bytes, vlmc_segment *segment)
{
    const bool gave_up = scan->breaks > BREAKS_MAX || scan->searched_bytes > SEARCH_BYTES_MAX;
    if (gave_up) {
        *segment = (vlmc_segment){.bytes = n_bytes};
        return VLMC_PLUGIN_OK;
    }
    const size_t taken = take_frames(scan, bytes, n_bytes);
    if (taken == 0) {
        scan->breaks++;
        *segment = (vlmc_segment){.bytes = find_frame(scan, bytes, n_bytes)};
        return VLMC_PLUGIN_OK;
    }
    const size_t coded = side_write_end(&scan->code.coder);
    *segment = (vlmc_segment){
        .bytes = taken,
        .tokenizer = audio_flac_tokenizer.id,
        .params_bytes = (uint32_t)(FLAC_PARAMS_HEAD_BYTES + coded),
        .params = scan->params,
    };
    return VLMC_PLUGIN_OK;
}
