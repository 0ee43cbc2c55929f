// SPDX-License-Identifier: Apache-2.0
#include "shared_source.h"

static vlmc_status open_one(void *user, const vlmc_model *model, uint32_t max_streams,
                            uint32_t max_steps, vlmc_engine **engine, vlmc_error *error)
{
    vlmc_shared_source *s = user;
    pthread_mutex_lock(&s->lock);
    const vlmc_status status =
        s->inner.open(s->inner.user, model, max_streams, max_steps, engine, error);
    pthread_mutex_unlock(&s->lock);
    return status;
}

static bool lost_one(void *user, const vlmc_error *error)
{
    vlmc_shared_source *s = user;
    pthread_mutex_lock(&s->lock);
    const bool again = s->inner.lost && s->inner.lost(s->inner.user, error);
    pthread_mutex_unlock(&s->lock);
    return again;
}

void vlmc_shared_source_init(vlmc_shared_source *shared, const vlmc_engine_source *inner)
{
    shared->inner = *inner;
    shared->source = (vlmc_engine_source){.user = shared, .lost = lost_one};
    if (inner->open)
        shared->source.open = open_one;
    pthread_mutex_init(&shared->lock, NULL);
}

void vlmc_shared_source_destroy(vlmc_shared_source *shared)
{
    pthread_mutex_destroy(&shared->lock);
}
