// SPDX-License-Identifier: Apache-2.0
// A gear hash (Xia et al. 2014) with two thresholds, so that chunks gather around the mean (Xia et
// al. 2016): the hash of the last 64 bytes is looked at through more bits before the mean than
// behind it.
#include "chunker.h"

#include <string.h>

#define HASH_BYTES 64u // that the hash knows: older ones are shifted out

#define BITS_BEFORE_MEAN 12u // of the hash that must be zero: 2 more than log2 of the mean
#define BITS_BEHIND_MEAN 8u  // 2 less

#define SEED UINT64_C(0x766C6D636765617A)

// SplitMix64 (Steele, Lea, Flood 2014).
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

void vlmc_chunker_init(vlmc_chunker *chunker)
{
    uint64_t state = SEED;
    for (uint32_t i = 0; i < 256; i++)
        chunker->gear[i] = next_random(&state);
}

// Where the first byte ends, from `at` on and before `end`, behind which the hash has `bits` zeros
// at its top; else end.
static size_t find_cut(const vlmc_chunker *chunker, const uint8_t *bytes, size_t at, size_t end,
                       uint32_t bits, uint64_t *hash)
{
    uint64_t h = *hash;
    while (at < end) {
        h = (h << 1) + chunker->gear[bytes[at++]];
        if (h >> (64 - bits) == 0)
            break;
    }
    *hash = h;
    return at;
}

// Text is cut between lines, so that each side can be read, and coded, alone: the boundary goes
// behind the next line end (in UTF-16 a zero may belong to it), if that is near.
static size_t move_to_line(const uint8_t *bytes, size_t n, size_t cut)
{
    const size_t left = n - cut;
    const size_t most = left < VLMC_CHUNK_MOVED_MOST ? left : VLMC_CHUNK_MOVED_MOST;
    const uint8_t *end = most ? memchr(bytes + cut, '\n', most) : NULL;
    if (!end)
        return cut;
    const size_t moved = (size_t)(end - bytes) + 1;
    return moved < cut + most && bytes[moved] == 0 ? moved + 1 : moved;
}

size_t vlmc_chunker_next(const vlmc_chunker *chunker, const uint8_t *bytes, size_t n, bool ended)
{
    const size_t most = n < VLMC_CHUNK_BYTES_MOST ? n : VLMC_CHUNK_BYTES_MOST;
    const size_t mean = n < VLMC_CHUNK_BYTES_MEAN ? n : VLMC_CHUNK_BYTES_MEAN;
    uint64_t hash = 0;
    if (n < VLMC_CHUNK_BYTES_MAX && !ended)
        return 0;
    if (n <= VLMC_CHUNK_BYTES_LEAST)
        return n;
    for (size_t at = VLMC_CHUNK_BYTES_LEAST - HASH_BYTES; at < VLMC_CHUNK_BYTES_LEAST; at++)
        hash = (hash << 1) + chunker->gear[bytes[at]];
    size_t cut = find_cut(chunker, bytes, VLMC_CHUNK_BYTES_LEAST, mean, BITS_BEFORE_MEAN, &hash);
    if (cut == mean)
        cut = find_cut(chunker, bytes, mean, most, BITS_BEHIND_MEAN, &hash);
    return move_to_line(bytes, n, cut);
}
