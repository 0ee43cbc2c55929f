// SPDX-License-Identifier: Apache-2.0
// Sound to test the audio plugin with, and the plugin under plugin_driver.h.
#ifndef AUDIO_SUPPORT_H
#define AUDIO_SUPPORT_H

#include "plugin_driver.h"

// A wandering tone with noise, within `bits` bits.
int32_t audio_sample(uint32_t i, uint32_t channel, uint32_t bits, uint64_t *state);

typedef struct audio_report {
    const char *fault;  // what went wrong, or NULL
    uint64_t pcm_bytes; // of the file, in segments of audio.pcm
    uint64_t flac_bytes;
    uint64_t plain_bytes;
    uint64_t n_tokens;
    uint32_t n_segments;
    plugin_bytes flac_params; // of all audio.flac segments
    plugin_bytes pcm_tokens;  // of all audio.pcm segments
    plugin_bytes pcm_params;  // of the first audio.pcm segment
} audio_report;

const vlmc_tokenizer *audio_tokenizer(const char *id);

// plugin_check_file for this plugin.
audio_report audio_check_file(const void *data, size_t n, size_t piece_bytes, uint64_t seed);
void audio_report_free(audio_report *report);

#endif
