// SPDX-License-Identifier: Apache-2.0
#include "layout.h"

void audio_layout_write(const audio_layout *layout, uint8_t bytes[AUDIO_LAYOUT_BYTES])
{
    bytes[0] = layout->sample_bytes;
    bytes[1] = layout->channels;
    bytes[2] = layout->is_signed;
    bytes[3] = layout->little_endian;
    for (uint32_t i = 0; i < 4; i++)
        bytes[4 + i] = (uint8_t)(layout->rate >> 8 * i);
}

bool audio_layout_read(const void *data, size_t n_bytes, audio_layout *layout)
{
    const uint8_t *bytes = data;
    if (n_bytes < AUDIO_LAYOUT_BYTES || bytes[2] > 1 || bytes[3] > 1)
        return false;
    *layout = (audio_layout){
        .sample_bytes = bytes[0],
        .channels = bytes[1],
        .is_signed = bytes[2],
        .little_endian = bytes[3],
    };
    for (uint32_t i = 0; i < 4; i++)
        layout->rate |= (uint32_t)bytes[4 + i] << 8 * i;
    return layout->sample_bytes >= 1 && layout->sample_bytes <= 3 && layout->channels >= 1 &&
           layout->channels <= 8;
}
