// SPDX-License-Identifier: Apache-2.0
// The key of an encrypted archive, complete or not, from its file and a passphrase.
#ifndef VLMC_ARCHIVE_SEAL_FILE_H
#define VLMC_ARCHIVE_SEAL_FILE_H

#include "archive.h"

#include <vlmc/status.h>

// vlmc_seal_open with one passphrase after the other, until `passphrase` has no more. `name` is
// what messages call the archive.
vlmc_status vlmc_seal_ask(const uint8_t header[VLMC_HEADER_BYTES],
                          const uint8_t key[VLMC_KEY_BYTES], const char *name,
                          vlmc_passphrase_fn passphrase, void *user, vlmc_seal **seal,
                          vlmc_error *error);

// The KEY record that the first bytes of an archive hold // (VLMC_KEY_START_BYTES), its header
// included. False: it is not that of an encrypted archive, or damaged.
#define VLMC_KEY_START_BYTES (VLMC_HEADER_BYTES + VLMC_RECORD_BYTES + VLMC_KEY_BYTES)
bool vlmc_key_read(const uint8_t *start, uint8_t key[VLMC_KEY_BYTES]);
// Such a record without the header // (VLMC_RECORD_BYTES + VLMC_KEY_BYTES).
void vlmc_key_write(const uint8_t key[VLMC_KEY_BYTES], uint8_t *record);

// The key with which the partial archive at `path` was begun, so that what is there can be gone on
// with. *seal NULL: nothing of use is there, begin with a new key.
vlmc_status vlmc_seal_of_partial(const char *path, const char *name, vlmc_passphrase_fn passphrase,
                                 void *user, vlmc_seal **seal, vlmc_error *error);

#endif
