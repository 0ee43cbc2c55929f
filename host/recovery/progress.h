// SPDX-License-Identifier: Apache-2.0
// How far a long run over an archive's bytes is, and whether to go on.
#ifndef VLMC_RECOVERY_PROGRESS_H
#define VLMC_RECOVERY_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/status.h>

typedef struct vlmc_recovery_progress {
    // As vlmc_progress_fn: bytes gone through, and 0. False: stop. May be NULL.
    bool (*tell)(void *user, uint64_t bytes_done, uint64_t packed_bytes);
    void *user;
    uint64_t bytes_done; // over all steps
} vlmc_recovery_progress;

// VLMC_ERROR_INTERRUPTED when it is time to stop. `progress` may be NULL.
static inline vlmc_status vlmc_recovery_step(vlmc_recovery_progress *progress, uint64_t bytes,
                                             vlmc_error *error)
{
    if (!progress)
        return VLMC_OK;
    progress->bytes_done += bytes;
    if (progress->tell && !progress->tell(progress->user, progress->bytes_done, 0))
        return vlmc_fail(error, VLMC_ERROR_INTERRUPTED, "stopped");
    return VLMC_OK;
}

#endif
