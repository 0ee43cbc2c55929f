// SPDX-License-Identifier: Apache-2.0
// What of a file is the archive and what its recovery data, found without opening either.
#ifndef VLMC_ARCHIVE_EXTENT_H
#define VLMC_ARCHIVE_EXTENT_H

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/status.h>

typedef struct vlmc_archive_extent {
    uint64_t archive_bytes;  // from the file's first byte, footer included
    uint64_t recovery_bytes; // the rest of the file; 0: none
    bool recovery_damaged;   // what follows the archive does not end as recovery data do
    uint32_t shards;         // of archive and recovery data; 0: none
    uint32_t spare_shards;   // so many of them, whichever, may be lost
    uint64_t shard_bytes;    // of one of the archive's
} vlmc_archive_extent;

// Finds the archive's end in a file of `file_bytes`: its footer ends the file, or recovery data do;
// when these are damaged, a header among their last 4 MiB, or the chain of records, says where the
// footer is. Only the footer is checked. `name` is for messages; VLMC_ERROR_DAMAGED when it is not
// found.
vlmc_status vlmc_archive_find_extent(int fd, uint64_t file_bytes, const char *name,
                                     vlmc_archive_extent *extent, vlmc_error *error);

#endif
