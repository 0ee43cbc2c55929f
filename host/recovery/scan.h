// SPDX-License-Identifier: Apache-2.0
// The inside of a scan, for scan.c, which looks, and mend.c, which mends.
#ifndef VLMC_RECOVERY_SCAN_H
#define VLMC_RECOVERY_SCAN_H

#include "codec.h"
#include "columns.h"
#include "recovery.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    VLMC_RECOVERY_GOOD = 0,
    VLMC_RECOVERY_BAD = 1,
    VLMC_RECOVERY_MOVED = 2, // whole, but `shift` bytes away
};

struct vlmc_recovery_scan {
    vlmc_recovery_layout layout;
    int64_t shift;
    int fd;
    vlmc_recovery_report report;
    vlmc_recovery_codec *codec;
    vlmc_recovery_columns *columns;
    uint8_t *packets; // (parity, packet_bytes) of one row
    uint8_t *cell;    // (2, cell_bytes) scratch
    uint32_t *hashes; // (all_rows, data) of the cells as they were
    bool *known;      // (all_rows): are the row's hashes known?
    uint8_t *cells;   // (all_rows, data) of the above
    uint8_t *states;  // (all_rows, parity) of the above, for packets
};

static inline uint8_t *vlmc_recovery_cell_state(vlmc_recovery_scan *s, uint32_t column,
                                                uint32_t row)
{
    return s->cells + (size_t)row * s->layout.data + column;
}

// Reads the packets of a row as they are known to be; `whole` // (parity) says which are.
vlmc_status vlmc_recovery_scan_packets(vlmc_recovery_scan *scan, uint32_t row, bool *whole,
                                       vlmc_error *error);

#endif
