// SPDX-License-Identifier: Apache-2.0
// Bytes to tokens and back, a byte at a time, any cut: UTF-16 becomes UTF-8 (lone surrogates
// become the three bytes that UTF-8 would have for them, so that every sequence of units has
// exactly one form), and CR LF becomes LF.
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define CR 0x0Du
#define LF 0x0Au
#define QUEUE_BYTES 16u // more than one step of input can make

typedef struct converter {
    text_params params;
    uint8_t queue[QUEUE_BYTES]; // made, and not yet taken
    uint32_t queued, taken;
    bool has_cr;   // encoder: a CR waits for what follows it
    bool has_byte; // encoder: the first byte of a unit
    uint8_t byte;
    uint32_t high;      // encoder: a high surrogate waits for a low one; 0: none
    uint32_t code;      // decoder: of the sequence so far
    uint32_t code_left; // its bytes that are missing
    uint32_t code_min;  // a lower one has a shorter form
} converter;

static int32_t create(const void *params, uint32_t params_bytes, void **object)
{
    *object = NULL;
    converter c = {.queued = 0};
    if (!text_params_unpack(params, params_bytes, &c.params))
        return VLMC_PLUGIN_INVALID;
    converter *made = malloc(sizeof *made);
    if (!made)
        return VLMC_PLUGIN_MEMORY;
    *made = c;
    *object = made;
    return VLMC_PLUGIN_OK;
}

static void put(converter *c, uint32_t byte)
{
    c->queue[c->queued++] = (uint8_t)byte;
}

// ---- Encoding ----

static void put_code(converter *c, uint32_t code)
{
    if (c->params.encoding == TEXT_BYTES || code < 0x80) {
        put(c, code);
    } else if (code < 0x800) {
        put(c, 0xC0u | code >> 6);
        put(c, 0x80u | (code & 63));
    } else if (code < 0x10000) {
        put(c, 0xE0u | code >> 12);
        put(c, 0x80u | (code >> 6 & 63));
        put(c, 0x80u | (code & 63));
    } else {
        put(c, 0xF0u | code >> 18);
        put(c, 0x80u | (code >> 12 & 63));
        put(c, 0x80u | (code >> 6 & 63));
        put(c, 0x80u | (code & 63));
    }
}

static int32_t encode_code(converter *c, uint32_t code)
{
    if (!c->params.crlf) {
        put_code(c, code);
        return VLMC_PLUGIN_OK;
    }
    const bool had_cr = c->has_cr;
    c->has_cr = code == CR;
    if (code == LF && !had_cr)
        return VLMC_PLUGIN_UNSUPPORTED;
    if (had_cr && code != LF)
        put_code(c, CR);
    if (code != CR)
        put_code(c, code);
    return VLMC_PLUGIN_OK;
}

static bool is_high(uint32_t unit)
{
    return unit >= 0xD800 && unit < 0xDC00;
}

static bool is_low(uint32_t unit)
{
    return unit >= 0xDC00 && unit < 0xE000;
}

static int32_t encode_unit(converter *c, uint32_t unit)
{
    const uint32_t high = c->high;
    c->high = 0;
    if (high && is_low(unit))
        return encode_code(c, 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00));
    if (high) {
        const int32_t result = encode_code(c, high);
        if (result != VLMC_PLUGIN_OK)
            return result;
    }
    if (is_high(unit)) {
        c->high = unit;
        return VLMC_PLUGIN_OK;
    }
    return encode_code(c, unit);
}

static int32_t encode_byte(converter *c, uint8_t byte)
{
    if (c->params.encoding == TEXT_BYTES)
        return encode_code(c, byte);
    c->has_byte = !c->has_byte;
    if (c->has_byte) {
        c->byte = byte;
        return VLMC_PLUGIN_OK;
    }
    const bool little = c->params.encoding == TEXT_UTF16_LE;
    return encode_unit(c, little ? (uint32_t)byte << 8 | c->byte : (uint32_t)c->byte << 8 | byte);
}

// What still waits when the input has ended.
static int32_t encode_end(converter *c)
{
    if (c->has_byte)
        return VLMC_PLUGIN_UNSUPPORTED; // half a unit
    if (c->high) {
        const uint32_t high = c->high;
        c->high = 0;
        const int32_t result = encode_code(c, high);
        if (result != VLMC_PLUGIN_OK)
            return result;
    }
    if (c->has_cr) {
        c->has_cr = false;
        put_code(c, CR);
    }
    return VLMC_PLUGIN_OK;
}

// ---- Decoding ----

static void put_unit(converter *c, uint32_t unit)
{
    const bool little = c->params.encoding == TEXT_UTF16_LE;
    put(c, little ? unit & 255 : unit >> 8);
    put(c, little ? unit >> 8 : unit & 255);
}

static void put_decoded(converter *c, uint32_t code)
{
    if (c->params.encoding == TEXT_BYTES) {
        put(c, code);
    } else if (code < 0x10000) {
        put_unit(c, code);
    } else {
        put_unit(c, 0xD800 + ((code - 0x10000) >> 10));
        put_unit(c, 0xDC00 + ((code - 0x10000) & 0x3FF));
    }
}

static void decode_code(converter *c, uint32_t code)
{
    if (code == LF && c->params.crlf)
        put_decoded(c, CR);
    put_decoded(c, code);
}

// The first byte of a sequence: how many follow and what it says.
static int32_t start_sequence(converter *c, uint32_t byte)
{
    if (byte < 0xC2 || byte > 0xF4)
        return VLMC_PLUGIN_INVALID;
    c->code_left = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    c->code_min = byte < 0xE0 ? 0x80 : byte < 0xF0 ? 0x800 : 0x10000;
    c->code = byte & (63u >> c->code_left);
    return VLMC_PLUGIN_OK;
}

static int32_t decode_byte(converter *c, uint8_t byte)
{
    if (c->params.encoding == TEXT_BYTES || (c->code_left == 0 && byte < 0x80)) {
        decode_code(c, byte);
        return VLMC_PLUGIN_OK;
    }
    if (c->code_left == 0)
        return start_sequence(c, byte);
    if ((byte & 0xC0) != 0x80)
        return VLMC_PLUGIN_INVALID;
    c->code = c->code << 6 | (byte & 63u);
    if (--c->code_left > 0)
        return VLMC_PLUGIN_OK;
    if (c->code < c->code_min || c->code > 0x10FFFF)
        return VLMC_PLUGIN_INVALID;
    decode_code(c, c->code);
    return VLMC_PLUGIN_OK;
}

static int32_t decode_end(converter *c)
{
    return c->code_left == 0 ? VLMC_PLUGIN_OK : VLMC_PLUGIN_INVALID;
}

// ---- Both ----

static void hand_out(converter *c, vlmc_plugin_io *io)
{
    while (c->taken < c->queued && io->out_made < io->out_capacity)
        io->out[io->out_made++] = c->queue[c->taken++];
    if (c->taken == c->queued)
        c->taken = c->queued = 0;
}

// Bytes that are their own tokens.
static void copy(vlmc_plugin_io *io)
{
    const size_t n = io->in_bytes < io->out_capacity ? io->in_bytes : io->out_capacity;
    if (n > 0)
        memcpy(io->out, io->in, n);
    io->in_used = io->out_made = n;
    io->out_ended = io->in_ended && n == io->in_bytes;
}

static int32_t run(converter *c, vlmc_plugin_io *io, int32_t (*step)(converter *, uint8_t),
                   int32_t (*end)(converter *))
{
    io->in_used = io->out_made = 0;
    io->out_ended = 0;
    if (c->params.encoding == TEXT_BYTES && !c->params.crlf) {
        copy(io);
        return VLMC_PLUGIN_OK;
    }
    hand_out(c, io);
    while (c->queued == 0 && io->in_used < io->in_bytes && io->out_made < io->out_capacity) {
        const int32_t result = step(c, io->in[io->in_used++]);
        if (result != VLMC_PLUGIN_OK)
            return result;
        hand_out(c, io);
    }
    if (c->queued > 0 || !io->in_ended || io->in_used < io->in_bytes)
        return VLMC_PLUGIN_OK;
    const int32_t result = end(c);
    if (result != VLMC_PLUGIN_OK)
        return result;
    hand_out(c, io);
    io->out_ended = c->queued == 0;
    return VLMC_PLUGIN_OK;
}

int32_t text_encoder_create(const void *params, uint32_t params_bytes, void **encoder)
{
    return create(params, params_bytes, encoder);
}

int32_t text_encode(void *encoder, vlmc_plugin_io *io)
{
    return run(encoder, io, encode_byte, encode_end);
}

void text_encoder_destroy(void *encoder)
{
    free(encoder);
}

int32_t text_decoder_create(const void *params, uint32_t params_bytes, void **decoder)
{
    return create(params, params_bytes, decoder);
}

int32_t text_decode(void *decoder, vlmc_plugin_io *io)
{
    return run(decoder, io, decode_byte, decode_end);
}

void text_decoder_destroy(void *decoder)
{
    free(decoder);
}
