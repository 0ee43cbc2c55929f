// SPDX-License-Identifier: Apache-2.0
// The audio plugin as a host runs it: analysis, then each segment to tokens and back. No Criterion
// here: the fuzzer uses it too.
#ifndef AUDIO_SUPPORT_H
#define AUDIO_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/plugin.h>

typedef struct audio_bytes {
    uint8_t *data;
    size_t n, capacity;
} audio_bytes;

void audio_put(audio_bytes *bytes, const void *data, size_t n);
void audio_put_text(audio_bytes *bytes, const char *text);
void audio_put_number(audio_bytes *bytes, uint32_t value, uint32_t n_bytes, bool big_endian);
void audio_free(audio_bytes *bytes);

// xorshift; the state must not be 0.
uint32_t audio_random(uint64_t *state);

// A wandering tone with noise, within `bits` bits.
int32_t audio_sample(uint32_t i, uint32_t channel, uint32_t bits, uint64_t *state);

typedef struct audio_report {
    const char *fault;  // what went wrong, or NULL
    uint64_t pcm_bytes; // of the file, in segments of audio.pcm
    uint64_t flac_bytes;
    uint64_t plain_bytes;
    uint64_t n_tokens;
    uint32_t n_segments;
    audio_bytes params;     // of all audio.flac segments
    audio_bytes pcm_tokens; // of all audio.pcm segments
    audio_bytes pcm_params; // of the first audio.pcm segment
} audio_report;

const vlmc_analyser *audio_analyser_of_plugin(void);
const vlmc_tokenizer *audio_tokenizer(const char *id);

// Analyses a file with windows of 64 MiB, turns each segment to tokens and back with pieces of
// input and output of random sizes up to piece_bytes (0: all at once), and compares.
audio_report audio_check_file(const void *data, size_t n, size_t piece_bytes, uint64_t seed);
void audio_report_free(audio_report *report);

// One direction of a tokenizer. Returns its result; out is appended to.
int32_t audio_convert(const vlmc_tokenizer *tokenizer, bool encode, const void *params,
                      uint32_t params_bytes, const uint8_t *in, size_t n, size_t piece_bytes,
                      uint64_t seed, audio_bytes *out);

#endif
