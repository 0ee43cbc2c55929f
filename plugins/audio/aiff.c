// SPDX-License-Identifier: Apache-2.0
// AIFF and AIFF-C files (Apple, Audio Interchange File Format 1.3 and AIFF-C draft).
#include "containers.h"

#include <string.h>

#define COMMON_BYTES 18u
#define SOUND_HEAD_BYTES 8u

typedef struct aiff_reader {
    bool is_c;
    bool has_common, has_sound;
    audio_place place;
} aiff_reader;

// An 80-bit float; what is no whole number below 2^32 is not known.
static uint32_t read_rate(const uint8_t *p)
{
    const uint32_t exponent = audio_load(p, 2, true), high = audio_load(p + 2, 4, true);
    return exponent >= 16383 && exponent <= 16383 + 31 ? high >> (16383 + 31 - exponent) : 0;
}

// False when the samples are not handled.
static bool read_common(aiff_reader *a, const audio_chunk *chunk)
{
    static const char names[5][5] = {"NONE", "twos", "sowt", "raw ", "in24"};
    const uint8_t *p = chunk->content;
    if (a->has_common)
        return true; // the first one counts
    if (chunk->n_content < COMMON_BYTES + (a->is_c ? 4u : 0u))
        return false;
    const uint32_t channels = audio_load(p, 2, true), bits = audio_load(p + 6, 2, true);
    const uint32_t sample_bytes = (bits + 7) / 8;
    uint32_t coding = 0;
    while (a->is_c && coding < 5 && memcmp(p + COMMON_BYTES, names[coding], 4) != 0)
        coding++;
    if (coding == 5 || !audio_layout_valid(sample_bytes, bits, channels))
        return false;
    a->has_common = true;
    a->place.layout = (audio_layout){
        .sample_bytes = (uint8_t)sample_bytes,
        .channels = (uint8_t)channels,
        .is_signed = coding != 3,
        .little_endian = coding == 2 && sample_bytes > 1,
        .rate = read_rate(p + 8),
    };
    return true;
}

static void read_sound(aiff_reader *a, const audio_chunk *chunk)
{
    if (a->has_sound || chunk->n_content < SOUND_HEAD_BYTES)
        return;
    const uint64_t offset = audio_load(chunk->content, 4, true);
    const uint64_t skip = SOUND_HEAD_BYTES + offset;
    a->has_sound = true;
    a->place.at = chunk->at + (skip <= chunk->n_content ? skip : SOUND_HEAD_BYTES);
    a->place.n_bytes =
        chunk->size == UINT32_MAX ? UINT64_MAX : chunk->size - (a->place.at - chunk->at);
}

audio_finding audio_find_aiff(const uint8_t *bytes, size_t n_bytes, audio_place *place)
{
    aiff_reader a = {0};
    audio_chunk chunk;
    uint64_t at = 12;
    if (n_bytes < 12 || memcmp(bytes, "FORM", 4) != 0 || memcmp(bytes + 8, "AIF", 3) != 0 ||
        (bytes[11] != 'F' && bytes[11] != 'C'))
        return AUDIO_NOT;
    a.is_c = bytes[11] == 'C';
    for (uint32_t i = 0; i < AUDIO_CHUNKS_MAX && !(a.has_common && a.has_sound); i++) {
        if (!audio_next_chunk(bytes, n_bytes, true, &at, &chunk))
            return AUDIO_FURTHER;
        if (memcmp(chunk.id, "COMM", 4) == 0 && !read_common(&a, &chunk))
            return AUDIO_NOT;
        if (memcmp(chunk.id, "SSND", 4) == 0)
            read_sound(&a, &chunk);
    }
    if (!a.has_common || !a.has_sound)
        return AUDIO_NOT;
    *place = a.place;
    return AUDIO_FOUND;
}
