// SPDX-License-Identifier: Apache-2.0
// The child process of a worker, from its parent's side: started, asked, watched, ended.
#ifndef VLMC_PLUGIN_PROCESS_H
#define VLMC_PLUGIN_PROCESS_H

#include "shared.h"

#include <stdbool.h>
#include <sys/types.h>

typedef struct vlmc_process {
    pid_t pid;   // 0: none
    int control; // socket; -1: none
} vlmc_process;

typedef struct vlmc_process_options {
    const char *program; // to execute
    int shared_fd;
    uint64_t memory_bytes;
    const vlmc_plugins *plugins; // whose files the child loads
} vlmc_process_options;

// VLMC_ERROR_PLUGIN: the child could not be started.
vlmc_status vlmc_process_start(vlmc_process *process, const vlmc_process_options *options,
                               vlmc_error *error);

// How a question ended that got no answer.
typedef enum vlmc_process_end {
    VLMC_PROCESS_ANSWERED,
    VLMC_PROCESS_DIED,    // wait_status says how
    VLMC_PROCESS_HUNG,    // no progress in time: it was killed
    VLMC_PROCESS_STOPPED, // by the user: it was killed
} vlmc_process_end;

typedef struct vlmc_process_limits {
    uint32_t idle_seconds;           // without a step of `progress`
    uint64_t seconds;                // in all
    bool (*stop_wanted)(void *user); // NULL: never
    void *user;
} vlmc_process_limits;

// Sends a question and waits for the answer. Unless answered, the process is gone afterwards.
vlmc_process_end vlmc_process_ask(vlmc_process *process, const vlmc_message *request,
                                  vlmc_message *reply, _Atomic uint64_t *progress,
                                  const vlmc_process_limits *limits, int *wait_status);

// Ends the process, if there is one.
void vlmc_process_stop(vlmc_process *process);

#endif
