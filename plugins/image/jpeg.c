// SPDX-License-Identifier: Apache-2.0
#include "jpeg.h"

#include "jpeg_coder.h"
#include "jpeg_contexts.h"
#include "jpeg_library.h"
#include "jpeg_mixing.h"
#include "jpeg_params.h"
#include "jpeg_walk.h"

#include <stdlib.h>
#include <string.h>

int32_t jpeg_params_frame(const void *params, uint32_t params_bytes, uint8_t *head,
                          size_t *head_bytes, jpeg_frame *frame)
{
    const int32_t result = jpeg_params_unpack(params, params_bytes, head, head_bytes);
    return result == VLMC_PLUGIN_OK ? jpeg_frame_read(head, *head_bytes, frame) : result;
}

static int32_t geometry(const void *params, uint32_t params_bytes, vlmc_token_geometry *geometry)
{
    jpeg_frame frame;
    size_t head_bytes;
    uint8_t *head = malloc(JPEG_HEAD_BYTES_MAX);
    if (!head)
        return VLMC_PLUGIN_MEMORY;
    const int32_t result = jpeg_params_frame(params, params_bytes, head, &head_bytes, &frame);
    free(head);
    // A group is one stream: what follows a block helps little, what went before it much.
    *geometry = (vlmc_token_geometry){JPEG_UNIT_TOKENS, JPEG_UNIT_TOKENS};
    return result;
}

// Length of SOI and the metadata behind it, through APPn and COM segments. 0: it breaks off.
static size_t metadata_bytes(const uint8_t *bytes, size_t n_bytes)
{
    size_t at = 2;
    while (n_bytes - at >= 4 && bytes[at] == 0xFF &&
           ((bytes[at + 1] >= 0xE0 && bytes[at + 1] <= 0xEF) || bytes[at + 1] == 0xFE)) {
        const size_t length = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
        if (length < 2 || length > n_bytes - at - 2)
            return 0;
        at += 2 + length;
    }
    return at;
}

static bool head_starts(const uint8_t *bytes, size_t n_bytes)
{
    static const uint8_t markers[] = {0xDB, 0xC0, 0xC1, 0xC2, 0xC4, 0xDD};
    return n_bytes >= 4 && bytes[0] == 0xFF && memchr(markers, bytes[1], sizeof markers);
}

static int32_t split_head(const uint8_t *bytes, size_t n_bytes, uint8_t *head, uint8_t *params,
                          vlmc_segment *segment)
{
    jpeg_frame frame;
    size_t head_bytes, file_bytes;
    uint32_t params_bytes;
    int32_t result = jpeg_head_extract(bytes, n_bytes, head, &head_bytes, &file_bytes);
    if (result == VLMC_PLUGIN_OK)
        result = jpeg_frame_read(head, head_bytes, &frame);
    if (result == VLMC_PLUGIN_OK &&
        (file_bytes > JPEG_FILE_BYTES_MAX - 2 ||
         jpeg_frame_blocks(&frame) > (uint64_t)JPEG_BLOCKS_FOR_BYTE * file_bytes))
        result = VLMC_PLUGIN_UNSUPPORTED;
    if (result == VLMC_PLUGIN_OK)
        result = jpeg_params_pack(head, head_bytes, params, &params_bytes);
    if (result == VLMC_PLUGIN_OK)
        *segment = (vlmc_segment){.bytes = file_bytes,
                                  .tokenizer = image_jpeg_tokenizer.id,
                                  .params_bytes = params_bytes,
                                  .params = params};
    return result;
}

int32_t image_jpeg_split(const uint8_t *bytes, size_t n_bytes, uint8_t *params,
                         vlmc_segment *segment)
{
    if (n_bytes >= 4 && bytes[0] == 0xFF && bytes[1] == 0xD8) {
        const size_t size = metadata_bytes(bytes, n_bytes);
        if (!size || !head_starts(bytes + size, n_bytes - size))
            return VLMC_PLUGIN_INVALID;
        *segment = (vlmc_segment){.bytes = size};
        return VLMC_PLUGIN_OK;
    }
    if (!head_starts(bytes, n_bytes))
        return VLMC_PLUGIN_UNSUPPORTED;
    uint8_t *head = malloc(JPEG_HEAD_BYTES_MAX);
    if (!head)
        return VLMC_PLUGIN_MEMORY;
    const int32_t result = split_head(bytes, n_bytes, head, params, segment);
    free(head);
    return result;
}

const vlmc_tokenizer image_jpeg_tokenizer = {
    .struct_size = sizeof(vlmc_tokenizer),
    .version = 1,
    .id = "image.jpeg",
    .modality = "image",
    .description = "Quantized coefficients of JPEG files",
    .alphabet = 16,
    .n_contexts = JPEG_CONTEXTS,
    .contexts = jpeg_context_declarations,
    .geometry = geometry,
    .encoder_create = jpeg_encoder_create,
    .encode = jpeg_encode,
    .encoder_destroy = jpeg_encoder_destroy,
    .decoder_create = jpeg_decoder_create,
    .decode = jpeg_decode,
    .decoder_destroy = jpeg_decoder_destroy,
    .contexts_create = jpeg_contexts_create,
    .next_context = jpeg_next_context,
    .push_token = jpeg_push_token,
    .contexts_destroy = jpeg_contexts_destroy,
};
