// SPDX-License-Identifier: Apache-2.0
// Jobs on record: archives that are being created, or were when something stopped it. A JSON file
// for each in ~/.local/state/vlmc/jobs, written all at once or not at all.
//
// A job is known by the archive that it writes: its id is a hash of the archive's absolute path. So
// the names of its files follow from that path, and a record cannot make vlmc touch any others.
#ifndef VLMC_CLI_JOB_RECORD_H
#define VLMC_CLI_JOB_RECORD_H

#include "cli.h"

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <vlmc/status.h>

#define JOB_ID_BYTES 9 // 8 hexadecimal digits

// Where a job and its files are.
typedef struct job_place {
    char id[JOB_ID_BYTES];
    char output[PATH_MAX];  // absolute
    char partial[PATH_MAX]; // the archive until it is complete
    char journal[PATH_MAX];
} job_place;

// The place of a job that writes `output`, whose folder must be there.
vlmc_status job_place_of(const char *output, job_place *place, vlmc_error *error);

// Writes a record, which has the members "id" and "output". It is on disk when this returns.
vlmc_status job_save(const cli *cli, json_t *record, vlmc_error *error);

// *record NULL: there is none of this id. VLMC_ERROR_FORMAT: there is one that nobody can use.
vlmc_status job_load(const cli *cli, const char *id, json_t **record, job_place *place,
                     vlmc_error *error);
vlmc_status job_remove(const cli *cli, const char *id, vlmc_error *error);

// The ids of all records, sorted. *ids // (*n) is malloc'ed, NULL for none.
vlmc_status job_list(const cli *cli, char (**ids)[JOB_ID_BYTES], size_t *n, vlmc_error *error);

typedef enum job_state {
    JOB_RUNNING,
    JOB_INTERRUPTED,
    JOB_COMPLETE, // the archive has its name; what should follow may not have been done
    JOB_STALE,    // its partial file is gone
} job_state;

job_state job_state_of(const json_t *record, const job_place *place);

// Removes the partial file and the journal, if nobody is writing them.
vlmc_status job_remove_files(const job_place *place, vlmc_error *error);

// True when an earlier run has packed something that the next one can take over.
bool job_has_work(const job_place *place);

// ---- Members ----

// A text that was set by vlmc_json_set_bytes, byte for byte; NULL when it is not there. malloc'ed.
char *job_text(const json_t *record, const char *key);
bool job_flag(const json_t *record, const char *key);

#endif
