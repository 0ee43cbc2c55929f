// SPDX-License-Identifier: Apache-2.0
// The image plugin as a host runs it: analysis, then each segment to tokens and back. No Criterion
// here: the fuzzer uses it too.
#ifndef IMAGE_SUPPORT_H
#define IMAGE_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/plugin.h>

typedef struct image_bytes {
    uint8_t *data;
    size_t n, capacity;
} image_bytes;

void image_put(image_bytes *bytes, const void *data, size_t n);
void image_put_text(image_bytes *bytes, const char *text);
void image_put_number(image_bytes *bytes, uint32_t value, uint32_t n_bytes, bool big_endian);
void image_free(image_bytes *bytes);

// xorshift; the state must not be 0.
uint32_t image_random(uint64_t *state);

// A sample of a picture with soft shapes and some noise, 0..255.
uint8_t image_sample(uint32_t x, uint32_t y, uint32_t channel);

// Rows of `used` bytes of picture and `padding` zeros; pixel_bytes a pixel.
void image_put_rows(image_bytes *bytes, uint32_t rows, uint32_t used, uint32_t pixel_bytes,
                    uint32_t padding);

#define IMAGE_SEGMENTS_MAX 16u

typedef struct image_report {
    const char *fault; // what went wrong, or NULL
    uint64_t plain_bytes;
    uint64_t coded_bytes; // of the file, in segments with a tokenizer
    uint64_t n_tokens;    // of these
    uint32_t n_segments;  // of both kinds
    uint32_t n_coded;     // segments with a tokenizer; of the first ones:
    const char *tokenizers[IMAGE_SEGMENTS_MAX];
    uint64_t sizes[IMAGE_SEGMENTS_MAX]; // bytes of the file
    image_bytes params;                 // of the first
    image_bytes tokens;                 // of the first
} image_report;

const vlmc_analyser *image_analyser_of_plugin(void);
const vlmc_tokenizer *image_tokenizer(const char *id);

// Analyses a file with windows of 64 MiB, turns each segment to tokens and back with pieces of
// input and output of random sizes below piece_bytes (0: all at once), and compares.
image_report image_check_file(const void *data, size_t n, size_t piece_bytes, uint64_t seed);
void image_report_free(image_report *report);

// One direction of a tokenizer. Returns its result; out is appended to.
int32_t image_convert(const vlmc_tokenizer *tokenizer, bool encode, const void *params,
                      uint32_t params_bytes, const uint8_t *in, size_t n, size_t piece_bytes,
                      uint64_t seed, image_bytes *out);

#endif
