// SPDX-License-Identifier: Apache-2.0
// The filters of PNG rows (ISO/IEC 15948, 9). above: the row before, unfiltered, or zeros.
// distance // bytes of a pixel, 1..8
#ifndef IMAGE_PNG_FILTER_H
#define IMAGE_PNG_FILTER_H

#include <stdint.h>

#define PNG_FILTER_TYPES 5u

// out must not be `row`. type below PNG_FILTER_TYPES.
void png_filter(uint8_t type, const uint8_t *row, const uint8_t *above, uint32_t n_bytes,
                uint32_t distance, uint8_t *out);

// In place.
void png_unfilter(uint8_t type, uint8_t *row, const uint8_t *above, uint32_t n_bytes,
                  uint32_t distance);

#endif
