// SPDX-License-Identifier: Apache-2.0
// What of a file's bytes an archive has already, in this file or another: looked for before they
// are coded. One thread at a time.
//
// Content goes through it in stretches: vlmc_dedup_next says what the next bytes are. New ones are
// a piece, which the caller stores, and then says where (vlmc_dedup_placed); for known ones it gets
// the segment that holds them. Nothing is known by a hash that could be made to collide: chunks are
// the same when their BLAKE2b-256 is.
#ifndef VLMC_ARCHIVE_DEDUP_H
#define VLMC_ARCHIVE_DEDUP_H

#include "archive.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/status.h>

// A run of known bytes is at least this long: a shorter one saves little more than what the segment
// costs, and tears up what the model reads.
#define VLMC_DEDUP_RUN_BYTES 2048u

// A piece ends at the first end of a chunk from here on, so that a reader which needs a part of it
// decodes little else.
#define VLMC_DEDUP_PIECE_BYTES (1u << 20)

typedef struct vlmc_dedup vlmc_dedup;

vlmc_status vlmc_dedup_create(vlmc_dedup **dedup, vlmc_error *error);
void vlmc_dedup_destroy(vlmc_dedup **dedup);

// Remembers where the file that now begins can be forgotten to, so that nothing refers to what will
// be the content of no entry.
void vlmc_dedup_begin_file(vlmc_dedup *dedup);
void vlmc_dedup_forget_file(vlmc_dedup *dedup);

typedef struct vlmc_dedup_step {
    size_t n;   // bytes; 0: more of the stretch is needed
    bool known; // they are those of `segment`; else a new piece, to be placed
    vlmc_segment_info segment;
} vlmc_dedup_step;

// The next step of a stretch of which bytes // (n) are to come, n > 0 unless `ended`: then they are
// all that is left of it. With VLMC_DEDUP_PIECE_BYTES of them more is never needed.
vlmc_status vlmc_dedup_next(vlmc_dedup *dedup, const uint8_t *bytes, size_t n, bool ended,
                            vlmc_dedup_step *step, vlmc_error *error);

// Where the piece of the last step lies, all of it in one segment without margins.
vlmc_status vlmc_dedup_placed(vlmc_dedup *dedup, const vlmc_segment_info *segment,
                              vlmc_error *error);

#endif
