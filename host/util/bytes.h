// SPDX-License-Identifier: Apache-2.0
// Little-endian loads and stores at any alignment.
#ifndef VLMC_UTIL_BYTES_H
#define VLMC_UTIL_BYTES_H

#include <stdint.h>

static inline uint16_t vlmc_load16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t vlmc_load32(const uint8_t *p)
{
    return (uint32_t)vlmc_load16(p) | (uint32_t)vlmc_load16(p + 2) << 16;
}

static inline uint64_t vlmc_load64(const uint8_t *p)
{
    return (uint64_t)vlmc_load32(p) | (uint64_t)vlmc_load32(p + 4) << 32;
}

static inline void vlmc_store16(uint8_t *p, uint16_t x)
{
    p[0] = (uint8_t)x;
    p[1] = (uint8_t)(x >> 8);
}

static inline void vlmc_store32(uint8_t *p, uint32_t x)
{
    vlmc_store16(p, (uint16_t)x);
    vlmc_store16(p + 2, (uint16_t)(x >> 16));
}

static inline void vlmc_store64(uint8_t *p, uint64_t x)
{
    vlmc_store32(p, (uint32_t)x);
    vlmc_store32(p + 4, (uint32_t)(x >> 32));
}

#endif
