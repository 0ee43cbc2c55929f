// SPDX-License-Identifier: Apache-2.0
// libjpeg-turbo at the level of coefficients: a file's bytes to blocks of quantized coefficients,
// and back. Its errors come out as results. One object is used by one thread.
#ifndef IMAGE_JPEG_LIBRARY_H
#define IMAGE_JPEG_LIBRARY_H

#include "jpeg_frame.h"

#define JPEG_FILE_BYTES_MAX (64u << 20)

// Reads a whole file, from SOI through EOI; `file` is borrowed. Anything that libjpeg-turbo has
// to complain about is VLMC_PLUGIN_INVALID. Memory: the coefficients, 128 bytes for each block.
typedef struct jpeg_source jpeg_source;
int32_t jpeg_source_create(const uint8_t *file, size_t n_bytes, const jpeg_frame *frame,
                           jpeg_source **source);
void jpeg_source_destroy(jpeg_source **source);

// One row of a component's blocks: // (columns, 64), natural order. Until the next call. NULL:
// not there.
const int16_t *jpeg_source_row(jpeg_source *source, uint32_t component, uint32_t row);

// Writes a file with the frame's scans and Huffman tables; all coefficients are 0 at first.
typedef struct jpeg_sink jpeg_sink;
int32_t jpeg_sink_create(const jpeg_frame *frame, jpeg_sink **sink);
void jpeg_sink_destroy(jpeg_sink **sink);
int16_t *jpeg_sink_row(jpeg_sink *sink, uint32_t component, uint32_t row);

// The file: its scans' data are those of the frame's file, its headers need not be. Owned by the
// sink. INVALID: the coefficients cannot be written with these tables.
int32_t jpeg_sink_finish(jpeg_sink *sink, const uint8_t **file, size_t *n_bytes);

// The tables that libjpeg makes by default.
typedef struct jpeg_standard {
    uint8_t quant[100][2][64]; // by quality - 1: luminance, chrominance; zigzag order
    jpeg_huffman huffman[4];   // DC 0, AC 0, DC 1, AC 1
} jpeg_standard;

int32_t jpeg_standard_tables(jpeg_standard *standard); // [any]

#endif
