// SPDX-License-Identifier: Apache-2.0
// Finds recovery data, from the end of a file on.
#include "bytes_at.h"
#include "recovery.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES (1u << 20)

static void take(const vlmc_recovery_header *header, uint64_t at, uint64_t file_bytes,
                 vlmc_recovery_place *place)
{
    place->layout = header->layout;
    // Both are below 2^62.
    place->shift = (int64_t)at - (int64_t)vlmc_recovery_header_at(header);
    place->at_end = header->column == VLMC_RECOVERY_TAIL && place->shift == 0 &&
                    header->layout.end == file_bytes;
}

static vlmc_status look_at(int fd, uint64_t at, uint32_t column, uint64_t file_bytes,
                           vlmc_recovery_place *place, bool *found, vlmc_error *error)
{
    uint8_t bytes[VLMC_RECOVERY_HEADER_BYTES];
    vlmc_recovery_header header;
    VLMC_TRY(vlmc_recovery_read_at(fd, at, bytes, sizeof bytes, error));
    *found = vlmc_recovery_read_header(bytes, &header) && header.column == column;
    if (*found)
        take(&header, at, file_bytes, place);
    return VLMC_OK;
}

vlmc_status vlmc_recovery_find_head(int fd, uint64_t archive_bytes, vlmc_recovery_place *place,
                                    bool *found, vlmc_error *error)
{
    return look_at(fd, archive_bytes, VLMC_RECOVERY_HEAD, 0, place, found, error);
}

// The last header that begins in bytes // (size) and lies in there whole.
static bool last_header(const uint8_t *bytes, size_t size, vlmc_recovery_header *header,
                        size_t *offset)
{
    if (size < VLMC_RECOVERY_HEADER_BYTES)
        return false;
    size_t left = size - VLMC_RECOVERY_HEADER_BYTES + 1;
    const uint8_t *at;
    while ((at = memrchr(bytes, vlmc_recovery_magic[0], left))) {
        if (vlmc_recovery_read_header(at, header)) {
            *offset = (size_t)(at - bytes);
            return true;
        }
        left = (size_t)(at - bytes);
    }
    return false;
}

static vlmc_status search(int fd, uint64_t file_bytes, uint64_t window_bytes,
                          vlmc_recovery_place *place, bool *found, vlmc_error *error)
{
    uint8_t *bytes = malloc(CHUNK_BYTES);
    if (!bytes)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to look for recovery data");
    const uint64_t low = file_bytes > window_bytes ? file_bytes - window_bytes : 0;
    vlmc_status status = VLMC_OK;
    for (uint64_t end = file_bytes; end > low && !*found && status == VLMC_OK;) {
        const size_t size = end - low < CHUNK_BYTES ? (size_t)(end - low) : CHUNK_BYTES;
        const uint64_t at = end - size;
        vlmc_recovery_header header;
        size_t offset;
        status = vlmc_recovery_read_at(fd, at, bytes, size, error);
        *found = status == VLMC_OK && last_header(bytes, size, &header, &offset);
        if (*found)
            take(&header, at + offset, file_bytes, place);
        // The next chunk has the start of what may lie across the boundary.
        end = at > low ? at + VLMC_RECOVERY_HEADER_BYTES - 1 : low;
    }
    free(bytes);
    return status;
}

vlmc_status vlmc_recovery_find(int fd, uint64_t file_bytes, uint64_t window_bytes,
                               vlmc_recovery_place *place, bool *found, vlmc_error *error)
{
    *found = false;
    if (file_bytes < VLMC_RECOVERY_HEADER_BYTES)
        return VLMC_OK;
    VLMC_TRY(look_at(fd, file_bytes - VLMC_RECOVERY_HEADER_BYTES, VLMC_RECOVERY_TAIL, file_bytes,
                     place, found, error));
    return *found ? VLMC_OK : search(fd, file_bytes, window_bytes, place, found, error);
}
