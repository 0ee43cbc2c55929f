// SPDX-License-Identifier: Apache-2.0
// Finds segments that a writer has not come to yet, so that their groups are packed while it waits
// for others (packer.h, "What comes later"). One thread at a time.
#ifndef VLMC_ARCHIVE_WRITER_AHEAD_H
#define VLMC_ARCHIVE_WRITER_AHEAD_H

#include "archive.h"
#include "file_table.h"
#include "packer.h"
#include "records.h"

#include <vlmc/status.h>

typedef struct vlmc_writer_ahead vlmc_writer_ahead;

// All is borrowed; `packer` calls it from now on.
vlmc_status vlmc_writer_ahead_create(const vlmc_writer_coming *coming, vlmc_packer *packer,
                                     vlmc_records *records, const vlmc_file_table *files,
                                     vlmc_writer_ahead **ahead, vlmc_error *error);
// Accepts NULL.
void vlmc_writer_ahead_destroy(vlmc_writer_ahead **ahead);

#endif
