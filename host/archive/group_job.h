// SPDX-License-Identifier: Apache-2.0
// What a group becomes: the part of packing that threads do side by side.
//
// The result depends on the group's tokens, on the level and on the model, and not on what was
// packed before. Only what a model costs, which the first group that needs it pays, does: so both
// results are kept where there are two, and the packer decides when the group's turn has come.
#ifndef VLMC_ARCHIVE_GROUP_JOB_H
#define VLMC_ARCHIVE_GROUP_JOB_H

#include "archive.h"
#include "codec/group.h"
#include "codec/level.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <vlmc/status.h>

typedef struct vlmc_group_result {
    vlmc_packed_group packed; // `bytes` NULL: there is no such result
    uint8_t *owned;           // its bytes, unless they are the tokens
} vlmc_group_result;

typedef struct vlmc_group_job {
    // What to pack: tokens // (n) of `coding` (with `has_coding` false: plain bytes), all borrowed.
    bool has_coding;
    vlmc_token_coding coding;
    const uint8_t *tokens;
    uint32_t n;
    // The model for it, NULL: none. Where that could not be found, why: it matters only when the
    // group needs one.
    const vlmc_model *model;
    vlmc_status choice;
    vlmc_error choice_error;

    vlmc_status status; // VLMC_ERROR_PLUGIN: `alone` is zstd's or stored
    vlmc_error error;
    bool chose;              // the model was looked at
    vlmc_group_result alone; // without the transformer
    vlmc_group_result with;  // with it, if that is smaller before its cost

    atomic_uint done;        // tokens so far
    const atomic_bool *stop; // set: VLMC_ERROR_INTERRUPTED soon
} vlmc_group_job;

// A copy of *packed that outlives its packer's buffers, with the tokens where it is those.
vlmc_status vlmc_group_result_own(vlmc_group_result *result, const vlmc_packed_group *packed,
                                  vlmc_error *error);

// What one thread needs for it.
typedef struct vlmc_group_worker vlmc_group_worker;

// `source` is borrowed; its `open` and `lost` are called by the thread. beside_bytes: memory that
// the mixer of a second thread may take; the results are the same. [one thread at a time]
vlmc_status vlmc_group_worker_create(const vlmc_engine_source *source, const vlmc_level *level,
                                     uint64_t beside_bytes, vlmc_group_worker **worker,
                                     vlmc_error *error);
void vlmc_group_worker_destroy(vlmc_group_worker **worker);

// Fills in the job's results and its status.
void vlmc_group_worker_run(vlmc_group_worker *worker, vlmc_group_job *job);

void vlmc_group_job_free_results(vlmc_group_job *job);

#endif
