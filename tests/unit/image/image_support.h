// SPDX-License-Identifier: Apache-2.0
// Pictures to test the image plugin with, and the plugin under plugin_driver.h.
#ifndef IMAGE_SUPPORT_H
#define IMAGE_SUPPORT_H

#include "plugin_driver.h"

// A sample of a picture with soft shapes and some noise, 0..255.
uint8_t image_sample(uint32_t x, uint32_t y, uint32_t channel);

// Rows of `used` bytes of picture and `padding` zeros; pixel_bytes a pixel.
void image_put_rows(plugin_bytes *bytes, uint32_t rows, uint32_t used, uint32_t pixel_bytes,
                    uint32_t padding);

const vlmc_tokenizer *image_tokenizer(const char *id);

// plugin_check_file for this plugin.
plugin_report image_check_file(const void *data, size_t n, size_t piece_bytes, uint64_t seed);

#endif
