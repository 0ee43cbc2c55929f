// SPDX-License-Identifier: Apache-2.0
#include "scan.h"

#include "bytes_at.h"

#include <stdlib.h>
#include <string.h>

static vlmc_status allocate(vlmc_recovery_scan *s, vlmc_error *error)
{
    const vlmc_recovery_layout *l = &s->layout;
    VLMC_TRY(vlmc_recovery_codec_create(l, &s->codec, error));
    VLMC_TRY(vlmc_recovery_columns_create(l, &s->columns, error));
    s->packets = malloc((size_t)l->parity * l->packet_bytes);
    s->cell = malloc(2 * (size_t)l->cell_bytes);
    s->hashes = malloc((size_t)l->all_rows * l->data * sizeof *s->hashes);
    s->known = calloc(l->all_rows, sizeof *s->known);
    s->cells = calloc(l->all_rows, l->data);
    s->states = calloc(l->all_rows, l->parity);
    if (!s->packets || !s->cell || !s->hashes || !s->known || !s->cells || !s->states)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for recovery data");
    return VLMC_OK;
}

// The offset with the shift; false when it lies before the file.
static bool shifted(const vlmc_recovery_scan *s, uint64_t at, uint64_t *moved)
{
    *moved = at + (uint64_t)s->shift;
    return s->shift != 0 && (s->shift > 0 || at >= (uint64_t)-s->shift);
}

// ---- Packets and hashes ----

static vlmc_status find_packet(vlmc_recovery_scan *s, uint32_t parity, uint32_t row,
                               vlmc_error *error)
{
    const vlmc_recovery_layout *l = &s->layout;
    uint8_t *packet = s->packets + (size_t)parity * l->packet_bytes;
    uint8_t *state = s->states + (size_t)row * l->parity + parity;
    const uint64_t at = vlmc_recovery_packet_at(l, parity, row);
    uint64_t moved;
    VLMC_TRY(vlmc_recovery_read_at(s->fd, at, packet, l->packet_bytes, error));
    *state =
        vlmc_recovery_packet_whole(l, packet, parity, row) ? VLMC_RECOVERY_GOOD : VLMC_RECOVERY_BAD;
    if (*state == VLMC_RECOVERY_BAD && shifted(s, at, &moved)) {
        VLMC_TRY(vlmc_recovery_read_at(s->fd, moved, packet, l->packet_bytes, error));
        if (vlmc_recovery_packet_whole(l, packet, parity, row))
            *state = VLMC_RECOVERY_MOVED;
    }
    return VLMC_OK;
}

vlmc_status vlmc_recovery_scan_packets(vlmc_recovery_scan *s, uint32_t row, bool *whole,
                                       vlmc_error *error)
{
    const vlmc_recovery_layout *l = &s->layout;
    for (uint32_t i = 0; i < l->parity; i++) {
        const uint8_t state = s->states[(size_t)row * l->parity + i];
        uint64_t at = vlmc_recovery_packet_at(l, i, row);
        whole[i] = state != VLMC_RECOVERY_BAD;
        if (!whole[i])
            continue;
        if (state == VLMC_RECOVERY_MOVED)
            shifted(s, at, &at);
        VLMC_TRY(vlmc_recovery_read_at(s->fd, at, s->packets + (size_t)i * l->packet_bytes,
                                       l->packet_bytes, error));
    }
    return VLMC_OK;
}

static vlmc_status look_at_packets(vlmc_recovery_scan *s, uint32_t row, vlmc_error *error)
{
    const vlmc_recovery_layout *l = &s->layout;
    bool whole[VLMC_RECOVERY_COLUMNS_MAX];
    for (uint32_t i = 0; i < l->parity; i++) {
        VLMC_TRY(find_packet(s, i, row, error));
        const uint8_t state = s->states[(size_t)row * l->parity + i];
        whole[i] = state != VLMC_RECOVERY_BAD;
        s->report.packets++;
        s->report.bad_packets += state != VLMC_RECOVERY_GOOD;
    }
    s->known[row] =
        vlmc_recovery_codec_hashes(s->codec, s->packets, whole, s->hashes + (size_t)row * l->data);
    return VLMC_OK;
}

// ---- Cells ----

static vlmc_status look_elsewhere(vlmc_recovery_scan *s, uint32_t column, uint32_t row,
                                  uint8_t *state, vlmc_error *error)
{
    const vlmc_recovery_layout *l = &s->layout;
    const uint32_t size = vlmc_recovery_cell_size(l, column, row);
    uint64_t moved;
    if (!s->known[row] || !shifted(s, vlmc_recovery_cell_at(l, column, row), &moved))
        return VLMC_OK;
    memset(s->cell, 0, l->cell_bytes);
    VLMC_TRY(vlmc_recovery_read_at(s->fd, moved, s->cell, size, error));
    if (vlmc_recovery_cell_hash(s->cell, l->cell_bytes) ==
        s->hashes[(size_t)row * l->data + column])
        *state = VLMC_RECOVERY_MOVED;
    return VLMC_OK;
}

static vlmc_status look_at_cell(vlmc_recovery_scan *s, uint32_t column, uint32_t row,
                                const uint8_t *cell, vlmc_error *error)
{
    const vlmc_recovery_layout *l = &s->layout;
    const bool is_data = row < l->rows;
    uint8_t *state = vlmc_recovery_cell_state(s, column, row);
    if (vlmc_recovery_cell_size(l, column, row) == 0)
        return VLMC_OK;
    *(is_data ? &s->report.cells : &s->report.packets) += 1;
    if (s->known[row] &&
        vlmc_recovery_cell_hash(cell, l->cell_bytes) == s->hashes[(size_t)row * l->data + column])
        return VLMC_OK;
    *state = VLMC_RECOVERY_BAD;
    *(!is_data        ? &s->report.bad_packets
      : s->known[row] ? &s->report.bad_cells
                      : &s->report.unknown_cells) += 1;
    VLMC_TRY(look_elsewhere(s, column, row, state, error));
    s->report.moved_cells += is_data && *state == VLMC_RECOVERY_MOVED;
    return VLMC_OK;
}

static vlmc_status look(vlmc_recovery_scan *s, vlmc_recovery_progress *progress, vlmc_error *error)
{
    const vlmc_recovery_layout *l = &s->layout;
    for (uint32_t row = 0; row < l->all_rows;) {
        VLMC_TRY(vlmc_recovery_columns_read(s->columns, s->fd, row, UINT32_MAX, error));
        for (const uint32_t end = row + s->columns->count; row < end; row++) {
            uint8_t **cells = vlmc_recovery_columns_row(s->columns, row);
            VLMC_TRY(look_at_packets(s, row, error));
            for (uint32_t c = 0; c < l->data; c++)
                VLMC_TRY(look_at_cell(s, c, row, cells[c], error));
            VLMC_TRY(vlmc_recovery_step(progress, (uint64_t)l->data * l->cell_bytes, error));
        }
    }
    return VLMC_OK;
}

static vlmc_status run(vlmc_recovery_scan *s, uint64_t file_bytes, vlmc_recovery_progress *progress,
                       vlmc_error *error)
{
    // So that a small file cannot ask for much memory or time.
    if (file_bytes < s->layout.archive_bytes / 2 || file_bytes < s->layout.end / 4)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED,
                         "too much of the file is missing to mend it; get another copy");
    VLMC_TRY(allocate(s, error));
    return look(s, progress, error);
}

vlmc_status vlmc_recovery_scan_create(int fd, uint64_t file_bytes, const vlmc_recovery_place *place,
                                      vlmc_recovery_progress *progress, vlmc_recovery_scan **scan,
                                      vlmc_error *error)
{
    vlmc_recovery_scan *s = *scan = calloc(1, sizeof *s);
    if (!s)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for recovery data");
    s->layout = place->layout;
    s->shift = place->shift;
    s->fd = fd;
    const vlmc_status status = run(s, file_bytes, progress, error);
    if (status != VLMC_OK)
        vlmc_recovery_scan_destroy(scan);
    return status;
}

void vlmc_recovery_scan_destroy(vlmc_recovery_scan **scan)
{
    vlmc_recovery_scan *s = *scan;
    if (!s)
        return;
    vlmc_recovery_codec_destroy(&s->codec);
    vlmc_recovery_columns_destroy(&s->columns);
    free(s->packets);
    free(s->cell);
    free(s->hashes);
    free(s->known);
    free(s->cells);
    free(s->states);
    free(s);
    *scan = NULL;
}

const vlmc_recovery_report *vlmc_recovery_scan_report(const vlmc_recovery_scan *scan)
{
    return &scan->report;
}
