// SPDX-License-Identifier: Apache-2.0
// FLAC files to test with.
#ifndef FLAC_FILES_H
#define FLAC_FILES_H

#include "audio_support.h"

typedef struct flac_spec {
    uint32_t level, channels, bits, block_samples; // block_samples 0: the level's own
    uint32_t n_samples;                            // of each channel
    bool exhaustive;                               // search of models, precision and Rice codes
    const int32_t *samples;                        // (n_samples, channels)
} flac_spec;

// By libFLAC; subset off.
plugin_bytes flac_file_of_library(const flac_spec *spec);

// "fLaC" and STREAMINFO, for frames of our own.
void flac_put_head(plugin_bytes *out, uint32_t channels, uint32_t bits);

// Frames with every choice that the format has, at random.
void flac_put_random_frames(plugin_bytes *out, uint32_t channels, uint32_t bits, uint32_t n_frames,
                            uint64_t *random);

#endif
