// SPDX-License-Identifier: Apache-2.0
// The layout of PCM samples in a file. The parameters of audio.pcm, and the first
// AUDIO_LAYOUT_BYTES of those of audio.flac.
//
// Tokens are the same for every layout: for each sample its bytes, high byte first, in offset
// binary (silence is 0x80, 0x8000, 0x800000); channels interleaved as in the file.
#ifndef AUDIO_LAYOUT_H
#define AUDIO_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIO_LAYOUT_BYTES 8u

typedef struct audio_layout {
    uint8_t sample_bytes; // 1..3
    uint8_t channels;     // 1..8
    bool is_signed;       // two's complement in the file; else offset binary
    bool little_endian;   // in the file
    uint32_t rate;        // samples a second, for information; 0: not known
} audio_layout;

// Little-endian rate in the last four bytes.
void audio_layout_write(const audio_layout *layout, uint8_t bytes[AUDIO_LAYOUT_BYTES]);

// False when there are fewer bytes or a value is out of range.
bool audio_layout_read(const void *bytes, size_t n_bytes, audio_layout *layout);

#endif
