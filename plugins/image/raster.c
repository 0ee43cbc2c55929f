// SPDX-License-Identifier: Apache-2.0
#include "raster.h"

#include <string.h>

#define SUFFIX_MAX 16u

bool image_raster_fill(image_raster *raster, uint64_t width, uint64_t rows, uint32_t channels,
                       uint32_t sample_bytes, uint64_t row_bytes)
{
    if (width == 0 || width > IMAGE_WIDTH_MAX || rows == 0 || rows > UINT32_MAX || channels == 0 ||
        channels > 4 || sample_bytes == 0 || sample_bytes > 2)
        return false;
    const uint64_t used = width * channels * sample_bytes;
    if (row_bytes < used || row_bytes - used > SUFFIX_MAX || row_bytes > IMAGE_ROW_BYTES_MAX)
        return false;
    raster->layout = (image_layout){
        .width = (uint32_t)width,
        .height = (uint32_t)rows,
        .channels = (uint8_t)channels,
        .sample_bytes = (uint8_t)sample_bytes,
        .suffix = (uint8_t)(row_bytes - used),
        .phase_x = IMAGE_NO_BLOCKS,
        .phase_y = IMAGE_NO_BLOCKS,
    };
    raster->bytes = rows * row_bytes; // at most 2^54
    return true;
}
