// SPDX-License-Identifier: Apache-2.0
// What makes `create` resumable: a record of the job, the names of its files, and what an earlier
// run needed.
#ifndef VLMC_CLI_CREATE_JOB_H
#define VLMC_CLI_CREATE_JOB_H

#include "archive/archive.h"
#include "create.h"
#include "job_record.h"
#include "walk.h"

typedef struct create_job {
    cli *cli;
    bool on_record; // else what is interrupted is lost
    bool goes_on;   // what an earlier run has left is taken over
    bool told_stop; // the user knows that the groups in work are being finished
    job_place place;
    json_t *record;
    vlmc_engine_source inner;
} create_job;

// Finds out whether the archive can be a job, and what an earlier run has left: its files are kept
// out of the walk. VLMC_ERROR_EXISTS when that run had other sources or settings and may not be
// replaced, VLMC_ERROR_REFUSED when it is still running.
vlmc_status create_job_begin(create_job *job, const create_options *options, walk *walk,
                             vlmc_error *error);
void create_job_destroy(create_job *job);

// `inner`, with every model that it chooses noted in the record.
vlmc_engine_source create_job_source(create_job *job, vlmc_engine_source inner);
// What -m auto chose (auto_model.h): of the run that this one goes on from, or NULL; and of this
// one.
const char *create_job_auto_model(const create_job *job);
void create_job_note_auto_model(create_job *job, const char *name);
void create_job_note_tokenizer(create_job *job, const vlmc_tokenizer *tokenizer);

// Is all there that an earlier run used? Without it the archive would become another one.
vlmc_status create_job_check_needs(create_job *job, vlmc_plugins *plugins, vlmc_error *error);

// Puts the job on record. Where that is not possible the user is told, and the job goes on without.
void create_job_save(create_job *job);

// The job has failed or was stopped: says how to go on, or takes everything away when there is
// nothing to go on with.
void create_job_stopped(create_job *job);

// The archive is there, and so is everything that follows.
void create_job_done(create_job *job);

// ---- Records ----

// Options from a record. Strings belong to *options; free them with create_options_destroy.
vlmc_status create_options_load(const json_t *record, cli *cli, create_options *options,
                                vlmc_error *error);
void create_options_destroy(create_options *options);

#endif
