// SPDX-License-Identifier: Apache-2.0
// Finds the stretches of a file that are text, and how their lines end.
#include "classify.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 4096u
// A stretch of the other kind is worth a cut from here on.
#define STRETCH_BLOCKS 4u
#define SEGMENT_BYTES_MAX ((size_t)32 << 20)
// A long text is cut behind a line end, looked for so far back.
#define LINE_END_BYTES 65536u
#define PROBE_BYTES 65536u

typedef struct analysis {
    bool started;
    text_encoding encoding; // of the file, from its byte order mark
    uint8_t params[TEXT_PARAMS_BYTES];
} analysis;

// The encoding that a byte order mark promises, if the first bytes keep the promise.
static text_encoding find_encoding(const uint8_t *bytes, size_t n)
{
    text_encoding encoding = TEXT_BYTES;
    if (n >= 4 && bytes[0] == 0xFF && bytes[1] == 0xFE)
        encoding = TEXT_UTF16_LE;
    else if (n >= 4 && bytes[0] == 0xFE && bytes[1] == 0xFF)
        encoding = TEXT_UTF16_BE;
    else
        return TEXT_BYTES;
    const size_t size = n < PROBE_BYTES ? n - n % 2 : PROBE_BYTES;
    return text_classify_utf16(bytes, size, encoding) == TEXT_NO ? TEXT_BYTES : encoding;
}

static uint32_t probe(const uint8_t *bytes, size_t n, const char *name)
{
    (void)name;
    if (find_encoding(bytes, n) != TEXT_BYTES)
        return 85;
    size_t text = 0, blocks = 0, legacy = 0;
    for (size_t at = 0; at < n; at += BLOCK_BYTES) {
        const text_verdict verdict =
            text_classify(bytes + at, n - at < BLOCK_BYTES ? n - at : BLOCK_BYTES);
        blocks += verdict != TEXT_NEUTRAL;
        text += verdict > TEXT_NEUTRAL;
        legacy += verdict == TEXT_LEGACY;
    }
    if (text == 0)
        return 0;
    if (text < blocks)
        return (uint32_t)(40 * text / blocks) + 1;
    return legacy ? 60 : 80;
}

static int32_t create(const char *name, void **object)
{
    (void)name;
    *object = calloc(1, sizeof(analysis));
    return *object ? VLMC_PLUGIN_OK : VLMC_PLUGIN_MEMORY;
}

static void destroy(void *object)
{
    free(object);
}

// The block `index` of the stretch; neutral blocks are of the kind before.
static bool block_is_text(const analysis *a, const uint8_t *bytes, size_t n, size_t index,
                          bool before)
{
    const size_t at = index * BLOCK_BYTES, size = n - at < BLOCK_BYTES ? n - at : BLOCK_BYTES;
    const text_verdict verdict =
        a->encoding == TEXT_BYTES ? text_classify(bytes + at, size)
                                  : text_classify_utf16(bytes + at, size - size % 2, a->encoding);
    return verdict == TEXT_NEUTRAL ? before : verdict != TEXT_NO;
}

// The length of the stretch of one kind at the start. It is of the kind that most of its first
// STRETCH_BLOCKS blocks are, and ends before as many blocks in a row of the other kind.
static size_t find_stretch(const analysis *a, const uint8_t *bytes, size_t n, bool *is_text)
{
    const size_t blocks = (n + BLOCK_BYTES - 1) / BLOCK_BYTES;
    size_t text = 0, seen = 0;
    bool last = false;
    for (; seen < STRETCH_BLOCKS && seen < blocks; seen++) {
        last = block_is_text(a, bytes, n, seen, last);
        text += last;
    }
    *is_text = 2 * text > seen;
    size_t others = 0;
    last = false;
    for (size_t i = 0; i < blocks && i * BLOCK_BYTES < SEGMENT_BYTES_MAX; i++) {
        last = block_is_text(a, bytes, n, i, last);
        others = last == *is_text ? 0 : others + 1;
        if (others == STRETCH_BLOCKS)
            return (i + 1 - STRETCH_BLOCKS) * BLOCK_BYTES;
    }
    return n < SEGMENT_BYTES_MAX ? n : SEGMENT_BYTES_MAX;
}

static bool is_unit(const uint8_t *bytes, text_encoding encoding, char unit)
{
    if (encoding == TEXT_BYTES)
        return bytes[0] == unit;
    const size_t low = encoding == TEXT_UTF16_LE ? 0 : 1;
    return bytes[low] == unit && bytes[1 - low] == 0;
}

// A better place than `length` for the end of a text that goes on: behind a line end, or at least
// not within one.
static size_t move_cut(const analysis *a, const uint8_t *bytes, size_t length, size_t n)
{
    const size_t unit = a->encoding == TEXT_BYTES ? 1 : 2;
    if (length == SEGMENT_BYTES_MAX) {
        for (size_t end = length; end > length - LINE_END_BYTES; end -= unit)
            if (is_unit(bytes + end - unit, a->encoding, '\n'))
                return end;
    }
    if (length > unit && length + unit <= n && is_unit(bytes + length - unit, a->encoding, '\r') &&
        is_unit(bytes + length, a->encoding, '\n'))
        return length - unit;
    return length;
}

// True when there are line ends and all of them are CR LF.
static bool has_crlf(const uint8_t *bytes, size_t n, text_encoding encoding)
{
    const size_t unit = encoding == TEXT_BYTES ? 1 : 2;
    bool any = false;
    for (size_t i = 0; i + unit <= n; i += unit) {
        if (!is_unit(bytes + i, encoding, '\n'))
            continue;
        if (i == 0 || !is_unit(bytes + i - unit, encoding, '\r'))
            return false;
        any = true;
    }
    return any;
}

static int32_t next(void *object, const uint8_t *bytes, size_t n, uint32_t at_end,
                    vlmc_segment *segment)
{
    (void)at_end;
    analysis *a = object;
    if (n == 0)
        return VLMC_PLUGIN_INVALID;
    if (!a->started)
        a->encoding = find_encoding(bytes, n);
    a->started = true;
    bool is_text;
    size_t length = find_stretch(a, bytes, n, &is_text);
    *segment = (vlmc_segment){.bytes = length};
    if (!is_text)
        return VLMC_PLUGIN_OK;
    if (a->encoding != TEXT_BYTES)
        length -= length % 2; // half a unit at the end of the file is left to plain bytes
    if (length == 0)
        return VLMC_PLUGIN_OK;
    if (length < n)
        length = move_cut(a, bytes, length, n);
    const text_params params = {.encoding = a->encoding,
                                .crlf = has_crlf(bytes, length, a->encoding)};
    a->params[0] = text_params_pack(&params);
    *segment = (vlmc_segment){.bytes = length,
                              .tokenizer = text_utf8.id,
                              .params = a->params,
                              .params_bytes = sizeof a->params};
    return VLMC_PLUGIN_OK;
}

const vlmc_analyser text_analyser = {
    .struct_size = sizeof text_analyser,
    .probe = probe,
    .create = create,
    .next = next,
    .destroy = destroy,
};
