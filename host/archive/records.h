// SPDX-License-Identifier: Apache-2.0
// The records of an archive that is being written: numbers, hashes, headers, and what the index
// says of them. One thread at a time.
#ifndef VLMC_ARCHIVE_RECORDS_H
#define VLMC_ARCHIVE_RECORDS_H

#include "codec/group.h"
#include "codec/lockstep.h"
#include "format.h"
#include "index.h"
#include "output.h"
#include "seal.h"

#include <stdint.h>
#include <vlmc/status.h>

typedef struct vlmc_records vlmc_records;

// Writes the archive's header. `output` is borrowed, and `seal`, with which the records are
// encrypted; NULL: they are not.
vlmc_status vlmc_records_create(vlmc_output *output, const vlmc_seal *seal, vlmc_records **records,
                                vlmc_error *error);
void vlmc_records_destroy(vlmc_records **records);

// The index so far, for entries.
vlmc_index_builder *vlmc_records_index(vlmc_records *records);

// Bytes that a first group of this model costs beside its own: its MODEL record; 0 when that is
// written, or for NULL. UINT32_MAX when there is no room for another model.
uint32_t vlmc_records_model_cost(const vlmc_records *records, const vlmc_model *model);

// The same for the tokenizer of `coding` and its parameters.
uint32_t vlmc_records_tokenizer_cost(const vlmc_records *records, const vlmc_token_coding *coding);

// Number of the tokenizer's record, from 1, which is written if it is not there.
vlmc_status vlmc_records_tokenizer(vlmc_records *records, const vlmc_token_coding *coding,
                                   uint32_t *number, vlmc_error *error);

// Tokens in the sequence of tokenizer `number`, 0: plain bytes.
uint64_t vlmc_records_tokens(const vlmc_records *records, uint32_t number);

// Writes a group of tokens // (n), after the MODEL record that it needs. `model` is that of the
// MODEL method, else it is not looked at.
vlmc_status vlmc_records_group(vlmc_records *records, const vlmc_packed_group *packed,
                               const vlmc_model *model, uint32_t tokenizer, uint64_t first_token,
                               const uint8_t *tokens, uint32_t n, vlmc_error *error);

// Where the record that was written last begins; 0: there is none.
uint64_t vlmc_records_last_offset(const vlmc_records *records);

// Index and footer.
vlmc_status vlmc_records_finish(vlmc_records *records, vlmc_error *error);

#endif
