// SPDX-License-Identifier: Apache-2.0
// Recovery data: Reed-Solomon codes behind an archive from which damaged bytes of it are found
// again (docs/format.md, "Recovery data"). It knows an archive as bytes only. Thread-safe on
// different files.
#ifndef VLMC_RECOVERY_RECOVERY_H
#define VLMC_RECOVERY_RECOVERY_H

#include "layout.h"
#include "progress.h"

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/status.h>

#define VLMC_RECOVERY_SET_BYTES 4096u // the end of an archive, whose hash tells it from others

// ---- Writing ----

// Writes recovery data of `percent` (1..VLMC_RECOVERY_PERCENT_MAX) behind the archive that is the
// first `archive_bytes` of the file, open for reading and writing. *file_bytes: with them.
// VLMC_ERROR_REFUSED: too long an archive. The same bytes for the same archive and percent.
vlmc_status vlmc_recovery_protect(int fd, uint64_t archive_bytes, uint32_t percent,
                                  vlmc_recovery_progress *progress, uint64_t *file_bytes,
                                  vlmc_error *error);

// The same in a layout that is known.
vlmc_status vlmc_recovery_append(int fd, const vlmc_recovery_layout *layout,
                                 vlmc_recovery_progress *progress, vlmc_error *error);

// ---- Finding ----

typedef struct vlmc_recovery_place {
    vlmc_recovery_layout layout;
    // What is found lies so far behind where it belongs: bytes were lost (below 0) or came in.
    int64_t shift;
    bool at_end; // found by the tail, which ends the file as it should
} vlmc_recovery_place;

// Looks for recovery data in a file of `file_bytes`: at the end, then for a header in the last
// `window_bytes`, from the end on. *found tells.
vlmc_status vlmc_recovery_find(int fd, uint64_t file_bytes, uint64_t window_bytes,
                               vlmc_recovery_place *place, bool *found, vlmc_error *error);

// Is there a header of recovery data right behind the archive's footer?
vlmc_status vlmc_recovery_find_head(int fd, uint64_t archive_bytes, vlmc_recovery_place *place,
                                    bool *found, vlmc_error *error);

// ---- Checking and mending ----

typedef struct vlmc_recovery_report {
    uint64_t cells;         // of the archive
    uint64_t bad_cells;     // not as they were, moved ones included
    uint64_t moved_cells;   // found `shift` bytes from where they belong
    uint64_t unknown_cells; // whose hashes are lost: they may be whole
    uint64_t packets;       // of recovery data
    uint64_t bad_packets;   // the XOR cells among them
    uint64_t mended_cells;  // by vlmc_recovery_mend, moved and unknown ones included
    uint64_t lost_cells;    // that it could not mend
    uint64_t lost_at;       // where the first of them begins in the archive
} vlmc_recovery_report;

typedef struct vlmc_recovery_scan vlmc_recovery_scan;

// Reads everything and compares it with its hashes. `place` is copied; `fd` stays open and is used
// by vlmc_recovery_mend. VLMC_ERROR_DAMAGED when so much of the file is missing that nothing can be
// mended.
vlmc_status vlmc_recovery_scan_create(int fd, uint64_t file_bytes, const vlmc_recovery_place *place,
                                      vlmc_recovery_progress *progress, vlmc_recovery_scan **scan,
                                      vlmc_error *error);
void vlmc_recovery_scan_destroy(vlmc_recovery_scan **scan);
const vlmc_recovery_report *vlmc_recovery_scan_report(const vlmc_recovery_scan *scan);

// Writes the archive to the empty file `to`, open for reading and writing, with what can be mended
// mended; of recovery data, the XOR cells. The report then says what was. Once for each scan.
vlmc_status vlmc_recovery_mend(vlmc_recovery_scan *scan, int to, vlmc_recovery_progress *progress,
                               vlmc_error *error);

#endif
