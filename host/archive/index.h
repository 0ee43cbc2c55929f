// SPDX-License-Identifier: Apache-2.0
// The index: what an archive holds, as one block of bytes (docs/format.md, "Index").
#ifndef VLMC_ARCHIVE_INDEX_H
#define VLMC_ARCHIVE_INDEX_H

#include "archive.h"
#include "attributes.h"
#include "buffer.h"
#include "format.h"
#include "index_cursor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/status.h>

// True for a path that an archive may hold: 1..65535 bytes, relative, no empty part, no "."
// or ".." part.
bool vlmc_path_valid(const char *path);

// ---- Building ----

// What the index says of entries, each in a column of its own: like packs best beside like.
enum {
    VLMC_COLUMN_KIND,
    VLMC_COLUMN_PATH,
    VLMC_COLUMN_TARGET,
    VLMC_COLUMN_ATTRIBUTES,
    VLMC_COLUMN_SECONDS,
    VLMC_COLUMN_NANOSECONDS,
    VLMC_COLUMN_SIZE,
    VLMC_COLUMN_HOLES,
    VLMC_COLUMN_CONTENT,
    VLMC_COLUMN_DIGEST,
    VLMC_INDEX_COLUMNS
};

// Freed by vlmc_index_builder_destroy.
typedef struct vlmc_index_builder {
    vlmc_buffer records;
    vlmc_buffer columns[VLMC_INDEX_COLUMNS];
    vlmc_attribute_table attributes;
    uint32_t n_records;
    uint32_t n_entries;
    uint32_t n_digests;
    uint64_t seconds;   // of the entry before
    uint64_t plain_end; // of the plain bytes that entries have so far
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
// The same for a MODEL record with this payload.
vlmc_status vlmc_index_add_model(vlmc_index_builder *builder, const vlmc_record *record,
                                 const uint8_t *payload, vlmc_error *error);

// The content of an entry that a builder has.
typedef struct vlmc_index_place {
    uint32_t digest;     // number of it among those of the column
    uint32_t list_bytes; // of a list of segments; 0: one stretch of plain bytes
    uint64_t at;         // the list in its column, or the stretch in its sequence
    bool margins;        // of the list
} vlmc_index_place;

// What an entry's content is.
typedef struct vlmc_index_content {
    const vlmc_segment_info *segments; // (n_segments), none without data
    uint32_t n_segments;
    const uint8_t *holes; // encoded, (holes_bytes); NULL: none
    uint32_t holes_bytes;
} vlmc_index_content;

// What `entry` itself says of where its content lies is not looked at; its size_bytes are those of
// the segments and holes. `content` is NULL for others than files. *place (may be NULL) is set for
// a file with content and without holes.
vlmc_status vlmc_index_add_entry(vlmc_index_builder *builder, const vlmc_entry *entry,
                                 const vlmc_index_content *content, vlmc_index_place *place,
                                 vlmc_error *error);

// Adds a file whose content is that of an earlier one; its size and digest are those of `entry`.
vlmc_status vlmc_index_repeat_entry(vlmc_index_builder *builder, const vlmc_entry *entry,
                                    vlmc_index_place earlier, vlmc_error *error);
const uint8_t *vlmc_index_place_sha256(const vlmc_index_builder *builder, vlmc_index_place place);

// For those who add to a builder: VLMC_ERROR_REFUSED when so many bytes more are too many.
vlmc_status vlmc_index_check_room(const vlmc_index_builder *builder, size_t bytes,
                                  vlmc_error *error);

// The raw index. *bytes is malloc'ed and owned by the caller.
vlmc_status vlmc_index_build(const vlmc_index_builder *builder, uint8_t **bytes, uint32_t *size,
                             vlmc_error *error);
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

// A MODEL record.
typedef struct vlmc_model_record {
    uint64_t archive_offset; // of its header
    uint32_t number;         // of the record
    uint32_t bytes;          // of its payload
    uint8_t pin[VLMC_MODEL_PIN_BYTES];
} vlmc_model_record;

// The groups that hold the tokens of one tokenizer, or the plain bytes, in their order.
typedef struct vlmc_sequence {
    uint32_t first; // position in `order`
    uint32_t n_groups;
    uint64_t n_tokens;
    uint64_t n_seen; // first tokens that entries parsed so far have taken
} vlmc_sequence;

typedef struct vlmc_index {
    uint8_t *bytes;         // the raw index; strings and segment lists point into it
    bool sealed;            // the archive is encrypted
    uint64_t records_bytes; // of all records with their headers, the KEY record included
    uint32_t n_records;
    uint32_t n_groups;
    uint32_t n_entries;
    uint32_t n_models;
    uint32_t n_tokenizers;
    uint64_t duplicate_bytes; // of files, that an entry has after another one or itself
    vlmc_model_record model_records[VLMC_MODELS_MAX]; // (n_models), number k at k - 1
    vlmc_model_identity models[VLMC_MODELS_MAX];      // what they say: filled by the reader
    vlmc_tokenizer_record *tokenizers;                // (n_tokenizers), number k at k - 1
    vlmc_group_info *groups;                          // (n_groups) in the archive's order
    uint32_t *group_numbers;                          // (n_groups) number of the group's record
    vlmc_sequence *sequences;                         // (n_tokenizers + 1), plain bytes first
    uint32_t *order;                                  // (n_groups) groups by sequence
    uint64_t *starts; // (n_groups) token of its sequence that order[i] begins with
    vlmc_attribute_sets attributes;
    vlmc_entry *entries; // (n_entries)
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

// A part of vlmc_index_parse: attribute sets and entries.
vlmc_status vlmc_index_parse_entries(vlmc_cursor *cursor, vlmc_index *index);

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
