// SPDX-License-Identifier: Apache-2.0
// The shape of recovery data (docs/format.md, "Recovery data"): where each cell of an archive, each
// XOR cell and each packet lies in the file. Functions are pure.
//
// The archive's bytes are cut into `data` columns of `rows` cells. A row is a codeword: its cells
// and its `parity` packets. Rows in groups have an XOR row each, whose cells are a codeword as
// well.
#ifndef VLMC_RECOVERY_LAYOUT_H
#define VLMC_RECOVERY_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#define VLMC_RECOVERY_HEADER_BYTES 56u
#define VLMC_RECOVERY_COLUMNS_MAX 255u // data and parity: a code over GF(2^8)
#define VLMC_RECOVERY_ROWS_MAX 32768u
#define VLMC_RECOVERY_CELL_BYTES_MAX (1u << 18)
#define VLMC_RECOVERY_ARCHIVE_BYTES_MIN 64u
#define VLMC_RECOVERY_ARCHIVE_BYTES_MAX                                                            \
    ((uint64_t)127 * VLMC_RECOVERY_ROWS_MAX * VLMC_RECOVERY_CELL_BYTES_MAX)
#define VLMC_RECOVERY_PERCENT_MAX 100u

typedef struct vlmc_recovery_layout {
    uint64_t archive_bytes; // protected, from the file's first byte
    uint64_t set;           // XXH3-64 of its last VLMC_RECOVERY_SET_BYTES
    uint32_t cell_bytes;
    uint32_t rows;     // of data cells, 1..VLMC_RECOVERY_ROWS_MAX
    uint32_t xor_rows; // 0..rows; XOR row g is of the rows g, g + xor_rows, g + 2 xor_rows, …
    uint32_t data;     // columns of cells, >= 1
    uint32_t parity;   // packets of a row, >= 1
    uint32_t pieces;   // packets of a row from which its hashes can be read, 1..parity
    // What follows from these:
    uint32_t all_rows; // rows and XOR rows
    uint32_t share_bytes;
    uint32_t packet_bytes;
    uint64_t xor_at; // offsets in the file
    uint64_t packets_at;
    uint64_t end;
} vlmc_recovery_layout;

// Chooses a layout for `percent`, 1..VLMC_RECOVERY_PERCENT_MAX. False when the archive is shorter
// than any, or longer than what can be protected.
bool vlmc_recovery_plan(uint64_t archive_bytes, uint64_t set, uint32_t percent,
                        vlmc_recovery_layout *layout);

// Fills in what follows from the other fields. False when these cannot be.
bool vlmc_recovery_complete(vlmc_recovery_layout *layout);

// The column's cell of `row` is the n-th of its column. row < rows.
uint32_t vlmc_recovery_cell_of_row(const vlmc_recovery_layout *layout, uint32_t column,
                                   uint32_t row);

// Where a cell lies in the file, and how many of its bytes; others are zeros that are not there.
// row < all_rows.
uint64_t vlmc_recovery_cell_at(const vlmc_recovery_layout *layout, uint32_t column, uint32_t row);
uint32_t vlmc_recovery_cell_size(const vlmc_recovery_layout *layout, uint32_t column, uint32_t row);

uint64_t vlmc_recovery_packet_at(const vlmc_recovery_layout *layout, uint32_t parity, uint32_t row);

// ---- Headers: of a packet, and at either end of the recovery data ----

#define VLMC_RECOVERY_HEAD 254u
#define VLMC_RECOVERY_TAIL 255u

typedef struct vlmc_recovery_header {
    vlmc_recovery_layout layout;
    uint32_t column; // of the packet among the parity, or VLMC_RECOVERY_HEAD or _TAIL
    uint32_t row;    // of the packet, else 0
    uint64_t hash;   // XXH3-64 of the packet's share and cell, else 0
} vlmc_recovery_header;

extern const uint8_t vlmc_recovery_magic[8];

void vlmc_recovery_write_header(const vlmc_recovery_header *header,
                                uint8_t bytes[VLMC_RECOVERY_HEADER_BYTES]);
// False unless the bytes are a whole header of a layout that can be.
bool vlmc_recovery_read_header(const uint8_t bytes[VLMC_RECOVERY_HEADER_BYTES],
                               vlmc_recovery_header *header);
// Where it belongs.
uint64_t vlmc_recovery_header_at(const vlmc_recovery_header *header);

#endif
