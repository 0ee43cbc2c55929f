// SPDX-License-Identifier: Apache-2.0
#ifndef VLMC_CATALOG_SALVAGE_H
#define VLMC_CATALOG_SALVAGE_H

#include "database.h"

// Takes over from a damaged catalog what archives cannot say, as far as it can be read: names of
// volumes, verifications, and when a copy was first seen. Never fails: less is taken over then.
void vlmc_salvage(vlmc_catalog *catalog, const char *damaged);

#endif
