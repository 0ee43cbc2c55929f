// SPDX-License-Identifier: Apache-2.0
// One block of a deflate stream (RFC 1951): collects its literals and matches and writes them in
// the shortest of the three forms, with the same codes as zlib's. [object]
#ifndef IMAGE_DEFLATE_BLOCK_H
#define IMAGE_DEFLATE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEFLATE_SYMBOLS_MAX 32768u
#define DEFLATE_LITERALS 286u // literals, the end of the block and lengths
#define DEFLATE_DISTANCES 30u
#define DEFLATE_MATCH_MIN 3u
#define DEFLATE_MATCH_MAX 258u
// Of one block: the fixed codes need at most 31 bits a symbol and are a choice in each block.
#define DEFLATE_OUT_BYTES (DEFLATE_SYMBOLS_MAX * 4u + 65536u + 1024u)

typedef struct deflate_block {
    uint32_t capacity; // symbols of a full block, at most DEFLATE_SYMBOLS_MAX
    uint32_t n_symbols;
    uint16_t distances[DEFLATE_SYMBOLS_MAX]; // 0: a literal
    uint8_t values[DEFLATE_SYMBOLS_MAX];     // the literal, or length - DEFLATE_MATCH_MIN
    uint16_t literal_counts[DEFLATE_LITERALS];
    uint16_t distance_counts[DEFLATE_DISTANCES];
    uint32_t bits; // not yet written, the low n_bits of it
    uint32_t n_bits;
    uint32_t out_bytes;
    uint8_t out[DEFLATE_OUT_BYTES]; // written and not yet fetched; the owner sets out_bytes to 0
} deflate_block;

// Starts a stream. capacity // symbols, 1..DEFLATE_SYMBOLS_MAX
void deflate_block_init(deflate_block *block, uint32_t capacity);

// Add a symbol; true when the block is full now and must be written.
bool deflate_block_literal(deflate_block *block, uint8_t byte);
bool deflate_block_match(deflate_block *block, uint32_t distance, uint32_t length);

// Writes the block to `out`, which must be empty, and starts the next one. bytes: what the block
// stands for, n_bytes of it, or NULL when they are gone and it cannot be stored.
void deflate_block_write(deflate_block *block, const uint8_t *bytes, uint32_t n_bytes,
                         bool fixed_only, bool last);

#endif
