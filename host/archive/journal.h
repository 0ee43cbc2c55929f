// SPDX-License-Identifier: Apache-2.0
// What a writer has found out so far, so that an interrupted one loses no more than the group in
// work: beside a partial archive, a list of what was packed, with what result, and where that is.
//
// A writer that begins again does all as before, but asks the journal before it packs. Results are
// found by a digest of everything that they depend on, so that taking one over is the same as
// packing once more, whatever has happened to the files meanwhile. Each entry has a check and each
// payload a digest: a torn or damaged tail is cut, what points into lost bytes is not found. One
// thread at a time.
#ifndef VLMC_ARCHIVE_JOURNAL_H
#define VLMC_ARCHIVE_JOURNAL_H

#include "output.h"
#include "seal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/status.h>

#define VLMC_JOURNAL_DIGEST_BYTES 32

typedef struct vlmc_journal vlmc_journal;

// How a group was packed.
typedef struct vlmc_journal_entry {
    uint8_t key[VLMC_JOURNAL_DIGEST_BYTES]; // of what was packed, and how: the caller's
    uint8_t method;                         // enum vlmc_group_method
    uint8_t streams;
    bool chose;      // a choice of a model was made, and the result depends on it: `model`, zero
                     // for none, and what its first group would cost
    bool with_model; // the payload was coded with it
    uint32_t size;   // of the payload in bytes
    uint32_t model_cost;
    uint8_t model[VLMC_JOURNAL_DIGEST_BYTES];
    uint64_t offset; // of the payload in the partial archive, or of its record where that is
                     // encrypted; 0: in the journal, or STORED
} vlmc_journal_entry;

// Opens the journal at `path`, or makes it, and reads what is there. A file that is none is
// emptied. That of an encrypted archive is encrypted with `seal`, which is borrowed; NULL: neither
// is. What another key has sealed counts as damaged.
vlmc_status vlmc_journal_open(const char *path, const vlmc_seal *seal, vlmc_journal **journal,
                              vlmc_error *error);
void vlmc_journal_close(vlmc_journal **journal);

// Keys, those of earlier runs included.
uint32_t vlmc_journal_count(const vlmc_journal *journal);

// The newest entry with this key, or NULL; until an entry is added.
const vlmc_journal_entry *vlmc_journal_find(const vlmc_journal *journal,
                                            const uint8_t key[VLMC_JOURNAL_DIGEST_BYTES]);

// The payload of such an entry that is not STORED, from the journal or from `output`, until the
// next call; NULL when it is not there or not what was written.
const uint8_t *vlmc_journal_payload(vlmc_journal *journal, const vlmc_output *output,
                                    const vlmc_journal_entry *entry);

// Adds an entry for a payload // (entry->size). It is kept in the journal itself when its offset is
// 0 and its method is not STORED.
vlmc_status vlmc_journal_add(vlmc_journal *journal, const vlmc_journal_entry *entry,
                             const uint8_t *payload, vlmc_error *error);

// What was added is on disk when this returns.
vlmc_status vlmc_journal_sync(vlmc_journal *journal, vlmc_error *error);

// From here on, payloads that are kept in the journal belong together …
void vlmc_journal_mark(vlmc_journal *journal);
// … and are in the archive by now, on disk: their room is given back, where the file system can.
void vlmc_journal_release(vlmc_journal *journal);

#endif
