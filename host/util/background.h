// SPDX-License-Identifier: Apache-2.0
// A thread that does one thing at a time while its owner does another.
#ifndef VLMC_UTIL_BACKGROUND_H
#define VLMC_UTIL_BACKGROUND_H

#include <vlmc/status.h>

typedef struct vlmc_background vlmc_background;

// The thread runs with all signals blocked. One owner, one thread at a time.
vlmc_status vlmc_background_create(vlmc_background **background, vlmc_error *error);

// Runs run(context) on the thread. What was started before must have been waited for.
void vlmc_background_start(vlmc_background *background, void (*run)(void *context), void *context);

// Returns when nothing runs any more; all that the thread has written is seen then.
void vlmc_background_wait(vlmc_background *background);

// Waits first. Accepts NULL.
void vlmc_background_destroy(vlmc_background **background);

#endif
