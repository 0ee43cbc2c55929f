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
    uint32_t n_sums;
    uint8_t *sums; // (n_sums, data, cell_bytes): XOR rows of groups so far
    uint8_t *cells[VLMC_RECOVERY_COLUMNS_MAX];
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

// The cells of a sum that is in memory.
static uint8_t **sum_of(section *s, uint32_t n)
{
    for (uint32_t c = 0; c < s->layout->data; c++)
        s->cells[c] = s->sums + ((size_t)n * s->layout->data + c) * s->layout->cell_bytes;
    return s->cells;
}

static void add_to_sum(section *s, uint32_t n, uint8_t **cells)
{
    uint8_t **sum = sum_of(s, n);
    for (uint32_t c = 0; c < s->layout->data; c++)
        for (uint32_t i = 0; i < s->layout->cell_bytes; i++)
            sum[c][i] ^= cells[c][i];
}

// The XOR row of a group whose rows are all added to sum `n`.
static vlmc_status write_sum(section *s, uint32_t n, uint32_t group, vlmc_error *error)
{
    const vlmc_recovery_layout *l = s->layout;
    uint8_t **sum = sum_of(s, n);
    for (uint32_t c = 0; c < l->data; c++)
        VLMC_TRY(vlmc_recovery_write_at(s->fd, vlmc_recovery_cell_at(l, c, l->rows + group), sum[c],
                                        l->cell_bytes, error));
    return write_row(s, l->rows + group, sum, error);
}

// Up to `most` rows that follow each other: where there are groups, each of another one.
static vlmc_status write_run(section *s, uint32_t first, uint32_t most, uint32_t *count,
                             vlmc_recovery_progress *progress, vlmc_error *error)
{
    const vlmc_recovery_layout *l = s->layout;
    VLMC_TRY(vlmc_recovery_columns_read(s->columns, s->fd, first, most, error));
    *count = s->columns->count;
    for (uint32_t i = 0; i < *count; i++) {
        uint8_t **cells = vlmc_recovery_columns_row(s->columns, first + i);
        VLMC_TRY(write_row(s, first + i, cells, error));
        if (l->xor_rows)
            add_to_sum(s, i, cells);
        VLMC_TRY(vlmc_recovery_step(progress, (uint64_t)l->data * l->cell_bytes, error));
    }
    return VLMC_OK;
}

static vlmc_status write_rows(section *s, vlmc_recovery_progress *progress, vlmc_error *error)
{
    uint32_t count;
    for (uint32_t row = 0; row < s->layout->rows; row += count)
        VLMC_TRY(write_run(s, row, UINT32_MAX, &count, progress, error));
    return VLMC_OK;
}

// Some groups at a time, so that their sums have room in memory.
static vlmc_status write_groups(section *s, vlmc_recovery_progress *progress, vlmc_error *error)
{
    const vlmc_recovery_layout *l = s->layout;
    uint32_t count;
    for (uint32_t group = 0; group < l->xor_rows; group += s->n_sums) {
        const uint32_t left = l->xor_rows - group, n = left < s->n_sums ? left : s->n_sums;
        memset(s->sums, 0, (size_t)n * l->data * l->cell_bytes);
        for (uint32_t row = group; row < l->rows; row += l->xor_rows)
            VLMC_TRY(write_run(s, row, n, &count, progress, error));
        for (uint32_t i = 0; i < n; i++)
            VLMC_TRY(write_sum(s, i, group + i, error));
    }
    return VLMC_OK;
}

static vlmc_status begin(section *s, vlmc_error *error)
{
    const vlmc_recovery_layout *l = s->layout;
    VLMC_TRY(vlmc_recovery_codec_create(l, &s->codec, error));
    VLMC_TRY(vlmc_recovery_columns_create(l, &s->columns, error));
    s->n_sums = s->columns->capacity < l->xor_rows ? s->columns->capacity : l->xor_rows;
    s->packets = malloc((size_t)l->parity * l->packet_bytes);
    s->sums = malloc((size_t)s->n_sums * l->data * l->cell_bytes + 1);
    if (!s->packets || !s->sums)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for recovery data");
    return VLMC_OK;
}

static void finish(section *s)
{
    vlmc_recovery_codec_destroy(&s->codec);
    vlmc_recovery_columns_destroy(&s->columns);
    free(s->packets);
    free(s->sums);
}

vlmc_status vlmc_recovery_append(int fd, const vlmc_recovery_layout *layout,
                                 vlmc_recovery_progress *progress, vlmc_error *error)
{
    section s = {.layout = layout, .fd = fd};
    vlmc_status status = begin(&s, error);
    if (status == VLMC_OK)
        status = write_end(&s, VLMC_RECOVERY_HEAD, error);
    if (status == VLMC_OK)
        status =
            layout->xor_rows ? write_groups(&s, progress, error) : write_rows(&s, progress, error);
    if (status == VLMC_OK)
        status = write_end(&s, VLMC_RECOVERY_TAIL, error);
    finish(&s);
    return status;
}

vlmc_status vlmc_recovery_protect(int fd, uint64_t archive_bytes, uint32_t percent,
                                  vlmc_recovery_progress *progress, uint64_t *file_bytes,
                                  vlmc_error *error)
{
    uint8_t end[VLMC_RECOVERY_SET_BYTES];
    vlmc_recovery_layout layout;
    const size_t size = archive_bytes < sizeof end ? (size_t)archive_bytes : sizeof end;
    VLMC_TRY(vlmc_recovery_read_at(fd, archive_bytes - size, end, size, error));
    if (!vlmc_recovery_plan(archive_bytes, XXH3_64bits(end, size), percent, &layout))
        return vlmc_fail(error, VLMC_ERROR_REFUSED,
                         "recovery data are for archives of at most 1 PiB, and of 1 to %u %%",
                         VLMC_RECOVERY_PERCENT_MAX);
    *file_bytes = layout.end;
    return vlmc_recovery_append(fd, &layout, progress, error);
}
