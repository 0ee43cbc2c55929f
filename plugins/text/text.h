// SPDX-License-Identifier: Apache-2.0
// What the parts of the text plugin share.
#ifndef TEXT_TEXT_H
#define TEXT_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/plugin.h>

extern const vlmc_tokenizer text_utf8;
extern const vlmc_analyser text_analyser;

// How the bytes of a segment are written; tokens are always UTF-8 or bytes as they are.
typedef enum text_encoding {
    TEXT_BYTES = 0, // UTF-8, any 8-bit code, anything: tokens are the bytes
    TEXT_UTF16_LE = 1,
    TEXT_UTF16_BE = 2,
} text_encoding;

// The parameters of a segment. In the archive: one byte, the encoding in the low two bits, 4 for
// crlf, the others 0.
typedef struct text_params {
    text_encoding encoding;
    bool crlf; // every LF follows a CR, which the tokens leave out
} text_params;

#define TEXT_PARAMS_BYTES 1u

uint8_t text_params_pack(const text_params *params);

// False when no text_params_pack wrote them.
bool text_params_unpack(const void *packed, uint32_t n_bytes, text_params *params);

// As the members of vlmc_tokenizer of the same names.
int32_t text_encoder_create(const void *params, uint32_t params_bytes, void **encoder);
int32_t text_encode(void *encoder, vlmc_plugin_io *io);
void text_encoder_destroy(void *encoder);
int32_t text_decoder_create(const void *params, uint32_t params_bytes, void **decoder);
int32_t text_decode(void *decoder, vlmc_plugin_io *io);
void text_decoder_destroy(void *decoder);

#endif
