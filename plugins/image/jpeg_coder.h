// SPDX-License-Identifier: Apache-2.0
// The encoder and the decoder of image.jpeg. As the members of vlmc_tokenizer of the same names.
#ifndef IMAGE_JPEG_CODER_H
#define IMAGE_JPEG_CODER_H

#include "jpeg_frame.h"

#include <vlmc/plugin.h>

// The frame that the parameters describe. head // (JPEG_HEAD_BYTES_MAX)
int32_t jpeg_params_frame(const void *params, uint32_t params_bytes, uint8_t *head,
                          size_t *head_bytes, jpeg_frame *frame);

int32_t jpeg_encoder_create(const void *params, uint32_t params_bytes, void **encoder);
int32_t jpeg_encode(void *encoder, vlmc_plugin_io *io);
void jpeg_encoder_destroy(void *encoder);

int32_t jpeg_decoder_create(const void *params, uint32_t params_bytes, void **decoder);
int32_t jpeg_decode(void *decoder, vlmc_plugin_io *io);
void jpeg_decoder_destroy(void *decoder);

#endif
