// SPDX-License-Identifier: Apache-2.0
// An engine source for the threads of a writer or reader: one at a time is in `open` or `lost`.
#ifndef VLMC_ARCHIVE_SHARED_SOURCE_H
#define VLMC_ARCHIVE_SHARED_SOURCE_H

#include "archive.h"

#include <pthread.h>

typedef struct vlmc_shared_source {
    vlmc_engine_source
        source; // for the threads: `open` (NULL where the inner one has none), `lost`
    vlmc_engine_source inner;
    pthread_mutex_t lock;
} vlmc_shared_source;

// The source stays where it is until it is destroyed.
void vlmc_shared_source_init(vlmc_shared_source *shared, const vlmc_engine_source *inner);
void vlmc_shared_source_destroy(vlmc_shared_source *shared);

#endif
