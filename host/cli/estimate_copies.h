// SPDX-License-Identifier: Apache-2.0
// Which files of a walk are copies of earlier ones, as far as a part of them tells: an archive
// holds such content once.
#ifndef VLMC_CLI_ESTIMATE_COPIES_H
#define VLMC_CLI_ESTIMATE_COPIES_H

#include "walk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/status.h>

typedef struct estimate_copies {
    const walk *walk;
    size_t *by_size; // (n) files of the walk, by size and then in its order
    size_t n;
} estimate_copies;

// `walk` outlives it.
vlmc_status estimate_copies_create(const walk *walk, estimate_copies *copies, vlmc_error *error);
void estimate_copies_destroy(estimate_copies *copies);

// True when an earlier file of the same size has the same n bytes at the same place.
bool estimate_copies_has(const estimate_copies *copies, size_t item, uint64_t offset,
                         const uint8_t *bytes, size_t n);

#endif
