// SPDX-License-Identifier: Apache-2.0
// Numbered places for threads, of which each has one at a time: what may be used by so many at
// once.
#ifndef VLMC_UTIL_PLACES_H
#define VLMC_UTIL_PLACES_H

#include <stdint.h>
#include <vlmc/status.h>

typedef struct vlmc_places vlmc_places;

// n >= 1 places, all free.
vlmc_status vlmc_places_create(uint32_t n, vlmc_places **places, vlmc_error *error);
// All are free again. Accepts NULL.
void vlmc_places_destroy(vlmc_places **places);

// Waits for a free place and takes the first one: 0..n-1. Any thread.
uint32_t vlmc_places_take(vlmc_places *places);
void vlmc_places_free(vlmc_places *places, uint32_t place);

#endif
