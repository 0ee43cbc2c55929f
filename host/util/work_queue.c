// SPDX-License-Identifier: Apache-2.0
#include "work_queue.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

typedef struct place {
    void *item;
    bool done;
} place;

typedef struct thread {
    vlmc_work_queue *queue;
    uint32_t number;
    pthread_t thread;
} thread;

struct vlmc_work_queue {
    vlmc_work_fn run;
    void *user;
    thread *threads; // (max_threads)
    uint32_t max_threads;
    uint32_t n_threads; // that were started
    pthread_mutex_t lock;
    pthread_cond_t given;
    pthread_cond_t done;
    // Guarded by the lock. A ring: `count` items from `first` on, the first `begun` of which are in
    // work or done.
    place *places; // (capacity)
    uint32_t capacity;
    uint32_t first;
    uint32_t count;
    uint32_t begun;
    uint32_t idle; // threads
    bool quit;
};

static place *place_of(const vlmc_work_queue *q, uint32_t i)
{
    return &q->places[(q->first + i) % q->capacity];
}

static void *thread_main(void *argument)
{
    const thread *self = argument;
    vlmc_work_queue *q = self->queue;
    pthread_mutex_lock(&q->lock);
    for (;;) {
        q->idle++;
        while (q->begun == q->count && !q->quit)
            pthread_cond_wait(&q->given, &q->lock);
        q->idle--;
        if (q->quit)
            break;
        place *place = place_of(q, q->begun++); // stays where it is until it is taken
        pthread_mutex_unlock(&q->lock);
        q->run(q->user, self->number, place->item);
        pthread_mutex_lock(&q->lock);
        place->done = true;
        pthread_cond_signal(&q->done);
    }
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

static bool start_thread(vlmc_work_queue *q)
{
    thread *t = &q->threads[q->n_threads];
    sigset_t all, before;
    *t = (thread){.queue = q, .number = q->n_threads};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool started = pthread_create(&t->thread, NULL, thread_main, t) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    q->n_threads += started;
    return started;
}

vlmc_status vlmc_work_queue_create(uint32_t threads, uint32_t capacity, vlmc_work_fn run,
                                   void *user, vlmc_work_queue **queue, vlmc_error *error)
{
    vlmc_work_queue *q = *queue = calloc(1, sizeof *q);
    if (q) {
        q->threads = calloc(threads, sizeof *q->threads);
        q->places = calloc(capacity, sizeof *q->places);
    }
    if (!q || !q->threads || !q->places) {
        if (q) {
            free(q->threads);
            free(q->places);
        }
        free(q);
        *queue = NULL;
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for threads");
    }
    q->run = run;
    q->user = user;
    q->max_threads = threads;
    q->capacity = capacity;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->given, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&q->done, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return VLMC_OK;
}

void vlmc_work_queue_destroy(vlmc_work_queue **queue)
{
    vlmc_work_queue *q = *queue;
    if (!q)
        return;
    pthread_mutex_lock(&q->lock);
    q->quit = true;
    pthread_cond_broadcast(&q->given);
    pthread_mutex_unlock(&q->lock);
    for (uint32_t i = 0; i < q->n_threads; i++)
        pthread_join(q->threads[i].thread, NULL);
    pthread_cond_destroy(&q->given);
    pthread_cond_destroy(&q->done);
    pthread_mutex_destroy(&q->lock);
    free(q->threads);
    free(q->places);
    free(q);
    *queue = NULL;
}

vlmc_status vlmc_work_queue_give(vlmc_work_queue *q, void *item, vlmc_error *error)
{
    pthread_mutex_lock(&q->lock);
    const bool wanted = q->idle <= q->count - q->begun && q->n_threads < q->max_threads;
    pthread_mutex_unlock(&q->lock);
    if (wanted && !start_thread(q) && q->n_threads == 0)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "the system starts no further thread");
    pthread_mutex_lock(&q->lock);
    *place_of(q, q->count++) = (place){.item = item};
    pthread_cond_signal(&q->given);
    pthread_mutex_unlock(&q->lock);
    return VLMC_OK;
}

static void wait_until_done(vlmc_work_queue *q, uint32_t wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    while (!place_of(q, 0)->done && pthread_cond_timedwait(&q->done, &q->lock, &until) == 0)
        ;
}

void *vlmc_work_queue_take(vlmc_work_queue *q, uint32_t wait_ms)
{
    void *item = NULL;
    pthread_mutex_lock(&q->lock);
    if (q->count > 0 && wait_ms > 0)
        wait_until_done(q, wait_ms);
    if (q->count > 0 && place_of(q, 0)->done) {
        item = place_of(q, 0)->item;
        q->first = (q->first + 1) % q->capacity;
        q->count--;
        q->begun--;
    }
    pthread_mutex_unlock(&q->lock);
    return item;
}

void *vlmc_work_queue_withdraw(vlmc_work_queue *q)
{
    void *item = NULL;
    pthread_mutex_lock(&q->lock);
    if (q->begun < q->count)
        item = place_of(q, --q->count)->item;
    pthread_mutex_unlock(&q->lock);
    return item;
}
