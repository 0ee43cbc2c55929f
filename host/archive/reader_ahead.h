// SPDX-License-Identifier: Apache-2.0
// Groups that will be needed, decoded on threads before they are. One thread at a time.
#ifndef VLMC_ARCHIVE_READER_AHEAD_H
#define VLMC_ARCHIVE_READER_AHEAD_H

#include "archive.h"

#include <stdint.h>
#include <vlmc/status.h>

typedef struct vlmc_reader_ahead vlmc_reader_ahead;

// `reader` outlives it. groups_at_once >= 2, memory_bytes as in vlmc_reader_set_ahead.
vlmc_status vlmc_reader_ahead_create(vlmc_reader *reader, uint32_t groups_at_once,
                                     uint64_t memory_bytes, vlmc_reader_ahead **ahead,
                                     vlmc_error *error);
void vlmc_reader_ahead_destroy(vlmc_reader_ahead **ahead);

// A group will be needed after those that were added before; a second time changes nothing.
vlmc_status vlmc_reader_ahead_add(vlmc_reader_ahead *ahead, uint32_t group, vlmc_error *error);

// A group is needed and is not in the reader's cache: puts it there if it is among those that are
// decoded ahead, and begins with others. Where it has failed or is none of them the cache stays
// without it, and the caller decodes it. VLMC_ERROR_INTERRUPTED when progress says so.
vlmc_status vlmc_reader_ahead_need(vlmc_reader_ahead *ahead, uint32_t group, vlmc_error *error);

#endif
