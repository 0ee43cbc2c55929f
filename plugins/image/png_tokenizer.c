// SPDX-License-Identifier: Apache-2.0
#include "png_tokenizer.h"

#include "drawing_contexts.h"
#include "pixel_contexts.h"
#include "png_encoder.h"
#include "png_params.h"

static int32_t geometry(const void *params, uint32_t params_bytes, vlmc_token_geometry *geometry)
{
    png_params png;
    if (!png_params_read(params, params_bytes, &png))
        return VLMC_PLUGIN_INVALID;
    return image_pixel_geometry(params, params_bytes, geometry);
}

static int32_t drawing_geometry(const void *params, uint32_t params_bytes,
                                vlmc_token_geometry *geometry)
{
    png_params png;
    if (!png_params_read(params, params_bytes, &png))
        return VLMC_PLUGIN_INVALID;
    return image_drawing_geometry(params, params_bytes, geometry);
}

const vlmc_tokenizer image_png_tokenizer = {
    .struct_size = sizeof(vlmc_tokenizer),
    .version = 1,
    .id = "image.png",
    .modality = "image",
    .description = "Pixels of PNG files that zlib wrote",
    .default_model = "image",
    .alphabet = 256,
    .flags = VLMC_TOKENIZER_CENTRED,
    .n_contexts = IMAGE_PIXEL_N_DECLARATIONS,
    .contexts = image_pixel_declarations,
    .geometry = geometry,
    .encoder_create = png_encoder_create,
    .encode = png_encode,
    .encoder_destroy = png_encoder_destroy,
    .decoder_create = png_decoder_create,
    .decode = png_decode,
    .decoder_destroy = png_decoder_destroy,
    .contexts_create = image_pixel_contexts_create,
    .next_context = image_pixel_next_context,
    .push_token = image_pixel_push_token,
    .contexts_destroy = image_pixel_contexts_destroy,
};

const vlmc_tokenizer image_png_drawing_tokenizer = {
    .struct_size = sizeof(vlmc_tokenizer),
    .version = 1,
    .id = "image.png.drawing",
    .modality = "image",
    .description = "Pixels of PNG files that zlib wrote, screenshots and drawings",
    .default_model = NULL,
    .alphabet = 256,
    .flags = VLMC_TOKENIZER_CENTRED,
    .n_contexts = IMAGE_DRAWING_N_DECLARATIONS,
    .contexts = image_drawing_declarations,
    .geometry = drawing_geometry,
    .encoder_create = png_encoder_create,
    .encode = png_encode,
    .encoder_destroy = png_encoder_destroy,
    .decoder_create = png_decoder_create,
    .decode = png_decode,
    .decoder_destroy = png_decoder_destroy,
    .contexts_create = image_drawing_contexts_create,
    .next_context = image_drawing_next_context,
    .push_token = image_drawing_push_token,
    .contexts_destroy = image_drawing_contexts_destroy,
};
