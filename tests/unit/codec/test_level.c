// SPDX-License-Identifier: Apache-2.0
#include "codec/level.h"

#include "codec/cut.h"

#include <criterion/criterion.h>

Test(level, every_number_names_values_that_an_archive_can_have)
{
    for (uint32_t number = 0; number <= 20; number++) {
        const vlmc_level *level = vlmc_level_of(number);
        cr_assert_not_null(level);
        cr_assert(level->group_bytes >= VLMC_GROUP_BYTES_LEAST &&
                      level->group_bytes <= VLMC_GROUP_BYTES_MAX,
                  "level %u", number);
        cr_assert(level->stream_tokens >= 1024 && level->stream_tokens <= level->group_bytes,
                  "level %u", number);
        cr_assert(level->mix.effort <= VLMC_MIX_STRONG, "level %u", number);
        cr_assert(level->mix.memory >= VLMC_MIX_MEMORY_MIN &&
                      level->mix.memory <= VLMC_MIX_MEMORY_MAX,
                  "level %u", number);
    }
}

Test(level, numbers_that_are_no_level_count_as_the_default)
{
    const vlmc_level *usual = vlmc_level_of(VLMC_LEVEL_DEFAULT);
    cr_assert_eq(vlmc_level_of(0), usual);
    cr_assert_eq(vlmc_level_of(VLMC_LEVEL_MAX + 1), usual);
    cr_assert_eq(vlmc_level_of(UINT32_MAX), usual);
    cr_assert(usual->models);
}

Test(level, higher_levels_never_do_less)
{
    bool models = false;
    for (uint32_t number = VLMC_LEVEL_MIN; number < VLMC_LEVEL_MAX; number++) {
        const vlmc_level *a = vlmc_level_of(number), *b = vlmc_level_of(number + 1);
        cr_assert_neq(a, b);
        cr_assert(!a->models || b->models, "level %u", number);
        models = models || b->models;
        if (a->models != b->models)
            continue; // a model is more than memory
        cr_assert(b->mix.effort >= a->mix.effort && b->mix.memory >= a->mix.memory &&
                      b->group_bytes >= a->group_bytes,
                  "level %u", number);
    }
    cr_assert(models);
}
