// SPDX-License-Identifier: Apache-2.0
// Groups of tokens from the writer to the archive. Several are packed at a time, by threads
// (group_job.h); they are written in the order in which they come, and everything that depends on
// what is in the archive already is decided then: so the archive does not depend on the threads.
// One thread at a time.
#ifndef VLMC_ARCHIVE_PACKER_H
#define VLMC_ARCHIVE_PACKER_H

#include "archive.h"
#include "recall.h"
#include "records.h"

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/status.h>

typedef struct vlmc_packer vlmc_packer;

// Where in all that is added something lies: a file's number and an offset in its data.
typedef struct vlmc_place {
    uint64_t file;
    uint64_t offset;
} vlmc_place;

bool vlmc_place_before(vlmc_place a, vlmc_place b);

// What of the writer's parameters concerns it, the records and `recall` (NULL: nothing is taken
// over from an earlier run) are borrowed. The engine source's `open` and `lost` are called from
// threads of the packer, one at a time.
vlmc_status vlmc_packer_create(const vlmc_writer_params *params, vlmc_output *output,
                               vlmc_records *records, vlmc_recall *recall, vlmc_packer **packer,
                               vlmc_error *error);
void vlmc_packer_destroy(vlmc_packer **packer);

// The file that is being added, for notices.
void vlmc_packer_begin_file(vlmc_packer *packer, const char *path);

// The notice that `text` holds of the current file, unless it has had one.
void vlmc_packer_notice(vlmc_packer *packer, const char *text);

// What part of the files' bytes is packed: `bytes` more. Then VLMC_ERROR_INTERRUPTED when the user
// wants to stop.
vlmc_status vlmc_packer_done(vlmc_packer *packer, uint64_t bytes, vlmc_error *error);
// Tells progress; false when the user wants to stop.
bool vlmc_packer_tick(vlmc_packer *packer);

// Tokens that a group has at most: what the writer was told.
uint32_t vlmc_packer_limit(const vlmc_packer *packer);

vlmc_status vlmc_packer_kind(vlmc_packer *packer, const uint8_t *bytes, uint32_t n,
                             vlmc_content_kind *kind, vlmc_error *error);

// Number of the tokenizer's record, from 1, which is written if it is not there.
vlmc_status vlmc_packer_tokenizer(vlmc_packer *packer, const vlmc_token_coding *coding,
                                  uint32_t *number, vlmc_error *error);

// Tokens in the sequence of tokenizer `number`, 0: plain bytes, with those of groups that are still
// being packed.
uint64_t vlmc_packer_tokens(const vlmc_packer *packer, uint32_t number);

// Packs a group of a sequence, and writes it in its turn: tokens // (n) of `coding` (NULL: plain
// bytes), that stand for `bytes` bytes of files. Errors are those of earlier groups, too.
vlmc_status vlmc_packer_group(vlmc_packer *packer, const vlmc_token_coding *coding, uint32_t number,
                              const uint8_t *tokens, uint32_t n, uint64_t bytes, vlmc_error *error);

// Packs a segment of tokens // (n), which are those of bytes // (n_bytes), into groups of its own
// and writes them, unless these bytes take less room without the tokenizer. *number is that of the
// TOKENIZER record, or 0: nothing is written, they are plain bytes. So after VLMC_ERROR_PLUGIN,
// whose sentence is worth a notice.
vlmc_status vlmc_packer_segment(vlmc_packer *packer, const vlmc_token_coding *coding,
                                const uint8_t *tokens, size_t n, const uint8_t *bytes,
                                size_t n_bytes, uint32_t *number, vlmc_error *error);

// ---- What comes later ----
//
// While a segment is waited for, threads that would have nothing to do pack groups of segments that
// will come. A group that then comes has its result already; one that does not is forgotten. So the
// archive is the same.

// Called then, for more: vlmc_packer_expect. False: there is nothing at present.
typedef bool (*vlmc_packer_ahead_fn)(void *user);
void vlmc_packer_set_ahead(vlmc_packer *packer, vlmc_packer_ahead_fn ahead, void *user);

// What is being added lies at `place`, and nothing before it will come.
void vlmc_packer_reach(vlmc_packer *packer, vlmc_place place);
vlmc_place vlmc_packer_reached(const vlmc_packer *packer);

// The segment of tokens // (n), which are those of n_bytes bytes at `place`, will come. Takes its
// groups from *next_group on, as many as there is room for, and moves that on. True: there are
// more of them, for another call. Places never go back.
bool vlmc_packer_expect(vlmc_packer *packer, vlmc_place place, const vlmc_token_coding *coding,
                        const uint8_t *tokens, size_t n, size_t n_bytes, uint32_t *next_group);

// Writes all that is being packed.
vlmc_status vlmc_packer_finish(vlmc_packer *packer, vlmc_error *error);

#endif
