// SPDX-License-Identifier: Apache-2.0
#include "../../shaders/push_constants.h"
#include "parts.h"

#include <stdlib.h>

static const vlmc_linear *source_of(const vlmc_linear *const *sources, uint32_t *row)
{
    while (*row >= (*sources)->rows)
        *row -= (*sources++)->rows;
    return *sources;
}

// One block of rows as (col_words, VLMC_BLOCK_ROWS) words of four columns.
static void pack_block(const vlmc_linear *const *sources, uint32_t first_row, uint32_t *block)
{
    for (uint32_t r = 0; r < VLMC_BLOCK_ROWS; r++) {
        uint32_t row = first_row + r;
        const vlmc_linear *source = source_of(sources, &row);
        const int8_t *w = source->weight + (size_t)row * source->cols;
        for (uint32_t k = 0; k < source->cols / 4; k++, w += 4)
            block[k * VLMC_BLOCK_ROWS + r] =
                (uint32_t)(uint8_t)w[0] | (uint32_t)(uint8_t)w[1] << 8 |
                (uint32_t)(uint8_t)w[2] << 16 | (uint32_t)(uint8_t)w[3] << 24;
    }
}

static vlmc_status upload_weights(vlmc_gpu *g, const vlmc_linear *const *sources,
                                  vlmc_gpu_linear *linear, vlmc_error *error)
{
    const size_t bytes = (size_t)VLMC_BLOCK_ROWS * linear->cols;
    uint32_t *block = malloc(bytes);
    if (!block)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to pack the model");
    vlmc_status status = VLMC_OK;
    for (uint32_t i = 0; i < linear->n_parts; i++) {
        vlmc_gpu_part *part = &linear->parts[i];
        for (uint32_t r = 0; r < part->rows && status == VLMC_OK; r += VLMC_BLOCK_ROWS) {
            pack_block(sources, part->first_row + r, block);
            status =
                vlmc_gpu_upload(g, &part->buffer, (uint64_t)r * linear->cols, block, bytes, error);
        }
    }
    free(block);
    return status;
}

static vlmc_status upload_scales(vlmc_gpu *g, const vlmc_linear *const *sources,
                                 vlmc_gpu_linear *linear, vlmc_error *error)
{
    const uint64_t bytes = linear->rows * sizeof(uint32_t);
    VLMC_TRY(vlmc_gpu_make_buffer(g, VLMC_GPU_MEMORY_DEVICE, bytes, &linear->scales, error));
    uint32_t *scales = malloc(bytes);
    if (!scales)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to pack the model");
    for (uint32_t i = 0; i < linear->rows; i++) {
        uint32_t row = i;
        const vlmc_linear *source = source_of(sources, &row);
        scales[i] = (uint32_t)source->multiplier[row] | (uint32_t)source->shift[row] << 16;
    }
    vlmc_status status = vlmc_gpu_upload(g, &linear->scales, 0, scales, bytes, error);
    free(scales);
    return status;
}

vlmc_status vlmc_gpu_linear_create(vlmc_gpu *g, const vlmc_linear *const *sources,
                                   uint32_t n_sources, vlmc_gpu_linear *linear, vlmc_error *error)
{
    *linear = (vlmc_gpu_linear){.cols = sources[0]->cols};
    for (uint32_t i = 0; i < n_sources; i++)
        linear->rows += sources[i]->rows;
    VLMC_TRY(vlmc_gpu_parts_create(g, linear->rows, linear->cols, VLMC_BLOCK_ROWS, &linear->parts,
                                   &linear->n_parts, error));
    VLMC_TRY(upload_weights(g, sources, linear, error));
    return upload_scales(g, sources, linear, error);
}

void vlmc_gpu_linear_destroy(vlmc_gpu *g, vlmc_gpu_linear *linear)
{
    vlmc_gpu_parts_destroy(g, &linear->parts, &linear->n_parts);
    vlmc_gpu_free_buffer(g, &linear->scales);
}

vlmc_status vlmc_gpu_linear_bind(vlmc_gpu *g, vlmc_gpu_linear *linear, vlmc_gpu_buffer *input,
                                 vlmc_gpu_buffer *output, vlmc_error *error)
{
    for (uint32_t i = 0; i < linear->n_parts; i++) {
        vlmc_gpu_part *part = &linear->parts[i];
        vlmc_gpu_buffer *const buffers[VLMC_GPU_BINDINGS] = {&part->buffer, &linear->scales, input,
                                                             output};
        VLMC_TRY(vlmc_gpu_bind(g->device, &g->pipelines, buffers, &part->binding, error));
    }
    return VLMC_OK;
}

// Positions of one dispatch: a multiple of the tile within the budget of a submission.
static uint32_t positions_within_budget(const vlmc_gpu *g, uint64_t cost, uint32_t n)
{
    const uint64_t tiles = vlmc_gpu_budget(g) / (cost * VLMC_TILE_POSITIONS);
    const uint64_t positions = (tiles ? tiles : 1) * VLMC_TILE_POSITIONS;
    return positions < n ? (uint32_t)positions : n;
}

vlmc_status vlmc_gpu_linear_run(vlmc_gpu *g, const vlmc_gpu_linear *linear, vlmc_gpu_op op,
                                uint32_t n, vlmc_error *error)
{
    const uint32_t group_rows = g->device->linear_lanes * VLMC_TILE_ROWS;
    for (uint32_t i = 0; i < linear->n_parts; i++) {
        const vlmc_gpu_part *part = &linear->parts[i];
        const uint64_t cost = (uint64_t)part->rows * linear->cols;
        for (uint32_t first = 0, count; first < n; first += count) {
            count = positions_within_budget(g, cost, n - first);
            const struct vlmc_push_linear push = {
                .first_position = first,
                .end_position = first + count,
                .first_row = part->first_row,
                .part_rows = part->rows,
                .rows = linear->rows,
                .col_words = linear->cols / 4,
            };
            const uint32_t groups[3] = {
                (part->rows + group_rows - 1) / group_rows,
                (count + VLMC_TILE_POSITIONS - 1) / VLMC_TILE_POSITIONS,
                1,
            };
            VLMC_TRY(vlmc_gpu_dispatch(g, op, &part->binding, &push, sizeof push, groups,
                                       cost * count, error));
        }
    }
    return VLMC_OK;
}
