// SPDX-License-Identifier: Apache-2.0
// The text plugin as a host uses it: through its exported symbol.
#ifndef TEXT_SUPPORT_H
#define TEXT_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/plugin.h>

typedef struct text_bytes {
    uint8_t *data;
    size_t n, capacity;
} text_bytes;

void text_add(text_bytes *bytes, const void *data, size_t n);
void text_add_string(text_bytes *bytes, const char *string);
void text_free(text_bytes *bytes);

// Turns UTF-8 (ASCII, two and three bytes, four for pairs) into UTF-16 with a byte order mark.
void text_add_utf16(text_bytes *bytes, const char *utf8, bool big_endian);

// xorshift, never 0.
uint32_t text_random(uint32_t *state);

const vlmc_tokenizer *text_tokenizer(void);
const vlmc_analyser *text_analyser_of_plugin(void);

// Runs the encoder (or the decoder) with pieces of input and room of up to `piece` bytes, sizes
// by `seed`; each buffer is exactly as long as said, so that a sanitizer sees a byte too much.
// Returns what the plugin returned last; a call that neither takes nor puts fails the test.
int32_t text_convert(bool encode, const void *params, uint32_t params_bytes, const uint8_t *in,
                     size_t n, size_t piece, uint32_t seed, text_bytes *out);

// Encodes and decodes; fails the test unless the bytes come back, with every way of cutting.
// Returns the encoder's refusal or VLMC_PLUGIN_OK. tokens may be NULL.
int32_t text_round_trip(const void *params, uint32_t params_bytes, const uint8_t *in, size_t n,
                        text_bytes *tokens);

typedef struct text_report {
    size_t segments, text_segments;
    size_t text, plain; // bytes
    uint8_t params;     // of the last text segment
} text_report;

// Analyses a whole file and takes each text segment to tokens and back.
text_report text_analyse(const uint8_t *bytes, size_t n);

#endif
