// SPDX-License-Identifier: Apache-2.0
#include "secret.h"

#include <sodium.h>

vlmc_status vlmc_secret_create(size_t capacity, vlmc_secret *secret, vlmc_error *error)
{
    *secret = (vlmc_secret){0};
    if (sodium_init() < 0)
        return vlmc_fail(error, VLMC_ERROR_UNSUPPORTED,
                         "this system gives no random numbers, without which nothing is encrypted");
    secret->bytes = sodium_malloc(capacity);
    if (!secret->bytes)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for a secret");
    secret->capacity = capacity;
    return VLMC_OK;
}

void vlmc_secret_destroy(vlmc_secret *secret)
{
    sodium_free(secret->bytes); // wipes first
    *secret = (vlmc_secret){0};
}
