// SPDX-License-Identifier: Apache-2.0
#include "extent.h"

#include "format.h"
#include "record_walk.h"
#include "recovery/bytes_at.h"
#include "recovery/recovery.h"

// Where to look for recovery data that do not end the file as they should.
#define WINDOW_BYTES (4u << 20)

static vlmc_status footer_at(int fd, uint64_t file_bytes, uint64_t archive_bytes, bool *found,
                             vlmc_error *error)
{
    uint8_t end[VLMC_FOOTER_BYTES];
    vlmc_footer footer;
    *found = false;
    if (archive_bytes < VLMC_HEADER_BYTES + VLMC_RECORD_BYTES + VLMC_FOOTER_BYTES ||
        archive_bytes > file_bytes)
        return VLMC_OK;
    VLMC_TRY(vlmc_recovery_read_at(fd, archive_bytes - sizeof end, end, sizeof end, error));
    *found = vlmc_format_read_footer(end, &footer);
    return VLMC_OK;
}

// By the records, where recovery data begin behind them.
static vlmc_status walk(int fd, uint64_t file_bytes, vlmc_recovery_place *place, bool *found,
                        vlmc_error *error)
{
    uint64_t end;
    VLMC_TRY(vlmc_record_walk_end(fd, file_bytes, &end, found, error));
    if (*found)
        VLMC_TRY(vlmc_recovery_find_head(fd, end, place, found, error));
    *found = *found && place->layout.archive_bytes == end;
    return VLMC_OK;
}

vlmc_status vlmc_archive_find_extent(int fd, uint64_t file_bytes, const char *name,
                                     vlmc_archive_extent *extent, vlmc_error *error)
{
    vlmc_recovery_place place;
    bool found;
    *extent = (vlmc_archive_extent){.archive_bytes = file_bytes};
    VLMC_TRY(footer_at(fd, file_bytes, file_bytes, &found, error));
    if (found)
        return VLMC_OK;
    VLMC_TRY(vlmc_recovery_find(fd, file_bytes, WINDOW_BYTES, &place, &found, error));
    if (found)
        VLMC_TRY(footer_at(fd, file_bytes, place.layout.archive_bytes, &found, error));
    if (!found)
        VLMC_TRY(walk(fd, file_bytes, &place, &found, error));
    if (!found)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED,
                         "the end of %s is damaged or missing; try \"vlmc repair\" or get a whole "
                         "copy",
                         name);
    extent->archive_bytes = place.layout.archive_bytes;
    extent->recovery_bytes = file_bytes - extent->archive_bytes;
    extent->recovery_damaged = !place.at_end;
    extent->shards = place.layout.data + place.layout.parity;
    extent->spare_shards = place.layout.parity - place.layout.pieces;
    extent->shard_bytes = (uint64_t)place.layout.rows * place.layout.cell_bytes;
    return VLMC_OK;
}
