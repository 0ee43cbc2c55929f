// SPDX-License-Identifier: Apache-2.0
// The thread pool runs each item exactly once, names its workers and starts over at once.
#include "util/thread_pool.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <string.h>

#define ITEMS_MAX 1000u

typedef struct counts {
    uint32_t threads;
    atomic_uint runs[ITEMS_MAX];
    atomic_uint strangers; // calls by workers that do not exist
    atomic_uint busy[8];   // calls in flight per worker
    atomic_uint shared;    // calls that met another one of the same worker
} counts;

static void count(void *context, uint32_t worker, uint32_t item)
{
    counts *c = context;
    if (worker >= c->threads) {
        atomic_fetch_add(&c->strangers, 1);
        return;
    }
    if (atomic_fetch_add(&c->busy[worker], 1) != 0)
        atomic_fetch_add(&c->shared, 1);
    atomic_fetch_add(&c->runs[item], 1);
    atomic_fetch_sub(&c->busy[worker], 1);
}

static void check_pool(uint32_t threads)
{
    static counts c;
    vlmc_thread_pool *pool;
    vlmc_error error;
    cr_assert_eq(vlmc_thread_pool_create(threads, &pool, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(vlmc_thread_pool_threads(pool), threads);
    for (uint32_t round = 0; round < 500; round++) {
        const uint32_t items = round % 7 == 0 ? round % ITEMS_MAX : round % 5;
        memset(&c, 0, sizeof c);
        c.threads = threads;
        vlmc_thread_pool_run(pool, count, &c, items);
        for (uint32_t i = 0; i < ITEMS_MAX; i++)
            cr_assert_eq(atomic_load(&c.runs[i]), i < items, "round %u, item %u", round, i);
        cr_assert_eq(atomic_load(&c.strangers), 0);
        cr_assert_eq(atomic_load(&c.shared), 0);
    }
    vlmc_thread_pool_destroy(&pool);
    cr_assert_null(pool);
    vlmc_thread_pool_destroy(&pool);
}

Test(thread_pool, runs_each_item_once_on_one_thread)
{
    check_pool(1);
}

Test(thread_pool, runs_each_item_once_on_two_threads)
{
    check_pool(2);
}

Test(thread_pool, runs_each_item_once_on_more_threads_than_processors)
{
    check_pool(8);
}

Test(thread_pool, refuses_impossible_counts)
{
    vlmc_thread_pool *pool;
    vlmc_error error;
    cr_assert_eq(vlmc_thread_pool_create(0, &pool, &error), VLMC_ERROR_USAGE);
    cr_assert_null(pool);
    cr_assert_eq(vlmc_thread_pool_create(VLMC_THREADS_MAX + 1, &pool, &error), VLMC_ERROR_USAGE);
    cr_assert_null(pool);
}
