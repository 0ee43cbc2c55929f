// SPDX-License-Identifier: Apache-2.0
#include "jpeg_coder.h"
#include "jpeg_library.h"
#include "jpeg_walk.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 65536u

typedef struct jpeg_encoder {
    uint8_t head[JPEG_HEAD_BYTES_MAX];
    size_t head_bytes;
    jpeg_frame frame;
    uint8_t *file; // SOI and the segment, until it has been read
    size_t file_bytes, capacity;
    jpeg_source *source;
    jpeg_walk walk;
    const int16_t *values; // of the current block
} jpeg_encoder;

int32_t jpeg_encoder_create(const void *params, uint32_t params_bytes, void **out)
{
    jpeg_encoder *e = calloc(1, sizeof *e);
    *out = e;
    if (!e)
        return VLMC_PLUGIN_MEMORY;
    int32_t result = jpeg_params_frame(params, params_bytes, e->head, &e->head_bytes, &e->frame);
    if (result == VLMC_PLUGIN_OK) {
        e->file = malloc(FIRST_BYTES);
        if (e->file) {
            memcpy(e->file, (const uint8_t[2]){0xFF, 0xD8}, 2);
            e->file_bytes = 2;
            e->capacity = FIRST_BYTES;
            return VLMC_PLUGIN_OK;
        }
        result = VLMC_PLUGIN_MEMORY;
    }
    jpeg_encoder_destroy(e);
    *out = NULL;
    return result;
}

void jpeg_encoder_destroy(void *encoder)
{
    jpeg_encoder *e = encoder;
    if (!e)
        return;
    jpeg_walk_destroy(&e->walk);
    jpeg_source_destroy(&e->source);
    free(e->file);
    free(e);
}

static int32_t gather(jpeg_encoder *e, const uint8_t *bytes, size_t n_bytes)
{
    if (n_bytes > JPEG_FILE_BYTES_MAX - e->file_bytes)
        return VLMC_PLUGIN_UNSUPPORTED;
    size_t capacity = e->capacity;
    while (capacity - e->file_bytes < n_bytes)
        capacity *= 2;
    if (capacity > e->capacity) {
        uint8_t *file = realloc(e->file, capacity);
        if (!file)
            return VLMC_PLUGIN_MEMORY;
        e->file = file;
        e->capacity = capacity;
    }
    memcpy(e->file + e->file_bytes, bytes, n_bytes);
    e->file_bytes += n_bytes;
    return VLMC_PLUGIN_OK;
}

// Are the gathered bytes a file with the head of the parameters, and nothing else?
static int32_t check_head(const jpeg_encoder *e)
{
    size_t head_bytes, file_bytes;
    uint8_t *head = malloc(JPEG_HEAD_BYTES_MAX);
    if (!head)
        return VLMC_PLUGIN_MEMORY;
    int32_t result =
        jpeg_head_extract(e->file + 2, e->file_bytes - 2, head, &head_bytes, &file_bytes);
    if (result == VLMC_PLUGIN_OK &&
        (file_bytes != e->file_bytes - 2 || head_bytes != e->head_bytes ||
         memcmp(head, e->head, head_bytes) != 0))
        result = VLMC_PLUGIN_INVALID;
    free(head);
    return result;
}

static int32_t read_file(jpeg_encoder *e)
{
    int32_t result = check_head(e);
    if (result == VLMC_PLUGIN_OK)
        result = jpeg_source_create(e->file, e->file_bytes, &e->frame, &e->source);
    if (result == VLMC_PLUGIN_OK && !jpeg_walk_create(&e->frame, 0, &e->walk))
        result = VLMC_PLUGIN_MEMORY;
    free(e->file);
    e->file = NULL;
    return result;
}

// The coefficients of the block that the walk has come to.
static int32_t find_block(jpeg_encoder *e)
{
    const jpeg_walk *walk = &e->walk;
    const uint32_t row = walk->mcu_row * e->frame.components[walk->component].v + walk->line;
    const int16_t *values = jpeg_source_row(e->source, walk->component, row);
    if (!values)
        return VLMC_PLUGIN_INVALID;
    e->values = values + (size_t)64 * walk->column;
    for (uint32_t i = 0; i < 64; i++) {
        const int32_t limit = i ? JPEG_AC_MAX : JPEG_DC_MAX;
        if (e->values[i] > limit || e->values[i] < -limit)
            return VLMC_PLUGIN_UNSUPPORTED;
    }
    return VLMC_PLUGIN_OK;
}

int32_t jpeg_encode(void *encoder, vlmc_plugin_io *io)
{
    jpeg_encoder *e = encoder;
    int32_t result = VLMC_PLUGIN_OK;
    io->in_used = io->out_made = 0;
    io->out_ended = 0;
    if (!e->source) {
        result = e->file ? gather(e, io->in, io->in_bytes) : VLMC_PLUGIN_INVALID;
        if (result != VLMC_PLUGIN_OK)
            return result;
        io->in_used = io->in_bytes;
        if (!io->in_ended)
            return VLMC_PLUGIN_OK;
        result = read_file(e);
        if (result != VLMC_PLUGIN_OK)
            return result;
    }
    jpeg_walk *walk = &e->walk;
    while (walk->token != JPEG_TOKEN_END && io->out_made < io->out_capacity) {
        if (walk->token == JPEG_TOKEN_COUNT_HIGH && (result = find_block(e)) != VLMC_PLUGIN_OK)
            return result;
        const uint32_t token = jpeg_walk_choose(walk, e->values);
        io->out[io->out_made++] = (uint8_t)token;
        jpeg_walk_push(walk, token);
    }
    io->out_ended = walk->token == JPEG_TOKEN_END;
    return VLMC_PLUGIN_OK;
}
