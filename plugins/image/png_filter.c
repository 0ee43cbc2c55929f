// SPDX-License-Identifier: Apache-2.0
#include "png_filter.h"

#include <stdlib.h>

enum { NONE, SUB, UP, AVERAGE, PAETH };

static uint8_t paeth(int32_t left, int32_t up, int32_t corner)
{
    const int32_t to_left = abs(up - corner), to_up = abs(left - corner);
    const int32_t to_corner = abs(left + up - 2 * corner);
    if (to_left <= to_up && to_left <= to_corner)
        return (uint8_t)left;
    return (uint8_t)(to_up <= to_corner ? up : corner);
}

// What the filter takes from a byte; before the first pixel everything is 0.
static inline uint8_t expected(uint8_t type, uint8_t left, uint8_t up, uint8_t corner)
{
    switch (type) {
    case SUB:
        return left;
    case UP:
        return up;
    case AVERAGE:
        return (uint8_t)((left + up) / 2);
    case PAETH:
        return paeth(left, up, corner);
    default:
        return 0;
    }
}

void png_filter(uint8_t type, const uint8_t *row, const uint8_t *above, uint32_t n_bytes,
                uint32_t distance, uint8_t *out)
{
    for (uint32_t i = 0; i < n_bytes; i++) {
        const uint8_t left = i < distance ? 0 : row[i - distance];
        const uint8_t corner = i < distance ? 0 : above[i - distance];
        out[i] = (uint8_t)(row[i] - expected(type, left, above[i], corner));
    }
}

void png_unfilter(uint8_t type, uint8_t *row, const uint8_t *above, uint32_t n_bytes,
                  uint32_t distance)
{
    for (uint32_t i = 0; type != NONE && i < n_bytes; i++) {
        const uint8_t left = i < distance ? 0 : row[i - distance];
        const uint8_t corner = i < distance ? 0 : above[i - distance];
        row[i] = (uint8_t)(row[i] + expected(type, left, above[i], corner));
    }
}
