// SPDX-License-Identifier: Apache-2.0
// PNG files of every kind, with their rows compressed by zlib.
#ifndef PNG_FILES_H
#define PNG_FILES_H

#include "image_support.h"

typedef struct png_recipe {
    uint32_t width, height;
    uint8_t depth, colour;                          // as in the header
    uint8_t filter;                                 // 0..4; 5: another one in each row
    int level, strategy, memory_level, window_bits; // zlib's
    uint32_t chunk_bytes;                           // of IDAT; 0: one chunk
    const char *text;                               // of a tEXt chunk before IDAT, or NULL
} png_recipe;

// 300x200, 8-bit RGB, as libpng writes it.
png_recipe png_usual(void);

uint32_t png_row_bytes(const png_recipe *recipe); // with the filter type

void png_make(const png_recipe *recipe, plugin_bytes *file);

// A file of given rows (rows_bytes, filter types included).
void png_make_of(const png_recipe *recipe, const uint8_t *rows, size_t rows_bytes,
                 plugin_bytes *file);

void png_put_signature(plugin_bytes *file);
void png_put_chunk(plugin_bytes *file, const char *name, const uint8_t *data, size_t n);
void png_put_header(plugin_bytes *file, const png_recipe *recipe);

#endif
