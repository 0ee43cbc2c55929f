// SPDX-License-Identifier: Apache-2.0
// Repairs the file of an archive: finds out what is wrong with it and writes a file in which it is
// not, from its recovery data if there are any. Nothing is decoded, so encrypted archives are
// repaired without their key.
#ifndef VLMC_ARCHIVE_REPAIR_H
#define VLMC_ARCHIVE_REPAIR_H

#include "recovery/recovery.h"

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/status.h>

typedef struct vlmc_repair vlmc_repair;

typedef enum vlmc_repair_need {
    VLMC_REPAIR_NOTHING, // the file is as it was written
    VLMC_REPAIR_ARCHIVE, // the archive is damaged, and recovery data may help
    VLMC_REPAIR_REST,    // the archive is whole; what follows it is not
} vlmc_repair_need;

typedef struct vlmc_repair_info {
    vlmc_repair_need need;
    bool has_recovery;
    uint64_t archive_bytes;
    uint64_t recovery_bytes;     // as they were written
    int64_t shift;               // bytes that came into the file, below 0: went
    vlmc_recovery_report report; // zeros without recovery data
} vlmc_repair_info;

// Reads all of the file, open for reading, which the caller closes after vlmc_repair_destroy.
// `name` is for messages and is copied. VLMC_ERROR_DAMAGED when the archive is damaged and there
// are no recovery data.
vlmc_status vlmc_repair_create(int fd, uint64_t file_bytes, const char *name,
                               vlmc_recovery_progress *progress, vlmc_repair **repair,
                               vlmc_error *error);
void vlmc_repair_destroy(vlmc_repair **repair);

// Valid until the repair is destroyed; the report changes with vlmc_repair_write.
const vlmc_repair_info *vlmc_repair_info_of(const vlmc_repair *repair);

// Writes the repaired file to the empty file `to`, open for reading and writing. *whole: every
// record of the archive in it agrees with its hashes, and there are new recovery data if there were
// any; else it is the archive alone, with what could be mended. Once.
vlmc_status vlmc_repair_write(vlmc_repair *repair, int to, vlmc_recovery_progress *progress,
                              bool *whole, vlmc_error *error);

#endif
