// SPDX-License-Identifier: Apache-2.0
// Buffers that grow to what they have to hold, and no further ahead than by half.
#ifndef VLMC_UTIL_ROOM_H
#define VLMC_UTIL_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

// Room for `wanted` bytes at *bytes (NULL when *capacity is 0), which keep what they hold. False,
// with nothing changed, when memory is short.
static inline bool vlmc_make_room(uint8_t **bytes, size_t *capacity, size_t wanted)
{
    if (wanted <= *capacity)
        return true;
    const size_t half = *capacity + *capacity / 2;
    const size_t next = wanted > half ? wanted : half;
    uint8_t *grown = realloc(*bytes, next);
    if (!grown)
        return false;
    *bytes = grown;
    *capacity = next;
    return true;
}

#endif
