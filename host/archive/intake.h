// SPDX-License-Identifier: Apache-2.0
// From a file's bytes to its segments: what the archive has already, what plugins turn into tokens,
// and plain bytes. One thread at a time.
#ifndef VLMC_ARCHIVE_INTAKE_H
#define VLMC_ARCHIVE_INTAKE_H

#include "archive.h"
#include "dedup.h"
#include "packer.h"
#include "pending.h"

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/status.h>

typedef struct vlmc_intake vlmc_intake;

// Shorter segments are plain bytes: what they could save is less than what they would cost.
#define VLMC_SEGMENT_BYTES_MIN 512u

// All but the parameters are borrowed.
vlmc_status vlmc_intake_create(const vlmc_writer_params *params, vlmc_packer *packer,
                               vlmc_records *records, vlmc_pending *pending, vlmc_dedup *dedup,
                               vlmc_intake **intake, vlmc_error *error);
void vlmc_intake_destroy(vlmc_intake **intake);

// What became of a file's bytes; segments // (n_segments) live until the next file.
typedef struct vlmc_intake_result {
    uint64_t size_bytes; // holes included
    uint64_t data_bytes;
    uint8_t sha256[32];
    const vlmc_segment_info *segments;
    uint32_t n_segments;
} vlmc_intake_result;

// Drains `read`, whose bytes are those of the file `path` that lie in no hole; `holes` (NULL: there
// are none) as an index has them. *refused: `read` failed, and nothing
// else did; what the file has left in `pending` is then for the caller to forget.
vlmc_status vlmc_intake_file(vlmc_intake *intake, const char *path, const uint8_t *holes,
                             vlmc_read_fn read, void *user, vlmc_intake_result *result,
                             bool *refused, vlmc_error *error);

#endif
