// SPDX-License-Identifier: Apache-2.0
// The fixed structures of an archive: header, record headers, footer (docs/format.md).
// All integers are little-endian.
#ifndef VLMC_ARCHIVE_FORMAT_H
#define VLMC_ARCHIVE_FORMAT_H

#include "model/model.h"

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/plugin.h>
#include <vlmc/status.h>

#define VLMC_FORMAT_VERSION 0u
#define VLMC_NUMERICS_VERSION 0u // newest that this build computes

#define VLMC_HEADER_BYTES 16u
#define VLMC_RECORD_BYTES 40u
#define VLMC_FOOTER_BYTES 16u

// Flags of the header.
#define VLMC_FLAG_ENCRYPTED 1u // record 0 is the KEY record, all others are sealed (seal.h)

// Record types. A reader skips an unknown type that has the optional bit and refuses others.
#define VLMC_RECORD_MODEL 1u
#define VLMC_RECORD_GROUP 2u
#define VLMC_RECORD_INDEX 3u
#define VLMC_RECORD_TOKENIZER 4u
#define VLMC_RECORD_KEY 5u    // record 0 of an encrypted archive
#define VLMC_RECORD_SEALED 6u // each other record of it
#define VLMC_RECORD_OPTIONAL 0x8000u

// Bit of a GROUP's method byte: the payload begins with a tag.
#define VLMC_METHOD_TAGGED 0x80u

#define VLMC_MODELS_MAX 64u             // MODEL records of an archive
#define VLMC_TOKENIZERS_MAX (1u << 24)  // TOKENIZER records of an archive
#define VLMC_TOKENIZER_ID_BYTES_MAX 63u // of [a-z0-9.]
#define VLMC_TOKENIZER_BYTES_MAX (5u + VLMC_TOKENIZER_ID_BYTES_MAX + VLMC_PLUGIN_PARAMS_BYTES_MAX)
#define VLMC_FIRST_TOKEN_MAX (UINT64_MAX >> 8)

// The index may be this large when decompressed, and this many times its packed size
// (plus a constant), so that a small hostile archive cannot ask for much memory.
#define VLMC_INDEX_BYTES_MAX (1u << 30)
#define VLMC_INDEX_RATIO_MAX 64u
#define VLMC_INDEX_SLACK_BYTES (1u << 20)

#define VLMC_PATH_BYTES_MAX 65535u // link targets as well

// An entry's kind: its type (vlmc_entry_type), and what the index says of its content.
#define VLMC_KIND_TYPE 7u
#define VLMC_KIND_CONTENT 24u // one of the next three
#define VLMC_KIND_PLAIN 0u    // one stretch of plain bytes, or none
#define VLMC_KIND_LIST 8u     // a list of segments
#define VLMC_KIND_MARGINS 16u // the same, and some of them are parts of what their tokens make
#define VLMC_KIND_HOLES 32u   // the content has holes
#define VLMC_HOLES_MAX (1u << 20)

// A segment with margins has so many tokens, and they make so many bytes, at most; and it takes so
// many of these at least: what a reader has to do for it is bounded by what it gets.
#define VLMC_MARGIN_TOKENS_MAX (1u << 22)
#define VLMC_MARGIN_BYTES_MAX (1u << 22)
#define VLMC_MARGIN_TAKEN_MIN 512u

typedef struct vlmc_record {
    uint16_t type;
    uint8_t method;  // enum vlmc_group_method: how the payload is packed
    bool tagged;     // GROUP: the payload begins with a vlmc_group_tag
    uint8_t streams; // MODEL method: lock-step width; others 0
    uint32_t number; // of this record in the archive, from 0
    uint32_t raw_bytes;
    uint32_t packed_bytes;
    uint64_t raw_hash;    // XXH3-64
    uint64_t packed_hash; // XXH3-64
} vlmc_record;

typedef struct vlmc_footer {
    uint32_t index_packed_bytes; // of the INDEX record, which lies right before the footer
} vlmc_footer;

// What an archive says of a model that MODEL groups need.
typedef struct vlmc_model_identity {
    uint16_t numerics;
    uint8_t digest[VLMC_DIGEST_BYTES];
    char name[64]; // printable ASCII with its NUL
} vlmc_model_identity;

// Which tokenizer made tokens, in its record. The parameters follow it there.
typedef struct vlmc_tokenizer_identity {
    uint32_t version;
    char id[VLMC_TOKENIZER_ID_BYTES_MAX + 1];
} vlmc_tokenizer_identity;

// What a group is coded with. Plain bytes, and for the MODEL method the archive's first model,
// need no tag.
typedef struct vlmc_group_tag {
    uint32_t tokenizer;   // number of the TOKENIZER record, from 1; 0: plain bytes
    uint64_t first_token; // of the group, counted from its segment's start
    uint32_t model;       // MODEL method: number of the MODEL record, from 1; 0: the mixer alone
} vlmc_group_tag;

void vlmc_format_write_header(uint16_t flags, uint8_t bytes[VLMC_HEADER_BYTES]);
void vlmc_format_write_record(const vlmc_record *record, uint8_t bytes[VLMC_RECORD_BYTES]);
void vlmc_format_write_footer(const vlmc_footer *footer, uint8_t bytes[VLMC_FOOTER_BYTES]);

// `size` bytes at the start of the file at `path`, which is for messages. VLMC_ERROR_FORMAT:
// not an archive or a newer one; VLMC_ERROR_DAMAGED: an archive's header with wrong bytes.
vlmc_status vlmc_format_read_header(const uint8_t *bytes, uint32_t size, const char *path,
                                    uint16_t *flags, vlmc_error *error);
// False when the bytes are not a whole and undamaged header of a record or footer.
bool vlmc_format_read_record(const uint8_t bytes[VLMC_RECORD_BYTES], vlmc_record *record);
bool vlmc_format_read_footer(const uint8_t bytes[VLMC_FOOTER_BYTES], vlmc_footer *footer);

uint64_t vlmc_format_hash(const void *bytes, uint64_t size); // XXH3-64

// Numbers in base 128, low digits first, bit 7 set in all bytes but the last.
#define VLMC_VARINT_BYTES_MAX 10u
uint32_t vlmc_varint_write(uint64_t value, uint8_t bytes[VLMC_VARINT_BYTES_MAX]);
// Returns the bytes taken, or 0 when they are not the shortest form of a 64-bit number.
uint32_t vlmc_varint_read(const uint8_t *bytes, uint64_t size, uint64_t *value);

// Signed differences as varints: 0, -1, 1, -2, … are 0, 1, 2, 3, … They wrap around.
static inline uint64_t vlmc_zigzag(uint64_t difference)
{
    return difference << 1 ^ (difference >> 63 ? UINT64_MAX : 0);
}
static inline uint64_t vlmc_unzigzag(uint64_t number)
{
    return number >> 1 ^ (number & 1 ? UINT64_MAX : 0);
}

// What the index says of a MODEL record, so that the root digest covers it: the first bytes of the
// SHA-256 of its payload.
#define VLMC_MODEL_PIN_BYTES 8u
void vlmc_format_pin_model(const uint8_t *payload, uint32_t size,
                           uint8_t pin[VLMC_MODEL_PIN_BYTES]);

// The model identity as it stands in the MODEL record.
#define VLMC_MODEL_IDENTITY_BYTES_MAX (3u + VLMC_DIGEST_BYTES + 63u)
uint32_t vlmc_format_write_model(const vlmc_model_identity *model,
                                 uint8_t bytes[VLMC_MODEL_IDENTITY_BYTES_MAX]);
// Returns the bytes taken, or 0 when they are not a model identity.
uint32_t vlmc_format_read_model(const uint8_t *bytes, uint64_t size, vlmc_model_identity *model);

// The tokenizer's identity as it stands in its record. Reading returns the bytes taken, or 0.
#define VLMC_TOKENIZER_IDENTITY_BYTES_MAX (5u + VLMC_TOKENIZER_ID_BYTES_MAX)
uint32_t vlmc_format_write_tokenizer(const vlmc_tokenizer_identity *tokenizer,
                                     uint8_t bytes[VLMC_TOKENIZER_IDENTITY_BYTES_MAX]);
uint32_t vlmc_format_read_tokenizer(const uint8_t *bytes, uint64_t size,
                                    vlmc_tokenizer_identity *tokenizer);
bool vlmc_format_is_tokenizer_id(const char *id, size_t length);

// A group's tag as it stands in its payload and in the index. Reading returns the bytes taken,
// or 0.
#define VLMC_GROUP_TAG_BYTES_MAX (5u + 8u + 2u)
bool vlmc_format_needs_tag(uint32_t method, const vlmc_group_tag *tag);
uint32_t vlmc_format_write_tag(uint32_t method, const vlmc_group_tag *tag,
                               uint8_t bytes[VLMC_GROUP_TAG_BYTES_MAX]);
uint32_t vlmc_format_read_tag(uint32_t method, const uint8_t *bytes, uint64_t size,
                              vlmc_group_tag *tag);

#endif
