// SPDX-License-Identifier: Apache-2.0
// An archive as a chain of records, from its header on, without its index: where it ends, and
// whether each of its bytes is as it was written. Nothing is decoded.
#ifndef VLMC_ARCHIVE_RECORD_WALK_H
#define VLMC_ARCHIVE_RECORD_WALK_H

#include "recovery/progress.h"

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/status.h>

// Follows the headers of records to the footer, which may lie before the end of the file. *found:
// there are all of them, none of them damaged; at most VLMC_WALK_RECORDS_MAX are looked at.
// Payloads are not read.
#define VLMC_WALK_RECORDS_MAX (1u << 20)
vlmc_status vlmc_record_walk_end(int fd, uint64_t file_bytes, uint64_t *archive_bytes, bool *found,
                                 vlmc_error *error);

// Checks the first `archive_bytes` of a file: header, records, payloads and footer. `name` is for
// messages. VLMC_ERROR_DAMAGED says where.
vlmc_status vlmc_record_walk_check(int fd, uint64_t archive_bytes, const char *name,
                                   vlmc_recovery_progress *progress, vlmc_error *error);

#endif
