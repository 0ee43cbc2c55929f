// SPDX-License-Identifier: Apache-2.0
#include "background.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

// How often either side looks whether it is its turn before it sleeps, some ten microseconds:
// waking a sleeping thread takes as long, and a decoder's turns are that short. More would keep a
// busy processor from those who have work, and giving it up instead would wait for their whole
// turn.
#define LOOKS 1000u

typedef enum turn { OWNER, THREAD, QUIT } turn;

struct vlmc_background {
    pthread_t thread;
    void (*run)(void *context); // of the thread's turn
    void *context;
    _Atomic turn turn;
    pthread_mutex_t lock; // held to change `turn`
    pthread_cond_t changed;
};

static inline void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void give_turn(vlmc_background *b, turn next)
{
    pthread_mutex_lock(&b->lock);
    atomic_store_explicit(&b->turn, next, memory_order_release);
    pthread_cond_signal(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

static turn wait_while(vlmc_background *b, turn current)
{
    turn now = current;
    for (unsigned i = 0; i < LOOKS && now == current; i++) {
        pause_briefly();
        now = atomic_load_explicit(&b->turn, memory_order_acquire);
    }
    if (now != current)
        return now;
    pthread_mutex_lock(&b->lock);
    while ((now = atomic_load_explicit(&b->turn, memory_order_acquire)) == current)
        pthread_cond_wait(&b->changed, &b->lock);
    pthread_mutex_unlock(&b->lock);
    return now;
}

static void *thread_main(void *argument)
{
    vlmc_background *b = argument;
    while (wait_while(b, OWNER) == THREAD) {
        b->run(b->context);
        give_turn(b, OWNER);
    }
    return NULL;
}

static bool start_thread(vlmc_background *b)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool ok = pthread_create(&b->thread, NULL, thread_main, b) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

vlmc_status vlmc_background_create(vlmc_background **background, vlmc_error *error)
{
    vlmc_background *b = *background = calloc(1, sizeof *b);
    if (!b)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for another thread");
    atomic_init(&b->turn, OWNER);
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    if (start_thread(b))
        return VLMC_OK;
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
    free(b);
    *background = NULL;
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "the system starts no further thread");
}

void vlmc_background_start(vlmc_background *b, void (*run)(void *context), void *context)
{
    b->run = run;
    b->context = context;
    give_turn(b, THREAD);
}

void vlmc_background_wait(vlmc_background *b)
{
    if (atomic_load_explicit(&b->turn, memory_order_acquire) == THREAD)
        wait_while(b, THREAD);
}

void vlmc_background_destroy(vlmc_background **background)
{
    vlmc_background *b = *background;
    if (!b)
        return;
    vlmc_background_wait(b);
    give_turn(b, QUIT);
    pthread_join(b->thread, NULL);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
    free(b);
    *background = NULL;
}
