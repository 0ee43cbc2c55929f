// SPDX-License-Identifier: Apache-2.0
#include "pixels.h"

#include "drawing_contexts.h"
#include "pixel_contexts.h"

#include <stdlib.h>
#include <string.h>

#define PIXEL_BYTES_MAX 8u
#define VALUE_MAX 4294967295u

typedef struct pixels_params {
    image_layout layout;
    uint8_t order; // enum image_order
} pixels_params;

void image_pixels_write_params(const image_layout *layout, uint8_t order,
                               uint8_t params[IMAGE_PIXELS_PARAMS_BYTES])
{
    image_layout_write(layout, params);
    params[IMAGE_LAYOUT_BYTES] = order;
}

static bool read_params(const void *params, uint32_t params_bytes, pixels_params *p)
{
    if (params_bytes != IMAGE_PIXELS_PARAMS_BYTES ||
        !image_layout_read(params, params_bytes, &p->layout))
        return false;
    p->order = ((const uint8_t *)params)[IMAGE_LAYOUT_BYTES];
    return p->order <= (IMAGE_LOW_BYTE_FIRST | IMAGE_BLUE_FIRST) &&
           (!(p->order & IMAGE_LOW_BYTE_FIRST) || p->layout.sample_bytes == 2) &&
           (!(p->order & IMAGE_BLUE_FIRST) || p->layout.channels >= 3);
}

// ---- Parameters from text ----

typedef struct word { // not terminated
    const char *text;
    size_t length;
} word;

static bool is(word w, const char *text)
{
    return w.length == strlen(text) && memcmp(w.text, text, w.length) == 0;
}

// A decimal number of at least one digit.
static bool number(word w, uint32_t max, uint32_t *value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < w.length; i++) {
        if (w.text[i] < '0' || w.text[i] > '9')
            return false;
        sum = sum * 10 + (uint32_t)(w.text[i] - '0');
        if (sum > max)
            return false;
    }
    *value = (uint32_t)sum;
    return w.length > 0;
}

// "none" or "X:Y".
static bool parse_blocks(word w, image_layout *layout)
{
    if (is(w, "none")) {
        layout->phase_x = layout->phase_y = IMAGE_NO_BLOCKS;
        return true;
    }
    if (w.length != 3 || w.text[1] != ':' || w.text[0] < '0' || w.text[0] > '7' ||
        w.text[2] < '0' || w.text[2] > '7')
        return false;
    layout->phase_x = (uint8_t)(w.text[0] - '0');
    layout->phase_y = (uint8_t)(w.text[2] - '0');
    return true;
}

static bool parse_value(word name, word value, pixels_params *p)
{
    uint32_t n;
    if (is(name, "blocks"))
        return parse_blocks(value, &p->layout);
    if (is(name, "order")) {
        p->order |= is(value, "little") ? IMAGE_LOW_BYTE_FIRST : 0;
        return is(value, "little") || is(value, "big");
    }
    if (!number(value, VALUE_MAX, &n))
        return false;
    if (is(name, "width"))
        p->layout.width = n;
    else if (is(name, "height"))
        p->layout.height = n;
    else if (is(name, "depth") && (n == 8 || n == 16))
        p->layout.sample_bytes = (uint8_t)(n / 8);
    else if (is(name, "prefix") && n <= 16)
        p->layout.prefix = (uint8_t)n;
    else if (is(name, "suffix") && n <= 16)
        p->layout.suffix = (uint8_t)n;
    else
        return false;
    return true;
}

static bool parse_flag(word name, pixels_params *p)
{
    static const struct {
        const char *name;
        uint8_t channels, order;
    } kinds[] = {{"grey", 1, 0},
                 {"gray", 1, 0},
                 {"greya", 2, 0},
                 {"rgb", 3, 0},
                 {"rgba", 4, 0},
                 {"bgr", 3, IMAGE_BLUE_FIRST},
                 {"bgra", 4, IMAGE_BLUE_FIRST}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (is(name, kinds[i].name)) {
            p->layout.channels = kinds[i].channels;
            p->order |= kinds[i].order;
            return true;
        }
    return false;
}

static int32_t parse_params(const char *text, void *params, uint32_t *params_bytes)
{
    pixels_params p = {.layout = {.channels = 1, .sample_bytes = 1}};
    if (!text || *params_bytes < IMAGE_PIXELS_PARAMS_BYTES)
        return VLMC_PLUGIN_INVALID;
    while (*text) {
        const size_t length = strcspn(text, ",");
        const size_t name = strcspn(text, "=,");
        const bool ok = name < length ? parse_value((word){text, name},
                                                    (word){text + name + 1, length - name - 1}, &p)
                                      : parse_flag((word){text, length}, &p);
        if (!ok)
            return VLMC_PLUGIN_INVALID;
        text += length;
        text += *text == ',';
    }
    image_pixels_write_params(&p.layout, p.order, params);
    *params_bytes = IMAGE_PIXELS_PARAMS_BYTES;
    return read_params(params, *params_bytes, &p) ? VLMC_PLUGIN_OK : VLMC_PLUGIN_INVALID;
}

// ---- Conversion: an exchange of bytes within the pixel, its own inverse ----

typedef struct converter {
    uint8_t swap[PIXEL_BYTES_MAX]; // byte i of a pixel comes from byte swap[i]
    bool swaps;
    uint32_t pixel_bytes;
    uint32_t prefix, samples; // bytes of a row
    uint32_t row_bytes;
    uint32_t at;                    // in the row
    uint8_t pixel[PIXEL_BYTES_MAX]; // gathered, then given out
    uint32_t gathered, given;
} converter;

static void fill_swap(converter *c, const pixels_params *p)
{
    const uint32_t size = p->layout.sample_bytes;
    for (uint32_t i = 0; i < c->pixel_bytes; i++) {
        uint32_t channel = i / size;
        uint32_t byte = i % size;
        if ((p->order & IMAGE_BLUE_FIRST) && channel != 1 && channel != 3)
            channel = 2 - channel;
        if (p->order & IMAGE_LOW_BYTE_FIRST)
            byte = 1 - byte;
        c->swap[i] = (uint8_t)(channel * size + byte);
    }
}

static int32_t converter_create(const void *params, uint32_t params_bytes, void **out)
{
    pixels_params p;
    if (!read_params(params, params_bytes, &p))
        return VLMC_PLUGIN_INVALID;
    converter *c = calloc(1, sizeof *c);
    if (!c)
        return VLMC_PLUGIN_MEMORY;
    c->pixel_bytes = image_pixel_bytes(&p.layout);
    c->prefix = p.layout.prefix;
    c->samples = p.layout.width * c->pixel_bytes;
    c->row_bytes = image_row_bytes(&p.layout);
    c->swaps = p.order != 0;
    fill_swap(c, &p);
    *out = c;
    return VLMC_PLUGIN_OK;
}

static void copy(vlmc_plugin_io *io, size_t n)
{
    if (n > 0)
        memcpy(io->out + io->out_made, io->in + io->in_used, n);
    io->in_used += n;
    io->out_made += n;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t possible(const vlmc_plugin_io *io)
{
    return smaller(io->in_bytes - io->in_used, io->out_capacity - io->out_made);
}

static void advance(converter *c, size_t n)
{
    c->at = c->at + (uint32_t)n == c->row_bytes ? 0 : c->at + (uint32_t)n;
}

// Gives out what there is of the gathered pixel: swapped when it is whole, as it is at the end of
// the data. False when there is no room.
static bool give_pixel(converter *c, vlmc_plugin_io *io)
{
    const bool whole = c->gathered == c->pixel_bytes;
    while (c->given < c->gathered) {
        if (io->out_made == io->out_capacity)
            return false;
        io->out[io->out_made++] = c->pixel[whole ? c->swap[c->given] : c->given];
        c->given++;
    }
    advance(c, c->gathered);
    c->gathered = c->given = 0;
    return true;
}

// Swaps all pixels that lie whole in the input and fit into the output; the row has `left` bytes
// of samples.
static void swap_pixels(converter *c, vlmc_plugin_io *io, size_t left)
{
    const size_t n = smaller(possible(io), left) / c->pixel_bytes * c->pixel_bytes;
    const uint8_t *in = io->in + io->in_used;
    uint8_t *out = io->out + io->out_made;
    for (size_t i = 0; i < n; i += c->pixel_bytes)
        for (uint32_t j = 0; j < c->pixel_bytes; j++)
            out[i + j] = in[i + c->swap[j]];
    io->in_used += n;
    io->out_made += n;
    advance(c, n);
}

// One step; false when it needs more input or room.
static bool convert_some(converter *c, vlmc_plugin_io *io)
{
    if (c->gathered == c->pixel_bytes || c->given > 0)
        return give_pixel(c, io);
    const size_t end = c->prefix + c->samples;
    if (c->gathered == 0 && (c->at < c->prefix || c->at >= end)) {
        const size_t n =
            smaller(possible(io), (c->at < c->prefix ? c->prefix : c->row_bytes) - c->at);
        copy(io, n);
        advance(c, n);
        return n > 0;
    }
    const size_t before = io->in_used;
    if (c->gathered == 0)
        swap_pixels(c, io, end - c->at);
    if (io->in_used > before)
        return true;
    if (io->in_used == io->in_bytes)
        return false;
    c->pixel[c->gathered++] = io->in[io->in_used++];
    return true;
}

static int32_t convert(void *converter_object, vlmc_plugin_io *io)
{
    converter *c = converter_object;
    io->in_used = io->out_made = 0;
    io->out_ended = 0;
    if (!c->swaps)
        copy(io, possible(io));
    while (c->swaps && convert_some(c, io))
        continue;
    const bool used = io->in_ended && io->in_used == io->in_bytes;
    io->out_ended = used && (c->gathered == 0 || give_pixel(c, io));
    return VLMC_PLUGIN_OK;
}

const vlmc_tokenizer image_pixels_tokenizer = {
    .struct_size = sizeof(vlmc_tokenizer),
    .version = 1,
    .id = "image.pixels",
    .modality = "image",
    .description = "Pixels of pictures without compression",
    .default_model = "image",
    .alphabet = 256,
    .flags = VLMC_TOKENIZER_CENTRED,
    .n_contexts = IMAGE_PIXEL_N_DECLARATIONS,
    .contexts = image_pixel_declarations,
    .parse_params = parse_params,
    .geometry = image_pixel_geometry,
    .encoder_create = converter_create,
    .encode = convert,
    .encoder_destroy = free,
    .decoder_create = converter_create,
    .decode = convert,
    .decoder_destroy = free,
    .contexts_create = image_pixel_contexts_create,
    .next_context = image_pixel_next_context,
    .push_token = image_pixel_push_token,
    .contexts_destroy = image_pixel_contexts_destroy,
};

const vlmc_tokenizer image_drawing_tokenizer = {
    .struct_size = sizeof(vlmc_tokenizer),
    .version = 1,
    .id = "image.drawing",
    .modality = "image",
    .description = "Pixels of screenshots and drawings without compression",
    .default_model = NULL,
    .alphabet = 256,
    .flags = VLMC_TOKENIZER_CENTRED,
    .n_contexts = IMAGE_DRAWING_N_DECLARATIONS,
    .contexts = image_drawing_declarations,
    .parse_params = parse_params,
    .geometry = image_drawing_geometry,
    .encoder_create = converter_create,
    .encode = convert,
    .encoder_destroy = free,
    .decoder_create = converter_create,
    .decode = convert,
    .decoder_destroy = free,
    .contexts_create = image_drawing_contexts_create,
    .next_context = image_drawing_next_context,
    .push_token = image_drawing_push_token,
    .contexts_destroy = image_drawing_contexts_destroy,
};
