// SPDX-License-Identifier: Apache-2.0
#include "level.h"

#define SMALL VLMC_TEXT_MODEL
#define NANO VLMC_TEXT_MODEL_NANO
#define KIB (1u << 10)
#define MIB (1u << 20)

// Memory: lines of 64 bytes, as a power of two. Larger groups learn more and take longer to open a
// single file of.
static const vlmc_level levels[] = {
    {false, SMALL, 4 * MIB, 64 * KIB, {VLMC_MIX_FAST, 21}},     // 1
    {false, SMALL, 8 * MIB, 64 * KIB, {VLMC_MIX_NORMAL, 22}},   // 2
    {true, NANO, 4 * MIB, 64 * KIB, {VLMC_MIX_FAST, 21}},       // 3
    {true, SMALL, 4 * MIB, 64 * KIB, {VLMC_MIX_NORMAL, 21}},    // 4
    {true, SMALL, 16 * MIB, 128 * KIB, {VLMC_MIX_NORMAL, 23}},  // 5
    {true, SMALL, 32 * MIB, 128 * KIB, {VLMC_MIX_NORMAL, 24}},  // 6
    {true, SMALL, 32 * MIB, 256 * KIB, {VLMC_MIX_STRONG, 24}},  // 7
    {true, SMALL, 64 * MIB, 256 * KIB, {VLMC_MIX_STRONG, 24}},  // 8
    {true, SMALL, 64 * MIB, 1024 * KIB, {VLMC_MIX_STRONG, 25}}, // 9
};

const vlmc_level *vlmc_level_of(uint32_t number)
{
    if (number < VLMC_LEVEL_MIN || number > VLMC_LEVEL_MAX)
        number = VLMC_LEVEL_DEFAULT;
    return &levels[number - VLMC_LEVEL_MIN];
}
