// SPDX-License-Identifier: Apache-2.0
#include "layout.h"

#include <string.h>

static void put32(uint8_t *bytes, uint32_t value)
{
    for (uint32_t i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t get32(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

void image_layout_write(const image_layout *layout, uint8_t bytes[IMAGE_LAYOUT_BYTES])
{
    memset(bytes, 0, IMAGE_LAYOUT_BYTES);
    put32(bytes, layout->width);
    put32(bytes + 4, layout->height);
    bytes[8] = layout->channels;
    bytes[9] = layout->sample_bytes;
    bytes[10] = layout->prefix;
    bytes[11] = layout->suffix;
    bytes[12] = layout->phase_x;
    bytes[13] = layout->phase_y;
}

bool image_layout_read(const void *data, size_t n_bytes, image_layout *layout)
{
    const uint8_t *bytes = data;
    if (n_bytes < IMAGE_LAYOUT_BYTES)
        return false;
    *layout = (image_layout){
        .width = get32(bytes),
        .height = get32(bytes + 4),
        .channels = bytes[8],
        .sample_bytes = bytes[9],
        .prefix = bytes[10],
        .suffix = bytes[11],
        .phase_x = bytes[12],
        .phase_y = bytes[13],
    };
    const bool blocks = layout->phase_x < 8 && layout->phase_y < 8;
    const bool no_blocks = layout->phase_x == IMAGE_NO_BLOCKS && layout->phase_y == IMAGE_NO_BLOCKS;
    return layout->width >= 1 && layout->width <= IMAGE_WIDTH_MAX && layout->channels >= 1 &&
           layout->channels <= 4 && layout->sample_bytes >= 1 && layout->sample_bytes <= 2 &&
           layout->prefix <= 16 && layout->suffix <= 16 && (blocks || no_blocks) &&
           bytes[14] == 0 && bytes[15] == 0 && image_row_bytes(layout) <= IMAGE_ROW_BYTES_MAX;
}
