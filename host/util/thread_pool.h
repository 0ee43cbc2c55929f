// SPDX-License-Identifier: Apache-2.0
// A fixed set of worker threads that run one parallel job at a time.
#ifndef VLMC_UTIL_THREAD_POOL_H
#define VLMC_UTIL_THREAD_POOL_H

#include <stdint.h>
#include <vlmc/status.h>

#define VLMC_THREADS_MAX 1024u

typedef struct vlmc_thread_pool vlmc_thread_pool;

// One call per item; `worker` (< threads) names the calling worker, so that it can own scratch
// memory. Items are claimed in ascending order by whichever worker is free.
typedef void (*vlmc_thread_job)(void *context, uint32_t worker, uint32_t item);

// `threads` (1..VLMC_THREADS_MAX) counts the caller of vlmc_thread_pool_run: threads - 1 are
// started, with all signals blocked.
vlmc_status vlmc_thread_pool_create(uint32_t threads, vlmc_thread_pool **pool, vlmc_error *error);

// Runs job(context, worker, 0 .. items - 1) and returns when all are done. One caller at a time;
// never from inside a job. A single item runs on the caller without waking anybody.
void vlmc_thread_pool_run(vlmc_thread_pool *pool, vlmc_thread_job job, void *context,
                          uint32_t items);

uint32_t vlmc_thread_pool_threads(const vlmc_thread_pool *pool);

void vlmc_thread_pool_destroy(vlmc_thread_pool **pool);

#endif
