// SPDX-License-Identifier: Apache-2.0
// The tokenizer text.utf8: its parameters and how its tokens are cut.
#include "text.h"
#include "text_contexts.h"

#include <string.h>

// As for plain bytes: history is shared in lock step, so that short streams lose little.
#define STREAM_TOKENS 32768u

#define CRLF_FLAG 4u

uint8_t text_params_pack(const text_params *params)
{
    return (uint8_t)((uint32_t)params->encoding | (params->crlf ? CRLF_FLAG : 0u));
}

bool text_params_unpack(const void *packed, uint32_t n_bytes, text_params *params)
{
    if (n_bytes != TEXT_PARAMS_BYTES)
        return false;
    const uint8_t byte = *(const uint8_t *)packed;
    if (byte > (CRLF_FLAG | 3u) || (byte & 3u) > TEXT_UTF16_BE)
        return false;
    params->encoding = (text_encoding)(byte & 3u);
    params->crlf = (byte & CRLF_FLAG) != 0;
    return true;
}

// The length of the next word of a list with commas, and where the one after it starts.
static size_t take_word(const char **text, const char **word)
{
    *word = *text;
    const size_t length = strcspn(*text, ",");
    *text += length + ((*text)[length] == ',');
    return length;
}

static bool is_word(const char *word, size_t length, const char *name)
{
    return strlen(name) == length && memcmp(word, name, length) == 0;
}

static int32_t parse_params(const char *text, void *params, uint32_t *params_bytes)
{
    text_params parsed = {.encoding = TEXT_BYTES};
    while (*text) {
        const char *word;
        const size_t length = take_word(&text, &word);
        if (is_word(word, length, "crlf"))
            parsed.crlf = true;
        else if (is_word(word, length, "utf16le"))
            parsed.encoding = TEXT_UTF16_LE;
        else if (is_word(word, length, "utf16be"))
            parsed.encoding = TEXT_UTF16_BE;
        else
            return VLMC_PLUGIN_INVALID;
    }
    if (*params_bytes < TEXT_PARAMS_BYTES)
        return VLMC_PLUGIN_MEMORY;
    *(uint8_t *)params = text_params_pack(&parsed);
    *params_bytes = TEXT_PARAMS_BYTES;
    return VLMC_PLUGIN_OK;
}

static int32_t geometry(const void *params, uint32_t params_bytes, vlmc_token_geometry *geometry)
{
    text_params unpacked;
    if (!text_params_unpack(params, params_bytes, &unpacked))
        return VLMC_PLUGIN_INVALID;
    *geometry = (vlmc_token_geometry){.align_tokens = 1, .stream_tokens = STREAM_TOKENS};
    return VLMC_PLUGIN_OK;
}

const vlmc_tokenizer text_utf8 = {
    .struct_size = sizeof text_utf8,
    .version = 1,
    .id = "text.utf8",
    .modality = "text",
    .description = "text in UTF-8, UTF-16 or an 8-bit code; options crlf, utf16le, utf16be",
    .default_model = "text",
    .alphabet = 256,
    .flags = VLMC_TOKENIZER_JOINS | VLMC_TOKENIZER_ORDERS,
    .n_contexts = TEXT_CONTEXTS,
    .contexts = text_context_declarations,
    .parse_params = parse_params,
    .geometry = geometry,
    .encoder_create = text_encoder_create,
    .encode = text_encode,
    .encoder_destroy = text_encoder_destroy,
    .decoder_create = text_decoder_create,
    .decode = text_decode,
    .decoder_destroy = text_decoder_destroy,
    .contexts_create = text_contexts_create,
    .next_context = text_next_context,
    .push_token = text_push_token,
    .contexts_destroy = text_contexts_destroy,
};
