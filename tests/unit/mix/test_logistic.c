// SPDX-License-Identifier: Apache-2.0
#include "mix/logistic.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

Test(logistic, squash_is_monotonic_and_close_to_its_definition)
{
    uint32_t before = 0;
    for (int32_t x = -4000; x <= 4000; x++) {
        const uint32_t p = vlmc_squash(x);
        cr_assert_geq(p, before);
        cr_assert(p >= 1 && p <= 65535);
        before = p;
        if (abs(x) < VLMC_STRETCH_MAX) {
            const double exact = 65536 / (1 + exp(-x / 256.0));
            cr_assert_lt(fabs(p - exact), 1 + exact * 0.009, "x %d: %u, exact %f", x, p, exact);
        }
    }
}

Test(logistic, squash_is_symmetric_within_rounding)
{
    for (int32_t x = 0; x < VLMC_STRETCH_MAX; x++)
        cr_assert_leq(abs((int)(vlmc_squash(x) + vlmc_squash(-x)) - 65536), 1, "x %d", x);
}

Test(logistic, stretch_inverts_squash)
{
    int16_t *stretch = malloc(65536 * sizeof *stretch);
    vlmc_stretch_table(stretch);
    for (uint32_t p = 1; p < 65536; p++) {
        cr_assert_geq(stretch[p], stretch[p - 1]);
        cr_assert(stretch[p] >= -VLMC_STRETCH_MAX && stretch[p] <= VLMC_STRETCH_MAX);
        if (p >= 2 && p < 65530)
            cr_assert_geq(vlmc_squash(stretch[p]), p, "p %u", p);
    }
    free(stretch);
}
