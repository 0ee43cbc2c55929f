// SPDX-License-Identifier: Apache-2.0
// The two directions of image.png, as the members of vlmc_tokenizer.
#ifndef IMAGE_PNG_ENCODER_H
#define IMAGE_PNG_ENCODER_H

#include <vlmc/plugin.h>

int32_t png_encoder_create(const void *params, uint32_t params_bytes, void **encoder);
int32_t png_encode(void *encoder, vlmc_plugin_io *io);
void png_encoder_destroy(void *encoder);

int32_t png_decoder_create(const void *params, uint32_t params_bytes, void **decoder);
int32_t png_decode(void *decoder, vlmc_plugin_io *io);
void png_decoder_destroy(void *decoder);

#endif
