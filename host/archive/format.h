// SPDX-License-Identifier: Apache-2.0
// The fixed structures of an archive: header, record headers, footer (docs/format.md).
// All integers are little-endian.
#ifndef VLMC_ARCHIVE_FORMAT_H
#define VLMC_ARCHIVE_FORMAT_H

#include "model/model.h"

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/status.h>

#define VLMC_FORMAT_VERSION 0u
#define VLMC_NUMERICS_VERSION 0u // newest that this build computes

#define VLMC_HEADER_BYTES 16u
#define VLMC_RECORD_BYTES 40u
#define VLMC_FOOTER_BYTES 56u

// Record types. A reader skips an unknown type that has the optional bit and refuses others.
#define VLMC_RECORD_MODEL 1u
#define VLMC_RECORD_GROUP 2u
#define VLMC_RECORD_INDEX 3u
#define VLMC_RECORD_OPTIONAL 0x8000u

// The index may be this large when decompressed, and this many times its packed size
// (plus a constant), so that a small hostile archive cannot ask for much memory.
#define VLMC_INDEX_BYTES_MAX (1u << 30)
#define VLMC_INDEX_RATIO_MAX 512u
#define VLMC_INDEX_SLACK_BYTES (1u << 20)

#define VLMC_PATH_BYTES_MAX 65535u

typedef struct vlmc_record {
    uint16_t type;
    uint8_t method;  // enum vlmc_group_method: how the payload is packed
    uint8_t streams; // MODEL method: lock-step width; others 0
    uint32_t number; // of this record in the archive, from 0
    uint32_t raw_bytes;
    uint32_t packed_bytes;
    uint64_t raw_hash;    // XXH3-64
    uint64_t packed_hash; // XXH3-64
} vlmc_record;

typedef struct vlmc_footer {
    uint64_t index_offset; // of the index record
    uint32_t index_packed_bytes;
    uint8_t root_digest[VLMC_DIGEST_BYTES]; // SHA-256 of the raw index
} vlmc_footer;

// What an archive says of the model that its MODEL groups need.
typedef struct vlmc_model_identity {
    bool present;
    uint16_t numerics;
    uint8_t digest[VLMC_DIGEST_BYTES];
    char name[64]; // printable ASCII with its NUL
} vlmc_model_identity;

void vlmc_format_write_header(uint8_t bytes[VLMC_HEADER_BYTES]);
void vlmc_format_write_record(const vlmc_record *record, uint8_t bytes[VLMC_RECORD_BYTES]);
void vlmc_format_write_footer(const vlmc_footer *footer, uint8_t bytes[VLMC_FOOTER_BYTES]);

// `size` bytes at the start of the file at `path`, which is for messages. VLMC_ERROR_FORMAT:
// not an archive or a newer one; VLMC_ERROR_DAMAGED: an archive's header with wrong bytes.
vlmc_status vlmc_format_read_header(const uint8_t *bytes, uint32_t size, const char *path,
                                    vlmc_error *error);
// False when the bytes are not a whole and undamaged header of a record or footer.
bool vlmc_format_read_record(const uint8_t bytes[VLMC_RECORD_BYTES], vlmc_record *record);
bool vlmc_format_read_footer(const uint8_t bytes[VLMC_FOOTER_BYTES], vlmc_footer *footer);

uint64_t vlmc_format_hash(const void *bytes, uint64_t size); // XXH3-64

// The model identity as it stands in the index and in the MODEL record.
#define VLMC_MODEL_IDENTITY_BYTES_MAX (3u + VLMC_DIGEST_BYTES + 63u)
uint32_t vlmc_format_write_model(const vlmc_model_identity *model,
                                 uint8_t bytes[VLMC_MODEL_IDENTITY_BYTES_MAX]);
// Returns the bytes taken, or 0 when they are not a model identity.
uint32_t vlmc_format_read_model(const uint8_t *bytes, uint64_t size, vlmc_model_identity *model);

#endif
