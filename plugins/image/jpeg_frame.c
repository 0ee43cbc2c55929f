// SPDX-License-Identifier: Apache-2.0
#include "jpeg_frame.h"

#include <string.h>
#include <vlmc/plugin.h>

const uint8_t jpeg_zigzag[64] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
};

enum marker {
    MARKER_SOF0 = 0xC0,
    MARKER_SOF2 = 0xC2,
    MARKER_DHT = 0xC4,
    MARKER_JPG = 0xC8,
    MARKER_DAC = 0xCC,
    MARKER_SOF15 = 0xCF,
    MARKER_RST0 = 0xD0,
    MARKER_RST7 = 0xD7,
    MARKER_SOI = 0xD8,
    MARKER_EOI = 0xD9,
    MARKER_SOS = 0xDA,
    MARKER_DQT = 0xDB,
    MARKER_DRI = 0xDD,
    MARKER_APP0 = 0xE0,
    MARKER_APP15 = 0xEF,
    MARKER_COM = 0xFE,
};

// One marker with what belongs to it.
typedef struct marker_segment {
    uint8_t marker;
    const uint8_t *body; // without the length
    size_t body_bytes;
    size_t end; // behind it
} marker_segment;

static uint32_t get16(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

static bool next_segment(const uint8_t *bytes, size_t n_bytes, size_t at, marker_segment *segment)
{
    if (at >= n_bytes || bytes[at] != 0xFF)
        return false;
    while (at < n_bytes && bytes[at] == 0xFF) // fill bytes
        at++;
    if (at >= n_bytes)
        return false;
    *segment = (marker_segment){.marker = bytes[at], .end = at + 1};
    if (segment->marker == MARKER_EOI)
        return true;
    if (n_bytes - segment->end < 2)
        return false;
    const size_t length = get16(bytes + segment->end);
    if (length < 2 || length > n_bytes - segment->end)
        return false;
    segment->body = bytes + segment->end + 2;
    segment->body_bytes = length - 2;
    segment->end += length;
    return true;
}

// Length of the entropy-coded bytes that lie at `bytes`: up to the next marker that is no RST.
static size_t entropy_bytes(const uint8_t *bytes, size_t n_bytes)
{
    size_t at = 0;
    while (at + 1 < n_bytes) {
        const uint8_t *found = memchr(bytes + at, 0xFF, n_bytes - 1 - at);
        if (!found)
            break;
        at = (size_t)(found - bytes);
        const uint8_t next = bytes[at + 1];
        if (next != 0 && !(next >= MARKER_RST0 && next <= MARKER_RST7))
            return at;
        at += 2;
    }
    return n_bytes;
}

int32_t jpeg_head_extract(const uint8_t *bytes, size_t n_bytes, uint8_t *head, size_t *head_bytes,
                          size_t *file_bytes)
{
    size_t at = 0, used = 0;
    for (;;) {
        marker_segment segment;
        if (!next_segment(bytes, n_bytes, at, &segment))
            return VLMC_PLUGIN_INVALID;
        const size_t size = segment.end - at;
        if (size > JPEG_HEAD_BYTES_MAX - used)
            return VLMC_PLUGIN_UNSUPPORTED;
        memcpy(head + used, bytes + at, size);
        used += size;
        at = segment.end;
        if (segment.marker == MARKER_EOI)
            break;
        if (segment.marker == MARKER_SOS)
            at += entropy_bytes(bytes + at, n_bytes - at);
    }
    *head_bytes = used;
    *file_bytes = at;
    return VLMC_PLUGIN_OK;
}

bool jpeg_next_scan(const uint8_t *bytes, size_t n_bytes, size_t *at, size_t *scan_bytes)
{
    marker_segment segment;
    if (*at == 0 && n_bytes >= 2 && bytes[1] == MARKER_SOI)
        *at = 2;
    do {
        if (!next_segment(bytes, n_bytes, *at, &segment) || segment.marker == MARKER_EOI)
            return false;
        *at = segment.end;
    } while (segment.marker != MARKER_SOS);
    *scan_bytes = entropy_bytes(bytes + *at, n_bytes - *at);
    *at += *scan_bytes;
    return true;
}

static int32_t read_quant(jpeg_frame *frame, const uint8_t *body, size_t size)
{
    while (size > 0) {
        const uint32_t wide = body[0] >> 4, slot = body[0] & 15;
        const size_t need = 1 + (wide ? 128 : 64);
        if (wide > 1 || slot >= JPEG_TABLES || size < need)
            return VLMC_PLUGIN_INVALID;
        for (uint32_t i = 0; i < 64; i++) {
            const uint32_t q = wide ? get16(body + 1 + 2 * i) : body[1 + i];
            if (q == 0)
                return VLMC_PLUGIN_INVALID;
            frame->quant[slot][jpeg_zigzag[i]] = (uint16_t)q;
        }
        frame->quant_known[slot] = true;
        body += need;
        size -= need;
    }
    return VLMC_PLUGIN_OK;
}

static int32_t read_huffman(jpeg_frame *frame, const uint8_t *body, size_t size)
{
    while (size > 0) {
        if (size < 17 || body[0] >> 4 > 1 || (body[0] & 15) >= JPEG_TABLES)
            return VLMC_PLUGIN_INVALID;
        jpeg_huffman *table = &(body[0] >> 4 ? frame->ac : frame->dc)[body[0] & 15];
        size_t n_symbols = 0;
        *table = (jpeg_huffman){.known = true};
        for (uint32_t i = 1; i <= 16; i++)
            n_symbols += table->lengths[i] = body[i];
        if (n_symbols > 256 || size - 17 < n_symbols)
            return VLMC_PLUGIN_INVALID;
        memcpy(table->symbols, body + 17, n_symbols);
        body += 17 + n_symbols;
        size -= 17 + n_symbols;
    }
    return VLMC_PLUGIN_OK;
}

static int32_t read_frame_header(jpeg_frame *frame, const marker_segment *segment)
{
    const uint8_t *body = segment->body;
    if (frame->n_components || segment->body_bytes < 6)
        return VLMC_PLUGIN_INVALID;
    const uint32_t n = body[5];
    if (segment->marker > MARKER_SOF2 || body[0] != 8 || n > JPEG_COMPONENTS_MAX)
        return VLMC_PLUGIN_UNSUPPORTED; // arithmetic, lossless, hierarchical, 12 bits
    if (n == 0 || segment->body_bytes != 6 + 3 * n)
        return VLMC_PLUGIN_INVALID;
    frame->progressive = segment->marker == MARKER_SOF2;
    frame->height = get16(body + 1);
    frame->width = get16(body + 3);
    if (frame->width == 0 || frame->height == 0 ||
        (uint64_t)frame->width * frame->height > JPEG_PIXELS_MAX)
        return VLMC_PLUGIN_UNSUPPORTED; // height 0: DNL follows
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *c = body + 6 + 3 * i;
        jpeg_component *component = &frame->components[i];
        *component =
            (jpeg_component){.id = c[0], .h = c[1] >> 4, .v = c[1] & 15, .quant_table = c[2]};
        for (uint32_t other = 0; other < i; other++)
            if (frame->components[other].id == component->id)
                return VLMC_PLUGIN_INVALID;
        if (component->h < 1 || component->h > 4 || component->v < 1 || component->v > 4 ||
            component->quant_table >= JPEG_TABLES)
            return VLMC_PLUGIN_INVALID;
        frame->h_max = component->h > frame->h_max ? component->h : frame->h_max;
        frame->v_max = component->v > frame->v_max ? component->v : frame->v_max;
    }
    frame->n_components = n;
    return VLMC_PLUGIN_OK;
}

static int32_t read_scan_header(jpeg_frame *frame, const uint8_t *body, size_t size, size_t at)
{
    if (!frame->n_components || size < 1)
        return VLMC_PLUGIN_INVALID;
    if (frame->n_scans == JPEG_SCANS_MAX)
        return VLMC_PLUGIN_UNSUPPORTED;
    jpeg_scan *scan = &frame->scans[frame->n_scans++];
    *scan = (jpeg_scan){.n_components = body[0], .at = (uint32_t)at};
    const uint32_t n = scan->n_components;
    if (n < 1 || n > frame->n_components || size != 4 + 2 * n)
        return VLMC_PLUGIN_INVALID;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t c = 0;
        while (c < frame->n_components && frame->components[c].id != body[1 + 2 * i])
            c++;
        if (c == frame->n_components || (i > 0 && c <= scan->components[i - 1]))
            return VLMC_PLUGIN_INVALID;
        scan->components[i] = (uint8_t)c;
        scan->dc_table[i] = body[2 + 2 * i] >> 4;
        scan->ac_table[i] = body[2 + 2 * i] & 15;
        if (scan->dc_table[i] >= JPEG_TABLES || scan->ac_table[i] >= JPEG_TABLES)
            return VLMC_PLUGIN_INVALID;
    }
    body += 1 + 2 * n;
    scan->first = body[0];
    scan->last = body[1];
    scan->high = body[2] >> 4;
    scan->low = body[2] & 15;
    if (scan->last > 63 || scan->first > scan->last || scan->high > 13 || scan->low > 13)
        return VLMC_PLUGIN_INVALID;
    return VLMC_PLUGIN_OK;
}

static uint32_t divide_up(uint32_t a, uint32_t b)
{
    return (a + b - 1) / b;
}

// How many blocks each component has. The blocks that pad the last MCUs are not part of the
// picture, and libjpeg makes them up; with a single interleaved scan the picture may be taken for
// one of whole MCUs, and then they are what the file says.
static int32_t size_components(jpeg_frame *frame)
{
    const uint32_t mcu_columns = divide_up(frame->width, 8 * frame->h_max);
    frame->mcu_rows = divide_up(frame->height, 8 * frame->v_max);
    frame->whole_mcus = frame->n_scans == 1 && frame->scans[0].n_components > 1;
    for (uint32_t i = 0; i < frame->n_components; i++) {
        jpeg_component *c = &frame->components[i];
        c->columns = frame->whole_mcus ? mcu_columns * c->h
                                       : divide_up(frame->width * c->h, 8 * frame->h_max);
        c->rows = frame->whole_mcus ? frame->mcu_rows * c->v
                                    : divide_up(frame->height * c->v, 8 * frame->v_max);
    }
    return jpeg_frame_blocks(frame) <= JPEG_BLOCKS_MAX ? VLMC_PLUGIN_OK : VLMC_PLUGIN_UNSUPPORTED;
}

uint64_t jpeg_frame_blocks(const jpeg_frame *frame)
{
    uint64_t blocks = 0;
    for (uint32_t i = 0; i < frame->n_components; i++)
        blocks += (uint64_t)frame->components[i].columns * frame->components[i].rows;
    return blocks;
}

static int32_t read_segment(jpeg_frame *frame, const marker_segment *segment)
{
    const uint8_t marker = segment->marker;
    if (marker == MARKER_DQT)
        return read_quant(frame, segment->body, segment->body_bytes);
    if (marker == MARKER_DHT)
        return read_huffman(frame, segment->body, segment->body_bytes);
    if (marker == MARKER_SOS)
        return read_scan_header(frame, segment->body, segment->body_bytes, segment->end);
    if (marker == MARKER_DRI) {
        if (segment->body_bytes != 2)
            return VLMC_PLUGIN_INVALID;
        frame->restart_interval = get16(segment->body);
        return VLMC_PLUGIN_OK;
    }
    if ((marker >= MARKER_APP0 && marker <= MARKER_APP15) || marker == MARKER_COM)
        return VLMC_PLUGIN_OK;
    if (marker >= MARKER_SOF0 && marker <= MARKER_SOF15 && marker != MARKER_JPG &&
        marker != MARKER_DAC)
        return read_frame_header(frame, segment);
    return VLMC_PLUGIN_UNSUPPORTED;
}

int32_t jpeg_frame_read(const uint8_t *head, size_t n_bytes, jpeg_frame *frame)
{
    size_t at = 0;
    *frame = (jpeg_frame){0};
    if (n_bytes > JPEG_HEAD_BYTES_MAX)
        return VLMC_PLUGIN_UNSUPPORTED;
    for (;;) {
        marker_segment segment;
        if (!next_segment(head, n_bytes, at, &segment))
            return VLMC_PLUGIN_INVALID;
        at = segment.end;
        if (segment.marker == MARKER_EOI)
            break;
        const int32_t result = read_segment(frame, &segment);
        if (result != VLMC_PLUGIN_OK)
            return result;
    }
    if (at != n_bytes || !frame->n_scans)
        return VLMC_PLUGIN_INVALID;
    for (uint32_t i = 0; i < frame->n_components; i++)
        if (!frame->quant_known[frame->components[i].quant_table])
            return VLMC_PLUGIN_INVALID;
    return size_components(frame);
}
