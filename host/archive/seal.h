// SPDX-License-Identifier: Apache-2.0
// Encryption of an archive's records (docs/format.md, "Encryption").
//
// A random master key seals the records; the passphrase only wraps the master key, in the KEY
// record. What seals is a function of the master key, the place and the bytes: the same records
// under the same key make the same archive, so that work which was lost can be done again.
#ifndef VLMC_ARCHIVE_SEAL_H
#define VLMC_ARCHIVE_SEAL_H

#include "format.h"
#include "util/secret.h"

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/status.h>

// What Argon2id takes to turn the passphrase into a key. A reader meets these numbers in files of
// strangers: their bounds are bounds of its memory and time.
typedef struct vlmc_seal_cost {
    uint32_t memory_kib; // VLMC_SEAL_MEMORY_KIB_MIN..MAX
    uint32_t passes;     // 1..VLMC_SEAL_PASSES_MAX, with memory_kib * passes <= VLMC_SEAL_WORK_MAX
} vlmc_seal_cost;

#define VLMC_SEAL_MEMORY_KIB_MIN 8u
#define VLMC_SEAL_MEMORY_KIB_MAX (1u << 20)
#define VLMC_SEAL_PASSES_MAX 64u
#define VLMC_SEAL_WORK_MAX (1u << 22)
#define VLMC_SEAL_MEMORY_KIB_DEFAULT (256u << 10)
#define VLMC_SEAL_PASSES_DEFAULT 3u

#define VLMC_PASSPHRASE_BYTES_MAX 1024u

#define VLMC_KEY_BYTES 72u // payload of the KEY record
#define VLMC_SEAL_SALT_BYTES 16u
#define VLMC_SEAL_MASTER_BYTES 32u

// The keys of one archive. Immutable: any number of threads.
typedef struct vlmc_seal vlmc_seal;

// VLMC_ERROR_USAGE when the numbers are out of bounds; `cost` NULL: the default.
vlmc_status vlmc_seal_check_cost(const vlmc_seal_cost *cost, vlmc_error *error);

// A new master key for an archive with this header. `cost` NULL: the default. Takes the time and
// memory that the cost says.
vlmc_status vlmc_seal_create(const uint8_t header[VLMC_HEADER_BYTES], const vlmc_secret *passphrase,
                             const vlmc_seal_cost *cost, vlmc_seal **seal, vlmc_error *error);

// The same with a given master key and salt, for tests and goldens: never for an archive that has
// to keep anything secret.
vlmc_status vlmc_seal_create_known(const uint8_t header[VLMC_HEADER_BYTES],
                                   const vlmc_secret *passphrase, const vlmc_seal_cost *cost,
                                   const uint8_t master[VLMC_SEAL_MASTER_BYTES],
                                   const uint8_t salt[VLMC_SEAL_SALT_BYTES], vlmc_seal **seal,
                                   vlmc_error *error);

// The keys of the archive at `path` (for messages) with this header and this payload of its KEY
// record. VLMC_ERROR_PASSPHRASE: another passphrase; VLMC_ERROR_REFUSED: it asks for more than
// the bounds above; VLMC_ERROR_DAMAGED, VLMC_ERROR_FORMAT.
vlmc_status vlmc_seal_open(const uint8_t header[VLMC_HEADER_BYTES],
                           const uint8_t key[VLMC_KEY_BYTES], const vlmc_secret *passphrase,
                           const char *path, vlmc_seal **seal, vlmc_error *error);

// Wipes the keys. Accepts NULL.
void vlmc_seal_destroy(vlmc_seal **seal);

// The payload of the KEY record // (VLMC_KEY_BYTES); lives as long as the seal.
const uint8_t *vlmc_seal_key(const vlmc_seal *seal);

// The header of the archive that the seal belongs to // (VLMC_HEADER_BYTES).
const uint8_t *vlmc_seal_header(const vlmc_seal *seal);

// Wraps the master key for another passphrase: `key` // (VLMC_KEY_BYTES) may stand in the place of
// the archive's KEY payload.
vlmc_status vlmc_seal_rewrap(const vlmc_seal *seal, const vlmc_secret *passphrase,
                             const vlmc_seal_cost *cost, uint8_t key[VLMC_KEY_BYTES],
                             vlmc_error *error);

// ---- Records ----

// Bytes of a SEALED record's payload for a record with `packed_bytes` of payload.
uint64_t vlmc_sealed_bytes(uint32_t packed_bytes);

// The other way round. False: no record has so many.
bool vlmc_unsealed_bytes(uint32_t sealed_bytes, uint32_t *packed_bytes);

// Seals a record, its number, type, method and sizes included, and its payload // (packed_bytes).
// sealed // (vlmc_sealed_bytes(packed_bytes)), apart from the payload. False: too large.
bool vlmc_seal_record(const vlmc_seal *seal, const vlmc_record *record, const uint8_t *payload,
                      uint8_t *sealed);

// Opens what was sealed as record->number with record->packed_bytes of payload; fills payload
// // (packed_bytes) and what else `record` says, packed_hash excepted. False: it is not what was
// sealed there; then nothing that was filled is of use.
bool vlmc_unseal_record(const vlmc_seal *seal, vlmc_record *record, const uint8_t *sealed,
                        uint8_t *payload);

// ---- What lies beside the archive until it is complete ----

#define VLMC_BLOB_EXTRA_BYTES 40u

// Encrypts bytes // (n) that belong to `place` of some file into `sealed`
// // (n + VLMC_BLOB_EXTRA_BYTES), apart from them; the same bytes in the same place are the same.
void vlmc_seal_blob(const vlmc_seal *seal, uint64_t place, const uint8_t *bytes, uint32_t n,
                    uint8_t *sealed);

// The other way round; n without the extra bytes. False: that was not sealed there.
bool vlmc_unseal_blob(const vlmc_seal *seal, uint64_t place, const uint8_t *sealed, uint32_t n,
                      uint8_t *bytes);

#endif
