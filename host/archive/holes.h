// SPDX-License-Identifier: Apache-2.0
// Sparse files: where the holes of a file are, as the index holds it (docs/format.md, "Holes"), and
// how its data are spread around them.
#ifndef VLMC_ARCHIVE_HOLES_H
#define VLMC_ARCHIVE_HOLES_H

#include "archive.h"
#include "buffer.h"

#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Holes // (n >= 1) as an index holds them. False when memory is short.
bool vlmc_holes_encode(const vlmc_hole *holes, uint32_t n, vlmc_buffer *out);

// Are these holes of a file of this size, ascending, not empty and not side by side? *bytes of
// them.
bool vlmc_holes_valid(const vlmc_hole *holes, uint32_t n, uint64_t size_bytes, uint64_t *bytes);

// Goes through holes that were encoded, or none (NULL).
typedef struct vlmc_hole_walk {
    const uint8_t *at;
    uint32_t left;
} vlmc_hole_walk;

vlmc_hole_walk vlmc_hole_walk_begin(const uint8_t *holes);
// `data` bytes since the last hole, then a hole of `bytes`. Every number has been checked.
bool vlmc_hole_walk_next(vlmc_hole_walk *walk, uint64_t *data, uint64_t *bytes);

// Spreads data around holes.
typedef struct vlmc_spread {
    vlmc_hole_walk walk;
    bool before_hole; // data and hole are those of a hole to come
    uint64_t data;    // before it
    uint64_t hole;
} vlmc_spread;

vlmc_spread vlmc_spread_begin(const uint8_t *holes);
// The next piece where n bytes of data are at hand: *piece of these, or of a hole. False: data are
// wanted, or, with n == 0, all is done.
bool vlmc_spread_next(vlmc_spread *spread, uint64_t n, bool *is_hole, uint64_t *piece);

// SHA-256 of content with its holes, which are zeros to it.
typedef struct vlmc_content_hash {
    crypto_hash_sha256_state state;
    vlmc_spread spread;
    uint64_t size_bytes; // so far, holes included
} vlmc_content_hash;

void vlmc_content_hash_begin(vlmc_content_hash *hash, const uint8_t *holes);
// Data, and the holes before and behind them. `tick` (may be NULL) is asked now and then and says
// whether to go on; false: it said no.
bool vlmc_content_hash_add(vlmc_content_hash *hash, const uint8_t *bytes, size_t n,
                           bool (*tick)(void *user), void *user);
// n zeros.
void vlmc_content_hash_zeros(crypto_hash_sha256_state *state, size_t n);
void vlmc_content_hash_end(vlmc_content_hash *hash, uint8_t sha256[32]);

#endif
