// SPDX-License-Identifier: Apache-2.0
#include "../../shaders/push_constants.h"
#include "parts.h"

#define DISPATCH_ROWS 32768u // any device takes 65535 workgroups in a direction

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

// Copies rows [first, first + rows) of the joined sources to the parts that hold them.
static vlmc_status upload_source(vlmc_gpu *g, vlmc_gpu_table *table, const uint8_t *data,
                                 uint64_t first, uint64_t rows, vlmc_error *error)
{
    const uint64_t row_bytes = table->row_words * UINT64_C(4);
    for (uint32_t i = 0; i < table->n_parts; i++) {
        vlmc_gpu_part *part = &table->parts[i];
        const uint64_t part_end = (uint64_t)part->first_row + part->rows;
        const uint64_t from = first > part->first_row ? first : part->first_row;
        const uint64_t to = min_u64(first + rows, part_end);
        if (from < to)
            VLMC_TRY(vlmc_gpu_upload(g, &part->buffer, (from - part->first_row) * row_bytes,
                                     data + (from - first) * row_bytes, (to - from) * row_bytes,
                                     error));
    }
    return VLMC_OK;
}

vlmc_status vlmc_gpu_table_create(vlmc_gpu *g, const vlmc_gpu_table_source *sources,
                                  uint32_t n_sources, uint32_t row_bytes, vlmc_gpu_table *table,
                                  vlmc_error *error)
{
    *table = (vlmc_gpu_table){.row_words = row_bytes / 4};
    uint32_t rows = 0;
    for (uint32_t i = 0; i < n_sources; i++)
        rows += sources[i].rows;
    VLMC_TRY(vlmc_gpu_parts_create(g, rows, row_bytes, 1, &table->parts, &table->n_parts, error));
    for (uint32_t i = 0, first = 0; i < n_sources; first += sources[i++].rows)
        VLMC_TRY(upload_source(g, table, sources[i].data, first, sources[i].rows, error));
    return VLMC_OK;
}

void vlmc_gpu_table_destroy(vlmc_gpu *g, vlmc_gpu_table *table)
{
    vlmc_gpu_parts_destroy(g, &table->parts, &table->n_parts);
}

vlmc_status vlmc_gpu_table_bind(vlmc_gpu *g, vlmc_gpu_table *table, vlmc_gpu_buffer *rows,
                                vlmc_gpu_buffer *output, vlmc_error *error)
{
    for (uint32_t i = 0; i < table->n_parts; i++) {
        vlmc_gpu_part *part = &table->parts[i];
        vlmc_gpu_buffer *const buffers[VLMC_GPU_BINDINGS] = {&part->buffer, rows, output, NULL};
        VLMC_TRY(vlmc_gpu_bind(g->device, &g->pipelines, buffers, &part->binding, error));
    }
    return VLMC_OK;
}

vlmc_status vlmc_gpu_table_run(vlmc_gpu *g, const vlmc_gpu_table *table, uint32_t n,
                               vlmc_error *error)
{
    for (uint32_t i = 0; i < table->n_parts; i++) {
        const vlmc_gpu_part *part = &table->parts[i];
        for (uint32_t first = 0; first < n; first += DISPATCH_ROWS) {
            const uint32_t count = n - first < DISPATCH_ROWS ? n - first : DISPATCH_ROWS;
            const struct vlmc_push_gather push = {
                .first = first,
                .row_words = table->row_words,
                .first_row = part->first_row,
                .rows = part->rows,
            };
            const uint32_t lanes = g->device->lanes;
            const uint32_t groups[3] = {(table->row_words + lanes - 1) / lanes, count, 1};
            VLMC_TRY(vlmc_gpu_dispatch(g, VLMC_GPU_GATHER, &part->binding, &push, sizeof push,
                                       groups, (uint64_t)count * table->row_words, error));
        }
    }
    return VLMC_OK;
}
