// SPDX-License-Identifier: Apache-2.0
// Where the samples lie in files of chunks.
#ifndef AUDIO_CONTAINERS_H
#define AUDIO_CONTAINERS_H

#include "layout.h"

typedef enum audio_finding {
    AUDIO_FOUND,
    AUDIO_NOT,     // another format, or samples that are not handled
    AUDIO_FURTHER, // begins right; what is missing may lie behind the bytes
} audio_finding;

typedef struct audio_place {
    audio_layout layout;
    uint64_t at;      // first byte of the samples, at most n_bytes
    uint64_t n_bytes; // as the file says; UINT64_MAX: to its end. May be wrong.
} audio_place;

// RIFF, RF64, BW64 and RIFX WAVE with integer samples of 1 to 3 bytes. place is set only with
// AUDIO_FOUND. [any]
audio_finding audio_find_wav(const uint8_t *bytes, size_t n_bytes, audio_place *place);

// AIFF, and AIFF-C with samples as they are (NONE, twos, sowt, raw).
audio_finding audio_find_aiff(const uint8_t *bytes, size_t n_bytes, audio_place *place);

// ---- For the two ----

#define AUDIO_CHUNKS_MAX 4096u

typedef struct audio_chunk {
    const uint8_t *id;      // 4 characters
    const uint8_t *content; // (n_content)
    size_t n_content;       // of it in memory
    uint64_t at;            // of the content in the file
    uint32_t size;          // as the file says
} audio_chunk;

// The chunk at *at, and *at moved to the one behind it. False at the end of memory.
bool audio_next_chunk(const uint8_t *bytes, size_t n_bytes, bool big_endian, uint64_t *at,
                      audio_chunk *chunk);

uint32_t audio_load(const uint8_t *bytes, uint32_t n, bool big_endian);

// A layout of samples with `bits` bits in `sample_bytes` bytes; false when it is not handled.
bool audio_layout_valid(uint32_t sample_bytes, uint32_t bits, uint32_t channels);

#endif
