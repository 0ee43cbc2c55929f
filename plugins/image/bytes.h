// SPDX-License-Identifier: Apache-2.0
// Loads and stores at any alignment.
#ifndef IMAGE_BYTES_H
#define IMAGE_BYTES_H

#include <stdint.h>

static inline uint16_t image_load16le(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t image_load32le(const uint8_t *p)
{
    return (uint32_t)image_load16le(p) | (uint32_t)image_load16le(p + 2) << 16;
}

static inline uint16_t image_load16be(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t image_load32be(const uint8_t *p)
{
    return (uint32_t)image_load16be(p) << 16 | (uint32_t)image_load16be(p + 2);
}

static inline void image_store32be(uint8_t *p, uint32_t x)
{
    p[0] = (uint8_t)(x >> 24);
    p[1] = (uint8_t)(x >> 16);
    p[2] = (uint8_t)(x >> 8);
    p[3] = (uint8_t)x;
}

#endif
