// SPDX-License-Identifier: Apache-2.0
// JPEG files as the quantized coefficients that they hold: the tokenizer image.jpeg, and how a
// file splits into what it takes and plain bytes. Every size that a file declares is checked.
#ifndef IMAGE_JPEG_H
#define IMAGE_JPEG_H

#include <stddef.h>
#include <stdint.h>
#include <vlmc/plugin.h>

// Takes what image_jpeg_split names. Huffman-coded files of 8 bits, 1 to 4 components; what does
// not come out of libjpeg-turbo byte for byte is refused. Not CENTRED, no JOINS, no model.
extern const vlmc_tokenizer image_jpeg_tokenizer;

// What lies at the current position of a JPEG file, as vlmc_analyser.next: from SOI to the first
// table or frame header plain bytes (metadata), from there through EOI a segment of image.jpeg,
// whose parameters are written to params // (VLMC_PLUGIN_PARAMS_BYTES_MAX). Looks at nothing but
// `bytes`, so that it may be called at any position. UNSUPPORTED: neither starts here, or not one
// that image.jpeg takes; INVALID: one does, but is broken or cut off. Then the rest of the file is
// plain bytes, as it is behind EOI. [any]
int32_t image_jpeg_split(const uint8_t *bytes, size_t n_bytes, uint8_t *params,
                         vlmc_segment *segment);

#endif
