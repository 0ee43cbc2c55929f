// SPDX-License-Identifier: Apache-2.0
// PNG files as the rows of pixels that they hold: the tokenizer image.png takes a file's run of
// IDAT chunks. Tokens: for each row its filter type and then its pixels, unfiltered.
#ifndef IMAGE_PNG_TOKENIZER_H
#define IMAGE_PNG_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>
#include <vlmc/plugin.h>

#define PNG_SIGNATURE_BYTES 8u

extern const vlmc_tokenizer image_png_tokenizer, image_png_drawing_tokenizer;

// Is this the beginning of a PNG file: signature, and a header with the right check?
uint32_t image_png_probe(const uint8_t *bytes, size_t n_bytes);

// Finds the IDAT chunks of a PNG file and how to write them again. *start: bytes of the file
// before them. The segment's parameters are written to params //
// (VLMC_PLUGIN_PARAMS_BYTES_MAX). UNSUPPORTED: nothing that image.png can write again; INVALID: a
// broken file. [any]
int32_t image_png_find(const uint8_t *bytes, size_t n_bytes, size_t *start, uint8_t *params,
                       vlmc_segment *segment);

#endif
