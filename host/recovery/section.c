// SPDX-License-Identifier: Apache-2.0
// Writes recovery data behind an archive.
#include "bytes_at.h"
#include "codec.h"
#include "columns.h"
#include "recovery.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

typedef struct section {
    const vlmc_recovery_layout *layout;
    int fd;
    vlmc_recovery_codec *codec;
    vlmc_recovery_columns *columns;
    uint8_t *packets; // (parity, packet_bytes)
    uint8_t *sum;     // (data, cell_bytes): the XOR row of the group so far
    uint8_t *sum_cells[VLMC_RECOVERY_COLUMNS_MAX];
} section;

static vlmc_status write_end(const section *s, uint32_t column, vlmc_error *error)
{
    const vlmc_recovery_header header = {.layout = *s->layout, .column = column};
    uint8_t bytes[VLMC_RECOVERY_HEADER_BYTES];
    vlmc_recovery_write_header(&header, bytes);
    return vlmc_recovery_write_at(s->fd, vlmc_recovery_header_at(&header), bytes, sizeof bytes,
                                  error);
}

static vlmc_status write_row(section *s, uint32_t row, uint8_t **cells, vlmc_error *error)
{
    const vlmc_recovery_layout *l = s->layout;
    vlmc_recovery_codec_row(s->codec, row, cells, s->packets);
    for (uint32_t i = 0; i < l->parity; i++)
        VLMC_TRY(vlmc_recovery_write_at(s->fd, vlmc_recovery_packet_at(l, i, row),
                                        s->packets + (size_t)i * l->packet_bytes, l->packet_bytes,
                                        error));
    return VLMC_OK;
}

static void add_to_sum(section *s, uint8_t **cells)
{
    for (uint32_t c = 0; c < s->layout->data; c++)
        for (uint32_t i = 0; i < s->layout->cell_bytes; i++)
            s->sum_cells[c][i] ^= cells[c][i];
}

// The XOR row of a group whose rows are all added.
static vlmc_status write_sum(section *s, uint32_t group, vlmc_error *error)
{
    const vlmc_recovery_layout *l = s->layout;
    const uint32_t row = l->rows + group;
    for (uint32_t c = 0; c < l->data; c++)
        VLMC_TRY(vlmc_recovery_write_at(s->fd, vlmc_recovery_cell_at(l, c, row), s->sum_cells[c],
                                        l->cell_bytes, error));
    VLMC_TRY(write_row(s, row, s->sum_cells, error));
    memset(s->sum, 0, (size_t)l->data * l->cell_bytes);
    return VLMC_OK;
}

static vlmc_status write_rows(section *s, vlmc_recovery_progress *progress, vlmc_error *error)
{
    const vlmc_recovery_layout *l = s->layout;
    const uint64_t row_bytes = (uint64_t)l->data * l->cell_bytes;
    for (uint32_t row = 0; row < l->rows;) {
        VLMC_TRY(vlmc_recovery_columns_read(s->columns, s->fd, row, error));
        for (const uint32_t end = row + s->columns->count; row < end; row++) {
            uint8_t **cells = vlmc_recovery_columns_row(s->columns, row);
            VLMC_TRY(write_row(s, row, cells, error));
            VLMC_TRY(vlmc_recovery_step(progress, row_bytes, error));
            if (l->xor_rows == 0)
                continue;
            add_to_sum(s, cells);
            const uint32_t group = vlmc_recovery_group_of(l, row);
            if (row + 1 == vlmc_recovery_group_first(l, group + 1))
                VLMC_TRY(write_sum(s, group, error));
        }
    }
    return VLMC_OK;
}

static vlmc_status begin(section *s, vlmc_error *error)
{
    const vlmc_recovery_layout *l = s->layout;
    VLMC_TRY(vlmc_recovery_codec_create(l, &s->codec, error));
    VLMC_TRY(vlmc_recovery_columns_create(l, &s->columns, error));
    s->packets = malloc((size_t)l->parity * l->packet_bytes);
    s->sum = calloc(l->data, l->cell_bytes);
    if (!s->packets || !s->sum)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for recovery data");
    for (uint32_t c = 0; c < l->data; c++)
        s->sum_cells[c] = s->sum + (size_t)c * l->cell_bytes;
    return VLMC_OK;
}

static void end(section *s)
{
    vlmc_recovery_codec_destroy(&s->codec);
    vlmc_recovery_columns_destroy(&s->columns);
    free(s->packets);
    free(s->sum);
}

vlmc_status vlmc_recovery_append(int fd, const vlmc_recovery_layout *layout,
                                 vlmc_recovery_progress *progress, vlmc_error *error)
{
    section s = {.layout = layout, .fd = fd};
    vlmc_status status = begin(&s, error);
    if (status == VLMC_OK)
        status = write_end(&s, VLMC_RECOVERY_HEAD, error);
    if (status == VLMC_OK)
        status = write_rows(&s, progress, error);
    if (status == VLMC_OK)
        status = write_end(&s, VLMC_RECOVERY_TAIL, error);
    end(&s);
    return status;
}

vlmc_status vlmc_recovery_protect(int fd, uint64_t archive_bytes, uint32_t percent,
                                  vlmc_recovery_progress *progress, uint64_t *file_bytes,
                                  vlmc_error *error)
{
    uint8_t footer[VLMC_RECOVERY_FOOTER_BYTES];
    vlmc_recovery_layout layout;
    const uint64_t at = archive_bytes < sizeof footer ? 0 : archive_bytes - sizeof footer;
    VLMC_TRY(vlmc_recovery_read_at(fd, at, footer, sizeof footer, error));
    if (!vlmc_recovery_plan(archive_bytes, XXH3_64bits(footer, sizeof footer), percent, &layout))
        return vlmc_fail(error, VLMC_ERROR_REFUSED,
                         "recovery data are for archives of at most 1 PiB, and of 1 to %u %%",
                         VLMC_RECOVERY_PERCENT_MAX);
    *file_bytes = layout.end;
    return vlmc_recovery_append(fd, &layout, progress, error);
}
