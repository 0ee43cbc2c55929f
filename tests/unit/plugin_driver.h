// SPDX-License-Identifier: Apache-2.0
// A plugin as a host runs it: analysis, then each segment to tokens and back. No Criterion here:
// the fuzzers use it too.
#ifndef PLUGIN_DRIVER_H
#define PLUGIN_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/plugin.h>

typedef struct plugin_bytes {
    uint8_t *data;
    size_t n, capacity;
} plugin_bytes;

void plugin_put(plugin_bytes *bytes, const void *data, size_t n);
void plugin_put_text(plugin_bytes *bytes, const char *text);
void plugin_put_number(plugin_bytes *bytes, uint32_t value, uint32_t n_bytes, bool big_endian);
void plugin_free(plugin_bytes *bytes);

// xorshift; the state must not be 0.
uint32_t plugin_random(uint64_t *state);

const vlmc_analyser *plugin_analyser(const vlmc_plugin *plugin);
const vlmc_tokenizer *plugin_tokenizer(const vlmc_plugin *plugin, const char *id);

// One direction of a tokenizer, with pieces of input and room of random sizes up to piece_bytes (0:
// large ones). Returns its result; out is appended to.
int32_t plugin_convert(const vlmc_tokenizer *tokenizer, bool encode, const void *params,
                       uint32_t params_bytes, const uint8_t *in, size_t n, size_t piece_bytes,
                       uint64_t seed, plugin_bytes *out);

#define PLUGIN_SEGMENTS_NOTED 16u

typedef struct plugin_report {
    const char *fault; // what went wrong, or NULL
    uint64_t plain_bytes;
    uint64_t coded_bytes; // of the file, in segments with a tokenizer
    uint64_t n_tokens;    // of these
    uint32_t n_segments;  // of both kinds
    uint32_t n_coded;     // segments with a tokenizer; of the first ones:
    const char *tokenizers[PLUGIN_SEGMENTS_NOTED];
    uint64_t sizes[PLUGIN_SEGMENTS_NOTED]; // bytes of the file
    plugin_bytes params;                   // of the first
    plugin_bytes tokens;                   // of the first
} plugin_report;

// Called for each segment with a tokenizer.
typedef void plugin_visit(void *user, const vlmc_segment *segment, const plugin_bytes *tokens);

// Analyses a file with windows of 64 MiB, turns each segment to tokens and back as plugin_convert
// does, and compares. visit may be NULL.
plugin_report plugin_check_file(const vlmc_plugin *plugin, const void *data, size_t n,
                                size_t piece_bytes, uint64_t seed, plugin_visit *visit, void *user);
void plugin_report_free(plugin_report *report);

#endif
