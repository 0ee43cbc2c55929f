// SPDX-License-Identifier: Apache-2.0
// Mends row by row from packets and column by column from XOR rows, until neither helps.
#include "bytes_at.h"
#include "scan.h"

#include <string.h>

typedef struct mending {
    vlmc_recovery_scan *scan;
    int to;
    bool progress; // did this round mend anything?
} mending;

// Is the cell what it was, as far as is known?
static bool fits(const vlmc_recovery_scan *s, uint32_t column, uint32_t row, const uint8_t *cell)
{
    const vlmc_recovery_layout *l = &s->layout;
    return !s->known[row] || vlmc_recovery_cell_hash(cell, l->cell_bytes) ==
                                 s->hashes[(size_t)row * l->data + column];
}

static vlmc_status put(mending *m, uint32_t column, uint32_t row, const uint8_t *cell,
                       vlmc_error *error)
{
    const vlmc_recovery_layout *l = &m->scan->layout;
    *vlmc_recovery_cell_state(m->scan, column, row) = VLMC_RECOVERY_GOOD;
    m->progress = true;
    return vlmc_recovery_write_at(m->to, vlmc_recovery_cell_at(l, column, row), cell,
                                  vlmc_recovery_cell_size(l, column, row), error);
}

// ---- What lies elsewhere ----

static vlmc_status put_back(mending *m, uint32_t column, uint32_t row, vlmc_error *error)
{
    vlmc_recovery_scan *s = m->scan;
    const uint64_t at = vlmc_recovery_cell_at(&s->layout, column, row) + (uint64_t)s->shift;
    VLMC_TRY(vlmc_recovery_read_at(s->fd, at, s->cell,
                                   vlmc_recovery_cell_size(&s->layout, column, row), error));
    return put(m, column, row, s->cell, error);
}

static vlmc_status put_all_back(mending *m, vlmc_error *error)
{
    const vlmc_recovery_layout *l = &m->scan->layout;
    for (uint32_t row = 0; row < l->all_rows && m->scan->shift != 0; row++)
        for (uint32_t c = 0; c < l->data; c++)
            if (*vlmc_recovery_cell_state(m->scan, c, row) == VLMC_RECOVERY_MOVED)
                VLMC_TRY(put_back(m, c, row, error));
    return VLMC_OK;
}

// ---- Rows ----

static uint32_t bad_of_row(vlmc_recovery_scan *s, uint32_t row, uint8_t *bad)
{
    uint32_t n = 0;
    for (uint32_t c = 0; c < s->layout.data; c++)
        if (*vlmc_recovery_cell_state(s, c, row) == VLMC_RECOVERY_BAD)
            bad[n++] = (uint8_t)c;
    return n;
}

static vlmc_status mend_row(mending *m, uint32_t row, const uint8_t *bad, uint32_t n,
                            vlmc_error *error)
{
    vlmc_recovery_scan *s = m->scan;
    bool whole[VLMC_RECOVERY_COLUMNS_MAX];
    uint8_t **cells = vlmc_recovery_columns_row(s->columns, row);
    if (n > s->layout.parity)
        return VLMC_OK;
    VLMC_TRY(vlmc_recovery_scan_packets(s, row, whole, error));
    if (!vlmc_recovery_codec_recover(s->codec, cells, bad, n, s->packets, whole))
        return VLMC_OK;
    for (uint32_t i = 0; i < n; i++)
        if (fits(s, bad[i], row, cells[bad[i]]))
            VLMC_TRY(put(m, bad[i], row, cells[bad[i]], error));
    return VLMC_OK;
}

static bool any_bad(vlmc_recovery_scan *s, uint32_t row, uint32_t end)
{
    return memchr(vlmc_recovery_cell_state(s, 0, row), VLMC_RECOVERY_BAD,
                  (size_t)(end - row) * s->layout.data) != NULL;
}

static vlmc_status mend_rows(mending *m, vlmc_recovery_progress *progress, vlmc_error *error)
{
    vlmc_recovery_scan *s = m->scan;
    const vlmc_recovery_layout *l = &s->layout;
    uint8_t bad[VLMC_RECOVERY_COLUMNS_MAX];
    for (uint32_t row = 0; row < l->all_rows;) {
        const uint32_t last = row < l->rows ? l->rows : l->all_rows;
        const uint32_t left = last - row, most = s->columns->capacity;
        const uint32_t end = row + (left < most ? left : most);
        VLMC_TRY(vlmc_recovery_step(progress, 0, error));
        if (!any_bad(s, row, end)) {
            row = end;
            continue;
        }
        VLMC_TRY(vlmc_recovery_columns_read(s->columns, m->to, row, UINT32_MAX, error));
        for (; row < end; row++) {
            const uint32_t n = bad_of_row(s, row, bad);
            if (n > 0)
                VLMC_TRY(mend_row(m, row, bad, n, error));
        }
    }
    return VLMC_OK;
}

// ---- Columns of a group ----

// The only bad cell among a group's cells of a column and their XOR. False: none or several.
static bool only_bad(vlmc_recovery_scan *s, uint32_t group, uint32_t column, uint32_t *row)
{
    const vlmc_recovery_layout *l = &s->layout;
    const uint32_t xor_row = l->rows + group;
    uint32_t n = 0;
    for (uint32_t r = group; r < l->rows; r += l->xor_rows)
        if (*vlmc_recovery_cell_state(s, column, r) == VLMC_RECOVERY_BAD) {
            n++;
            *row = r;
        }
    if (*vlmc_recovery_cell_state(s, column, xor_row) == VLMC_RECOVERY_BAD) {
        n++;
        *row = xor_row;
    }
    return n == 1;
}

static vlmc_status add_cell(mending *m, uint32_t column, uint32_t row, uint8_t *sum,
                            vlmc_error *error)
{
    const vlmc_recovery_layout *l = &m->scan->layout;
    uint8_t *cell = m->scan->cell + l->cell_bytes;
    const uint32_t size = vlmc_recovery_cell_size(l, column, row);
    VLMC_TRY(
        vlmc_recovery_read_at(m->to, vlmc_recovery_cell_at(l, column, row), cell, size, error));
    for (uint32_t i = 0; i < size; i++)
        sum[i] ^= cell[i];
    return VLMC_OK;
}

static vlmc_status mend_cell(mending *m, uint32_t group, uint32_t column, uint32_t row,
                             vlmc_error *error)
{
    vlmc_recovery_scan *s = m->scan;
    const vlmc_recovery_layout *l = &s->layout;
    const uint32_t xor_row = l->rows + group;
    memset(s->cell, 0, l->cell_bytes);
    for (uint32_t r = group; r < l->rows; r += l->xor_rows)
        if (r != row)
            VLMC_TRY(add_cell(m, column, r, s->cell, error));
    if (row != xor_row)
        VLMC_TRY(add_cell(m, column, xor_row, s->cell, error));
    return fits(s, column, row, s->cell) ? put(m, column, row, s->cell, error) : VLMC_OK;
}

static vlmc_status mend_columns(mending *m, vlmc_recovery_progress *progress, vlmc_error *error)
{
    vlmc_recovery_scan *s = m->scan;
    const vlmc_recovery_layout *l = &s->layout;
    uint32_t row;
    for (uint32_t group = 0; group < l->xor_rows; group++) {
        VLMC_TRY(vlmc_recovery_step(progress, 0, error));
        for (uint32_t c = 0; c < l->data; c++)
            if (only_bad(s, group, c, &row))
                VLMC_TRY(mend_cell(m, group, c, row, error));
    }
    return VLMC_OK;
}

// ---- All ----

static void count_lost(vlmc_recovery_scan *s)
{
    const vlmc_recovery_layout *l = &s->layout;
    vlmc_recovery_report *r = &s->report;
    for (uint32_t row = 0; row < l->rows; row++)
        for (uint32_t c = 0; c < l->data; c++) {
            if (*vlmc_recovery_cell_state(s, c, row) != VLMC_RECOVERY_BAD)
                continue;
            const uint64_t at = vlmc_recovery_cell_at(l, c, row);
            r->lost_at = r->lost_cells == 0 || at < r->lost_at ? at : r->lost_at;
            r->lost_cells++;
        }
    r->mended_cells = r->bad_cells + r->unknown_cells - r->lost_cells;
}

vlmc_status vlmc_recovery_mend(vlmc_recovery_scan *scan, int to, vlmc_recovery_progress *progress,
                               vlmc_error *error)
{
    const vlmc_recovery_layout *l = &scan->layout;
    mending m = {.scan = scan, .to = to};
    VLMC_TRY(vlmc_recovery_copy(scan->fd, to, 0, l->archive_bytes, progress, error));
    VLMC_TRY(
        vlmc_recovery_copy(scan->fd, to, l->xor_at, l->packets_at - l->xor_at, progress, error));
    VLMC_TRY(put_all_back(&m, error));
    do {
        m.progress = false;
        VLMC_TRY(mend_rows(&m, progress, error));
        VLMC_TRY(mend_columns(&m, progress, error));
    } while (m.progress);
    count_lost(scan);
    return VLMC_OK;
}
