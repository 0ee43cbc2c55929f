// SPDX-License-Identifier: Apache-2.0
// Threads that work on items, which come back in the order in which they were given.
#ifndef VLMC_UTIL_WORK_QUEUE_H
#define VLMC_UTIL_WORK_QUEUE_H

#include <stdint.h>
#include <vlmc/status.h>

typedef struct vlmc_work_queue vlmc_work_queue;

// Works on an item; `worker` (< threads) names the thread, so that it can own memory.
typedef void (*vlmc_work_fn)(void *user, uint32_t worker, void *item);

// At most `threads` (>= 1) items are worked on at a time and `capacity` (>= threads) are with the
// queue. Threads are started when first needed, with all signals blocked. One owner, one thread at
// a time.
vlmc_status vlmc_work_queue_create(uint32_t threads, uint32_t capacity, vlmc_work_fn run,
                                   void *user, vlmc_work_queue **queue, vlmc_error *error);

// Finishes what is being worked on; items stay their owner's. Accepts NULL.
void vlmc_work_queue_destroy(vlmc_work_queue **queue);

// Gives an item, of which there must be fewer than `capacity`. VLMC_ERROR_MEMORY when the system
// starts no thread at all: the item is not given then.
vlmc_status vlmc_work_queue_give(vlmc_work_queue *queue, void *item, vlmc_error *error);

// Takes the oldest item back, once it is done; NULL when that takes longer than `wait_ms`, and when
// there is none. What its thread has written is seen then.
void *vlmc_work_queue_take(vlmc_work_queue *queue, uint32_t wait_ms);

// Takes the newest item back if nobody has begun with it, else NULL.
void *vlmc_work_queue_withdraw(vlmc_work_queue *queue);

#endif
