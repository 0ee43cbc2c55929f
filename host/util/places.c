// SPDX-License-Identifier: Apache-2.0
#include "places.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct vlmc_places {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    bool *taken; // (n) guarded by the lock
    uint32_t n;
};

vlmc_status vlmc_places_create(uint32_t n, vlmc_places **places, vlmc_error *error)
{
    vlmc_places *p = *places = calloc(1, sizeof *p);
    if (p)
        p->taken = calloc(n, sizeof *p->taken);
    if (!p || !p->taken) {
        free(p);
        *places = NULL;
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for threads");
    }
    p->n = n;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->freed, NULL);
    return VLMC_OK;
}

void vlmc_places_destroy(vlmc_places **places)
{
    vlmc_places *p = *places;
    if (!p)
        return;
    pthread_cond_destroy(&p->freed);
    pthread_mutex_destroy(&p->lock);
    free(p->taken);
    free(p);
    *places = NULL;
}

static uint32_t first_free(const vlmc_places *p)
{
    uint32_t i = 0;
    while (i < p->n && p->taken[i])
        i++;
    return i;
}

uint32_t vlmc_places_take(vlmc_places *p)
{
    uint32_t place;
    pthread_mutex_lock(&p->lock);
    while ((place = first_free(p)) == p->n)
        pthread_cond_wait(&p->freed, &p->lock);
    p->taken[place] = true;
    pthread_mutex_unlock(&p->lock);
    return place;
}

void vlmc_places_free(vlmc_places *p, uint32_t place)
{
    pthread_mutex_lock(&p->lock);
    p->taken[place] = false;
    pthread_cond_signal(&p->freed);
    pthread_mutex_unlock(&p->lock);
}
