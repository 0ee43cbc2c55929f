// SPDX-License-Identifier: Apache-2.0
#include "containers.h"

uint32_t audio_load(const uint8_t *bytes, uint32_t n, bool big_endian)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < n; i++)
        value = value << 8 | bytes[big_endian ? i : n - 1 - i];
    return value;
}

bool audio_next_chunk(const uint8_t *bytes, size_t n_bytes, bool big_endian, uint64_t *at,
                      audio_chunk *chunk)
{
    if (*at > n_bytes || n_bytes - *at < 8)
        return false;
    const size_t start = (size_t)*at, rest = n_bytes - start - 8;
    const uint32_t size = audio_load(bytes + start + 4, 4, big_endian);
    *chunk = (audio_chunk){
        .id = bytes + start,
        .content = bytes + start + 8,
        .n_content = size < rest ? size : rest,
        .at = start + 8,
        .size = size,
    };
    *at += 8 + (uint64_t)size + (size & 1); // chunks begin at even places
    return true;
}

bool audio_layout_valid(uint32_t sample_bytes, uint32_t bits, uint32_t channels)
{
    return sample_bytes >= 1 && sample_bytes <= 3 && bits > 8 * (sample_bytes - 1) &&
           bits <= 8 * sample_bytes && channels >= 1 && channels <= 8;
}
