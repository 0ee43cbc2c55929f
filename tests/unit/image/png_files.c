// SPDX-License-Identifier: Apache-2.0
#include "png_files.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

png_recipe png_usual(void)
{
    return (png_recipe){
        .width = 300,
        .height = 200,
        .depth = 8,
        .colour = 2,
        .filter = 5,
        .level = 6,
        .strategy = Z_FILTERED,
        .memory_level = 8,
        .window_bits = 15,
        .chunk_bytes = 8192,
    };
}

static uint32_t samples(uint8_t colour)
{
    static const uint8_t n[] = {1, 0, 3, 1, 2, 0, 4};
    return n[colour];
}

uint32_t png_row_bytes(const png_recipe *r)
{
    return 1 + (r->width * r->depth * samples(r->colour) + 7) / 8;
}

void png_put_signature(plugin_bytes *file)
{
    plugin_put(file, "\x89PNG\r\n\x1a\n", 8);
}

void png_put_chunk(plugin_bytes *file, const char *name, const uint8_t *data, size_t n)
{
    plugin_put_number(file, (uint32_t)n, 4, true);
    const size_t start = file->n;
    plugin_put_text(file, name);
    plugin_put(file, data, n);
    plugin_put_number(file, (uint32_t)crc32(0, file->data + start, (uInt)(n + 4)), 4, true);
}

void png_put_header(plugin_bytes *file, const png_recipe *r)
{
    plugin_bytes h = {0};
    plugin_put_number(&h, r->width, 4, true);
    plugin_put_number(&h, r->height, 4, true);
    const uint8_t rest[] = {r->depth, r->colour, 0, 0, 0};
    plugin_put(&h, rest, sizeof rest);
    png_put_chunk(file, "IHDR", h.data, h.n);
    plugin_free(&h);
}

// Rows with a filter type before each: what a filter makes of a picture is noise of another kind,
// and the plugin must not care.
static void make_rows(const png_recipe *r, plugin_bytes *rows)
{
    const uint32_t n = png_row_bytes(r) - 1;
    uint32_t pixel = samples(r->colour) * r->depth / 8;
    pixel = pixel ? pixel : 1;
    for (uint32_t y = 0; y < r->height; y++) {
        plugin_put_number(rows, r->filter == 5 ? y / 3 % 5 : r->filter, 1, true);
        for (uint32_t i = 0; i < n; i++) {
            const uint8_t left = i < pixel ? 0 : image_sample(i / pixel - 1, y, i % pixel);
            const uint8_t byte = (uint8_t)(image_sample(i / pixel, y, i % pixel) - left);
            plugin_put(rows, &byte, 1);
        }
    }
}

void png_make_of(const png_recipe *r, const uint8_t *rows, size_t rows_bytes, plugin_bytes *file)
{
    const size_t capacity = rows_bytes + rows_bytes / 2 + 1024;
    uint8_t *stream = malloc(capacity);
    z_stream z = {0};
    if (!stream || deflateInit2(&z, r->level, Z_DEFLATED, r->window_bits, r->memory_level,
                                r->strategy) != Z_OK)
        abort();
    z.next_in = (uint8_t *)(uintptr_t)rows;
    z.avail_in = (uInt)rows_bytes;
    z.next_out = stream;
    z.avail_out = (uInt)capacity;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    const size_t n = z.total_out;
    deflateEnd(&z);
    png_put_signature(file);
    png_put_header(file, r);
    if (r->text)
        png_put_chunk(file, "tEXt", (const uint8_t *)r->text, strlen(r->text));
    const size_t piece = r->chunk_bytes ? r->chunk_bytes : n;
    for (size_t at = 0; at < n; at += piece)
        png_put_chunk(file, "IDAT", stream + at, n - at < piece ? n - at : piece);
    png_put_chunk(file, "IEND", NULL, 0);
    free(stream);
}

void png_make(const png_recipe *r, plugin_bytes *file)
{
    plugin_bytes rows = {0};
    make_rows(r, &rows);
    png_make_of(r, rows.data, rows.n, file);
    plugin_free(&rows);
}
