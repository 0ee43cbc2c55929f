// SPDX-License-Identifier: Apache-2.0
#include "util/background.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdint.h>

typedef struct work {
    pthread_t by;
    uint32_t n;
    uint32_t done; // not atomic: waiting must make it visible
} work;

static void count(void *context)
{
    work *w = context;
    w->by = pthread_self();
    for (uint32_t i = 0; i < w->n; i++)
        w->done += i % 2 + 1;
}

Test(background, what_is_started_is_done_by_another_thread_once_it_was_waited_for)
{
    vlmc_background *background;
    vlmc_error error;
    work w = {.n = 0};
    cr_assert_eq(vlmc_background_create(&background, &error), VLMC_OK, "%s", error.text);
    for (uint32_t round = 0; round < 2000; round++) {
        w.n = round % 50;
        w.done = 0;
        vlmc_background_start(background, count, &w);
        vlmc_background_wait(background);
        cr_assert_eq(w.done, w.n / 2 * 3 + w.n % 2, "round %u", round);
        cr_assert(!pthread_equal(w.by, pthread_self()));
    }
    vlmc_background_destroy(&background);
    cr_assert_null(background);
}

Test(background, destroying_waits_for_what_runs)
{
    vlmc_background *background;
    vlmc_error error;
    work w = {.n = 3000000};
    cr_assert_eq(vlmc_background_create(&background, &error), VLMC_OK, "%s", error.text);
    vlmc_background_wait(background); // nothing
    vlmc_background_start(background, count, &w);
    vlmc_background_destroy(&background);
    cr_assert_eq(w.done, 4500000);
    vlmc_background_destroy(&background);
}
