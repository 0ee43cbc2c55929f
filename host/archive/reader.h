// SPDX-License-Identifier: Apache-2.0
// The inside of a reader, for the files that make it up: reader.c opens and describes,
// reader_groups.c decodes groups, reader_ahead.c does so before they are needed, reader_cache.c
// keeps them, reader_content.c puts files together.
#ifndef VLMC_ARCHIVE_READER_H
#define VLMC_ARCHIVE_READER_H

#include "archive.h"
#include "coders.h"
#include "format.h"
#include "index.h"
#include "reader_cache.h"
#include "seal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/status.h>

// The tokenizer that was needed last.
typedef struct vlmc_reader_tokenizer_slot {
    uint32_t number; // 0: none
    const vlmc_tokenizer *tokenizer;
    uint8_t *bytes; // (VLMC_TOKENIZER_BYTES_MAX) raw bytes of its record, NULL until first used
    const uint8_t *params; // (params_bytes) in there
    uint32_t params_bytes;
} vlmc_reader_tokenizer_slot;

// What the tokens of the last segment with margins made: files that share it follow each other.
typedef struct vlmc_reader_part {
    uint32_t tokenizer; // 0: none
    uint64_t first_token;
    uint64_t n_tokens;
    uint64_t n_bytes;
    uint8_t *bytes; // (capacity), of which `made` are there while it is decoded
    size_t capacity;
    size_t made;
} vlmc_reader_part;

typedef struct vlmc_reader_model_slot {
    const vlmc_model *model; // NULL: not looked for
    vlmc_error *failure;     // it was, and was not found
} vlmc_reader_model_slot;

struct vlmc_reader {
    char *path; // or what messages call it
    int fd;
    vlmc_engine_source source;
    vlmc_plugins *plugins; // NULL: none
    vlmc_worker *worker;
    vlmc_progress_fn progress;
    void *progress_user;
    vlmc_archive_info info;
    vlmc_seal *seal; // of an encrypted archive that is not locked
    // Of a locked one, when they have been counted, its sealed records.
    uint64_t *sealed_offsets; // (n_sealed + 1), the last where the footer begins; NULL: not counted
    uint32_t n_sealed;
    vlmc_index index;
    vlmc_coders *coders;
    struct vlmc_reader_ahead *ahead; // NULL: groups are decoded when they are needed
    vlmc_reader_model_slot models[VLMC_MODELS_MAX];
    vlmc_reader_tokenizer_slot tokenizer;
    uint8_t *packed; // (packed_capacity) payload of a record
    size_t packed_capacity;
    vlmc_reader_cache cache;
    vlmc_reader_part part;
    // Progress over all reads.
    uint64_t bytes_done;
    uint64_t packed_done;
    uint64_t segment_tokens; // of the current segment
    uint64_t segment_bytes;
    uint64_t tokens_done;  // of the current segment
    uint64_t tokens_ahead; // that the current read takes from the group that is being decoded
};

vlmc_status vlmc_reader_read_at(const vlmc_reader *reader, uint64_t offset, void *buffer,
                                size_t size, vlmc_error *error);

// A record's header and its payload // (expected), checked, and decrypted if need be.
vlmc_status vlmc_reader_record(const vlmc_reader *reader, uint64_t offset, uint32_t expected,
                               vlmc_record *record, uint8_t *payload, vlmc_error *error);

// The same for a record that is not sealed: KEY records, and all of a plain archive.
vlmc_status vlmc_reader_bare_record(const vlmc_reader *reader, uint64_t offset, uint32_t expected,
                                    vlmc_record *record, uint8_t *payload, vlmc_error *error);

// ---- reader_seal.c ----

// Of an encrypted archive with this header: reads its KEY record, and opens it with the passphrase
// that `params` give or leaves it locked.
vlmc_status vlmc_reader_unlock(vlmc_reader *reader, const uint8_t header[VLMC_HEADER_BYTES],
                               const vlmc_reader_params *params, vlmc_error *error);

// vlmc_reader_record for an encrypted archive.
vlmc_status vlmc_reader_sealed_record(const vlmc_reader *reader, uint64_t offset, uint32_t expected,
                                      vlmc_record *record, uint8_t *payload, vlmc_error *error);

// Checks what can be checked without the key: that the SEALED record at `offset` with
// `sealed_bytes` of payload is whole. SHA-256 of its payload.
vlmc_status vlmc_reader_sealed_digest(const vlmc_reader *reader, uint64_t offset,
                                      uint32_t sealed_bytes, uint8_t digest[32], vlmc_error *error);

// ---- reader_locked.c ----

// As vlmc_reader_count_blocks and vlmc_reader_check_block, of a locked archive.
vlmc_status vlmc_reader_count_sealed(vlmc_reader *reader, uint32_t *n, vlmc_error *error);
vlmc_status vlmc_reader_check_sealed(vlmc_reader *reader, uint32_t block, vlmc_error *error);

// ---- reader_groups.c ----

// Makes `number`, from 1, the reader's tokenizer. VLMC_ERROR_PLUGIN_MISSING without its plugin.
vlmc_status vlmc_reader_open_tokenizer(vlmc_reader *reader, uint32_t number, vlmc_error *error);

// Is all there that the groups of a segment need? VLMC_ERROR_PLUGIN_MISSING, _MODEL_MISSING, …
vlmc_status vlmc_reader_check_needs(vlmc_reader *reader, const vlmc_segment_info *segment,
                                    vlmc_error *error);

// What a group of the method MODEL is decoded with and from: `coding` without a tokenizer where it
// has none.
typedef struct vlmc_reader_group_parts {
    vlmc_token_coding coding;
    const vlmc_model *model; // NULL: the mixer alone
    const uint8_t *packed;   // (size)
    size_t size;
    uint64_t raw_hash; // of the tokens
} vlmc_reader_group_parts;

// Pointers are valid until the next call that reads a record.
vlmc_status vlmc_reader_group_open(vlmc_reader *reader, uint32_t group,
                                   vlmc_reader_group_parts *parts, vlmc_error *error);

// The tokens of a group, decoded if they are not kept; until the next call.
vlmc_status vlmc_reader_group_tokens(vlmc_reader *reader, uint32_t group, const uint8_t **tokens,
                                     vlmc_error *error);

// Tells progress, `tokens` of the current segment ahead of those that are done. False: stop.
bool vlmc_reader_tell(const vlmc_reader *reader, uint64_t tokens);

#endif
