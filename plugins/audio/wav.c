// SPDX-License-Identifier: Apache-2.0
// WAVE files (Multimedia Programming Interface and Data Specifications 1.0; EBU Tech 3306).
#include "containers.h"

#include <string.h>

#define FORMAT_PCM 1u
#define FORMAT_EXTENSIBLE 0xFFFEu
#define SIZE_UNKNOWN UINT32_MAX

typedef struct wav_reader {
    const uint8_t *bytes;
    size_t n_bytes;
    bool big_endian, is_64;
    bool has_format, has_data;
    uint64_t data_bytes_64; // of a ds64 chunk
    audio_place place;
} wav_reader;

// False when the samples are not handled.
static bool read_format(wav_reader *w, const audio_chunk *chunk)
{
    static const uint8_t guid_rest[14] = {0, 0, 0,    0, 0x10, 0,    0x80,
                                          0, 0, 0xAA, 0, 0x38, 0x9B, 0x71};
    const uint8_t *p = chunk->content;
    if (w->has_format)
        return true; // the first one counts
    if (chunk->n_content < 16)
        return false;
    uint32_t format = audio_load(p, 2, w->big_endian);
    const uint32_t channels = audio_load(p + 2, 2, w->big_endian);
    const uint32_t frame_bytes = audio_load(p + 12, 2, w->big_endian);
    const uint32_t bits = audio_load(p + 14, 2, w->big_endian);
    if (format == FORMAT_EXTENSIBLE && chunk->n_content >= 40 &&
        memcmp(p + 26, guid_rest, sizeof guid_rest) == 0)
        format = audio_load(p + 24, 2, w->big_endian);
    if (format != FORMAT_PCM || channels == 0 || frame_bytes % channels != 0 ||
        !audio_layout_valid(frame_bytes / channels, bits, channels))
        return false;
    w->has_format = true;
    w->place.layout = (audio_layout){
        .sample_bytes = (uint8_t)(frame_bytes / channels),
        .channels = (uint8_t)channels,
        .is_signed = frame_bytes > channels,
        .little_endian = !w->big_endian && frame_bytes > channels,
        .rate = audio_load(p + 4, 4, w->big_endian),
    };
    return true;
}

// Programs that write to a pipe leave the size 0. Then what follows is no chunk.
static bool starts_chunk(const wav_reader *w, uint64_t at)
{
    uint64_t next = at;
    audio_chunk chunk;
    if (!audio_next_chunk(w->bytes, w->n_bytes, w->big_endian, &next, &chunk))
        return at == w->n_bytes;
    for (int i = 0; i < 4; i++) {
        if (chunk.id[i] < ' ' || chunk.id[i] > '~')
            return false;
    }
    return chunk.n_content == chunk.size;
}

static void read_data(wav_reader *w, const audio_chunk *chunk, uint64_t *next)
{
    uint64_t size = chunk->size;
    if (w->has_data)
        return;
    if (size == SIZE_UNKNOWN)
        size = w->is_64 ? w->data_bytes_64 : UINT64_MAX;
    else if (size == 0 && !starts_chunk(w, chunk->at))
        size = UINT64_MAX;
    w->has_data = true;
    w->place.at = chunk->at;
    w->place.n_bytes = size;
    if (size > w->n_bytes)
        *next = w->n_bytes; // no chunk behind it can be seen
    else
        *next = chunk->at + size + (size & 1);
}

static bool read_magic(wav_reader *w)
{
    static const char magics[4][5] = {"RIFF", "RIFX", "RF64", "BW64"};
    uint32_t kind = 0;
    if (w->n_bytes < 12 || memcmp(w->bytes + 8, "WAVE", 4) != 0)
        return false;
    while (kind < 4 && memcmp(w->bytes, magics[kind], 4) != 0)
        kind++;
    w->big_endian = kind == 1;
    w->is_64 = kind >= 2;
    return kind < 4;
}

audio_finding audio_find_wav(const uint8_t *bytes, size_t n_bytes, audio_place *place)
{
    wav_reader w = {.bytes = bytes, .n_bytes = n_bytes, .data_bytes_64 = UINT64_MAX};
    audio_chunk chunk;
    uint64_t at = 12;
    if (!read_magic(&w))
        return AUDIO_NOT;
    for (uint32_t i = 0; i < AUDIO_CHUNKS_MAX && !(w.has_format && w.has_data); i++) {
        if (!audio_next_chunk(bytes, n_bytes, w.big_endian, &at, &chunk))
            return AUDIO_FURTHER;
        if (memcmp(chunk.id, "fmt ", 4) == 0 && !read_format(&w, &chunk))
            return AUDIO_NOT;
        if (memcmp(chunk.id, "ds64", 4) == 0 && chunk.n_content >= 16)
            w.data_bytes_64 = (uint64_t)audio_load(chunk.content + 12, 4, false) << 32 |
                              audio_load(chunk.content + 8, 4, false);
        if (memcmp(chunk.id, "data", 4) == 0)
            read_data(&w, &chunk, &at);
    }
    if (!w.has_format || !w.has_data)
        return AUDIO_NOT;
    *place = w.place;
    return AUDIO_FOUND;
}
