// SPDX-License-Identifier: Apache-2.0
#include "jpeg_walk.h"

#include "jpeg_predict.h"

#include <stdlib.h>
#include <string.h>

#define INNER_MAX 49u
#define EDGE_MAX 7u

// The coefficients with both frequencies > 0 in zigzag order.
static const uint8_t inner_order[INNER_MAX] = {
    9,  10, 17, 25, 18, 11, 12, 19, 26, 33, 41, 34, 27, 20, 13, 14, 21,
    28, 35, 42, 49, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58,
    59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
};

// Classes of magnitudes: the least of each, and the bits of the offset from it.
static const uint16_t class_base[16] = {0, 1, 2, 3, 4, 5, 6, 7, 9, 13, 21, 37, 69, 133, 261, 773};
static const uint8_t class_bits[16] = {0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 9, 12};

static const jpeg_block no_block; // beyond the picture, or forgotten

static size_t component_blocks(const jpeg_component *component)
{
    return (size_t)(component->v + 1) * component->columns;
}

size_t jpeg_walk_bytes(const jpeg_frame *frame)
{
    size_t blocks = 0;
    for (uint32_t c = 0; c < frame->n_components; c++)
        blocks += component_blocks(&frame->components[c]);
    return sizeof(jpeg_walk) + blocks * sizeof(jpeg_block);
}

static jpeg_block *row_of(const jpeg_walk *walk, uint32_t component, uint32_t row)
{
    const jpeg_component *c = &walk->frame->components[component];
    return walk->rows[component].blocks + (size_t)(row % (c->v + 1u)) * c->columns;
}

static uint32_t current_row(const jpeg_walk *walk)
{
    return walk->mcu_row * walk->frame->components[walk->component].v + walk->line;
}

static void start_block(jpeg_walk *walk)
{
    const jpeg_component *c = &walk->frame->components[walk->component];
    const uint32_t row = current_row(walk), x = walk->column;
    walk->quant = walk->frame->quant[c->quant_table];
    walk->block = row_of(walk, walk->component, row) + x;
    walk->north = walk->west = walk->north_west = walk->north_east = &no_block;
    if (x > 0)
        walk->west = walk->block - 1;
    if (row > 0) {
        const jpeg_block *above = row_of(walk, walk->component, row - 1);
        walk->north = above + x;
        if (x > 0)
            walk->north_west = above + x - 1;
        if (x + 1 < c->columns)
            walk->north_east = above + x + 1;
    }
    memset(walk->block, 0, sizeof *walk->block);
    walk->token = JPEG_TOKEN_COUNT_HIGH;
}

static void forget(jpeg_walk *walk)
{
    for (uint32_t c = 0; c < walk->frame->n_components; c++)
        memset(walk->rows[c].blocks, 0,
               component_blocks(&walk->frame->components[c]) * sizeof(jpeg_block));
    walk->token = JPEG_TOKEN_PLACE;
    walk->index = 0;
}

// Before a block's first token: is it time for another kind?
static void arrive(jpeg_walk *walk)
{
    const uint32_t used = (uint32_t)(walk->at % JPEG_UNIT_TOKENS);
    if (used == 0 && walk->at > 0)
        forget(walk);
    else if (JPEG_UNIT_TOKENS - used < JPEG_BLOCK_TOKENS_MAX)
        walk->token = JPEG_TOKEN_PADDING;
    else
        start_block(walk);
}

// From a block to the next: along the row, then the component's next row in these MCUs, the next
// component, the next row of MCUs.
static void advance(jpeg_walk *walk)
{
    const jpeg_frame *frame = walk->frame;
    const jpeg_component *c = &frame->components[walk->component];
    if (++walk->column < c->columns) {
        arrive(walk);
        return;
    }
    walk->column = 0;
    walk->line++;
    while (walk->line == c->v || current_row(walk) >= c->rows) {
        walk->line = 0;
        if (++walk->component == frame->n_components) {
            walk->component = 0;
            if (++walk->mcu_row == frame->mcu_rows) {
                walk->token = JPEG_TOKEN_END;
                return;
            }
        }
        c = &frame->components[walk->component];
    }
    arrive(walk);
}

bool jpeg_walk_create(const jpeg_frame *frame, uint64_t first_token, jpeg_walk *walk)
{
    *walk = (jpeg_walk){.frame = frame, .at = first_token};
    for (uint32_t c = 0; c < frame->n_components; c++) {
        walk->rows[c].blocks = calloc(component_blocks(&frame->components[c]), sizeof(jpeg_block));
        if (!walk->rows[c].blocks) {
            jpeg_walk_destroy(walk);
            return false;
        }
    }
    arrive(walk);
    return true;
}

void jpeg_walk_destroy(jpeg_walk *walk)
{
    for (uint32_t c = 0; c < JPEG_COMPONENTS_MAX; c++) {
        free(walk->rows[c].blocks);
        walk->rows[c].blocks = NULL;
    }
}

static void finish_block(jpeg_walk *walk)
{
    jpeg_block *block = walk->block;
    jpeg_edges(block, walk->quant);
    block->known = true;
    walk->finished = block;
    walk->finished_component = walk->component;
    walk->finished_row = current_row(walk);
    walk->finished_column = walk->column;
    advance(walk);
}

// The parts of a block in turn.
static void start_dc(jpeg_walk *walk)
{
    jpeg_predict_dc(walk);
    walk->token = JPEG_TOKEN_SIZE;
    walk->position = walk->index = 0;
    walk->left = 0;
}

static void next_in_column(jpeg_walk *walk)
{
    if (walk->left == 0 || walk->index == EDGE_MAX) {
        start_dc(walk);
        return;
    }
    walk->position = 8 * ++walk->index;
    walk->token = JPEG_TOKEN_SIZE;
}

static void next_in_row(jpeg_walk *walk)
{
    if (walk->left == 0 || walk->index == EDGE_MAX) {
        walk->token = JPEG_TOKEN_COLUMN_COUNT;
        return;
    }
    walk->position = ++walk->index;
    walk->token = JPEG_TOKEN_SIZE;
}

static void next_inside(jpeg_walk *walk)
{
    if (walk->left == 0 || walk->index == INNER_MAX) {
        walk->token = JPEG_TOKEN_ROW_COUNT;
        return;
    }
    walk->position = inner_order[walk->index++];
    walk->token = JPEG_TOKEN_SIZE;
}

static int16_t limited(jpeg_walk *walk, int32_t value, int32_t limit)
{
    if (value > limit || value < -limit) {
        walk->broken = true;
        return (int16_t)(value > limit ? limit : -limit);
    }
    return (int16_t)value;
}

static void finish_coefficient(jpeg_walk *walk, uint32_t magnitude)
{
    const int32_t value = walk->negative ? -(int32_t)magnitude : (int32_t)magnitude;
    jpeg_block *block = walk->block;
    if (walk->position == 0) {
        block->residual = (int16_t)value; // at most 4868
        block->values[0] = limited(walk, walk->dc + value, JPEG_DC_MAX);
        finish_block(walk);
        return;
    }
    block->values[walk->position] = limited(walk, value, JPEG_AC_MAX);
    walk->left -= magnitude > 0;
    if (walk->position < 8)
        next_in_row(walk);
    else if (walk->position % 8 == 0)
        next_in_column(walk);
    else
        next_inside(walk);
}

static void push_count(jpeg_walk *walk, uint32_t token)
{
    jpeg_block *block = walk->block;
    switch (walk->token) {
    case JPEG_TOKEN_COUNT_HIGH:
        block->inner = (uint8_t)(4 * token);
        walk->token = JPEG_TOKEN_COUNT_LOW;
        return;
    case JPEG_TOKEN_COUNT_LOW:
        block->inner = (uint8_t)(block->inner + token);
        if (token > 3 || block->inner > INNER_MAX) {
            walk->broken = true;
            block->inner = INNER_MAX;
        }
        walk->left = block->inner;
        walk->index = 0;
        next_inside(walk);
        return;
    default:
        if (token > EDGE_MAX) {
            walk->broken = true;
            token = EDGE_MAX;
        }
        walk->left = token;
        walk->index = 0;
        if (walk->token == JPEG_TOKEN_ROW_COUNT) {
            block->row = (uint8_t)token;
            jpeg_predict_row(walk);
            next_in_row(walk);
        } else {
            block->column = (uint8_t)token;
            jpeg_predict_column(walk);
            next_in_column(walk);
        }
    }
}

static void push_coefficient(jpeg_walk *walk, uint32_t token)
{
    const uint32_t bits = class_bits[walk->token == JPEG_TOKEN_SIZE ? token : walk->size];
    if (walk->token == JPEG_TOKEN_SIZE) {
        walk->size = token;
        walk->token = JPEG_TOKEN_SIGN;
        walk->negative = false;
        if (token == 0)
            finish_coefficient(walk, 0);
        return;
    }
    if (walk->token == JPEG_TOKEN_SIGN) {
        const uint32_t here = bits < 3 ? bits : 3;
        walk->negative = token >= 8;
        walk->offset = (token & 7) >> (3 - here);
        walk->rest_bits = bits - here;
        walk->broken |= (walk->offset << (3 - here)) != (token & 7);
    } else {
        const uint32_t here = walk->rest_bits < 4 ? walk->rest_bits : 4;
        const uint32_t value = token >> (4 - here);
        walk->offset = walk->offset << here | value;
        walk->rest_bits -= here;
        walk->broken |= value << (4 - here) != token;
    }
    walk->token = JPEG_TOKEN_REST;
    if (walk->rest_bits == 0)
        finish_coefficient(walk, class_base[walk->size] + walk->offset);
}

static uint32_t place_token(const jpeg_walk *walk)
{
    const uint32_t i = walk->index;
    if (i < 4)
        return walk->mcu_row >> 4 * (3 - i) & 15;
    if (i == 4)
        return walk->component;
    return i == 5 ? walk->line : walk->column >> 4 * (9 - i) & 15;
}

static void push_place(jpeg_walk *walk, uint32_t token)
{
    const jpeg_frame *frame = walk->frame;
    const uint32_t i = walk->index++;
    walk->place = i == 0 || i == 6 ? token : walk->place << 4 | token;
    if (i == 3)
        walk->mcu_row = walk->place;
    else if (i == 4)
        walk->component = token;
    else if (i == 5)
        walk->line = token;
    if (walk->index < JPEG_PLACE_TOKENS)
        return;
    walk->column = walk->place;
    const jpeg_component *c = &frame->components[walk->component % JPEG_COMPONENTS_MAX];
    if (walk->mcu_row >= frame->mcu_rows || walk->component >= frame->n_components ||
        walk->line >= c->v || current_row(walk) >= c->rows || walk->column >= c->columns) {
        walk->broken = true;
        walk->token = JPEG_TOKEN_END;
        return;
    }
    start_block(walk);
}

void jpeg_walk_push(jpeg_walk *walk, uint32_t token)
{
    walk->finished = NULL;
    walk->at++;
    if (token > 15) {
        walk->broken = true;
        token &= 15;
    }
    switch (walk->token) {
    case JPEG_TOKEN_COUNT_HIGH:
    case JPEG_TOKEN_COUNT_LOW:
    case JPEG_TOKEN_ROW_COUNT:
    case JPEG_TOKEN_COLUMN_COUNT:
        push_count(walk, token);
        break;
    case JPEG_TOKEN_SIZE:
    case JPEG_TOKEN_SIGN:
    case JPEG_TOKEN_REST:
        push_coefficient(walk, token);
        break;
    case JPEG_TOKEN_PLACE:
        push_place(walk, token);
        break;
    case JPEG_TOKEN_PADDING:
        walk->broken |= token != 0;
        if (walk->at % JPEG_UNIT_TOKENS == 0)
            forget(walk);
        break;
    case JPEG_TOKEN_END:
        walk->broken = true;
    }
}

static uint32_t count_inner(const int16_t *values)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < INNER_MAX; i++)
        n += values[inner_order[i]] != 0;
    return n;
}

static uint32_t count_edge(const int16_t *values, uint32_t step)
{
    uint32_t n = 0;
    for (uint32_t i = 1; i <= EDGE_MAX; i++)
        n += values[i * step] != 0;
    return n;
}

static uint32_t coefficient_token(const jpeg_walk *walk, int32_t value)
{
    const uint32_t magnitude = (uint32_t)(value < 0 ? -value : value);
    if (walk->token == JPEG_TOKEN_SIZE) {
        uint32_t size = 15;
        while (class_base[size] > magnitude)
            size--;
        return size;
    }
    const uint32_t offset = magnitude - class_base[walk->size], bits = class_bits[walk->size];
    if (walk->token == JPEG_TOKEN_SIGN)
        return (value < 0 ? 8u : 0u) | (bits < 3 ? offset << (3 - bits) : offset >> (bits - 3));
    const uint32_t rest = walk->rest_bits;
    return (rest < 4 ? offset << (4 - rest) : offset >> (rest - 4)) & 15;
}

uint32_t jpeg_walk_choose(const jpeg_walk *walk, const int16_t *values)
{
    switch (walk->token) {
    case JPEG_TOKEN_COUNT_HIGH:
        return count_inner(values) / 4;
    case JPEG_TOKEN_COUNT_LOW:
        return count_inner(values) % 4;
    case JPEG_TOKEN_ROW_COUNT:
        return count_edge(values, 1);
    case JPEG_TOKEN_COLUMN_COUNT:
        return count_edge(values, 8);
    case JPEG_TOKEN_SIZE:
    case JPEG_TOKEN_SIGN:
    case JPEG_TOKEN_REST:
        return coefficient_token(walk,
                                 walk->position ? values[walk->position] : values[0] - walk->dc);
    case JPEG_TOKEN_PLACE:
        return place_token(walk);
    default:
        return 0;
    }
}
