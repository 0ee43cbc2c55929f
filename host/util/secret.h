// SPDX-License-Identifier: Apache-2.0
// Bytes that nobody else may see: locked in memory as far as the system permits, left out of core
// dumps, between guard pages, wiped when they are given up.
#ifndef VLMC_UTIL_SECRET_H
#define VLMC_UTIL_SECRET_H

#include <stddef.h>
#include <stdint.h>
#include <vlmc/status.h>

typedef struct vlmc_secret {
    uint8_t *bytes; // (capacity), of which `size` count
    size_t size;
    size_t capacity;
} vlmc_secret;

// Room for `capacity` bytes, none of which counts yet.
vlmc_status vlmc_secret_create(size_t capacity, vlmc_secret *secret, vlmc_error *error);

// Wipes and frees. Accepts a zeroed one and leaves one.
void vlmc_secret_destroy(vlmc_secret *secret);

#endif
