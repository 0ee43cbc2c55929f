// SPDX-License-Identifier: Apache-2.0
// The index: what an archive holds, as one block of bytes (docs/format.md, "Index").
#ifndef VLMC_ARCHIVE_INDEX_H
#define VLMC_ARCHIVE_INDEX_H

#include "archive.h"
#include "format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/status.h>

// True for a path that an archive may hold: 1..65535 bytes, relative, no empty part, no "."
// or ".." part.
bool vlmc_path_valid(const char *path);

// ---- Building ----

// Bytes that grow; freed by vlmc_index_builder_destroy.
typedef struct vlmc_buffer {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
} vlmc_buffer;

typedef struct vlmc_index_builder {
    vlmc_buffer records;
    vlmc_buffer entries;
    uint32_t n_records;
    uint32_t n_entries;
    uint64_t n_tokens; // of all groups
} vlmc_index_builder;

// A zeroed builder is empty. All return VLMC_ERROR_REFUSED when the index would pass its largest
// size.
vlmc_status vlmc_index_add_record(vlmc_index_builder *builder, const vlmc_record *record,
                                  vlmc_error *error);
// The same for a GROUP record, with its tag when record->tagged.
vlmc_status vlmc_index_add_group(vlmc_index_builder *builder, const vlmc_record *record,
                                 const vlmc_group_tag *tag, vlmc_error *error);
// The same for a TOKENIZER record.
vlmc_status vlmc_index_add_tokenizer(vlmc_index_builder *builder, const vlmc_record *record,
                                     const vlmc_tokenizer_identity *tokenizer, vlmc_error *error);
// segments // (n_segments), none for an entry without content; their bytes are entry->size_bytes.
// What `entry` itself says of where its content lies is not looked at.
vlmc_status vlmc_index_add_entry(vlmc_index_builder *builder, const vlmc_entry *entry,
                                 const vlmc_segment_info *segments, uint32_t n_segments,
                                 vlmc_error *error);
// Where an entry with content stands in a builder.
typedef struct vlmc_index_place {
    uint32_t at;    // bytes of the entries before it
    uint32_t bytes; // of it
} vlmc_index_place;

// Of the entry that was added last; before it the entries had `at` bytes.
vlmc_index_place vlmc_index_place_of_last(const vlmc_index_builder *builder, size_t at);
const uint8_t *vlmc_index_place_sha256(const vlmc_index_builder *builder, vlmc_index_place place);

// Adds a file whose content, with its size and digest, is that of an earlier one.
vlmc_status vlmc_index_repeat_entry(vlmc_index_builder *builder, const vlmc_entry *entry,
                                    vlmc_index_place earlier, vlmc_error *error);

// The raw index; models // (n_models), at most VLMC_MODELS_MAX. *bytes is malloc'ed and owned by
// the caller.
vlmc_status vlmc_index_build(const vlmc_index_builder *builder, const vlmc_model_identity *models,
                             uint32_t n_models, uint8_t **bytes, uint32_t *size, vlmc_error *error);
void vlmc_index_builder_destroy(vlmc_index_builder *builder);

// ---- Reading ----

// A TOKENIZER record.
typedef struct vlmc_tokenizer_record {
    uint64_t archive_offset; // of its header
    const char *id;
    uint32_t version;
    uint32_t number; // of the record
    uint32_t raw_bytes;
    uint32_t packed_bytes;
} vlmc_tokenizer_record;

// The groups that hold the tokens of one tokenizer, or the plain bytes, in their order.
typedef struct vlmc_sequence {
    uint32_t first; // position in `order`
    uint32_t n_groups;
    uint64_t n_tokens;
    uint64_t n_seen; // first tokens that entries parsed so far have taken
} vlmc_sequence;

typedef struct vlmc_index {
    uint8_t *bytes; // the raw index; strings and segment lists point into it
    uint64_t n_tokens;
    bool sealed;            // the archive is encrypted
    uint64_t records_bytes; // of all records with their headers, the KEY record included
    uint32_t n_records;
    uint32_t n_groups;
    uint32_t n_entries;
    uint32_t n_models;
    uint32_t n_tokenizers;
    uint64_t duplicate_bytes; // of files, that an entry has after another one or itself
    vlmc_model_identity models[VLMC_MODELS_MAX];
    uint64_t model_offsets[VLMC_MODELS_MAX]; // of the MODEL records
    vlmc_tokenizer_record *tokenizers;       // (n_tokenizers), number k at k - 1
    vlmc_group_info *groups;                 // (n_groups) in the archive's order
    uint32_t *group_numbers;                 // (n_groups) number of the group's record
    vlmc_sequence *sequences;                // (n_tokenizers + 1), plain bytes first
    uint32_t *order;                         // (n_groups) groups by sequence
    uint64_t *starts;                        // (n_groups) token of its sequence that order[i]
                                             // begins with
    vlmc_entry *entries;                     // (n_entries)
} vlmc_index;

// Parses and checks `bytes`, which *index takes over in any case. VLMC_ERROR_DAMAGED when it
// breaks a rule of the format, VLMC_ERROR_FORMAT when it needs a newer vlmc; `path` names
// the archive in messages.
vlmc_status vlmc_index_parse(uint8_t *bytes, uint32_t size, const char *path, vlmc_index *index,
                             vlmc_error *error);
// The same for the index of an encrypted archive, whose records lie further apart and after a KEY
// record, which the index does not mention.
vlmc_status vlmc_index_parse_sealed(uint8_t *bytes, uint32_t size, const char *path,
                                    vlmc_index *index, vlmc_error *error);
void vlmc_index_destroy(vlmc_index *index);

// Where token `token` of a sequence lies: a position in `order`. token < its n_tokens.
uint32_t vlmc_index_find(const vlmc_index *index, uint32_t sequence, uint64_t token);

// Walks the segments of an entry of a parsed index.
typedef struct vlmc_segment_walk {
    const vlmc_entry *entry;
    const uint8_t *at;
    uint32_t left;
} vlmc_segment_walk;

vlmc_segment_walk vlmc_segment_walk_begin(const vlmc_entry *entry);
bool vlmc_segment_walk_next(vlmc_segment_walk *walk, vlmc_segment_info *segment);

#endif
