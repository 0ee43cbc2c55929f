// SPDX-License-Identifier: Apache-2.0
// Cells of an archive in memory, some rows at a time: so many that each column is read in long
// pieces, and so few that memory is bounded (about VLMC_RECOVERY_BATCH_BYTES, or one row of the
// largest cells).
#ifndef VLMC_RECOVERY_COLUMNS_H
#define VLMC_RECOVERY_COLUMNS_H

#include "layout.h"

#include <stdint.h>
#include <vlmc/status.h>

#define VLMC_RECOVERY_BATCH_BYTES (32u << 20)

typedef struct vlmc_recovery_columns {
    const vlmc_recovery_layout *layout; // borrowed
    uint32_t capacity;                  // in rows, >= 1
    uint32_t first;                     // row in memory
    uint32_t count;
    uint8_t *bytes;                            // (data, capacity, cell_bytes)
    uint8_t *cells[VLMC_RECOVERY_COLUMNS_MAX]; // (data): those of one row
} vlmc_recovery_columns;

vlmc_status vlmc_recovery_columns_create(const vlmc_recovery_layout *layout,
                                         vlmc_recovery_columns **columns, vlmc_error *error);
void vlmc_recovery_columns_destroy(vlmc_recovery_columns **columns);

// Reads as many rows from `first` on as there is room for, `most` at most, of data or of XOR rows
// only. What the file does not have is zeros.
vlmc_status vlmc_recovery_columns_read(vlmc_recovery_columns *columns, int fd, uint32_t first,
                                       uint32_t most, vlmc_error *error);

// The cells of a row that was read // (data) of (cell_bytes); until the next call.
uint8_t **vlmc_recovery_columns_row(vlmc_recovery_columns *columns, uint32_t row);

#endif
