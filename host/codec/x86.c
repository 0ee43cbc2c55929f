// SPDX-License-Identifier: Apache-2.0
#include "x86.h"

#define SITE_BYTES 5u // opcode E8 or E9, 24 bits of distance, their sign
#define RARE 512u     // code has more than one call in so many bytes

// How often a value was among the last ones, in a small table by hash.
#define SEEN_LOG2 12u

static bool is_site(const uint8_t *at)
{
    return (at[0] & 0xFE) == 0xE8 && (at[4] == 0 || at[4] == 0xFF);
}

static uint32_t read_24(const uint8_t *at)
{
    return at[1] | (uint32_t)at[2] << 8 | (uint32_t)at[3] << 16;
}

static void write_24(uint8_t *at, uint32_t value)
{
    at[1] = (uint8_t)value;
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)(value >> 16);
}

// 1 when the value is where it was put the last time.
static uint32_t meets(uint32_t *seen, uint32_t value)
{
    uint32_t *place = &seen[value * 2654435761u >> (32 - SEEN_LOG2)];
    const uint32_t met = *place == value + 1;
    *place = value + 1;
    return met;
}

bool vlmc_x86_is_code(const uint8_t *bytes, size_t n)
{
    uint32_t distances[1u << SEEN_LOG2] = {0}, addresses[1u << SEEN_LOG2] = {0};
    size_t sites = 0, same_distance = 0, same_address = 0;
    for (size_t i = 0; i + SITE_BYTES <= n; i++) {
        if (!is_site(bytes + i))
            continue;
        const uint32_t distance = read_24(bytes + i);
        same_distance += meets(distances, distance);
        same_address += meets(addresses, (distance + (uint32_t)i) & 0xFFFFFF);
        sites++;
        i += SITE_BYTES - 1;
    }
    return sites > n / RARE && same_address > sites / 8 && same_address > 2 * same_distance;
}

// From the end, so that the way back, from the begin, meets each site as it was met here.
void vlmc_x86_to_addresses(uint8_t *bytes, size_t n)
{
    for (size_t i = n < SITE_BYTES ? 0 : n - SITE_BYTES + 1; i-- > 0;)
        if (is_site(bytes + i))
            write_24(bytes + i, read_24(bytes + i) + (uint32_t)i);
}

void vlmc_x86_to_distances(uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i + SITE_BYTES <= n; i++)
        if (is_site(bytes + i))
            write_24(bytes + i, read_24(bytes + i) - (uint32_t)i);
}
