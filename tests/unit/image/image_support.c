// SPDX-License-Identifier: Apache-2.0
#include "image_support.h"

uint8_t image_sample(uint32_t x, uint32_t y, uint32_t channel)
{
    uint64_t state = ((uint64_t)x << 32 | y) * 0x9E3779B97F4A7C15u + channel + 1;
    const int32_t dx = (int32_t)(x % 97) - 48, dy = (int32_t)(y % 61) - 30;
    const int32_t disc = dx * dx + dy * dy < 600 ? 70 : 0;
    const int32_t slope = (int32_t)((2 * x + 3 * y) / 8 % 120) + 20 * (int32_t)channel;
    const int32_t noise = (int32_t)(plugin_random(&state) % 7);
    return (uint8_t)(disc + slope + noise);
}

void image_put_rows(plugin_bytes *bytes, uint32_t rows, uint32_t used, uint32_t pixel_bytes,
                    uint32_t padding)
{
    for (uint32_t y = 0; y < rows; y++) {
        for (uint32_t i = 0; i < used; i++) {
            const uint8_t byte = image_sample(i / pixel_bytes, y, i % pixel_bytes);
            plugin_put(bytes, &byte, 1);
        }
        plugin_put_number(bytes, 0, padding, true);
    }
}

const vlmc_tokenizer *image_tokenizer(const char *id)
{
    return plugin_tokenizer(&vlmc_plugin_entry, id);
}

plugin_report image_check_file(const void *data, size_t n, size_t piece_bytes, uint64_t seed)
{
    return plugin_check_file(&vlmc_plugin_entry, data, n, piece_bytes, seed, NULL, NULL);
}
