// SPDX-License-Identifier: Apache-2.0
// How a packer takes groups over that an interrupted run has packed (journal.h), and makes its own
// last. One thread at a time.
#ifndef VLMC_ARCHIVE_RECALL_H
#define VLMC_ARCHIVE_RECALL_H

#include "archive.h"
#include "codec/group.h"
#include "journal.h"
#include "output.h"

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/status.h>

typedef struct vlmc_recall vlmc_recall;

// `output` writes to a partial file and is borrowed. What of the parameters decides how a group is
// packed goes into every key.
vlmc_status vlmc_recall_create(const vlmc_writer_params *params, vlmc_output *output,
                               vlmc_recall **recall, vlmc_error *error);

// Whatever was added is on disk then, if that is possible. Accepts NULL.
void vlmc_recall_destroy(vlmc_recall **recall);

// A group that is to be packed: tokens // (n) of `coding` (NULL: plain bytes).
void vlmc_recall_key(const vlmc_recall *recall, const vlmc_token_coding *coding,
                     const uint8_t *tokens, uint32_t n, uint8_t key[VLMC_JOURNAL_DIGEST_BYTES]);

// What the journal has of it, or NULL. Where the result depends on a choice, the caller compares
// that before it takes it over.
const vlmc_journal_entry *vlmc_recall_find(const vlmc_recall *recall,
                                           const uint8_t key[VLMC_JOURNAL_DIGEST_BYTES]);

// The packed group of an entry, valid until the next call. False: it is lost.
bool vlmc_recall_take(vlmc_recall *recall, const vlmc_journal_entry *entry, const uint8_t *tokens,
                      uint32_t n, vlmc_packed_group *packed);

// A group is packed and will be in the archive, if at all, after others: its payload is kept.
vlmc_status vlmc_recall_keep(vlmc_recall *recall, const vlmc_journal_entry *entry,
                             const uint8_t *payload, vlmc_error *error);

// A group is the last thing in the archive: where to find it. From time to time, and at the latest
// when it took a second to get here, all that is done is on disk afterwards. Its record begins at
// `record_offset`.
vlmc_status vlmc_recall_written(vlmc_recall *recall, const vlmc_journal_entry *entry,
                                const uint8_t *payload, uint64_t record_offset, vlmc_error *error);

// Groups that are kept from here on are written when vlmc_recall_end_kept is called.
void vlmc_recall_begin_kept(vlmc_recall *recall);
vlmc_status vlmc_recall_end_kept(vlmc_recall *recall, vlmc_error *error);

// Results in the journal, and how many groups were taken over from an earlier run.
uint32_t vlmc_recall_count(const vlmc_recall *recall);
uint32_t vlmc_recall_taken(const vlmc_recall *recall);

#endif
