// SPDX-License-Identifier: Apache-2.0
// The image plugin: pixels of raster files and PNG, coefficients of JPEG.
#include "analyser.h"
#include "jpeg.h"
#include "pixels.h"
#include "png_tokenizer.h"

#include <string.h>

static const vlmc_tokenizer *const tokenizers[] = {
    &image_pixels_tokenizer,      &image_drawing_tokenizer, &image_png_tokenizer,
    &image_png_drawing_tokenizer, &image_jpeg_tokenizer,
};

static const vlmc_tokenizer_factory tokenizer_factory = {
    .struct_size = sizeof tokenizer_factory,
    .n_tokenizers = sizeof tokenizers / sizeof tokenizers[0],
    .tokenizers = tokenizers,
};

static const void *factory(const char *id)
{
    if (strcmp(id, VLMC_FACTORY_TOKENIZERS) == 0)
        return &tokenizer_factory;
    if (strcmp(id, VLMC_FACTORY_ANALYSER) == 0)
        return &image_analyser;
    return NULL;
}

const vlmc_plugin vlmc_plugin_entry = {
    .struct_size = sizeof vlmc_plugin_entry,
    .abi = VLMC_PLUGIN_ABI,
    .id = "image",
    .version = "1.0.0",
    .name = "Pictures: PGM, PPM, PAM, BMP, TIFF, PNG, JPEG and raw pixels",
    .licence = "Apache-2.0",
    .factory = factory,
};
