// SPDX-License-Identifier: Apache-2.0
#include "layout.h"

#include "util/bytes.h"

#include <string.h>
#include <xxhash.h>

#define CELL_ALIGN 64u
#define CELL_BYTES_SMALL 1024u // where one row is enough
#define CELL_BYTES_PAGE 4096u  // what disks lose at a time
#define CELLS_LEAST 10u        // of a very small archive
#define SMALL_ROWS_MOST 12u    // of small cells: their packets cost more
#define XOR_GROUP_ROWS 48u     // one XOR row costs 1/48
#define XOR_ROWS_LEAST 24u     // below, more parity is worth more than an XOR row
#define XOR_PERCENT_LEAST 5u   // below, the cost of XOR rows would be most of what was asked for

const uint8_t vlmc_recovery_magic[8] = {0xF4, 'v', 'l', 'm', 'c', 'r', 'e', 'c'};

static uint64_t divide_up(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

static uint64_t round_up(uint64_t a, uint64_t unit)
{
    return divide_up(a, unit) * unit;
}

static uint64_t clamp(uint64_t x, uint64_t low, uint64_t high)
{
    return x < low ? low : x > high ? high : x;
}

// ---- Choice ----

// Parity cells for each 10,000 data cells of a single row.
static uint32_t share_of_one(uint32_t percent)
{
    return 100 * percent;
}

// More where there are several rows, each of which must bear its share of scattered damage; most
// where a packet is longer than a page, so that what a disk loses hits two.
static uint32_t share_of_small_cells(uint32_t percent)
{
    return 130 * percent;
}

static uint32_t share_of_pages(uint32_t percent)
{
    return 140 * percent;
}

// Rows and XOR rows multiply: (1 + q)(1 + 1/48) = 1 + p.
static uint32_t share_with_xor(uint32_t percent)
{
    return (10000 + 100 * percent) * XOR_GROUP_ROWS / (XOR_GROUP_ROWS + 1) - 10000;
}

static uint32_t columns_most(uint32_t share)
{
    return VLMC_RECOVERY_COLUMNS_MAX * 10000 / (10000 + share);
}

// One row of cells that are as small as it permits.
static void choose_one_row(vlmc_recovery_layout *l)
{
    l->rows = 1;
    l->cell_bytes = (uint32_t)clamp(round_up(divide_up(l->archive_bytes, CELLS_LEAST), CELL_ALIGN),
                                    CELL_ALIGN, CELL_BYTES_SMALL);
}

static void choose_small_cells(vlmc_recovery_layout *l, uint32_t share)
{
    l->cell_bytes = CELL_BYTES_SMALL;
    l->rows = (uint32_t)divide_up(l->archive_bytes, (uint64_t)columns_most(share) * l->cell_bytes);
}

// Cells of a page, or several in very large archives.
static void choose_pages(vlmc_recovery_layout *l, uint32_t share)
{
    const uint64_t n = l->archive_bytes, most = columns_most(share);
    l->cell_bytes =
        (uint32_t)round_up(divide_up(n, most * VLMC_RECOVERY_ROWS_MAX), CELL_BYTES_PAGE);
    l->rows = (uint32_t)divide_up(n, most * l->cell_bytes);
}

// Small cells as long as that takes few rows, then pages. Never a size between: what a disk loses
// would lie in two cells then, and twice as many would be damaged. Returns the share of parity.
static uint32_t choose_rows(vlmc_recovery_layout *l, uint32_t percent)
{
    uint32_t share = share_of_small_cells(percent);
    choose_small_cells(l, share);
    if (l->rows <= SMALL_ROWS_MOST)
        return share;
    share = share_of_pages(percent);
    choose_pages(l, share);
    if (l->rows < XOR_ROWS_LEAST || percent < XOR_PERCENT_LEAST)
        return share;
    share = share_with_xor(percent);
    choose_pages(l, share);
    l->xor_rows = l->rows < XOR_GROUP_ROWS ? 1 : l->rows / XOR_GROUP_ROWS;
    return share;
}

bool vlmc_recovery_plan(uint64_t archive_bytes, uint64_t set, uint32_t percent,
                        vlmc_recovery_layout *layout)
{
    if (archive_bytes < VLMC_RECOVERY_ARCHIVE_BYTES_MIN ||
        archive_bytes > VLMC_RECOVERY_ARCHIVE_BYTES_MAX)
        return false;
    *layout = (vlmc_recovery_layout){.archive_bytes = archive_bytes, .set = set};
    uint32_t share = share_of_one(percent);
    choose_one_row(layout);
    if (archive_bytes > (uint64_t)columns_most(share) * layout->cell_bytes)
        share = choose_rows(layout, percent);
    layout->data = (uint32_t)divide_up(archive_bytes, (uint64_t)layout->rows * layout->cell_bytes);
    const uint32_t parity = (uint32_t)divide_up((uint64_t)layout->data * share, 10000);
    const uint32_t room = VLMC_RECOVERY_COLUMNS_MAX - layout->data;
    // Two at least: damage at a boundary of cells hits two.
    layout->parity = (uint32_t)clamp(parity < 2 ? 2 : parity, 1, room);
    layout->pieces = layout->parity < 4 ? 1 : (layout->parity - 1) / 3;
    return vlmc_recovery_complete(layout);
}

bool vlmc_recovery_complete(vlmc_recovery_layout *l)
{
    if (l->archive_bytes < VLMC_RECOVERY_ARCHIVE_BYTES_MIN ||
        l->archive_bytes > VLMC_RECOVERY_ARCHIVE_BYTES_MAX || l->cell_bytes < CELL_ALIGN ||
        l->cell_bytes > VLMC_RECOVERY_CELL_BYTES_MAX || l->cell_bytes % CELL_ALIGN != 0 ||
        l->rows < 1 || l->rows > VLMC_RECOVERY_ROWS_MAX || l->xor_rows > l->rows || l->data < 1 ||
        l->parity < 1 || l->data + l->parity > VLMC_RECOVERY_COLUMNS_MAX || l->pieces < 1 ||
        l->pieces > l->parity)
        return false;
    const uint64_t column = (uint64_t)l->rows * l->cell_bytes; // below 2^33
    if (divide_up(l->archive_bytes, column) != l->data)
        return false;
    l->all_rows = l->rows + l->xor_rows;
    l->share_bytes = 4 * (uint32_t)divide_up(l->data, l->pieces);
    l->packet_bytes = VLMC_RECOVERY_HEADER_BYTES + l->share_bytes + l->cell_bytes;
    l->xor_at = l->archive_bytes + VLMC_RECOVERY_HEADER_BYTES;
    l->packets_at = l->xor_at + (uint64_t)l->data * l->xor_rows * l->cell_bytes;
    l->end = l->packets_at + (uint64_t)l->parity * l->all_rows * l->packet_bytes +
             VLMC_RECOVERY_HEADER_BYTES;
    return true;
}

// ---- Places ----

// Columns are turned against each other, by about the golden ratio of their length, so that no
// regular pattern of damage hits all cells of a row.
static uint32_t turn(const vlmc_recovery_layout *l, uint32_t column)
{
    const uint64_t step = ((uint64_t)l->rows * 40503 >> 16) | 1;
    return (uint32_t)(column * step % l->rows);
}

uint32_t vlmc_recovery_cell_of_row(const vlmc_recovery_layout *l, uint32_t column, uint32_t row)
{
    const uint32_t t = turn(l, column);
    return row >= t ? row - t : row + l->rows - t;
}

uint64_t vlmc_recovery_cell_at(const vlmc_recovery_layout *l, uint32_t column, uint32_t row)
{
    if (row >= l->rows)
        return l->xor_at + ((uint64_t)column * l->xor_rows + (row - l->rows)) * l->cell_bytes;
    const uint32_t n = vlmc_recovery_cell_of_row(l, column, row);
    return ((uint64_t)column * l->rows + n) * l->cell_bytes;
}

uint32_t vlmc_recovery_cell_size(const vlmc_recovery_layout *l, uint32_t column, uint32_t row)
{
    if (row >= l->rows)
        return l->cell_bytes;
    const uint64_t at = vlmc_recovery_cell_at(l, column, row);
    return at >= l->archive_bytes                  ? 0
           : l->archive_bytes - at < l->cell_bytes ? (uint32_t)(l->archive_bytes - at)
                                                   : l->cell_bytes;
}

uint64_t vlmc_recovery_packet_at(const vlmc_recovery_layout *l, uint32_t parity, uint32_t row)
{
    return l->packets_at + ((uint64_t)parity * l->all_rows + row) * l->packet_bytes;
}

// ---- Headers ----

void vlmc_recovery_write_header(const vlmc_recovery_header *header,
                                uint8_t bytes[VLMC_RECOVERY_HEADER_BYTES])
{
    const vlmc_recovery_layout *l = &header->layout;
    memcpy(bytes, vlmc_recovery_magic, 8);
    vlmc_store64(bytes + 8, l->archive_bytes);
    vlmc_store64(bytes + 16, l->set);
    vlmc_store32(bytes + 24, l->cell_bytes);
    vlmc_store32(bytes + 28, l->rows);
    vlmc_store32(bytes + 32, l->xor_rows);
    bytes[36] = (uint8_t)l->data;
    bytes[37] = (uint8_t)l->parity;
    bytes[38] = (uint8_t)l->pieces;
    bytes[39] = (uint8_t)header->column;
    vlmc_store32(bytes + 40, header->row);
    vlmc_store32(bytes + 44, (uint32_t)XXH3_64bits(bytes, 44));
    vlmc_store64(bytes + 48, header->hash);
}

bool vlmc_recovery_read_header(const uint8_t bytes[VLMC_RECOVERY_HEADER_BYTES],
                               vlmc_recovery_header *header)
{
    if (memcmp(bytes, vlmc_recovery_magic, 8) != 0 ||
        vlmc_load32(bytes + 44) != (uint32_t)XXH3_64bits(bytes, 44))
        return false;
    *header = (vlmc_recovery_header){
        .layout =
            {
                .archive_bytes = vlmc_load64(bytes + 8),
                .set = vlmc_load64(bytes + 16),
                .cell_bytes = vlmc_load32(bytes + 24),
                .rows = vlmc_load32(bytes + 28),
                .xor_rows = vlmc_load32(bytes + 32),
                .data = bytes[36],
                .parity = bytes[37],
                .pieces = bytes[38],
            },
        .column = bytes[39],
        .row = vlmc_load32(bytes + 40),
        .hash = vlmc_load64(bytes + 48),
    };
    if (!vlmc_recovery_complete(&header->layout))
        return false;
    if (header->column >= VLMC_RECOVERY_HEAD)
        return header->row == 0 && header->hash == 0;
    return header->column < header->layout.parity && header->row < header->layout.all_rows;
}

uint64_t vlmc_recovery_header_at(const vlmc_recovery_header *header)
{
    const vlmc_recovery_layout *l = &header->layout;
    if (header->column == VLMC_RECOVERY_HEAD)
        return l->archive_bytes;
    if (header->column == VLMC_RECOVERY_TAIL)
        return l->end - VLMC_RECOVERY_HEADER_BYTES;
    return vlmc_recovery_packet_at(l, header->column, header->row);
}
