// SPDX-License-Identifier: Apache-2.0
#include "background.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

struct vlmc_background {
    pthread_t thread;
    pthread_mutex_t lock; // guards what follows
    pthread_cond_t changed;
    void (*run)(void *context); // NULL: nothing to do
    void *context;
    bool quit;
};

static void *thread_main(void *argument)
{
    vlmc_background *b = argument;
    pthread_mutex_lock(&b->lock);
    for (;;) {
        while (!b->run && !b->quit)
            pthread_cond_wait(&b->changed, &b->lock);
        if (!b->run)
            break;
        pthread_mutex_unlock(&b->lock);
        b->run(b->context);
        pthread_mutex_lock(&b->lock);
        b->run = NULL;
        pthread_cond_signal(&b->changed);
    }
    pthread_mutex_unlock(&b->lock);
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
    pthread_mutex_lock(&b->lock);
    b->run = run;
    b->context = context;
    pthread_cond_signal(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

void vlmc_background_wait(vlmc_background *b)
{
    pthread_mutex_lock(&b->lock);
    while (b->run)
        pthread_cond_wait(&b->changed, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

void vlmc_background_destroy(vlmc_background **background)
{
    vlmc_background *b = *background;
    if (!b)
        return;
    vlmc_background_wait(b);
    pthread_mutex_lock(&b->lock);
    b->quit = true;
    pthread_cond_signal(&b->changed);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->thread, NULL);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
    free(b);
    *background = NULL;
}
