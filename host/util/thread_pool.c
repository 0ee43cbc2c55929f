// SPDX-License-Identifier: Apache-2.0
#include "thread_pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct worker {
    vlmc_thread_pool *pool;
    uint32_t index; // 1 .. threads - 1
    pthread_t thread;
} worker;

typedef struct job_description {
    vlmc_thread_job run;
    void *context;
    uint32_t items;
    uint32_t generation; // of jobs; wraps
} job_description;

struct vlmc_thread_pool {
    uint32_t threads; // the caller included
    uint32_t started; // of `workers`
    worker *workers;  // (threads - 1)

    pthread_mutex_t lock; // guards the fields up to `job`
    pthread_cond_t wake;  // a new generation, or quit
    pthread_cond_t done;  // finished reached job.items
    uint32_t finished;    // items of this generation
    int quit;
    job_description job;

    // Generation of the job in the upper half, next item to claim in the lower: a worker that
    // wakes when others have done its share finds nothing to claim, and nobody waits for it.
    atomic_uint_fast64_t ticket;
};

// Runs what is left of a job; returns how many items it ran.
static uint32_t claim_items(vlmc_thread_pool *pool, const job_description *job, uint32_t index)
{
    uint32_t ran = 0;
    uint_fast64_t ticket = atomic_load(&pool->ticket);
    while (ticket >> 32 == job->generation && (uint32_t)ticket < job->items) {
        if (!atomic_compare_exchange_weak(&pool->ticket, &ticket, ticket + 1))
            continue;
        job->run(job->context, index, (uint32_t)ticket);
        ran++;
        ticket = atomic_load(&pool->ticket);
    }
    return ran;
}

// With the lock held. Items are counted before their job can end, so the job is this one.
static void count_finished(vlmc_thread_pool *pool, uint32_t ran)
{
    pool->finished += ran;
    if (ran && pool->finished == pool->job.items)
        pthread_cond_signal(&pool->done);
}

static void *worker_main(void *argument)
{
    worker *self = argument;
    vlmc_thread_pool *pool = self->pool;
    uint32_t seen = 0;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->job.generation == seen && !pool->quit)
            pthread_cond_wait(&pool->wake, &pool->lock);
        if (pool->quit)
            break;
        const job_description job = pool->job;
        seen = job.generation;
        pthread_mutex_unlock(&pool->lock);
        const uint32_t ran = claim_items(pool, &job, self->index);
        pthread_mutex_lock(&pool->lock);
        count_finished(pool, ran);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

// Workers inherit a full signal mask: signals are for the thread that runs the command.
static int start_workers(vlmc_thread_pool *pool)
{
    sigset_t all, before;
    sigfillset(&all);
    int result = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (result)
        return result;
    for (uint32_t i = 0; i + 1 < pool->threads && result == 0; i++) {
        pool->workers[i] = (worker){.pool = pool, .index = i + 1};
        result = pthread_create(&pool->workers[i].thread, NULL, worker_main, &pool->workers[i]);
        if (result == 0)
            pool->started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

vlmc_status vlmc_thread_pool_create(uint32_t threads, vlmc_thread_pool **pool, vlmc_error *error)
{
    *pool = NULL;
    if (threads < 1 || threads > VLMC_THREADS_MAX)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "%u threads are not possible; ask for 1 to %u",
                         threads, VLMC_THREADS_MAX);
    vlmc_thread_pool *p = calloc(1, sizeof *p);
    worker *workers = calloc(threads, sizeof *workers);
    if (!p || !workers) {
        free(p);
        free(workers);
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for %u threads", threads);
    }
    p->threads = threads;
    p->workers = workers;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    pthread_cond_init(&p->done, NULL);
    int result = start_workers(p);
    if (result) {
        vlmc_thread_pool_destroy(&p);
        return vlmc_fail_os(error, VLMC_ERROR_MEMORY, result,
                            "could not start %u threads; ask for fewer", threads);
    }
    *pool = p;
    return VLMC_OK;
}

void vlmc_thread_pool_run(vlmc_thread_pool *pool, vlmc_thread_job job, void *context,
                          uint32_t items)
{
    if (pool->started == 0 || items < 2) {
        for (uint32_t i = 0; i < items; i++)
            job(context, 0, i);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    const job_description description = {
        .run = job,
        .context = context,
        .items = items,
        .generation = pool->job.generation + 1,
    };
    pool->job = description;
    pool->finished = 0;
    atomic_store(&pool->ticket, (uint_fast64_t)description.generation << 32);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    const uint32_t ran = claim_items(pool, &description, 0);
    pthread_mutex_lock(&pool->lock);
    count_finished(pool, ran);
    while (pool->finished < items)
        pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

uint32_t vlmc_thread_pool_threads(const vlmc_thread_pool *pool)
{
    return pool->threads;
}

void vlmc_thread_pool_destroy(vlmc_thread_pool **pool)
{
    vlmc_thread_pool *p = *pool;
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->quit = 1;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (uint32_t i = 0; i < p->started; i++)
        pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->done);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p->workers);
    free(p);
    *pool = NULL;
}
