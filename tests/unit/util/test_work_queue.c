// SPDX-License-Identifier: Apache-2.0
#include "util/work_queue.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <time.h>

#define THREADS 4u
#define CAPACITY 6u

typedef struct work {
    uint32_t n;
    uint32_t result; // not atomic: taking must make it visible
    uint32_t worker;
} work;

static atomic_uint at_once, most_at_once;
static atomic_bool held; // items wait while it is set

static void pause_us(long us)
{
    nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

static void square(void *user, uint32_t worker, void *item)
{
    work *w = item;
    const unsigned now = atomic_fetch_add(&at_once, 1) + 1;
    cr_assert_eq(user, &held);
    if (now > most_at_once)
        most_at_once = now;
    while (held)
        pause_us(100);
    pause_us((long)(w->n * 7919 % 300)); // later ones may be done first
    w->result = w->n * w->n;
    w->worker = worker;
    atomic_fetch_sub(&at_once, 1);
}

static vlmc_work_queue *make_queue(void)
{
    vlmc_work_queue *queue;
    vlmc_error error;
    cr_assert_eq(vlmc_work_queue_create(THREADS, CAPACITY, square, &held, &queue, &error), VLMC_OK);
    return queue;
}

static void give(vlmc_work_queue *queue, work *item)
{
    vlmc_error error;
    cr_assert_eq(vlmc_work_queue_give(queue, item, &error), VLMC_OK, "%s", error.text);
}

static void take(vlmc_work_queue *queue, work *expected)
{
    const work *taken = NULL;
    while (!taken)
        taken = vlmc_work_queue_take(queue, 1000);
    cr_assert_eq(taken, expected);
    cr_assert_eq(taken->result, taken->n * taken->n);
    cr_assert_lt(taken->worker, THREADS);
}

Test(work_queue, items_come_back_in_their_order_though_threads_work_at_once)
{
    enum { N = 2000 };
    static work items[N];
    vlmc_work_queue *queue = make_queue();
    uint32_t taken = 0;
    cr_assert_null(vlmc_work_queue_take(queue, 0));
    cr_assert_null(vlmc_work_queue_take(queue, 10));
    for (uint32_t i = 0; i < N; i++) {
        items[i].n = i;
        if (i - taken == CAPACITY)
            take(queue, &items[taken++]);
        give(queue, &items[i]);
    }
    while (taken < N)
        take(queue, &items[taken++]);
    cr_assert_gt(most_at_once, 1);
    cr_assert_leq(most_at_once, THREADS);
    vlmc_work_queue_destroy(&queue);
    cr_assert_null(queue);
    vlmc_work_queue_destroy(&queue);
}

Test(work_queue, only_what_nobody_has_begun_can_be_withdrawn_newest_first)
{
    work items[CAPACITY];
    vlmc_work_queue *queue = make_queue();
    held = true;
    for (uint32_t i = 0; i < CAPACITY; i++) {
        items[i] = (work){.n = i};
        give(queue, &items[i]);
    }
    while (at_once < THREADS)
        pause_us(100);
    cr_assert_null(vlmc_work_queue_take(queue, 20), "none is done");
    for (uint32_t i = CAPACITY; i > THREADS; i--)
        cr_assert_eq(vlmc_work_queue_withdraw(queue), &items[i - 1]);
    cr_assert_null(vlmc_work_queue_withdraw(queue));
    held = false;
    for (uint32_t i = 0; i < THREADS; i++)
        take(queue, &items[i]);
    cr_assert_null(vlmc_work_queue_take(queue, 0));
    give(queue, &items[0]);
    take(queue, &items[0]);
    vlmc_work_queue_destroy(&queue);
}

Test(work_queue, destroying_finishes_what_is_in_work)
{
    work items[2] = {{.n = 5}, {.n = 6}};
    vlmc_work_queue *queue = make_queue();
    give(queue, &items[0]);
    while (at_once == 0 && items[0].result == 0)
        pause_us(10);
    vlmc_work_queue_destroy(&queue);
    cr_assert_eq(items[0].result, 25);
}
