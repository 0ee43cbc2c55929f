// SPDX-License-Identifier: Apache-2.0
// Progress, status on request and interruption of one long run, for the archive code's
// callbacks.
#ifndef VLMC_CLI_JOB_H
#define VLMC_CLI_JOB_H

#include "archive/archive.h"
#include "cli.h"
#include "util/progress.h"

typedef struct cli_job {
    vlmc_progress progress;
} cli_job;

// `phase` is a word such as "packing"; total in raw bytes, 0 = unknown.
void cli_job_begin(cli_job *job, const cli *cli, const char *phase, uint64_t total);

// A vlmc_progress_fn; `user` is the cli_job.
bool cli_job_progress(void *user, uint64_t bytes_done, uint64_t packed_bytes);

// The same while files are looked for: how many were found, and how large they are. False: stop.
bool cli_job_found(cli_job *job, uint64_t n_files, uint64_t bytes);

// Shows no line from here on, since results go to the same terminal; USR1 is answered all the same.
void cli_job_hide(cli_job *job);

// Clears the progress line.
void cli_job_end(cli_job *job);

// Seconds since begin.
double cli_job_seconds(const cli_job *job);

#endif
