// SPDX-License-Identifier: Apache-2.0
#include "columns.h"

#include "bytes_at.h"

#include <stdlib.h>
#include <string.h>

vlmc_status vlmc_recovery_columns_create(const vlmc_recovery_layout *layout,
                                         vlmc_recovery_columns **columns, vlmc_error *error)
{
    vlmc_recovery_columns *c = *columns = calloc(1, sizeof *c);
    if (c) {
        const uint32_t row_bytes = layout->data * layout->cell_bytes;
        const uint32_t most = VLMC_RECOVERY_BATCH_BYTES / row_bytes;
        c->layout = layout;
        c->capacity = most < 1 ? 1 : most > layout->rows ? layout->rows : most;
        c->bytes = malloc((size_t)c->capacity * row_bytes);
    }
    if (c && c->bytes)
        return VLMC_OK;
    vlmc_recovery_columns_destroy(columns);
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for recovery data");
}

void vlmc_recovery_columns_destroy(vlmc_recovery_columns **columns)
{
    if (!*columns)
        return;
    free((*columns)->bytes);
    free(*columns);
    *columns = NULL;
}

static uint8_t *place(const vlmc_recovery_columns *c, uint32_t column, uint32_t row)
{
    return c->bytes + ((size_t)column * c->capacity + (row - c->first)) * c->layout->cell_bytes;
}

// Rows that follow each other in the file as well; what lies beyond the archive is zeros.
static vlmc_status read_run(vlmc_recovery_columns *c, int fd, uint32_t column, uint32_t row,
                            uint32_t n, vlmc_error *error)
{
    const vlmc_recovery_layout *l = c->layout;
    const size_t size = (size_t)n * l->cell_bytes;
    const uint64_t at = vlmc_recovery_cell_at(l, column, row);
    uint8_t *to = place(c, column, row);
    size_t there = size;
    if (row < l->rows && at + size > l->archive_bytes)
        there = at < l->archive_bytes ? (size_t)(l->archive_bytes - at) : 0;
    memset(to + there, 0, size - there);
    return vlmc_recovery_read_at(fd, at, to, there, error);
}

vlmc_status vlmc_recovery_columns_read(vlmc_recovery_columns *c, int fd, uint32_t first,
                                       uint32_t most, vlmc_error *error)
{
    const vlmc_recovery_layout *l = c->layout;
    const uint32_t end = first < l->rows ? l->rows : l->all_rows;
    c->first = first;
    c->count = end - first < c->capacity ? end - first : c->capacity;
    c->count = c->count < most ? c->count : most;
    for (uint32_t column = 0; column < l->data; column++) {
        uint32_t row = first, left = c->count;
        while (left > 0) { // a column that was turned begins somewhere within
            uint32_t n = left;
            if (first < l->rows) {
                const uint32_t to_end = l->rows - vlmc_recovery_cell_of_row(l, column, row);
                n = n < to_end ? n : to_end;
            }
            VLMC_TRY(read_run(c, fd, column, row, n, error));
            row += n;
            left -= n;
        }
    }
    return VLMC_OK;
}

uint8_t **vlmc_recovery_columns_row(vlmc_recovery_columns *c, uint32_t row)
{
    for (uint32_t i = 0; i < c->layout->data; i++)
        c->cells[i] = place(c, i, row);
    return c->cells;
}
