// SPDX-License-Identifier: Apache-2.0
// Cuts content where the content itself says so, so that the same stretch is cut alike wherever it
// stands. All functions are pure.
#ifndef VLMC_ARCHIVE_CHUNKER_H
#define VLMC_ARCHIVE_CHUNKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bytes of a chunk: at least the least unless the content ends, most near the mean, and the most
// with what the boundary is moved by.
#define VLMC_CHUNK_BYTES_LEAST 256u
#define VLMC_CHUNK_BYTES_MEAN 1024u
#define VLMC_CHUNK_BYTES_MOST 16384u
#define VLMC_CHUNK_MOVED_MOST 256u
#define VLMC_CHUNK_BYTES_MAX (VLMC_CHUNK_BYTES_MOST + VLMC_CHUNK_MOVED_MOST)

// The random numbers that bytes stand for; made by vlmc_chunker_init, the same everywhere.
typedef struct vlmc_chunker {
    uint64_t gear[256];
} vlmc_chunker;

void vlmc_chunker_init(vlmc_chunker *chunker);

// Length of the first chunk of bytes // (n); `ended`: the content ends with them. 0 when more of it
// is needed, which is never so with VLMC_CHUNK_BYTES_MAX of them, or with ended and n > 0.
size_t vlmc_chunker_next(const vlmc_chunker *chunker, const uint8_t *bytes, size_t n, bool ended);

#endif
