// SPDX-License-Identifier: Apache-2.0
// Content that waits for its group to be full: plain bytes, and the tokens of tokenizers whose
// segments may join. A few buffers of a group each; the one not used for longest gives way. One
// thread at a time.
#ifndef VLMC_ARCHIVE_PENDING_H
#define VLMC_ARCHIVE_PENDING_H

#include "packer.h"

#include <stdint.h>
#include <vlmc/status.h>

typedef struct vlmc_pending vlmc_pending;

// `packer` is borrowed.
vlmc_status vlmc_pending_create(vlmc_packer *packer, vlmc_pending **pending, vlmc_error *error);
void vlmc_pending_destroy(vlmc_pending **pending);

// Remembers where each sequence is, so that the file that now begins can be forgotten: what of it
// is already written stays as content of no entry.
void vlmc_pending_begin_file(vlmc_pending *pending);
void vlmc_pending_forget_file(vlmc_pending *pending);

// ---- Plain bytes ----

// Starts a stretch of plain bytes of one file, which vlmc_pending_end_plain ends. Where it, or a
// block of 256 KiB of it, is unlike what lies before, that becomes a group and the stretch or block
// starts the next one: packed photographs beside text would spoil the model's adaptation and cost
// its time.
void vlmc_pending_begin_plain(vlmc_pending *pending);
// Where the next bytes go: *room of them, at least 1. A full group is written first.
vlmc_status vlmc_pending_room(vlmc_pending *pending, uint8_t **at, size_t *room, vlmc_error *error);
void vlmc_pending_add(vlmc_pending *pending, size_t n);
vlmc_status vlmc_pending_end_plain(vlmc_pending *pending, vlmc_error *error);

// Where the next byte will stand in the sequence of plain bytes.
uint64_t vlmc_pending_plain_position(const vlmc_pending *pending);

// ---- Tokens ----

// Adds a segment of tokens // (n), which stand for `bytes` bytes. Gives the number of its TOKENIZER
// record, which is written if need be, and where its tokens begin in that sequence.
vlmc_status vlmc_pending_join(vlmc_pending *pending, const vlmc_token_coding *coding,
                              const uint8_t *tokens, size_t n, uint64_t bytes, uint32_t *number,
                              uint64_t *first_token, vlmc_error *error);

// Writes all that waits.
vlmc_status vlmc_pending_finish(vlmc_pending *pending, vlmc_error *error);

#endif
