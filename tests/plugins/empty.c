// SPDX-License-Identifier: Apache-2.0
// Is no plugin: it exports nothing.
#include <vlmc/plugin.h>

static const int nothing = 1;
int vlmc_test_nothing(void);

int vlmc_test_nothing(void)
{
    return nothing;
}
