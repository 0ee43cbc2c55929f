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
    uint64_t content_bytes; // of all groups
} vlmc_index_builder;

// A zeroed builder is empty. VLMC_ERROR_REFUSED when the index would pass its largest size.
vlmc_status vlmc_index_add_record(vlmc_index_builder *builder, const vlmc_record *record,
                                  vlmc_error *error);
vlmc_status vlmc_index_add_entry(vlmc_index_builder *builder, const vlmc_entry *entry,
                                 vlmc_error *error);
// The raw index; *bytes is malloc'ed and owned by the caller.
vlmc_status vlmc_index_build(const vlmc_index_builder *builder, const vlmc_model_identity *model,
                             uint8_t **bytes, uint32_t *size, vlmc_error *error);
void vlmc_index_builder_destroy(vlmc_index_builder *builder);

// ---- Reading ----

typedef struct vlmc_index {
    uint8_t *bytes; // the raw index; the entries' strings point into it
    vlmc_model_identity model;
    uint64_t content_bytes;
    uint64_t records_bytes; // of all records with their headers
    uint64_t model_offset;  // of the MODEL record, when the model is present
    uint32_t n_records;
    uint32_t n_groups;
    uint32_t n_entries;
    vlmc_group_info *groups; // (n_groups)
    uint32_t *group_numbers; // (n_groups) number of the group's record
    uint64_t *group_starts;  // (n_groups + 1) where its bytes start in the content
    vlmc_entry *entries;     // (n_entries)
} vlmc_index;

// Parses and checks `bytes`, which *index takes over in any case. VLMC_ERROR_DAMAGED when it
// breaks a rule of the format, VLMC_ERROR_FORMAT when it needs a newer vlmc; `path` names
// the archive in messages.
vlmc_status vlmc_index_parse(uint8_t *bytes, uint32_t size, const char *path, vlmc_index *index,
                             vlmc_error *error);
void vlmc_index_destroy(vlmc_index *index);

#endif
