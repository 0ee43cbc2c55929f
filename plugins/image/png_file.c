// SPDX-License-Identifier: Apache-2.0
// Finds the IDAT chunks of a PNG file and looks at what they hold.
#include "png_tokenizer.h"

#include "blocks.h"
#include "bytes.h"
#include "drawing_contexts.h"
#include "png_filter.h"
#include "png_params.h"
#include "png_search.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define HEAD_BYTES 8u // of a chunk: size and name
#define TAIL_BYTES 4u // its check
#define IHDR_BYTES 13u
#define CHUNKS_MAX 1048576u
#define COLOUR_PALETTE 3u

static const uint8_t signature[PNG_SIGNATURE_BYTES] = {137, 'P', 'N', 'G', 13, 10, 26, 10};

// A chunk that lies whole in the bytes, with the right check.
static bool chunk_at(const uint8_t *bytes, size_t n_bytes, size_t at, const char *name,
                     uint32_t *data_bytes)
{
    if (n_bytes - at < PNG_CHUNK_EDGE_BYTES || memcmp(bytes + at + 4, name, 4) != 0)
        return false;
    *data_bytes = image_load32be(bytes + at);
    if (*data_bytes > PNG_CHUNK_BYTES_MAX || *data_bytes > n_bytes - at - PNG_CHUNK_EDGE_BYTES)
        return false;
    const uLong check = crc32(crc32(0, NULL, 0), bytes + at + 4, *data_bytes + 4);
    return check == image_load32be(bytes + at + HEAD_BYTES + *data_bytes);
}

static const uint8_t *find_header(const uint8_t *bytes, size_t n_bytes)
{
    uint32_t size;
    if (n_bytes < PNG_SIGNATURE_BYTES || memcmp(bytes, signature, sizeof signature) != 0 ||
        !chunk_at(bytes, n_bytes, PNG_SIGNATURE_BYTES, "IHDR", &size) || size != IHDR_BYTES)
        return NULL;
    return bytes + PNG_SIGNATURE_BYTES + HEAD_BYTES;
}

uint32_t image_png_probe(const uint8_t *bytes, size_t n_bytes)
{
    return find_header(bytes, n_bytes) ? 100 : 0;
}

// The layout of the rows, and whether their bytes are colours of a palette or several pixels each;
// false for what image.png does not take.
static bool read_header(const uint8_t *header, image_layout *layout, bool *indexed)
{
    static const uint8_t samples[] = {1, 0, 3, 1, 2, 0, 4}; // by colour type
    const uint32_t width = image_load32be(header), height = image_load32be(header + 4);
    const uint32_t depth = header[8], colour = header[9];
    const bool interlaced = header[12] != 0;
    if (width == 0 || width > PNG_CHUNK_BYTES_MAX || height == 0 || height > PNG_CHUNK_BYTES_MAX ||
        colour >= sizeof samples || samples[colour] == 0 || header[10] != 0 || header[11] != 0 ||
        interlaced)
        return false;
    const bool packed = depth == 1 || depth == 2 || depth == 4;
    if (!packed && depth != 8 && depth != 16)
        return false;
    if (packed && samples[colour] != 1)
        return false;
    const uint64_t pixels = packed ? ((uint64_t)width * depth + 7) / 8 : width;
    const uint32_t sample_bytes = depth == 16 ? 2 : 1;
    const uint64_t row_bytes = 1 + pixels * samples[colour] * sample_bytes;
    if (pixels > IMAGE_WIDTH_MAX || row_bytes > IMAGE_ROW_BYTES_MAX ||
        row_bytes * height > PNG_CONTENT_BYTES_MAX)
        return false;
    *indexed = packed || colour == COLOUR_PALETTE;
    *layout = (image_layout){
        .width = (uint32_t)pixels,
        .height = height,
        .channels = samples[colour],
        .sample_bytes = (uint8_t)sample_bytes,
        .prefix = 1,
        .phase_x = IMAGE_NO_BLOCKS,
        .phase_y = IMAGE_NO_BLOCKS,
    };
    return true;
}

// Where the first IDAT chunk begins; 0: nowhere.
static size_t find_data(const uint8_t *bytes, size_t n_bytes)
{
    size_t at = PNG_SIGNATURE_BYTES;
    while (n_bytes - at >= PNG_CHUNK_EDGE_BYTES) {
        const uint32_t size = image_load32be(bytes + at);
        if (memcmp(bytes + at + 4, "IDAT", 4) == 0)
            return at;
        if (size > n_bytes - at - PNG_CHUNK_EDGE_BYTES)
            return 0;
        at += PNG_CHUNK_EDGE_BYTES + size;
    }
    return 0;
}

// Lists the chunks from `at` on, twice: to count them, and to note their sizes.
static uint32_t list_chunks(const uint8_t *bytes, size_t n_bytes, size_t at, uint32_t *chunks,
                            uint64_t *stream_bytes)
{
    uint32_t n = 0, size;
    for (*stream_bytes = 0; n < CHUNKS_MAX && chunk_at(bytes, n_bytes, at, "IDAT", &size); n++) {
        if (chunks)
            chunks[n] = size;
        *stream_bytes += size;
        at += PNG_CHUNK_EDGE_BYTES + size;
    }
    return n;
}

// What is learnt from inflating all rows once.
typedef struct survey {
    image_layout *layout;
    uint32_t row_bytes, row, at; // at: bytes of the row
    bool filtered;               // some row has a filter
    bool valid;
    uint8_t *rows; // the first ones, unfiltered below `row`
    uint32_t rows_kept;
} survey;

// made bytes lie behind the `at` bytes of the row; or, past the rows that are kept, in `piece`.
static void survey_bytes(survey *s, const uint8_t *piece, uint32_t made)
{
    for (uint32_t i = 0; i < made;) {
        const uint32_t left = s->row_bytes - s->at;
        const uint32_t n = made - i < left ? made - i : left;
        if (s->row >= s->layout->height || (s->at == 0 && piece[i] >= PNG_FILTER_TYPES)) {
            s->valid = false;
            return;
        }
        s->filtered = s->filtered || (s->at == 0 && piece[i] != 0);
        if (s->row < s->rows_kept)
            memcpy(s->rows + (size_t)s->row * s->row_bytes + s->at, piece + i, n);
        i += n;
        s->at += n;
        if (s->at == s->row_bytes) {
            s->at = 0;
            s->row++;
        }
    }
}

static void unfilter_kept(survey *s, uint32_t distance)
{
    uint8_t *zeros = calloc(1, s->row_bytes);
    if (!zeros) {
        s->rows_kept = 0;
        return;
    }
    for (uint32_t y = 0; y < s->rows_kept; y++) {
        uint8_t *row = s->rows + (size_t)y * s->row_bytes;
        const uint8_t *above = y ? row - s->row_bytes : zeros;
        png_unfilter(row[0], row + 1, above + 1, s->row_bytes - 1, distance);
    }
    free(zeros);
}

static bool inflate_all(survey *s, const png_stream *stream)
{
    uint8_t piece[16384];
    z_stream z = {0};
    png_cursor cursor = png_cursor_start(stream);
    if (inflateInit(&z) != Z_OK)
        return false;
    int result = Z_OK;
    while (result == Z_OK && s->valid) {
        const uint8_t *bytes = NULL;
        if (z.avail_in == 0) {
            z.avail_in = png_cursor_take(&cursor, UINT32_MAX, &bytes);
            z.next_in = (uint8_t *)(uintptr_t)bytes;
        }
        z.next_out = piece;
        z.avail_out = sizeof piece;
        result = inflate(&z, Z_NO_FLUSH);
        survey_bytes(s, piece, (uint32_t)sizeof piece - z.avail_out);
    }
    const bool used = z.avail_in == 0 && png_cursor_take(&cursor, 1, &(const uint8_t *){0}) == 0;
    inflateEnd(&z);
    return result == Z_STREAM_END && used && s->valid && s->row == s->layout->height;
}

static bool take_survey(const png_stream *stream, image_layout *layout, bool *filtered,
                        bool indexed, bool *drawing)
{
    survey s = {.layout = layout, .row_bytes = image_row_bytes(layout), .valid = true};
    s.rows_kept = IMAGE_BLOCKS_BYTES / s.row_bytes;
    if (s.rows_kept > layout->height)
        s.rows_kept = layout->height;
    s.rows = malloc(IMAGE_BLOCKS_BYTES);
    const bool ok = s.rows && inflate_all(&s, stream);
    if (ok) {
        unfilter_kept(&s, image_pixel_bytes(layout));
        image_find_blocks(s.rows, s.rows_kept, false, layout);
        *drawing = image_is_drawing(s.rows, s.rows_kept, layout, indexed);
    }
    *filtered = s.filtered;
    free(s.rows);
    return ok;
}

static int32_t describe(const uint8_t *bytes, size_t start, png_params *png, bool indexed,
                        const png_stream *stream, uint8_t *params, vlmc_segment *segment)
{
    bool filtered, drawing = false;
    if (!take_survey(stream, &png->layout, &filtered, indexed, &drawing))
        return VLMC_PLUGIN_INVALID;
    const uint64_t content = (uint64_t)png->layout.height * image_row_bytes(&png->layout);
    if (!png_search_deflate(stream, content, filtered, &png->deflate))
        return VLMC_PLUGIN_UNSUPPORTED;
    png_cursor cursor = png_cursor_start(stream);
    for (uint32_t i = 0; i < PNG_ZLIB_HEADER_BYTES; i++) {
        const uint8_t *byte = bytes + start;
        png_cursor_take(&cursor, 1, &byte);
        png->zlib_header[i] = *byte;
    }
    png->stream_bytes = stream->stream_bytes;
    segment->bytes = stream->stream_bytes + (uint64_t)stream->n_chunks * PNG_CHUNK_EDGE_BYTES;
    segment->tokenizer = (drawing ? &image_png_drawing_tokenizer : &image_png_tokenizer)->id;
    segment->params = params;
    segment->params_bytes = png_params_write(png, stream->chunks, stream->n_chunks, params,
                                             VLMC_PLUGIN_PARAMS_BYTES_MAX);
    return segment->params_bytes ? VLMC_PLUGIN_OK : VLMC_PLUGIN_UNSUPPORTED;
}

int32_t image_png_find(const uint8_t *bytes, size_t n_bytes, size_t *start, uint8_t *params,
                       vlmc_segment *segment)
{
    png_params png = {0};
    bool indexed;
    const uint8_t *header = find_header(bytes, n_bytes);
    if (!header)
        return VLMC_PLUGIN_INVALID;
    if (!read_header(header, &png.layout, &indexed))
        return VLMC_PLUGIN_UNSUPPORTED;
    *start = find_data(bytes, n_bytes);
    uint64_t stream_bytes = 0;
    const uint32_t n = *start ? list_chunks(bytes, n_bytes, *start, NULL, &stream_bytes) : 0;
    if (n == 0 || stream_bytes < PNG_ZLIB_HEADER_BYTES + PNG_ZLIB_CHECK_BYTES)
        return VLMC_PLUGIN_INVALID;
    if (stream_bytes > PNG_STREAM_BYTES_MAX)
        return VLMC_PLUGIN_UNSUPPORTED;
    uint32_t *chunks = malloc(n * sizeof *chunks);
    if (!chunks)
        return VLMC_PLUGIN_MEMORY;
    list_chunks(bytes, n_bytes, *start, chunks, &stream_bytes);
    const png_stream stream = {bytes + *start, chunks, n, (uint32_t)stream_bytes};
    const int32_t result = describe(bytes, *start, &png, indexed, &stream, params, segment);
    free(chunks);
    return result;
}
