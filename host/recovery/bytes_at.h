// SPDX-License-Identifier: Apache-2.0
// Reading and writing at offsets of a file that may be damaged, short or on a failing disk.
#ifndef VLMC_RECOVERY_BYTES_AT_H
#define VLMC_RECOVERY_BYTES_AT_H

#include "progress.h"

#include <stddef.h>
#include <stdint.h>
#include <vlmc/status.h>

// What lies beyond the file's end or what the disk cannot read (EIO) is zeros. Other failures are
// VLMC_ERROR_IO.
vlmc_status vlmc_recovery_read_at(int fd, uint64_t offset, void *bytes, size_t size,
                                  vlmc_error *error);
vlmc_status vlmc_recovery_write_at(int fd, uint64_t offset, const void *bytes, size_t size,
                                   vlmc_error *error);

// Copies size bytes at the same offset, as the above read and write; shares blocks where the file
// system can.
vlmc_status vlmc_recovery_copy(int from, int to, uint64_t offset, uint64_t size,
                               vlmc_recovery_progress *progress, vlmc_error *error);

#endif
